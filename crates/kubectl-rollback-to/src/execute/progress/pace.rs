//! How long it may still take, from how fast pods became available since the write. Never from a ReplicaSet's age: one that is
//! adopted again is days old.

use k8s_openapi::jiff::Timestamp;

use super::pods::SeenPod;
use crate::outcome::PodState;

pub(super) fn seconds_left(
    pods: &[SeenPod<'_>],
    remaining: i64,
    written_at: Timestamp,
    now: Timestamp,
) -> Option<i64> {
    let ready = pods.iter().filter(|seen| seen.state == PodState::Ready);
    let came: Vec<Timestamp> =
        ready.filter_map(|seen| seen.available_at).filter(|at| *at > written_at).collect();
    let last = came.iter().max()?;
    let took = last.duration_since(written_at).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts of pods")]
    let needs = took / came.len() as f64 * remaining as f64;
    let left = needs - now.duration_since(*last).as_secs_f64();
    // Slower than estimated: then there is no estimate.
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are shown")]
    (remaining > 0 && left > 0.0).then_some(left.ceil() as i64)
}
