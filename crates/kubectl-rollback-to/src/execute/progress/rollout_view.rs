//! What one look shows of a rollout.

use cluster_model::rollout::Status;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::{PodExt, Raw};

use super::counts;
use super::faults::{self, Fault, problem};
use super::model::{State, View, whole};
use super::pods::SeenPod;
use super::target::Target;
use crate::outcome::cause::{Cause, KeptBy, KeptPods, Waiting};

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
    /// By its controller's own final status, and by the pods: no old one runs any more but those that the update strategy keeps.
    pub fn is_done(&self) -> bool {
        let ready = self.pods.iter().filter(|seen| seen.on_target() && seen.pod.is_ready()).count();
        self.target.is_some()
            && self.workload.is_final()
            && whole(ready) >= self.total
            && !self.pods.iter().any(|seen| seen.is_old() && seen.kept.is_none())
    }

    /// Pods of the target are still to be created, or old ones to be replaced.
    pub fn has_pods_to_update(&self) -> bool {
        let live = self.pods.iter().filter(|seen| seen.on_target()).count();
        whole(live) < self.total || self.pods.iter().any(|seen| seen.is_old() && seen.kept.is_none())
    }

    pub fn kept_pods(&self) -> Option<KeptPods> {
        counts::kept_pods(&self.pods, self.total, self.workload.desired())
    }

    pub fn counts(&self) -> Waiting {
        Waiting::Pods(counts::counts(&self.pods, self.done.min(self.total), self.total))
    }

    /// `overdue`: its progressDeadlineSeconds, if they passed; the pods show why.
    pub fn failed(&self, overdue: Option<i64>) -> State {
        let worst = self.faults.first();
        let container = worst.and_then(|fault| fault.container.clone());
        // Without a fault, a pod whose probes may still fail.
        let early = self.pods.iter().filter(|seen| worst.is_none() && seen.on_target());
        let early = early.filter_map(|seen| Some((seen.pod, seen.issue.as_ref()?))).next();
        let pod = worst.map_or_else(|| early.map(|(pod, _)| pod.name()), Fault::pod).map(str::to_owned);
        let problem = faults::worst(&self.faults).or_else(|| early.map(|(pod, issue)| problem(pod, issue)));
        let cause = match (problem, overdue) {
            (Some(problem), None) => Cause::Problem(problem),
            (problem, seconds) => Cause::ProgressDeadline {
                seconds: seconds.unwrap_or_default(),
                waiting: problem.map_or_else(|| self.counts(), Waiting::Problem),
            },
        };
        State::Failed { cause, pod, container }
    }

    /// What it waits for, if it goes on; `observed`: its controller has seen the change.
    pub fn waiting(&self, done: i64, observed: bool, is_done: bool) -> Waiting {
        let counts = || Waiting::Pods(counts::counts(&self.pods, done, self.total));
        if is_done {
            return counts();
        }
        if self.workload.is_paused() && self.has_pods_to_update() {
            return Waiting::Resume;
        }
        match self.faults.first() {
            _ if !observed => Waiting::Controller,
            Some(fault) => Waiting::Problem(fault.problem.clone()),
            None if self.target.is_none() => Waiting::Controller,
            None => {
                let kept = || self.kept_back().map(|(seen, _)| Waiting::KeptPod(seen.pod.name().to_owned()));
                self.waits_for_a_node().or_else(kept).unwrap_or_else(counts)
            }
        }
    }

    /// A pod that keeps its template and is not Ready: a StatefulSet waits for it at the end or, with OrderedReady, before all others.
    pub fn kept_back(&self) -> Option<(&SeenPod<'_>, KeptBy)> {
        let unready = self.pods.iter().filter(|seen| !seen.finished && !seen.pod.is_ready());
        let kept = unready.filter_map(|seen| Some((seen, seen.kept?))).next()?;
        // With OnDelete the controller waits for none of them.
        if self.workload.moves() == Moves::OnDelete || self.workload.moves() == Moves::Recreate {
            return None;
        }
        let ordered = self.workload.object.text("/spec/podManagementPolicy") != "Parallel";
        (ordered || self.done >= self.total).then_some(kept)
    }

    /// A pod for which a node is being added.
    pub fn waits_for_a_node(&self) -> Option<Waiting> {
        let issue = |seen: &SeenPod<'_>| {
            seen.issue.as_ref().filter(|issue| issue.new_node).map(|issue| problem(seen.pod, issue))
        };
        self.pods.iter().find_map(issue).map(Waiting::Problem)
    }
}
