//! JSON documents, one after the other, perhaps with `---` between them, as kubectl takes them. The items of a list are read one at a time.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Error, de};

use super::object::{COMPLETE, Entry, Format, Head, Object, Place, bad, from_json};
use super::{LIMIT, Start, Stop, Visit, too_large};
use crate::Failure;

pub(super) fn read(
    reader: &mut dyn Read,
    file: &str,
    start: &Start,
    visit: &mut Visit<'_>,
) -> Result<(), Stop> {
    let (left, is_between) = (Cell::new(LIMIT), Cell::new(true));
    let bytes = Bounded { reader, left: &left, is_between: &is_between };
    let mut json = serde_json::Deserializer::from_reader(bytes);
    let mut document = 0;
    while has_more(&mut json, &is_between, file)? {
        if document < start.document {
            left.set(usize::MAX);
            IgnoredAny::deserialize(&mut json).map_err(|error| broken(file, &error))?;
        } else {
            left.set(LIMIT);
            let known = start.head.clone().filter(|_| document == start.document);
            let mut reading =
                Reading { file, head: known.unwrap_or_default(), visit, left: &left, stop: None };
            if let Err(error) = Document(&mut reading).deserialize(&mut json) {
                return Err(match reading.stop {
                    Some(Stop::KindAfterItems(_)) => Stop::KindAfterItems(document),
                    Some(stop) => stop,
                    None => broken(file, &error).into(),
                });
            }
        }
        document += 1;
    }
    Ok(())
}

/// What the document of this number says about itself.
pub(super) fn head(reader: &mut dyn Read, file: &str, document: usize) -> Result<Head, Failure> {
    let (left, is_between) = (Cell::new(usize::MAX), Cell::new(true));
    let bytes = Bounded { reader, left: &left, is_between: &is_between };
    let mut json = serde_json::Deserializer::from_reader(bytes);
    for _ in 0..document {
        has_more(&mut json, &is_between, file)?;
        IgnoredAny::deserialize(&mut json).map_err(|error| broken(file, &error))?;
    }
    match has_more(&mut json, &is_between, file)? {
        true => Head::deserialize(&mut json).map_err(|error| broken(file, &error)),
        false => Ok(Head::default()),
    }
}

fn has_more<'de, R: de::Read<'de>>(
    json: &mut serde_json::Deserializer<R>,
    is_between: &Cell<bool>,
    file: &str,
) -> Result<bool, Failure> {
    is_between.set(true);
    let end = json.end();
    is_between.set(false);
    match end {
        Ok(()) => Ok(false),
        Err(error) if error.is_io() => Err(broken(file, &error)),
        // "trailing characters": what follows.
        Err(_) => Ok(true),
    }
}

fn broken(file: &str, error: &Error) -> Failure {
    match error.is_eof() {
        true => bad(file, format!("it ends too early: {error}")).hint(COMPLETE),
        false => bad(file, error.to_string()),
    }
}

/// Fails in the middle of an object that is larger than any: of no object more is in memory.
struct Bounded<'r> {
    reader: &'r mut dyn Read,
    left: &'r Cell<usize>,
    /// No document has begun: dashes are the `---` between two of them. They are told apart because serde_json reads byte by byte.
    is_between: &'r Cell<bool>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let left = self.left.get().checked_sub(read).ok_or_else(|| io::Error::other(too_large()))?;
        self.left.set(left);
        if self.is_between.get() {
            buffer[..read].iter_mut().filter(|it| **it == b'-').for_each(|it| *it = b' ');
        }
        Ok(read)
    }
}

/// One document as far as it was read.
struct Reading<'r, 'v> {
    file: &'r str,
    head: Head,
    visit: &'r mut Visit<'v>,
    /// Of the bytes of the object that is being read.
    left: &'r Cell<usize>,
    stop: Option<Stop>,
}

impl Reading<'_, '_> {
    fn object(&mut self, text: &str, item: Option<usize>) -> Result<(), Stop> {
        let place = Place { file: self.file, document: None, item, line: None, is_last: false };
        let head: Head = from_json(text).map_err(|error| place.bad(error))?;
        if head.kind.is_none() && self.head.kind.is_none() && item.is_some() {
            return Err(Stop::KindAfterItems(0));
        }
        let object = Object::new(head, Some(&self.head), text, Format::Json, place)?;
        (self.visit)(Entry::Object(object))?;
        self.left.set(LIMIT);
        Ok(())
    }

    /// Carries a failure past serde.
    fn carry<E: serde::de::Error>(&mut self, done: Result<(), Stop>) -> Result<(), E> {
        done.map_err(|stop| {
            self.stop = Some(stop);
            E::custom("stopped")
        })
    }
}

struct Document<'a, 'r, 'v>(&'a mut Reading<'r, 'v>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        let mut has_items = false;
        // What a single object consists of; of a list it is little more than its kind.
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let may_be_list = reading.head.kind.is_none() || reading.head.is_list();
            if key == "items" && may_be_list && has_items {
                return Err(A::Error::custom("a list in it has items twice"));
            }
            if key == "items" && may_be_list {
                has_items = true;
                map.next_value_seed(Items(reading))?;
                continue;
            }
            let value: Box<RawValue> = map.next_value()?;
            let text = || from_json::<Option<String>>(value.get()).map_err(A::Error::custom);
            match key.as_str() {
                "kind" => reading.head.kind = text()?,
                "apiVersion" => reading.head.api_version = text()?,
                "metadata" => reading.head.metadata = from_json(value.get()).ok(),
                _ => {}
            }
            fields.push((key, value));
        }
        let done = if has_items || reading.head.is_list() {
            end(reading, has_items)
        } else {
            single(reading, &fields)
        };
        reading.carry(done)
    }
}

fn end(reading: &mut Reading<'_, '_>, has_items: bool) -> Result<(), Stop> {
    if !reading.head.is_list() || !has_items {
        let what = match &reading.head.kind {
            None => "a list in it has no kind".to_owned(),
            Some(kind) if has_items => format!("a {kind} with items is no list"),
            Some(kind) => format!("a {kind} in it has no items"),
        };
        return Err(bad(reading.file, what).hint(COMPLETE).into());
    }
    Ok(reading.head.listed(reading.file, reading.visit)?)
}

fn single(reading: &mut Reading<'_, '_>, fields: &[(String, Box<RawValue>)]) -> Result<(), Stop> {
    let mut text = String::from("{");
    for (key, value) in fields {
        let comma = if text.len() > 1 { "," } else { "" };
        let key = serde_json::to_string(key).map_err(|error| bad(reading.file, error.to_string()))?;
        text.extend([comma, &key, ":", value.get()]);
    }
    text.push('}');
    reading.object(&text, None)
}

struct Items<'a, 'r, 'v>(&'a mut Reading<'r, 'v>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    /// Go writes an empty list so.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(item) = items.next_element::<Box<RawValue>>()? {
            number += 1;
            let done = self.0.object(item.get(), Some(number));
            self.0.carry(done)?;
        }
        Ok(())
    }
}
