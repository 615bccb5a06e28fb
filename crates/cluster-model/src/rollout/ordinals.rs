//! The ordinals of a StatefulSet's pods, and how an update goes through them.

use std::ops::Range;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::update_strategy::Moves;
use crate::int_or_percent::{Round, scaled_or};
use crate::{PodExt, Raw};

/// Which ordinals a StatefulSet has, and from which on its rolling update replaces pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordinals {
    pub all: Range<i64>,
    pub first_updated: i64,
}

impl Ordinals {
    pub fn of(set: &Value) -> Self {
        let (replicas, start) = (replicas(set), first(set));
        let kept = match moves(set, replicas) {
            Moves::Descending { kept, .. } => kept,
            _ => 0,
        };
        Ordinals { all: start..start.saturating_add(replicas), first_updated: start.saturating_add(kept) }
    }
}

/// Of the StatefulSet's own pod.
pub fn ordinal(set: &Value, pod: &Pod) -> Option<i64> {
    ordinal_of(set.name(), pod.name())
}

/// By their names: `web-canary-0` is no pod of `web`.
pub fn ordinal_of(set: &str, pod: &str) -> Option<i64> {
    let number = pod.strip_prefix(set)?.strip_prefix('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| number.parse().ok()).flatten()
}

pub(super) fn first(set: &Value) -> i64 {
    set.number("/spec/ordinals/start").unwrap_or_default()
}

pub(super) fn replicas(set: &Value) -> i64 {
    set.number("/spec/replicas").unwrap_or(1)
}

pub(super) fn moves(set: &Value, desired: i64) -> Moves {
    let rules = &set["spec"]["updateStrategy"];
    match rules.text("/type") {
        "" | "RollingUpdate" => rolling(set, rules, desired),
        // An alpha of 1.37 (KEP-3541).
        "Recreate" => Moves::Recreate,
        "OnDelete" => Moves::OnDelete,
        other => Moves::Unknown(other.to_owned()),
    }
}

/// `stateful_set_utils.go`, getStatefulSetMaxUnavailable: rounds down, at least 1. Without the gate the field is not kept.
fn rolling(set: &Value, rules: &Value, desired: i64) -> Moves {
    let at_once =
        scaled_or(&rules["rollingUpdate"]["maxUnavailable"], &json!(1), desired, Round::Down).max(1);
    // The partition counts pods from the first ordinal on, wherever ordinals start (newVersionedStatefulSetPod).
    let kept = rules.number("/rollingUpdate/partition").unwrap_or_default().clamp(0, desired.max(0));
    Moves::Descending {
        at_once: at_once.min(desired.saturating_sub(kept).max(1)),
        kept,
        first_ordinal: first(set),
    }
}
