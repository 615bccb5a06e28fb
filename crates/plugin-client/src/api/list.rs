//! Lists, page by page: what is not kept of a page is gone before the next one comes.

use std::fmt::Debug;

use kube::Api;
use kube::api::{ListParams, ObjectList};
use kube::core::PartialObjectMeta;
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
    K: Clone + DeserializeOwned + Debug,
{
    pages(|params: ListParams| async move { api.list(&params).await }, plural, params, page, start, add).await
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
    K: Clone + DeserializeOwned + Debug,
{
    let list = |params: ListParams| async move { api.list_metadata(&params).await };
    let add = |found: &mut Vec<T>, object| found.extend(keep(object));
    pages(list, plural, ListParams::default(), page, Vec::new, add).await
}

/// The parameters come by value: with a reference, callers could not prove that their futures are `Send`.
async fn pages<K, A, F>(
    list: impl Fn(ListParams) -> F,
    plural: &str,
    params: ListParams,
    page: u32,
    start: impl Fn() -> A,
    mut add: impl FnMut(&mut A, K),
) -> Result<A, Failure>
where
    K: Clone,
    F: Future<Output = kube::Result<ObjectList<K>>>,
{
    let mut params = ListParams { limit: (page > 0).then_some(page), ..params };
    let mut found = start();
    loop {
        let page = match list(params.clone()).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 410 && params.limit.is_some() => {
                found = start();
                (params.limit, params.continue_token) = (None, None);
                continue;
            }
            Err(error) => return Err(Failure::from_kube(&format!("list {plural}"), &error)),
        };
        page.items.into_iter().for_each(|object| add(&mut found, object));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(found),
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
    K: Clone + DeserializeOwned + Debug,
{
    fold(api, plural, params, page, Vec::new, |found, object| found.extend(keep(object))).await
}
