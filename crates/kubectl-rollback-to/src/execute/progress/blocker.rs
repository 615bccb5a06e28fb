//! The pod that blocks a StatefulSet, since when it was seen to, and from when on that is certain.

use std::collections::HashSet;
use std::time::Duration;

use cluster_model::PodExt;
use cluster_model::pod::issue::issue;
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use super::faults::later;
use super::model::View;

/// A pod that was Ready may become Ready again.
const SECOND_LOOK: Duration = Duration::from_secs(10);
/// The kubelet writes a pod's start time and its first Ready condition together, to the second.
const WRITTEN_TOGETHER: Duration = Duration::from_secs(1);
/// A controller that is going to replace a pod does it sooner than that.
const STALLED: Duration = Duration::from_secs(30);

fn not_ready_since(pod: &Pod, view: View<'_>) -> Timestamp {
    pod.condition_time("Ready").or(created(pod)).unwrap_or(view.now)
}

fn created(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|at| at.0)
}

/// By the object alone: one whose Ready condition has not changed since the pod started never was.
fn may_have_been_ready(pod: &Pod) -> bool {
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|at| at.0);
    match (pod.condition_time("Ready"), started.or(created(pod))) {
        (Some(changed), Some(started)) => changed > later(started, WRITTEN_TOGETHER),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// UIDs of the pods that were seen Ready.
    was_ready: HashSet<String>,
    /// Its UID, and since when it was seen to block (monotonic).
    blocking: Option<(String, Timestamp)>,
}

impl Memory {
    pub fn remember(&mut self, pods: &[Pod]) {
        let ready = pods.iter().filter(|pod| pod.is_ready() && !self.was_ready.contains(pod.uid()));
        let ready: Vec<String> = ready.map(|pod| pod.uid().to_owned()).collect();
        self.was_ready.extend(ready);
    }

    /// The pod, and when it is certain (monotonic). `moved`: when anything last changed; `is_diagnosis`: there is only one look.
    pub fn look<'a>(
        &mut self,
        kind: Kind,
        view: View<'a>,
        moved: Timestamp,
        is_diagnosis: bool,
        fail_after: Duration,
    ) -> Option<(&'a Pod, Timestamp)> {
        let set = view.object?;
        let ordered = kind.rules().blocking_pod(set, view.pods);
        let pod = ordered.or_else(|| kind.rules().stalling_pod(set, view.pods));
        let uid = pod.map(PodExt::uid);
        if self.blocking.as_ref().map(|(uid, _)| uid.as_str()) != uid {
            self.blocking = uid.map(|uid| (uid.to_owned(), view.monotonic_now));
        }
        let pod = pod?;
        let since = self.blocking.as_ref().map_or(view.monotonic_now, |(_, since)| *since);
        let from = match () {
            // A back-off is the kubelet's own word for a fault that has lasted, and restarts move the time of the condition.
            () if is_diagnosis && issue(pod).is_some_and(|issue| issue.is_crash()) => view.monotonic_now,
            () if is_diagnosis && ordered.is_none() => later(not_ready_since(pod, view), fail_after),
            () if ordered.is_none() => later(moved.max(since), fail_after.max(STALLED)),
            () if is_diagnosis && may_have_been_ready(pod) => later(not_ready_since(pod, view), SECOND_LOOK),
            () if self.was_ready.contains(pod.uid()) => later(since, SECOND_LOOK),
            () => since,
        };
        Some((pod, from))
    }
}
