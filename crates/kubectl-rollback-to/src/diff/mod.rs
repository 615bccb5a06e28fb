//! What is different between two templates, in an operator's words: per container by name, values that may be secret hidden.

mod defaulted;
mod facts;
mod headline;
mod mask;
mod unified;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub use mask::{masked, masked_pair};
pub use unified::unified;

use facts::{Fact, Facts, Order, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    Removed,
    Changed,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `container web`, `init container setup`, `pod`.
    pub place: String,
    /// `image`, `env DB_HOST`, `volume mount /data`.
    pub field: String,
    pub change: Change,
    /// As shown; `None` when there is none on that side.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Something may be secret and is left out of `from` and `to`: all of it, so that they are `None`, or a part.
    pub hidden: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    pub differences: Vec<Difference>,
}

impl Diff {
    /// `image web 1.5 → 1.4, 2 env removed, 1 probe changed`; `nothing` when there is none.
    pub fn headline(&self) -> String {
        headline::headline(self)
    }

    /// Only `kubectl rollout restart` lies between the two.
    pub fn is_restart_only(&self) -> bool {
        !self.differences.is_empty() && self.differences.iter().all(headline::is_restart)
    }
}

/// Nothing that differs is left out, but for what makes no other pod: the order of things that have none, and a
/// default that is spelt out on one side only.
pub fn diff(from: &Value, to: &Value, show_values: bool) -> Diff {
    let (from, to) = (Facts::of(from, show_values), Facts::of(to, show_values));
    let mut found: Vec<(Place, u8, Difference)> = Vec::new();
    for (a, b) in both(&from.all, &to.all) {
        if let Some(difference) = difference(a, b)
            && let Some(fact) = a.or(b)
        {
            found.push((fact.place.clone(), fact.rank, difference));
        }
    }
    for (a, b) in both(&from.orders, &to.orders) {
        if let (Some(a), Some(b)) = (a, b)
            && let Some(difference) = reordered(a, b)
        {
            found.push((a.place.clone(), u8::MAX, difference));
        }
    }
    found.sort_by(|(a, a_rank, x), (b, b_rank, y)| (a, a_rank, &x.field).cmp(&(b, b_rank, &y.field)));
    Diff { differences: found.into_iter().map(|(.., difference)| difference).collect() }
}

/// All keys of both, each with what is there on either side.
fn both<'a, T>(
    from: &'a BTreeMap<String, T>,
    to: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (Option<&'a T>, Option<&'a T>)> {
    let left = from.iter().map(|(key, a)| (Some(a), to.get(key)));
    let right = to.iter().filter(|(key, _)| !from.contains_key(*key)).map(|(_, b)| (None, Some(b)));
    left.chain(right)
}

fn difference(from: Option<&Fact>, to: Option<&Fact>) -> Option<Difference> {
    let make = |fact: &Fact, change, from, to, hidden| Difference {
        place: fact.place.text(),
        field: fact.field.clone(),
        change,
        from,
        to,
        hidden,
    };
    match (from, to) {
        (Some(a), Some(b)) if a.compare != b.compare => {
            let hidden = a.hidden || b.hidden;
            let (from, to) = match (a.shown(), b.shown()) {
                (Some(x), Some(y)) if x == y && hidden => (None, None),
                // As when a number became a text.
                (Some(x), Some(y)) if x == y => (Some(a.compare.to_string()), Some(b.compare.to_string())),
                shown => shown,
            };
            Some(make(a, Change::Changed, from, to, hidden))
        }
        (Some(a), None) if !a.quiet => Some(make(a, Change::Removed, a.shown(), None, a.hidden)),
        (None, Some(b)) if !b.quiet => Some(make(b, Change::Added, None, b.shown(), b.hidden)),
        _ => None,
    }
}

/// Of what is on both sides, does the order differ?
fn reordered(from: &Order, to: &Order) -> Option<Difference> {
    let common = |a: &Order, b: &Order| -> Vec<String> {
        a.items.iter().filter(|item| b.items.contains(item)).cloned().collect()
    };
    let (a, b) = (common(from, to), common(to, from));
    (a != b).then(|| Difference {
        place: from.place.text(),
        field: from.field.clone(),
        change: Change::Changed,
        from: Some(a.join(", ")),
        to: Some(b.join(", ")),
        hidden: false,
    })
}
