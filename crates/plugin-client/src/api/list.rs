//! Lists, page by page: what is not kept of a page is gone before the next one comes.

mod page;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

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
///
/// A list that ends before as many objects came as a page said would follow may be cut short. That is no proof: clients "should not rely on
/// the remainingItemCount to be set or to be exact" (apimachinery's `ListMeta`), although the API server's own count is exact, and it sets
/// none where a selector is used. So the whole list is requested at once, as after a 410, and that answer stands. Only if it comes in
/// pages again, and these do not add up either, it is an error.
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
    let counted = params.label_selector.is_none() && params.field_selector.is_none();
    let (mut read, mut remaining, mut announced) = (0, 0, 0);
    // A token may be long, and there may be many.
    let (hasher, mut tokens) = (RandomState::new(), HashSet::new());
    loop {
        let next = has_more.then(|| page::fetch(&client, request(&params), std::mem::take(&mut room)));
        let items = fetched.take().map(|page| page::items(page, |object| add(&mut found, object)));
        let (next, items) = futures::join!(OptionFuture::from(next), OptionFuture::from(items));
        if let Some((count, emptied)) = items.transpose().map_err(failure)? {
            read += count;
            announced = announced.max(read + remaining);
            room = emptied;
            tell(read, read + remaining);
        }
        let begin_anew = match next {
            None if counted && read < announced => match params.limit {
                Some(_) => true,
                None => return Err(failure(page::cut_short(read, announced))),
            },
            None => return Ok(found),
            Some(Ok(page)) => {
                let next = page::next(&page).map_err(failure)?;
                if next.token.as_ref().is_some_and(|token| !tokens.insert(hasher.hash_one(token))) {
                    return Err(failure(page::repeated()));
                }
                params.continue_token = next.token;
                has_more = params.continue_token.is_some();
                remaining = next.remaining_item_count.and_then(|it| it.try_into().ok()).unwrap_or(0);
                fetched = Some(page);
                false
            }
            Some(Err(kube::Error::Api(status))) if status.code == 410 && params.limit.is_some() => true,
            Some(Err(error)) => return Err(failure(error)),
        };
        if begin_anew {
            (found, read, remaining, announced) = (start(), 0, 0, 0);
            (params.limit, params.continue_token, has_more) = (None, None, true);
            tokens.clear();
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use http::Response;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::mutex::lock;

    /// A page with objects of these names.
    fn page(names: &[&str], metadata: Value) -> Value {
        let items: Vec<_> = names.iter().map(|name| json!({ "metadata": { "name": name } })).collect();
        json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items })
    }

    /// The names in the list, or why there is none; and the queries. `answer`: for the whole list at once or not, and the token.
    async fn read(
        params: ListParams,
        answer: fn(bool, &str) -> Value,
    ) -> (Result<Vec<String>, String>, Vec<String>) {
        let queries = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&queries);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let token = query.split('&').find_map(|pair| pair.strip_prefix("continue=")).unwrap_or_default();
            let page = answer(!query.contains("limit="), token);
            lock(&log).push(query);
            async move { Ok::<_, Infallible>(Response::new(Body::from(page.to_string().into_bytes()))) }
        });
        let api: Api<ConfigMap> = Api::all(Client::new(service, "default"));
        let found = collect(&api, "configmaps", params, 2, |it| it.metadata.name).await;
        (found.map_err(|failure| failure.to_string()), lock(&queries).clone())
    }

    #[tokio::test]
    async fn pages_that_add_up_are_the_list() {
        let (found, queries) = read(ListParams::default(), |_, token| match token {
            "" => page(&["a", "b"], json!({ "continue": "1", "remainingItemCount": 1 })),
            // One more than was said.
            _ => page(&["c", "d"], json!({})),
        })
        .await;
        assert_eq!(
            (found.unwrap(), queries.len()),
            (vec!["a".into(), "b".into(), "c".into(), "d".into()], 2)
        );
    }

    #[tokio::test]
    async fn a_list_that_ends_early_is_requested_at_once() {
        fn cut(whole: bool, token: &str) -> Value {
            match (whole, token) {
                (true, _) => page(&["a", "b", "c", "d"], json!({})),
                (_, "") => page(&["a", "b"], json!({ "continue": "1", "remainingItemCount": 2 })),
                _ => page(&["c"], json!({})),
            }
        }
        let (found, queries) = read(ListParams::default(), cut).await;
        assert_eq!((found.unwrap().len(), queries.len()), (4, 3), "{queries:?}");
        // With a selector nothing is counted.
        let (found, queries) = read(ListParams::default().labels("app=web"), cut).await;
        assert_eq!((found.unwrap().len(), queries.len()), (3, 2), "{queries:?}");
    }

    #[tokio::test]
    async fn a_list_that_ends_early_again_is_an_error() {
        let (found, queries) = read(ListParams::default(), |_, token| match token {
            "" => page(&["a", "b"], json!({ "continue": "1", "remainingItemCount": 98 })),
            _ => page(&["c"], json!({})),
        })
        .await;
        let expected = "cannot list configmaps: 3 objects came, of 100 that the server announced";
        assert_eq!((found.unwrap_err().as_str(), queries.len()), (expected, 4), "{queries:?}");
    }

    #[tokio::test]
    async fn pages_in_a_circle_end() {
        let (found, queries) = read(ListParams::default(), |_, token| match token {
            "1" => page(&["c"], json!({ "continue": "2" })),
            _ => page(&["a"], json!({ "continue": "1" })),
        })
        .await;
        let expected = "cannot list configmaps: the same page is said to follow again";
        assert_eq!((found.unwrap_err().as_str(), queries.len()), (expected, 3), "{queries:?}");
    }
}
