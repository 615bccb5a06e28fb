//! Lists, page by page: what is not kept of a page is gone before the next one comes.

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;
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
    mut add: impl FnMut(&mut A, K),
) -> Result<A, Failure>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams { limit: (page > 0).then_some(page), ..params };
    let mut found = start();
    loop {
        let list = match api.list(&params).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.code == 410 && params.limit.is_some() => {
                found = start();
                (params.limit, params.continue_token) = (None, None);
                continue;
            }
            Err(error) => return Err(Failure::from_kube(&format!("list {plural}"), &error)),
        };
        list.items.into_iter().for_each(|object| add(&mut found, object));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
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
