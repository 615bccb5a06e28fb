//! The pods, by the template that each was made from.

use std::collections::HashMap;

use cluster_model::pod::issue::events::explain;
use cluster_model::pod::issue::{NOT_READY, issue};
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::rollout::{Ordinals, Status, ordinal};
use cluster_model::{PodExt, PodIssue, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::model::{Expected, View};
use super::target::{Target, owners};
use crate::outcome::cause::{DeletionBlocker, KeptBy, PodCause};
use crate::outcome::{PodProgress, PodState};

/// One pod, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct SeenPod<'a> {
    pub pod: &'a Pod,
    pub state: PodState,
    /// Of pods on the target only. A starting pod may have one, too, until `not_before`.
    pub issue: Option<PodIssue>,
    /// Succeeded or Failed. Controllers replace it and leave it there: it counts neither as present nor as blocking.
    pub finished: bool,
    /// Has an old template and keeps it.
    pub kept: Option<KeptBy>,
    /// When it became or becomes available, if it is Ready.
    pub available_at: Option<Timestamp>,
}

impl SeenPod<'_> {
    pub fn on_target(&self) -> bool {
        !self.finished && matches!(self.state, PodState::Ready | PodState::Starting | PodState::Failing)
    }

    /// Runs an old template, and is not being deleted.
    pub fn is_old(&self) -> bool {
        !self.finished && self.state == PodState::Old
    }

    pub fn progress(&self, blocker: Option<&str>) -> PodProgress {
        let message = |issue: &PodIssue| PodCause::Message(issue.to_string());
        let cause = match self.state {
            PodState::Ready => None,
            PodState::Failing => self.issue.as_ref().map(message),
            PodState::Starting => Some(self.waits_for()),
            PodState::Old => {
                let is_blocker = blocker == Some(self.pod.name());
                match self.kept.filter(|_| !is_blocker) {
                    Some(by) => Some(PodCause::Kept { by, is_ready: self.pod.is_ready() }),
                    None if self.pod.is_ready() && !is_blocker => None,
                    None => {
                        let unready = || PodCause::Message(NOT_READY.to_owned());
                        Some(issue(self.pod).as_ref().map_or_else(unready, message))
                    }
                }
            }
            PodState::Terminating => deletion_blocker(self.pod).map(PodCause::Terminating),
        };
        PodProgress { name: self.pod.name().to_owned(), state: self.state, cause, log: Vec::new() }
    }

    fn waits_for(&self) -> PodCause {
        if self.pod.is_ready() {
            return PodCause::MinReadySeconds;
        }
        if let Some(promised) = self.issue.as_ref().filter(|issue| issue.new_node) {
            return PodCause::Message(promised.message.clone());
        }
        let status = self.pod.status.as_ref();
        let init = status.and_then(|s| s.init_container_statuses.as_ref()).into_iter().flatten();
        let all = init.chain(status.and_then(|s| s.container_statuses.as_ref()).into_iter().flatten());
        let mut waiting = all.filter_map(|c| c.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        match waiting.next() {
            Some(reason) => PodCause::Message(reason.to_owned()),
            None if self.pod.is_pending() => PodCause::Message("Pending".to_owned()),
            None => PodCause::NotReadyYet,
        }
    }
}

/// Why a pod that is being deleted is still there.
pub(super) fn deletion_blocker(pod: &Pod) -> Option<DeletionBlocker> {
    let lost = issue(pod).map(|issue| DeletionBlocker::Issue(issue.to_string()));
    lost.or_else(|| {
        (!pod.finalizers().is_empty()).then(|| DeletionBlocker::Finalizers(pod.finalizers().to_vec()))
    })
}

