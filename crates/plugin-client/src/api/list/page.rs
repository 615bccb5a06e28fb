//! One page of a list: its bytes from the server, and the objects in it.

use std::borrow::Cow;
use std::fmt::{Formatter, Result as Written};

use futures::AsyncReadExt;
use kube::Client;
use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use tokio::sync::{Semaphore, mpsc};

/// Objects take several times the memory of their JSON: of all lists that are read at the same time so many pages are taken apart, the others
/// wait.
static TAKEN_APART: Semaphore = Semaphore::const_new(2);

/// Objects that are handed over at once: few, because they are in memory meanwhile.
const BATCH: usize = 32;

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

/// Takes a page apart on another thread, and gives the objects to `add` as they come. Returned are how many there were, and the memory of the
/// page for the next one.
pub async fn items<K: DeserializeOwned + Send + 'static>(
    page: Vec<u8>,
    mut add: impl FnMut(K),
) -> kube::Result<(usize, Vec<u8>)> {
    // It is never closed.
    let _permit = TAKEN_APART.acquire().await.ok();
    let (sender, mut batches) = mpsc::channel(1);
    let decoding = tokio::task::spawn_blocking(move || {
        let mut list = serde_json::Deserializer::from_slice(&page);
        let ended = list.deserialize_map(Items(&sender)).and_then(|()| list.end());
        (ended, page)
    });
    let mut read = 0;
    while let Some(batch) = batches.recv().await {
        let batch: Vec<K> = batch;
        read += batch.len();
        batch.into_iter().for_each(&mut add);
    }
    let (ended, page) = decoding.await.map_err(|error| kube::Error::Service(error.into()))?;
    ended.map_err(kube::Error::SerdeError)?;
    Ok((read, page))
}

/// A list, whose objects are sent in batches.
struct Items<'s, K>(&'s mpsc::Sender<Vec<K>>);

impl<'de, K: Deserialize<'de>> Visitor<'de> for Items<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut is_list = false;
        while let Some(field) = fields.next_key::<Cow<'_, str>>()? {
            match &*field {
                "items" if is_list => return Err(A::Error::duplicate_field("items")),
                "items" => {
                    fields.next_value_seed(Objects(self.0))?;
                    is_list = true;
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        if is_list { Ok(()) } else { Err(A::Error::missing_field("items")) }
    }
}

struct Objects<'s, K>(&'s mpsc::Sender<Vec<K>>);

impl<'de, K: Deserialize<'de>> DeserializeSeed<'de> for Objects<'_, K> {
    type Value = ();

    /// Go writes an empty list as null, so kubectl takes it for one, too.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Deserialize<'de>> Visitor<'de> for Objects<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("an array of objects")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut objects: A) -> Result<(), A::Error> {
        // Nobody receives them any more.
        let send = |batch| self.0.blocking_send(batch).map_err(|_| A::Error::custom("the list is given up"));
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(object) = objects.next_element()? {
            batch.push(object);
            if batch.len() == BATCH {
                send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
            }
        }
        if batch.is_empty() { Ok(()) } else { send(batch) }
    }
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

    /// The objects of a page; `None`: it is no list.
    async fn read(page: &str) -> Option<Vec<u32>> {
        let mut all = Vec::new();
        match items(page.as_bytes().to_vec(), |it| all.push(it)).await {
            Ok((read, room)) => {
                assert_eq!((read, &room[..]), (all.len(), page.as_bytes()));
                Some(all)
            }
            Err(kube::Error::SerdeError(_)) => None,
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn an_empty_page_is_empty_and_what_is_no_list_is_an_error() {
        for page in [r#"{"items":null}"#, r#"{"items":[]}"#] {
            assert!(read(page).await.unwrap().is_empty(), "{page}");
        }
        assert_eq!(read(r#"{"kind":"L","items":[1,2],"x":{}}"#).await.unwrap(), [1, 2]);
        let (twice, more) = (r#"{"items":[1],"items":[2]}"#, r#"{"items":[1]}]"#);
        let text = r#"{"items":"a"}"#;
        for page in [
            "<html>",
            "",
            "7",
            r#"{"items":[1"#,
            r#"{"items":["a"]}"#,
            r#"{"metadata":{}}"#,
            twice,
            more,
            text,
        ] {
            assert!(read(page).await.is_none(), "{page}");
        }
    }

    #[tokio::test]
    async fn objects_come_in_their_order_however_many() {
        for count in [1, BATCH - 1, BATCH, BATCH + 1, 10 * BATCH] {
            let all: Vec<u32> = (0..u32::try_from(count).unwrap()).collect();
            let page = serde_json::json!({ "items": all }).to_string();
            assert_eq!(read(&page).await.unwrap(), all);
        }
    }

    /// More lists than may be taken apart at once, each with more than one batch: one that is given up does not hold up the others.
    #[tokio::test]
    async fn a_list_that_is_given_up_holds_up_no_other() {
        let all: Vec<u32> = (0..10 * u32::try_from(BATCH).unwrap()).collect();
        let page = serde_json::json!({ "items": all }).to_string();
        for _ in 0..4 {
            let begun = items::<u32>(page.as_bytes().to_vec(), drop);
            drop(futures::poll!(std::pin::pin!(begun)));
        }
        let lists = (0..8).map(|_| read(&page));
        for list in futures::future::join_all(lists).await {
            assert_eq!(list.unwrap(), all);
        }
    }
}
