//! Lists, page by page: what is not kept of a page is gone before the next one comes.

mod page;

use futures::future::OptionFuture;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::Failure;

/// Objects in a page, as kubectl requests them (`--chunk-size`).
pub const PAGE: u32 = 500;

/// Goes through a list and adds each object to what `start` made. `page` 0 requests the whole list at once, as in kubectl.
///
/// Continue tokens expire after five minutes or so (410). Then it begins anew, from `start`, and requests the whole list at once.
///
/// # Errors
///
/// The first page that the server does not give, as "list PLURAL".
pub async fn fold<K, A>(
    api: &Api<K>,
    plural: &str,
    params: ListParams,
    page: u32,
    start: impl Fn() -> A,
    add: impl FnMut(&mut A, K),
) -> Result<A, Failure>
where
    K: Resource + Clone + DeserializeOwned + Send + 'static,
{
    let server = kube::core::Request::new(api.resource_url());
    let request = |params: &ListParams| server.list(params).map_err(kube::Error::BuildRequest);
    pages(api.clone().into_client(), request, plural, params, page, start, add, |_, _| {}).await
}

/// The same of a whole list. `tell`: how many objects were read, and how many there are, as often as a page was read.
///
/// # Errors
///
/// As of [`fold`].
pub async fn fold_all<K, A>(
    api: &Api<K>,
    plural: &str,
    start: impl Fn() -> A,
    add: impl FnMut(&mut A, K),
    tell: impl FnMut(usize, usize),
) -> Result<A, Failure>
where
    K: Resource + Clone + DeserializeOwned + Send + 'static,
{
    let server = kube::core::Request::new(api.resource_url());
    let request = |params: &ListParams| server.list(params).map_err(kube::Error::BuildRequest);
    let all = ListParams::default();
    pages(api.clone().into_client(), request, plural, all, PAGE, start, add, tell).await
}

/// The same of metadata alone, so that what the objects hold never comes here, into a list of what `keep` leaves of each.
///
/// # Errors
///
/// As of [`fold`].
pub async fn metadata<K, T>(
    api: &Api<K>,
    plural: &str,
    page: u32,
    keep: impl Fn(PartialObjectMeta<K>) -> Option<T>,
) -> Result<Vec<T>, Failure>
where
    K: Resource + Clone + DeserializeOwned + Send + 'static,
{
    let server = kube::core::Request::new(api.resource_url());
    let request = |params: &ListParams| server.list_metadata(params).map_err(kube::Error::BuildRequest);
    let add = |found: &mut Vec<T>, object| found.extend(keep(object));
    pages(api.clone().into_client(), request, plural, ListParams::default(), page, Vec::new, add, |_, _| {})
        .await
}

type Request = kube::Result<http::Request<Vec<u8>>>;

/// While a page is taken apart on another thread, the next one is fetched already.
#[allow(clippy::too_many_arguments, reason = "what the functions above have in common")]
async fn pages<K, A>(
    client: Client,
    request: impl Fn(&ListParams) -> Request,
    plural: &str,
    params: ListParams,
    page: u32,
    start: impl Fn() -> A,
    mut add: impl FnMut(&mut A, K),
    mut tell: impl FnMut(usize, usize),
) -> Result<A, Failure>
where
    K: DeserializeOwned + Send + 'static,
{
    let failure = |error: kube::Error| Failure::from_kube(&format!("list {plural}"), &error);
    let mut params = ListParams { limit: (page > 0).then_some(page), ..params };
    let mut found = start();
    let (mut fetched, mut room) = (None, Vec::new());
    let mut has_more = true;
    let (mut read, mut remaining) = (0, 0);
    loop {
        let next = has_more.then(|| page::fetch(&client, request(&params), std::mem::take(&mut room)));
        let (next, items) = futures::join!(OptionFuture::from(next), page::items(fetched.take()));
        if let Some((items, emptied, _one_at_a_time)) = items.map_err(failure)? {
            read += items.len();
            items.into_iter().for_each(|object| add(&mut found, object));
            room = emptied;
            tell(read, read + remaining);
        }
        match next {
            None => return Ok(found),
            Some(Ok(page)) => {
                let next = page::next(&page).map_err(failure)?;
                if next.token.is_some() && next.token == params.continue_token {
                    return Err(failure(page::repeated()));
                }
                params.continue_token = next.token;
                has_more = params.continue_token.is_some();
                remaining = next.remaining_item_count.and_then(|it| it.try_into().ok()).unwrap_or(0);
                fetched = Some(page);
            }
            Some(Err(kube::Error::Api(status))) if status.code == 410 && params.limit.is_some() => {
                (found, read) = (start(), 0);
                (params.limit, params.continue_token) = (None, None);
            }
            Some(Err(error)) => return Err(failure(error)),
        }
    }
}

/// The same into a list of what `keep` leaves of each object.
///
/// # Errors
///
/// As of [`fold`].
pub async fn collect<K, T>(
    api: &Api<K>,
    plural: &str,
    params: ListParams,
    page: u32,
    keep: impl Fn(K) -> Option<T>,
) -> Result<Vec<T>, Failure>
where
    K: Resource + Clone + DeserializeOwned + Send + 'static,
{
    fold(api, plural, params, page, Vec::new, |found, object| found.extend(keep(object))).await
}
