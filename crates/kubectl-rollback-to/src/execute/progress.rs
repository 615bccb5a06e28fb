//! How far a rollout is, by its pods: which template each has is known by its hash, never by counts alone.
//! Pure, with a memory: since when each fault has been there. Also the diagnosis of `--status`.

mod blocker;
mod counts;
mod deadline;
pub mod diagnose;
mod faults;
pub mod model;
mod pace;
mod pods;
mod rollout_view;
mod stall;
mod superseded;
mod target;

use std::time::Duration;

use cluster_model::BeingDeleted;
use cluster_model::rollout::Status;
use cluster_model::rollout::blocking_pod;
use cluster_model::rollout::same;
use cluster_model::{PodExt, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use crate::outcome::PodState;
use crate::outcome::cause::{Cause, Counts, Waiting};
use deadline::Deadline;
use faults::later;
use model::{Expected, Patience, Progress, State, View, to_monotonic, whole};
use pods::SeenPod;
use rollout_view::RolloutView;

pub struct Tracker {
    pub expected: Expected,
    fail_after: Duration,
    quiet: Option<Duration>,
    compared: target::Compared,
    faults: faults::Memory,
    /// When the counts last changed (monotonic), and to what.
    moved: Option<([usize; 4], Timestamp)>,
    blockers: blocker::Memory,
    blocked: stall::Memory,
    /// For `--status` there is only one look: since when a fault has been there is taken from the objects.
    is_diagnosis: bool,
    /// When to look again (monotonic).
    wake: Option<Timestamp>,
}

impl Tracker {
    pub fn new(expected: Expected, patience: Patience) -> Self {
        Tracker {
            expected,
            fail_after: patience.fail_after,
            quiet: patience.quiet,
            compared: target::Compared::default(),
            faults: faults::Memory::default(),
            moved: None,
            blockers: blocker::Memory::default(),
            blocked: stall::Memory::default(),
            is_diagnosis: false,
            wake: None,
        }
    }

    pub fn look(&mut self, view: View<'_>) -> Progress {
        self.wake = None;
        let Some(object) = view.object.filter(|object| object.uid() == self.expected.uid) else {
            return Progress {
                state: State::Deleted,
                done: 0,
                total: 0,
                desired: 0,
                waiting: Waiting::Pods(Counts::default()),
                pods: vec![],
                seconds_left: None,
            };
        };
        let workload = Status { kind: self.expected.kind, object };
        // A view that is older than the write still has the old template.
        let is_written = workload.generation() >= self.expected.generation;
        let replaced = is_written && !same(&object["spec"]["template"], &self.expected.template);
        let observed = is_written && !replaced && workload.has_observed(self.expected.generation);
        if self.expected.kind.rules().pod_can_block() {
            self.blockers.remember(view.pods);
        }
        let mut rollout_view = self.rollout_view(view, workload, observed);
        let state = if let Some(deletion) = BeingDeleted::of(object) {
            State::BeingDeleted(deletion)
        } else if replaced {
            superseded::state(&self.expected, object)
        } else if !observed {
            self.unobserved(&rollout_view)
        } else {
            self.judge(&rollout_view)
        };
        let blocker = match &state {
            State::Stuck { pod, .. } => Some(pod.as_str()),
            _ => None,
        };
        pods::sort(&mut rollout_view.pods, blocker);
        let moving = state == State::Moving;
        if matches!(state, State::Done { .. }) {
            // The controller counts minReadySeconds by its own clock, to the fraction of a second: its status decides.
            let ready = rollout_view.pods.iter_mut().filter(|seen| seen.on_target() && seen.pod.is_ready());
            ready.for_each(|seen| seen.state = PodState::Ready);
        }
        let done = if matches!(state, State::Done { .. }) {
            rollout_view.total
        } else {
            rollout_view.done.min(rollout_view.total)
        };
        Progress {
            waiting: rollout_view.waiting(done, observed, matches!(state, State::Done { .. })),
            done,
            total: rollout_view.total,
            desired: workload.desired(),
            pods: rollout_view.pods.iter().map(|seen| seen.progress(blocker)).collect(),
            seconds_left: (moving && !self.is_diagnosis)
                .then(|| {
                    pace::seconds_left(
                        &rollout_view.pods,
                        rollout_view.total - done,
                        self.expected.written_at,
                        view.now,
                    )
                })
                .flatten(),
            state,
        }
    }

    /// When the result may change although nothing else does: a fault's grace ends, a pod becomes available (monotonic).
    pub fn wake_at(&self, monotonic_now: Timestamp) -> Option<Timestamp> {
        self.wake.map(|at| at.max(monotonic_now))
    }

    /// Nothing could be watched for a while: something may have changed meanwhile.
    pub fn resume(&mut self, monotonic_now: Timestamp) {
        if let Some((_, moved)) = &mut self.moved {
            *moved = monotonic_now;
        }
    }

    fn rollout_view<'a>(&mut self, view: View<'a>, workload: Status<'a>, observed: bool) -> RolloutView<'a> {
        let now = view.now;
        let target = self.compared.find(&self.expected, workload.object, view.histories, observed);
        let pods = pods::pods(&self.expected, workload, target.as_ref(), view);
        let count = |of: &dyn Fn(&SeenPod<'_>) -> bool| pods.iter().filter(|seen| of(seen)).count();
        let kept = count(&|seen| seen.kept.is_some() && !seen.finished);
        let total = (workload.desired() - whole(kept)).max(0);
        let done = count(&|seen| seen.state == PodState::Ready);
        let live = count(&|seen| seen.on_target());
        let counts =
            [done, live, count(&|seen| seen.is_old()), count(&|seen| seen.state == PodState::Terminating)];
        if self.moved.is_none_or(|(before, _)| before != counts) {
            self.moved = Some((counts, view.monotonic_now));
        }
        let short = whole(live) < total;
        let mut faults = faults::of_pods(&pods, short, now);
        faults.extend(faults::of_creation(
            &self.expected,
            workload.object,
            target.as_ref(),
            view,
            &pods,
            short,
        ));
        self.faults.remember(&mut faults, view.monotonic_now);
        let moved = self.moved_at(view);
        for fault in &mut faults {
            if self.is_diagnosis {
                fault.use_reported_time()
            } else {
                fault.not_since(moved)
            }
            self.wake_later(fault.ends_grace(self.fail_after), view);
        }
        faults::sort(&mut faults);
        for seen in &pods {
            let patience = seen.issue.as_ref().and_then(|issue| issue.not_before);
            for at in patience.into_iter().chain(seen.available_at) {
                self.wake_later(to_monotonic(at, view), view);
            }
        }
        RolloutView { view, workload, target, pods, done: whole(done), total, faults }
    }

    fn moved_at(&self, view: View<'_>) -> Timestamp {
        self.moved.map_or(view.monotonic_now, |(_, at)| at)
    }

    /// The controller has seen the template, and it is still the one that was written.
    fn judge(&mut self, rollout_view: &RolloutView<'_>) -> State {
        if rollout_view.is_done() {
            return State::Done { kept: rollout_view.kept_pods() };
        }
        // Whatever its pods show: no template rolls out. Once all pods have it, the pause changes nothing.
        if !self.is_diagnosis && rollout_view.workload.is_paused() && rollout_view.has_pods_to_update() {
            return self.paused(rollout_view);
        }
        let monotonic_now = rollout_view.view.monotonic_now;
        if rollout_view.faults.first().is_some_and(|fault| fault.ends_grace(self.fail_after) <= monotonic_now)
        {
            let due = |fault: &&faults::Fault| fault.ends_grace(self.fail_after) <= monotonic_now;
            let elsewhere = rollout_view.faults.iter().filter(due).all(|fault| fault.elsewhere);
            return match rollout_view.failed(None) {
                State::Failed { cause, .. } if elsewhere && rollout_view.done > 0 && !self.is_diagnosis => {
                    State::Stalled { cause, blocked: true }
                }
                failed => failed,
            };
        }
        if let Some(seconds) = self.overdue(rollout_view) {
            match rollout_view.waits_for_a_node() {
                // Only a node can help, also with the template from before.
                Some(waiting) if !self.is_diagnosis => {
                    if self.quiet.is_some() {
                        let cause = Cause::ProgressDeadline { seconds, waiting };
                        return State::Stalled { cause, blocked: true };
                    }
                }
                _ => return rollout_view.failed(Some(seconds)),
            }
        }
        if let Some(pod) = self.blocker(rollout_view) {
            return State::Stuck {
                pod: pod.name().to_owned(),
                pod_uid: pod.uid().to_owned(),
                pod_version: pod.metadata.resource_version.clone().unwrap_or_default(),
                message: blocking_pod::why(pod),
            };
        }
        if self.is_diagnosis { State::Moving } else { self.stalled(rollout_view).unwrap_or(State::Moving) }
    }

    /// A Deployment's progressDeadlineSeconds, if they have passed for this rollout.
    fn overdue(&mut self, rollout_view: &RolloutView<'_>) -> Option<i64> {
        let seconds = rollout_view.workload.deadline_seconds()?;
        let passed = match deadline::deadline(
            rollout_view.workload.object,
            rollout_view.target.as_ref(),
            self.expected.written_at,
        ) {
            Deadline::Passed => true,
            Deadline::Open => false,
            Deadline::Unkept => {
                let (_, moved) =
                    self.moved.filter(|_| !self.is_diagnosis && !rollout_view.workload.is_paused())?;
                let ends = later(moved, Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
                self.wake_later(ends, rollout_view.view);
                ends <= rollout_view.view.monotonic_now
            }
        };
        passed.then_some(seconds)
    }

    /// The pod that a StatefulSet waits for until it is deleted.
    fn blocker<'a>(&mut self, rollout_view: &RolloutView<'a>) -> Option<&'a Pod> {
        if !self.expected.kind.rules().pod_can_block() || rollout_view.target.is_none() {
            return None;
        }
        let moved = self.moved_at(rollout_view.view);
        let (pod, from) = self.blockers.look(
            self.expected.kind,
            rollout_view.view,
            moved,
            self.is_diagnosis,
            self.fail_after,
        )?;
        self.wake_later(from, rollout_view.view);
        (from <= rollout_view.view.monotonic_now).then_some(pod)
    }

    /// `at` is monotonic.
    fn wake_later(&mut self, at: Timestamp, view: View<'_>) {
        if at > view.monotonic_now && self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
