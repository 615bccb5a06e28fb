//! All fields of a template, as a flat list of facts, each under a key that does not depend on its place in a list.
//! Two templates differ in the facts that are not in both. What is not known here by name ends up in `rest`, so nothing is lost.

mod container;
mod env;
mod handler;
mod pod;
mod reader;
mod rest;
mod volume;

use cluster_model::raw::escaped;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::defaulted::settled;
use super::mask::{HIDDEN, mask, mask_named};

/// Whose fact it is; in the order they are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Container(String),
    Init(String),
    Ephemeral(String),
    Pod,
}

impl Place {
    pub fn text(&self) -> String {
        match self {
            Place::Container(name) => format!("container {name}"),
            Place::Init(name) => format!("init container {name}"),
            Place::Ephemeral(name) => format!("ephemeral container {name}"),
            Place::Pod => "pod".to_owned(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Fact {
    pub place: Place,
    /// Facts of one place are shown in this order, then by their field.
    pub rank: u8,
    pub field: String,
    /// What is compared: amounts and sets in one spelling.
    pub compare: Value,
    /// What is shown: as written.
    pub text: String,
    /// Something in `text` was hidden.
    pub hidden: bool,
    /// Only shown when it is on both sides: a default, or an order.
    pub quiet: bool,
}

impl Fact {
    /// The text, unless all of it is hidden.
    pub fn shown(&self) -> Option<String> {
        (!self.hidden || self.text != HIDDEN).then(|| self.text.clone())
    }
}

/// The things of one list whose order means something, in their order.
#[derive(Clone, Debug)]
pub struct Order {
    pub place: Place,
    pub field: String,
    pub items: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Facts {
    show_values: bool,
    /// By JSON pointer, with names where lists are.
    pub all: BTreeMap<String, Fact>,
    pub orders: BTreeMap<String, Order>,
}

/// Where in the template, and how it is shown.
#[derive(Clone, Debug)]
pub struct At {
    pub place: Place,
    pub rank: u8,
    pub path: String,
}

impl At {
    /// One step deeper.
    pub fn to(&self, key: &str) -> At {
        At { path: format!("{}/{}", self.path, escaped(key)), ..self.clone() }
    }

    pub fn rank(&self, rank: u8) -> At {
        At { rank, ..self.clone() }
    }
}

impl Facts {
    pub fn of(template: &Value, show_values: bool) -> Self {
        let mut facts = Facts { show_values, ..Facts::default() };
        pod::template(&mut facts, &settled(template));
        facts
    }

    /// `text` makes the words of what is left of `value` when secrets are taken out.
    fn put(&mut self, at: &At, field: impl Into<String>, value: &Value, text: impl FnOnce(&Value) -> String) {
        self.put_as(at, field, value, value.clone(), text);
    }

    /// As `put`, with another spelling for comparing.
    fn put_as(
        &mut self,
        at: &At,
        field: impl Into<String>,
        value: &Value,
        compare: Value,
        text: impl FnOnce(&Value) -> String,
    ) {
        let masked = if self.show_values { value.clone() } else { mask(value) };
        self.add(at, field.into(), compare, masked != *value, text(&masked));
    }

    /// A value that users gave a name to.
    fn put_named(&mut self, at: &At, field: impl Into<String>, name: &str, value: &Value) {
        let masked = if self.show_values { value.clone() } else { mask_named(name, value) };
        self.add(at, field.into(), value.clone(), masked != *value, rest::leaf(&masked));
    }

    fn add(&mut self, at: &At, field: String, compare: Value, hidden: bool, text: String) {
        let fact =
            Fact { place: at.place.clone(), rank: at.rank, field, compare, text, hidden, quiet: false };
        // Names may occur twice (of variables the last one counts): numbered, so that none gets lost.
        let path = (1..)
            .map(|n| if n == 1 { at.path.clone() } else { format!("{}#{n}", at.path) })
            .find(|path| !self.all.contains_key(path));
        if let Some(path) = path {
            self.all.insert(path, fact);
        }
    }

    /// Only shown when both sides have it.
    fn hush(&mut self, at: &At) {
        if let Some(fact) = self.all.get_mut(&at.path) {
            fact.quiet = true;
        }
    }

    fn order(&mut self, at: &At, field: &str, items: Vec<String>) {
        self.orders
            .insert(at.path.clone(), Order { place: at.place.clone(), field: field.to_owned(), items });
    }

    /// Members of a set that have no names: each is its own key.
    fn set(&mut self, at: &At, field: &str, list: Value) {
        let Value::Array(members) = list else {
            return self.rest(at, field, &list);
        };
        for member in members {
            let at = at.to(&member.to_string());
            self.put(&at, field, &member, rest::compact);
        }
    }
}

/// The members of a list by the field that names them; `None` when one of them has no such name.
fn by_name<'a>(list: &'a Value, key: &str) -> Option<Vec<(&'a str, &'a Map<String, Value>)>> {
    let named = |member: &'a Value| Some((member.get(key)?.as_str()?, member.as_object()?));
    list.as_array()?.iter().map(named).collect()
}
