//! The pods, told apart by the hash of their template.

use std::collections::HashMap;

use cluster_model::pod::issue::events::explain;
use cluster_model::pod::issue::issue;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::rollout::{Ordinals, Status, ordinal};
use cluster_model::{PodExt, PodIssue, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::model::{Expected, View};
use super::target::{Target, owners};
use crate::outcome::{PodReport, PodState};

/// One pod, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct SeenPod<'a> {
    pub pod: &'a Pod,
    pub state: PodState,
    /// Of pods on the target only. It may be nothing out of the ordinary yet.
    pub issue: Option<PodIssue>,
    /// Succeeded or Failed. Controllers replace it and let it lie, so it is neither there nor in the way.
    pub finished: bool,
    /// Has an old template and keeps it: what of the update strategy says so.
    pub kept: Option<&'static str>,
    /// When it became or becomes available, if it is Ready.
    pub available_at: Option<Timestamp>,
}

impl SeenPod<'_> {
    pub fn on_target(&self) -> bool {
        !self.finished && matches!(self.state, PodState::Ready | PodState::Starting | PodState::Failing)
    }

    /// Runs an old template, and nothing has told it to end.
    pub fn is_old(&self) -> bool {
        !self.finished && self.state == PodState::Old
    }

    pub fn report(&self, blocker: Option<&str>) -> PodReport {
        let cause = match self.state {
            PodState::Ready => None,
            PodState::Failing => self.issue.as_ref().map(PodIssue::to_string),
            PodState::Starting => Some(self.waits_for()),
            PodState::Old if blocker == Some(self.pod.name()) => {
                Some(issue(self.pod).map_or("not Ready".into(), |t| t.to_string()))
            }
            PodState::Old if self.pod.is_ready() => self.kept.map(str::to_owned),
            PodState::Old => self.kept.map(|kept| format!("{kept}, and not Ready")),
            PodState::Terminating => lingers(self.pod),
        };
        PodReport { name: self.pod.name().to_owned(), state: self.state, cause, log: Vec::new() }
    }

    fn waits_for(&self) -> String {
        if self.pod.is_ready() {
            return "minReadySeconds".to_owned();
        }
        if let Some(promised) = self.issue.as_ref().filter(|issue| issue.new_node) {
            return promised.message.clone();
        }
        let status = self.pod.status.as_ref();
        let init = status.and_then(|s| s.init_container_statuses.as_ref()).into_iter().flatten();
        let all = init.chain(status.and_then(|s| s.container_statuses.as_ref()).into_iter().flatten());
        let mut waiting = all.filter_map(|c| c.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        match waiting.next() {
            Some(reason) => reason.to_owned(),
            None if self.pod.is_pending() => "Pending".to_owned(),
            None => "not Ready yet".to_owned(),
        }
    }
}

/// What keeps a pod that was told to end.
pub(super) fn lingers(pod: &Pod) -> Option<String> {
    let lost = issue(pod).map(|issue| issue.to_string());
    lost.or_else(|| {
        (!pod.finalizers().is_empty()).then(|| format!("finalizers: {}", pod.finalizers().join(", ")))
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
        // One that ended before the write, or with an old template, is history.
        let created = pod.metadata.creation_timestamp.as_ref().map(|at| at.0.as_second());
        let ours = created.is_none_or(|at| at >= expected.written_at.as_second());
        if finished && !pod.is_terminating() && !(made && ours) {
            continue;
        }
        let available_at = pod.is_ready().then(|| {
            pod.condition_time("Ready").map_or(view.now, |at| at.checked_add(wait).unwrap_or(Timestamp::MAX))
        });
        let about = events.get(pod.uid()).map(Vec::as_slice).unwrap_or_default();
        let issue = if made { explain(pod, about) } else { None };
        let faulty =
            issue.as_ref().is_some_and(|t| !t.new_node && t.not_before.is_none_or(|from| from <= view.now));
        // Without minReadySeconds Ready is available, whatever the clocks say.
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
fn keeps(workload: Status<'_>) -> impl Fn(&Pod) -> Option<&'static str> {
    let ordinals = Ordinals::of(workload.object);
    move |pod| match workload.moves() {
        Moves::OnDelete => Some("OnDelete"),
        Moves::Descending { .. } => {
            let n = ordinal(workload.object, pod)?;
            // One outside of its ordinals goes when the set is scaled.
            (ordinals.all.contains(&n) && n < ordinals.first_updated).then_some("below the partition")
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

/// So that two thousand pods do not each go through all events.
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