/// All pods of the workload, in no order.
pub(super) fn pods<'a>(
    expected: &Expected,
    workload: Status<'_>,
    target: Option<&Target>,
    view: View<'a>,
) -> Vec<SeenPod<'a>> {
    let owners = owners(expected, view.histories);
    let own = |pod: &&Pod| pod.controller().is_some_and(|owner| owners.contains(owner.uid.as_str()));
    let events = by_pod(view.events);
    let keeps = keeps(workload);
    let wait = SignedDuration::from_secs(workload.min_ready_seconds());
    let mut seen = Vec::new();
    for pod in view.pods.iter().filter(own) {
        let made = target.is_some_and(|target| target.made(expected.kind, pod));
        let finished = pod.is_finished();
        // One that ended before the write, or with an old template, is not part of this rollout.
        let created = pod.metadata.creation_timestamp.as_ref().map(|at| at.0.as_second());
        let is_since_write = created.is_none_or(|at| at >= expected.written_at.as_second());
        if finished && !pod.is_terminating() && !(made && is_since_write) {
            continue;
        }
        let available_at = pod.is_ready().then(|| {
            pod.condition_time("Ready").map_or(view.now, |at| at.checked_add(wait).unwrap_or(Timestamp::MAX))
        });
        let about = events.get(pod.uid()).map(Vec::as_slice).unwrap_or_default();
        let issue = if made { explain(pod, about) } else { None };
        let faulty =
            issue.as_ref().is_some_and(|t| !t.new_node && t.not_before.is_none_or(|from| from <= view.now));
        // Without minReadySeconds a Ready pod is available at once.
        let available = available_at.is_some_and(|at| wait.is_zero() || at <= view.now);
        let state = match () {
            () if pod.is_terminating() => PodState::Terminating,
            () if !made => PodState::Old,
            () if faulty || finished => PodState::Failing,
            () if available => PodState::Ready,
            () => PodState::Starting,
        };
        let kept = keeps(pod).filter(|_| state == PodState::Old);
        seen.push(SeenPod { pod, state, issue, finished, kept, available_at });
    }
    seen
}

/// Which old pods the update strategy leaves alone.
fn keeps(workload: Status<'_>) -> impl Fn(&Pod) -> Option<KeptBy> {
    let ordinals = Ordinals::of(workload.object);
    move |pod| match workload.moves() {
        Moves::OnDelete => Some(KeptBy::OnDelete),
        Moves::Descending { .. } => {
            let n = ordinal(workload.object, pod)?;
            // One outside of its ordinals is deleted by the scaling of the set.
            (ordinals.all.contains(&n) && n < ordinals.first_updated).then_some(KeptBy::Partition)
        }
        _ => None,
    }
}

/// By what needs attention, then by name; a StatefulSet's by ordinal.
pub(super) fn sort(pods: &mut [SeenPod<'_>], blocker: Option<&str>) {
    let rank = |seen: &SeenPod<'_>| match seen.state {
        PodState::Old if blocker == Some(seen.pod.name()) => 0,
        PodState::Failing => 0,
        PodState::Starting => 1,
        PodState::Old => 2,
        PodState::Terminating => 3,
        PodState::Ready => 4,
    };
    pods.sort_by(|a, b| {
        let key = |seen: &SeenPod<'_>| (rank(seen), number(seen.pod.name()));
        key(a).cmp(&key(b)).then_with(|| a.pod.name().cmp(b.pod.name()))
    });
}

/// `web-10` comes after `web-9`; a hash is no number.
fn number(name: &str) -> u64 {
    let last = name.rsplit('-').next().unwrap_or_default();
    last.parse().unwrap_or_default()
}

/// An index: there may be thousands of pods and events.
fn by_pod(events: &[Value]) -> HashMap<&str, Vec<&Value>> {
    let mut by_pod: HashMap<&str, Vec<&Value>> = HashMap::new();
    for event in events {
        let uid = ["/regarding/uid", "/involvedObject/uid"].map(|at| event.text(at));
        if let Some(uid) = uid.into_iter().find(|uid| !uid.is_empty()) {
            by_pod.entry(uid).or_default().push(event);
        }
    }
    by_pod
}
