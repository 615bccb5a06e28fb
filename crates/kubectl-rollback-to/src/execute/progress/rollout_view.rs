//! One view, sorted out; and what is said of it.

use cluster_model::rollout::Status;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::{PodExt, Raw};

use super::faults::{self, Fault};
use super::model::{State, View, whole};
use super::pods::SeenPod;
use super::summary;
use super::target::Target;

pub(super) struct RolloutView<'a> {
    pub view: View<'a>,
    pub workload: Status<'a>,
    pub target: Option<Target>,
    pub pods: Vec<SeenPod<'a>>,
    /// Pods available on the target, and how many there will be.
    pub done: i64,
    pub total: i64,
    /// Worst first.
    pub faults: Vec<Fault>,
}

impl RolloutView<'_> {
    /// By its controller's own final status, and by the pods: nothing old runs any more but what is to stay.
    pub fn is_done(&self) -> bool {
        let ready = self.pods.iter().filter(|seen| seen.on_target() && seen.pod.is_ready()).count();
        self.target.is_some()
            && self.workload.is_final()
            && whole(ready) >= self.total
            && !self.pods.iter().any(|seen| seen.is_old() && seen.kept.is_none())
    }

    pub fn note(&self) -> Option<String> {
        summary::note(&self.pods, &self.workload.moves(), self.total, self.workload.desired())
    }

    /// `overdue` alone says little: the pods know why.
    pub fn failed(&self, overdue: Option<String>) -> State {
        let worst = self.faults.first();
        let container = worst.and_then(|fault| fault.container.clone());
        // One that is within its probes' patience, for want of a fault.
        let early = self.pods.iter().find(|seen| seen.on_target() && seen.issue.is_some());
        let early = early.filter(|_| worst.is_none());
        let pod =
            worst.map_or_else(|| early.map(|seen| seen.pod.name().to_owned()), |fault| fault.pod.clone());
        let cause = faults::cause(&self.faults).or_else(|| {
            let seen = early?;
            Some(format!("{}: {}", seen.pod.name(), seen.issue.as_ref()?))
        });
        let cause = match (cause, overdue) {
            (Some(cause), None) => cause,
            (Some(cause), Some(overdue)) => format!("{cause}; {overdue}"),
            (None, overdue) => {
                let counts = summary::counts(&self.pods, self.done, self.total);
                format!("{}: {counts}", overdue.unwrap_or_default())
            }
        };
        State::Failed { cause, pod, container }
    }

    pub fn summary(&self, state: &State, observed: bool) -> String {
        let counts = || summary::counts(&self.pods, self.done.min(self.total), self.total);
        match state {
            State::Done { note: Some(note) } => note.clone(),
            State::Done { note: None } => summary::counts(&self.pods, self.total, self.total),
            State::Failed { cause, .. } => cause.clone(),
            State::Stuck { pod, why, .. } => format!("{pod}: {why}"),
            State::Stalled { cause, .. } => cause.clone(),
            State::Reverted { by, .. } => format!("{by} wrote the previous template again"),
            State::Superseded { by, restart: true, .. } => format!("restarted by {by}"),
            State::Superseded { by, .. } => format!("{by} wrote another template"),
            State::Deleted => "deleted".to_owned(),
            State::Moving if self.workload.is_paused() => {
                "paused: no pods are updated until it is resumed".to_owned()
            }
            State::Moving => match self.faults.first() {
                _ if !observed => "waiting for the controller to observe the change".to_owned(),
                Some(fault) => fault.words.clone(),
                None if self.target.is_none() => {
                    "waiting for the controller to observe the change".to_owned()
                }
                None => {
                    let kept = self.kept_back().map(|seen| {
                        format!("waiting for {} to be Ready, which is not updated", seen.pod.name())
                    });
                    self.waits_for_a_node().or(kept).unwrap_or_else(counts)
                }
            },
        }
    }

    /// A pod that stays old is not Ready: a StatefulSet waits for it too, at the end or, if it goes one after the other, before
    /// all others.
    pub fn kept_back(&self) -> Option<&SeenPod<'_>> {
        let seen =
            self.pods.iter().find(|seen| seen.kept.is_some() && !seen.finished && !seen.pod.is_ready())?;
        // With OnDelete the controller waits for none of them.
        if self.workload.moves() == Moves::OnDelete || self.workload.moves() == Moves::Recreate {
            return None;
        }
        let ordered = self.workload.object.text("/spec/podManagementPolicy") != "Parallel";
        (ordered || self.done >= self.total).then_some(seen)
    }

    /// `web-1: Unschedulable: waiting for a new node: …`
    pub fn waits_for_a_node(&self) -> Option<String> {
        let promised = |seen: &&SeenPod<'_>| seen.issue.as_ref().is_some_and(|issue| issue.new_node);
        let seen = self.pods.iter().find(promised)?;
        Some(format!("{}: {}", seen.pod.name(), seen.issue.as_ref()?))
    }
}
