//! Since when a pod is seen to be in a StatefulSet's way, and from when on that is certain.

use std::collections::HashSet;
use std::time::Duration;

use cluster_model::PodExt;
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use super::faults::later;
use super::model::View;

/// A pod that was Ready and is not may only have stumbled.
const SECOND_LOOK: Duration = Duration::from_secs(10);
/// A controller that has work to do does it sooner than that.
const STALLED: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub(super) struct Trap {
    /// UIDs of the pods that were seen Ready.
    was_ready: HashSet<String>,
    /// UID of the pod that is in the way, and since when it was seen so.
    in_the_way: Option<(String, Timestamp)>,
}

impl Trap {
    pub fn remember(&mut self, pods: &[Pod]) {
        let ready = pods.iter().filter(|pod| pod.is_ready() && !self.was_ready.contains(pod.uid()));
        let ready: Vec<String> = ready.map(|pod| pod.uid().to_owned()).collect();
        self.was_ready.extend(ready);
    }

    /// The pod, and when it is certain, by our clock. `moved`: when anything last changed; `told`: there is only one look.
    pub fn look<'a>(
        &mut self,
        kind: Kind,
        view: View<'a>,
        moved: Timestamp,
        told: bool,
        fail_after: Duration,
    ) -> Option<(&'a Pod, Timestamp)> {
        let set = view.object?;
        let ordered = kind.rules().blocking_pod(set, view.pods);
        let pod = ordered.or_else(|| kind.rules().stalling_pod(set, view.pods));
        let uid = pod.map(PodExt::uid);
        if self.in_the_way.as_ref().map(|(uid, _)| uid.as_str()) != uid {
            self.in_the_way = uid.map(|uid| (uid.to_owned(), view.ours));
        }
        let pod = pod?;
        let since = self.in_the_way.as_ref().map_or(view.ours, |(_, since)| *since);
        let from = match () {
            // The rollout is not ours: an update that goes on makes its pods not Ready for a while.
            () if told => {
                let created = pod.metadata.creation_timestamp.as_ref().map(|at| at.0);
                later(pod.condition_time("Ready").or(created).unwrap_or(view.now), fail_after)
            }
            () if ordered.is_none() => later(moved.max(since), fail_after.max(STALLED)),
            () if self.was_ready.contains(pod.uid()) => later(since, SECOND_LOOK),
            () => since,
        };
        Some((pod, from))
    }
}
