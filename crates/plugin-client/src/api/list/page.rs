//! One page of a list: its bytes from the server, and the objects in it.

use std::fmt::{Formatter, Result as Written};

use futures::AsyncReadExt;
use kube::Client;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Objects take several times the memory of their JSON: of all lists that are read at the same time one page is taken apart, the others wait.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// `room`: memory of an earlier page.
pub async fn fetch(client: &Client, request: super::Request, mut room: Vec<u8>) -> kube::Result<Vec<u8>> {
    let body = client.request_stream(request?).await?;
    room.clear();
    let mut body = std::pin::pin!(body);
    match body.read_to_end(&mut room).await {
        Ok(_) => Ok(room),
        // The client's own error is inside.
        Err(error) => Err(error.downcast::<kube::Error>().unwrap_or_else(kube::Error::ReadEvents)),
    }
}

/// The objects of a page, with its memory for the next one. The permit is to be kept until the objects are gone.
pub async fn items<K: DeserializeOwned + Send + 'static>(
    page: Option<Vec<u8>>,
) -> kube::Result<Option<(Vec<K>, Vec<u8>, Option<SemaphorePermit<'static>>)>> {
    let Some(page) = page else { return Ok(None) };
    // It is never closed.
    let permit = ONE_AT_A_TIME.acquire().await.ok();
    let decoding = tokio::task::spawn_blocking(move || {
        let items = serde_json::from_slice::<Items<K>>(&page).map(|it| it.items);
        (items, page)
    });
    let (items, page) = decoding.await.map_err(|error| kube::Error::Service(error.into()))?;
    Ok(Some((items.map_err(kube::Error::SerdeError)?, page, permit)))
}

#[derive(Deserialize)]
struct Items<K> {
    /// Go writes an empty list as null, so kubectl takes it for one, too. Where the field is missing it is no list.
    #[serde(deserialize_with = "null_is_empty", bound(deserialize = "K: Deserialize<'de>"))]
    items: Vec<K>,
}

fn null_is_empty<'de, D, K>(deserializer: D) -> Result<Vec<K>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de>,
{
    Option::<Vec<K>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What a server says of the pages after this one.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// Where the next page begins.
    #[serde(rename = "continue")]
    pub token: Option<String>,
    /// The objects that follow. Not counted where a selector is used.
    pub remaining_item_count: Option<u64>,
}

/// Servers write it before the objects, so that these are not read for it.
///
/// # Errors
///
/// It is no list; it does not say whether more follows; or it is not the whole one, and the token of the next page is missing: what is left
/// out would pass for not being there.
pub fn next(page: &[u8]) -> kube::Result<Next> {
    let mut metadata = None;
    // It ends with an error as soon as it has the metadata.
    let ended = serde_json::Deserializer::from_slice(page).deserialize_map(Head(&mut metadata));
    match (metadata, ended) {
        (None, Err(error)) => Err(kube::Error::SerdeError(error)),
        // Every list has it, also an empty one (apimachinery's ListMeta is written as {} at least).
        (None, Ok(())) => Err(kube::Error::SerdeError(serde_json::Error::custom(
            "it has no metadata, so it is not said whether more objects follow",
        ))),
        (Some(Next { token, remaining_item_count }), _) => {
            let token = token.filter(|token| !token.is_empty());
            match remaining_item_count {
                Some(count @ 1..) if token.is_none() => {
                    let why = format!("{count} more objects follow, but it is not said where");
                    Err(kube::Error::SerdeError(serde_json::Error::custom(why)))
                }
                _ => Ok(Next { token, remaining_item_count }),
            }
        }
    }
}

/// The token of a page that was read already: it would never end.
pub fn repeated() -> kube::Error {
    kube::Error::SerdeError(serde_json::Error::custom("the same page is said to follow again"))
}

/// Fewer objects came than the pages said.
pub fn cut_short(read: usize, announced: usize) -> kube::Error {
    let why = format!("{read} objects came, of {announced} that the server announced");
    kube::Error::SerdeError(serde_json::Error::custom(why))
}

struct Head<'t>(&'t mut Option<Next>);

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(field) = fields.next_key::<String>()? {
            if field == "metadata" {
                *self.0 = Some(fields.next_value()?);
                return Err(A::Error::custom("that is all"));
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_next_page_begins() {
        let cases = [
            (r#"{"kind":"List","metadata":{"resourceVersion":"1","continue":"abc"},"items":["#, Some("abc")),
            (r#"{"items":[{"metadata":{"continue":"x"}}],"metadata":{"continue":"abc"}}"#, Some("abc")),
            (r#"{"metadata":{"continue":""},"items":[]}"#, None),
            (r#"{"metadata":{},"items":[]}"#, None),
        ];
        for (page, expected) in cases {
            assert_eq!(next(page.as_bytes()).unwrap().token.as_deref(), expected, "{page}");
        }
        let counted = next(br#"{"metadata":{"continue":"a","remainingItemCount":7},"items":["#).unwrap();
        assert_eq!(counted.remaining_item_count, Some(7));
        let cut = r#"{"metadata":{"remainingItemCount":7},"items":[]}"#;
        let (bare, null) = (r#"{"items":[]}"#, r#"{"metadata":null,"items":[]}"#);
        let token = r#"{"metadata":{"continue":5},"items":[]}"#;
        for page in ["<html>", "", "[]", token, r#"{"items":[1"#, cut, bare, null] {
            assert!(next(page.as_bytes()).is_err(), "{page}");
        }
    }

    #[tokio::test]
    async fn an_empty_page_is_empty_and_what_is_no_list_is_an_error() {
        let of = |page: &str| items::<u8>(Some(page.as_bytes().to_vec()));
        for page in [r#"{"items":null}"#, r#"{"items":[]}"#] {
            assert!(of(page).await.unwrap().unwrap().0.is_empty(), "{page}");
        }
        assert_eq!(of(r#"{"items":[1,2]}"#).await.unwrap().unwrap().0, [1, 2]);
        for page in ["<html>", "", r#"{"items":[1"#, r#"{"items":["a"]}"#, r#"{"metadata":{}}"#] {
            assert!(matches!(of(page).await, Err(kube::Error::SerdeError(_))), "{page}");
        }
    }
}
