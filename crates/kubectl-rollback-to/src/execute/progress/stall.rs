//! Waits that do not end by themselves: what is waited for, since when, and when that is long enough.

use std::time::Duration;

use cluster_model::PodExt;
use cluster_model::pod::issue::issue;
use cluster_model::rollout::Id;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::text::span;
use k8s_openapi::jiff::Timestamp;

use super::faults::later;
use super::model::{State, by_ours};
use super::pods::{SeenPod, lingers};
use super::rollout_view::RolloutView;
use super::{Tracker, summary};
use crate::outcome::PodState;

/// The Deployment controller counts this itself, and says so; it has a minute more for that.
const AFTER_ITS_CONTROLLER: Duration = Duration::from_secs(60);

/// What is in the way, and since when it was seen there, by our clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Option<(String, Timestamp)>);

impl Memory {
    fn since(&mut self, key: Option<&str>, ours: Timestamp) -> Timestamp {
        if self.0.as_ref().map(|(key, _)| key.as_str()) != key {
            self.0 = key.map(|key| (key.to_owned(), ours));
        }
        self.0.as_ref().map_or(ours, |(_, since)| *since)
    }
}

impl Tracker {
    /// Its controller has not seen the template yet.
    pub(super) fn unobserved(&mut self, rollout_view: &RolloutView<'_>) -> State {
        if self.told {
            return State::Moving;
        }
        self.quiet(rollout_view, || "its controller has not observed the change".to_owned())
            .unwrap_or(State::Moving)
    }

    pub(super) fn paused(&self, rollout_view: &RolloutView<'_>) -> State {
        let id = Id::of(self.expected.kind, rollout_view.workload.object);
        let cause =
            format!("paused: no pods are updated until it is resumed: kubectl rollout resume {}", id.typed());
        State::Stalled { cause, blocked: true }
    }

    pub(super) fn stalled(&mut self, rollout_view: &RolloutView<'_>) -> Option<State> {
        let obstacle = self.obstacle(rollout_view);
        let since =
            self.blocked.since(obstacle.as_ref().map(|(pod, _)| pod.as_str()), rollout_view.view.ours);
        if let Some((_, cause)) = obstacle {
            let ends = later(since.max(self.moved_at(rollout_view.view)), self.fail_after);
            self.wake_later(ends, rollout_view.view);
            if ends <= rollout_view.view.ours {
                return Some(ended(rollout_view, cause, true));
            }
        }
        self.quiet(rollout_view, || {
            summary::counts(&rollout_view.pods, rollout_view.done, rollout_view.total)
        })
    }

    /// The pod that the controller waits for although nothing here will change it, and why.
    fn obstacle(&mut self, rollout_view: &RolloutView<'_>) -> Option<(String, String)> {
        // Something gets on beside it.
        if rollout_view.pods.iter().any(|seen| seen.state == PodState::Starting) {
            return None;
        }
        if let Some(seen) = rollout_view.kept_back() {
            let name = seen.pod.name();
            return Some((
                name.to_owned(),
                format!("blocked by {name}, which is not Ready and {}", keeps(seen)),
            ));
        }
        // New pods are made beside those that end.
        if !self.expected.kind.rules().replaces_in_place() && rollout_view.workload.moves() != Moves::Recreate
        {
            return None;
        }
        for seen in
            rollout_view.pods.iter().filter(|seen| !seen.finished && !seen.on_target() && seen.kept.is_none())
        {
            let name = seen.pod.name();
            let Some(at) = seen.pod.metadata.deletion_timestamp.as_ref().map(|at| at.0) else {
                // Its node does not answer: whoever deletes it waits for the node, too.
                if let Some(lost) = issue(seen.pod).filter(|issue| issue.reason == "NodeLost") {
                    return Some((name.to_owned(), format!("waiting for {name} to terminate: {lost}")));
                }
                continue;
            };
            // The time by which it should have ended.
            self.wake_later(by_ours(at, rollout_view.view), rollout_view.view);
            if at <= rollout_view.view.now {
                let why = lingers(seen.pod).unwrap_or_else(|| {
                    format!("its grace period has passed; check node {}", seen.pod.node())
                });
                return Some((name.to_owned(), format!("waiting for {name} to terminate: {why}")));
            }
        }
        None
    }

    /// Nothing has changed for so long that nothing will.
    fn quiet(&mut self, rollout_view: &RolloutView<'_>, what: impl FnOnce() -> String) -> Option<State> {
        let quiet = self.quiet?;
        let deadline =
            rollout_view.workload.deadline_seconds().and_then(|seconds| u64::try_from(seconds).ok());
        let quiet = deadline.map_or(quiet, |seconds| Duration::from_secs(seconds) + AFTER_ITS_CONTROLLER);
        // As long as pods have been promised to be Ready or available later, they are waited for.
        let promised = rollout_view.pods.iter().filter(|seen| seen.on_target());
        let promised = promised.flat_map(|seen| {
            seen.available_at.into_iter().chain(seen.issue.as_ref().and_then(|issue| issue.not_before))
        });
        let promised = promised.max().map(|at| by_ours(at, rollout_view.view));
        let moved = self.moved_at(rollout_view.view);
        let ends = later(promised.map_or(moved, |at| at.max(moved)), quiet);
        self.wake_later(ends, rollout_view.view);
        (ends <= rollout_view.view.ours).then(|| {
            let seconds = i64::try_from(quiet.as_secs()).unwrap_or(i64::MAX);
            let waits = rollout_view.waits_for_a_node();
            let blocked = waits.is_some();
            let cause = format!("nothing has changed for {}: {}", span(seconds), waits.unwrap_or_else(what));
            if blocked { State::Stalled { cause, blocked } } else { ended(rollout_view, cause, false) }
        })
    }
}

/// Stalled half-way, or failed: none of what was asked for runs.
fn ended(rollout_view: &RolloutView<'_>, cause: String, blocked: bool) -> State {
    if rollout_view.done == 0 && rollout_view.total > 0 {
        State::Failed { cause, pod: None, container: None }
    } else {
        State::Stalled { cause, blocked }
    }
}

fn keeps(seen: &SeenPod<'_>) -> String {
    match seen.kept {
        Some(kept) => format!("keeps its template ({kept})"),
        None => "keeps its template".to_owned(),
    }
}
