//! The pod that blocks a StatefulSet's rollback, as far as a plan can name it: the finding `statefulset-stuck` and what `--unstick`
//! deletes are both by these. Pure.

use cluster_model::PodExt;
use cluster_model::pod::issue::{NOT_READY, issue};
use cluster_model::rollout::Rollout;
use cluster_model::rollout::blocking_pod::{InTheWay, in_the_way};
use k8s_openapi::api::core::v1::Pod;

/// A pod whose deletion a plan names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockingPod {
    pub name: String,
    pub uid: String,
    /// What is wrong with it.
    pub fault: String,
}

impl BlockingPod {
    fn of(pod: &Pod) -> Self {
        let fault = issue(pod).map_or_else(|| NOT_READY.to_owned(), |issue| issue.to_string());
        BlockingPod { name: pod.name().to_owned(), uid: pod.uid().to_owned(), fault }
    }
}

/// Once the template of revision `target` is written (an index; `None`: it is no revision).
pub fn after_rollback(rollout: &Rollout, target: Option<usize>) -> Option<InTheWay<'_>> {
    let target = target.and_then(|index| rollout.revisions.get(index));
    in_the_way(&rollout.object, &rollout.pods, |pod| target.is_some_and(|revision| revision.made(pod)))
}

/// With the live template.
pub fn now(rollout: &Rollout) -> Option<BlockingPod> {
    rollout.id.kind.rules().blocking_pod(&rollout.object, &rollout.pods).map(BlockingPod::of)
}

/// What `--unstick` deletes once that template is written.
pub fn replaceable_after_rollback(rollout: &Rollout, target: Option<usize>) -> Option<BlockingPod> {
    if !rollout.id.kind.rules().pod_can_block() {
        return None;
    }
    match after_rollback(rollout, target)? {
        InTheWay::Replaceable(pod) => Some(BlockingPod::of(pod)),
        InTheWay::Kept(_) => None,
    }
}

/// What a suggested rollback to revision `target` needs besides; empty if nothing. Of the live revision, nothing is written.
pub fn unstick_flag(rollout: &Rollout, target: usize) -> &'static str {
    let pod = match rollout.current() == Some(target) {
        true => now(rollout),
        false => replaceable_after_rollback(rollout, Some(target)),
    };
    if pod.is_some() { " --unstick" } else { "" }
}
