//! Waits that do not end by themselves: what is waited for, since when, and when the rollout counts as stalled.

use std::time::Duration;

use cluster_model::PodExt;
use cluster_model::pod::issue::issue;
use cluster_model::rollout::Id;
use cluster_model::rollout::update_strategy::Moves;
use k8s_openapi::jiff::Timestamp;

use super::Tracker;
use super::faults::later;
use super::model::{State, to_monotonic};
use super::pods::deletion_blocker;
use super::rollout_view::RolloutView;
use crate::outcome::PodState;
use crate::outcome::cause::{Cause, DeletionBlocker, Waiting};

/// The Deployment controller keeps its own deadline and reports when it passed; it gets a minute more for that.
const AFTER_ITS_CONTROLLER: Duration = Duration::from_secs(60);

/// The pod that blocks the rollout, and since when it was seen to (monotonic).
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Option<(String, Timestamp)>);

impl Memory {
    fn since(&mut self, key: Option<&str>, monotonic_now: Timestamp) -> Timestamp {
        if self.0.as_ref().map(|(key, _)| key.as_str()) != key {
            self.0 = key.map(|key| (key.to_owned(), monotonic_now));
        }
        self.0.as_ref().map_or(monotonic_now, |(_, since)| *since)
    }
}

impl Tracker {
    /// Its controller has not seen the template yet.
    pub(super) fn unobserved(&mut self, rollout_view: &RolloutView<'_>) -> State {
        if self.is_diagnosis {
            return State::Moving;
        }
        self.quiet(rollout_view, || Waiting::Controller).unwrap_or(State::Moving)
    }

    pub(super) fn paused(&self, rollout_view: &RolloutView<'_>) -> State {
        let id = Id::of(self.expected.kind, rollout_view.workload.object);
        State::Stalled { cause: Cause::Paused(id), blocked: true }
    }

    pub(super) fn stalled(&mut self, rollout_view: &RolloutView<'_>) -> Option<State> {
        let obstacle = self.obstacle(rollout_view);
        let since = self
            .blocked
            .since(obstacle.as_ref().map(|(pod, _)| pod.as_str()), rollout_view.view.monotonic_now);
        if let Some((_, cause)) = obstacle {
            let ends = later(since.max(self.moved_at(rollout_view.view)), self.fail_after);
            self.wake_later(ends, rollout_view.view);
            if ends <= rollout_view.view.monotonic_now {
                return Some(ended(rollout_view, cause, true));
            }
        }
        self.quiet(rollout_view, || rollout_view.counts())
    }

    /// The pod that the controller waits for although nothing here will change it, and why.
    fn obstacle(&mut self, rollout_view: &RolloutView<'_>) -> Option<(String, Cause)> {
        // Another pod is starting.
        if rollout_view.pods.iter().any(|seen| seen.state == PodState::Starting) {
            return None;
        }
        if let Some((seen, by)) = rollout_view.kept_back() {
            let pod = seen.pod.name().to_owned();
            return Some((pod.clone(), Cause::KeptPod { pod, by }));
        }
        // New pods are created beside those that terminate.
        if !self.expected.kind.rules().replaces_in_place() && rollout_view.workload.moves() != Moves::Recreate
        {
            return None;
        }
        for seen in
            rollout_view.pods.iter().filter(|seen| !seen.finished && !seen.on_target() && seen.kept.is_none())
        {
            let pod = seen.pod.name().to_owned();
            let terminating = |blocker| (pod.clone(), Cause::Terminating { pod, blocker });
            let Some(at) = seen.pod.metadata.deletion_timestamp.as_ref().map(|at| at.0) else {
                // Its node does not answer: its deletion waits for the node, too.
                if let Some(lost) = issue(seen.pod).filter(|issue| issue.reason == "NodeLost") {
                    return Some(terminating(DeletionBlocker::Issue(lost.to_string())));
                }
                continue;
            };
            // The end of its grace period.
            self.wake_later(to_monotonic(at, rollout_view.view), rollout_view.view);
            if at <= rollout_view.view.now {
                let node = || DeletionBlocker::Node(seen.pod.node().to_owned());
                return Some(terminating(deletion_blocker(seen.pod).unwrap_or_else(node)));
            }
        }
        None
    }

    /// Nothing has changed for too long.
    fn quiet(&mut self, rollout_view: &RolloutView<'_>, waiting: impl FnOnce() -> Waiting) -> Option<State> {
        let quiet = self.quiet?;
        let deadline =
            rollout_view.workload.deadline_seconds().and_then(|seconds| u64::try_from(seconds).ok());
        let quiet = deadline.map_or(quiet, |seconds| Duration::from_secs(seconds) + AFTER_ITS_CONTROLLER);
        // Pods are waited for until their probes or minReadySeconds should have passed.
        let promised = rollout_view.pods.iter().filter(|seen| seen.on_target());
        let promised = promised.flat_map(|seen| {
            seen.available_at.into_iter().chain(seen.issue.as_ref().and_then(|issue| issue.not_before))
        });
        let promised = promised.max().map(|at| to_monotonic(at, rollout_view.view));
        let moved = self.moved_at(rollout_view.view);
        let ends = later(promised.map_or(moved, |at| at.max(moved)), quiet);
        self.wake_later(ends, rollout_view.view);
        (ends <= rollout_view.view.monotonic_now).then(|| {
            let seconds = i64::try_from(quiet.as_secs()).unwrap_or(i64::MAX);
            let node = rollout_view.waits_for_a_node();
            let blocked = node.is_some();
            let cause = Cause::Unchanged { seconds, waiting: node.unwrap_or_else(waiting) };
            if blocked { State::Stalled { cause, blocked } } else { ended(rollout_view, cause, false) }
        })
    }
}

/// Stalled half-way, or failed: no pod has the new template.
fn ended(rollout_view: &RolloutView<'_>, cause: Cause, blocked: bool) -> State {
    if rollout_view.done == 0 && rollout_view.total > 0 {
        State::Failed { cause, pod: None, container: None }
    } else {
        State::Stalled { cause, blocked }
    }
}
