//! What a Deployment's controller reports of each step: `ScalingReplicaSet` events, kept for an hour (`--event-ttl`).

use cluster_model::Known;
use cluster_model::raw::Raw;
use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// Index into `Rollout::revisions`.
    pub revision: usize,
    pub up: bool,
    /// Not reported by older controllers.
    pub from: Option<i64>,
    pub to: i64,
    /// An event that repeats is counted, not reported again: only its first and last time are kept.
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Oldest first. None where events could not be read: they are gone after an hour anyway.
pub fn scalings(rollout: &Rollout, events: &Known<Vec<Value>>) -> Vec<Scaling> {
    let events = events.seen().map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<Scaling> = if rollout.id.kind.rules().revisions_own_pods() {
        events.iter().filter_map(|event| scaling(rollout, event)).collect()
    } else {
        Vec::new()
    };
    found.sort_by_key(|scaling| (scaling.last, scaling.first));
    found
}

fn scaling(rollout: &Rollout, event: &Value) -> Option<Scaling> {
    if event.text("/reason") != "ScalingReplicaSet" {
        return None;
    }
    // A Deployment that was deleted and made again has the same name and, for equal templates, the same names of ReplicaSets.
    let about = one_of(event, &["/regarding/uid", "/involvedObject/uid"], |event, at| {
        Some(event.text(at)).filter(|uid| !uid.is_empty())
    });
    if about.is_some_and(|uid| uid != rollout.id.uid) {
        return None;
    }
    let time = |pointers: &[&str]| one_of(event, pointers, |event, at| event.time(at));
    // core/v1 and events.k8s.io/v1 have different names for the same.
    let last =
        time(&["/series/lastObservedTime", "/lastTimestamp", "/deprecatedLastTimestamp", "/eventTime"])?;
    let first =
        time(&["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]).unwrap_or(last).min(last);
    let text =
        one_of(event, &["/note", "/message"], |event, at| Some(event.text(at)).filter(|t| !t.is_empty()))?;
    let (name, up, from, to) = read(text)?;
    let revision = rollout.revisions.iter().position(|revision| revision.name == name)?;
    Some(Scaling { revision, up, from, to, first, last })
}

fn one_of<'a, T>(
    event: &'a Value,
    pointers: &[&str],
    read: impl Fn(&'a Value, &str) -> Option<T>,
) -> Option<T> {
    pointers.iter().find_map(|pointer| read(event, pointer))
}

/// `Scaled up replica set web-5c9f from 0 to 3`; older: `… to 3`, `… to 3 from 0` (pkg/controller/deployment/sync.go).
fn read(text: &str) -> Option<(&str, bool, Option<i64>, i64)> {
    let (up, rest) = match text.strip_prefix("Scaled up replica set ") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("Scaled down replica set ")?),
    };
    let mut words = rest.split_whitespace();
    let name = words.next()?;
    let (mut from, mut to) = (None, None);
    while let (Some(word), Some(number)) = (words.next(), words.next()) {
        match word {
            "from" => from = Some(number.parse().ok()?),
            "to" => to = Some(number.parse().ok()?),
            _ => return None,
        }
    }
    Some((name, up, from, to?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_wordings() {
        for (text, read_as) in [
            ("Scaled up replica set web-a from 0 to 3", Some(("web-a", true, Some(0), 3))),
            ("Scaled up replica set web-a to 3", Some(("web-a", true, None, 3))),
            ("Scaled down replica set web-a to 0 from 2", Some(("web-a", false, Some(2), 0))),
            ("Scaled down replica set web-a", None),
            ("Scaled up replica set web-a from zero to 3", None),
            ("Scaled up to 3", None),
            ("", None),
        ] {
            assert_eq!(read(text), read_as, "{text}");
        }
    }
}
