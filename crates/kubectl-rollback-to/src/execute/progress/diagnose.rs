//! `--status`: how a rollout is that somebody else started, from one look at it.

use std::time::Duration;

use cluster_model::Raw;
use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::Tracker;
use super::model::{Expected, Patience, Progress, View};

/// How the rollout of the live template stands. A fault that may recover counts once it has lasted for `fail_after`, by the
/// times in the objects.
pub fn diagnose(rollout: &Rollout, events: &[Value], now: Timestamp, fail_after: Duration) -> Progress {
    let histories: Vec<Value> = rollout.revisions.iter().map(|revision| revision.object.clone()).collect();
    let expected = Expected {
        kind: rollout.id.kind,
        uid: rollout.id.uid.clone(),
        template: rollout.template().clone(),
        before: Value::Null,
        managed: rollout.object.list("/metadata/managedFields").to_vec(),
        generation: rollout.object.number("/metadata/generation").unwrap_or_default(),
        // Unknown: so everything that is there counts as part of it, and there is no estimate.
        written_at: Timestamp::UNIX_EPOCH,
    };
    let view = View {
        object: Some(&rollout.object),
        histories: &histories,
        pods: &rollout.pods,
        events,
        now,
        monotonic_now: now,
    };
    let mut tracker = Tracker::new(expected, Patience { fail_after, quiet: None });
    tracker.is_diagnosis = true;
    tracker.look(view)
}
