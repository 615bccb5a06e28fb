//! How long the pods of a workload took to start. A condition has the time of its last change only, so that a pod which was not Ready for a
//! moment seems to have started slowly: what else explains when a pod became Ready is no start.

use cluster_model::healing::start_up::{StartUp, start_up};
use cluster_model::{NodeExt, Raw};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::pod::PodState;
use super::{Kind, Snapshot, Workload};

/// The clocks of nodes and of the control plane may differ by as much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);

impl Workload {
    pub fn start_up(&self, snapshot: &Snapshot) -> Option<StartUp> {
        start_up(self.first_ready(snapshot).filter_map(|pod| pod.seconds_to_ready))
    }

    /// Those of its pods of which nothing says that they were Ready before.
    pub fn first_ready(&self, snapshot: &Snapshot) -> impl Iterator<Item = &PodState> {
        let rolled_out = self.rolled_out();
        let pods = self.pods.iter().map(|pod| &**pod);
        pods.filter(move |pod| {
            let (Some(scheduled), Some(ready)) = (pod.scheduled, pod.ready_since) else { return false };
            let came_back = snapshot.node(&pod.node).and_then(NodeExt::ready_since);
            let with_its_node = came_back.is_some_and(|at| scheduled < at && at <= ready);
            let after_rollout = rolled_out.is_some_and(|at| scheduled <= at && ready > at + CLOCK_SKEW);
            !with_its_node && !after_rollout
        })
    }

    /// When all pods of a Deployment's last update were available. The time of this condition is kept until the next update
    /// (`pkg/controller/deployment/util/deployment_util.go`, `SetDeploymentCondition`).
    fn rolled_out(&self) -> Option<Timestamp> {
        let conditions = self.object.list("/status/conditions").iter();
        let mut all = conditions.filter(|_| self.kind == Kind::Deployment);
        let done =
            all.find(|it| it["type"] == "Progressing" && it.text("/reason") == "NewReplicaSetAvailable")?;
        done.time("/lastUpdateTime")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::checks::testing::{World, healthy};

    /// Of three pods that took five seconds.
    fn samples(world: &World) -> usize {
        let snapshot = world.snapshot();
        let web = snapshot.workloads.iter().find(|it| it.subject.name == "web").unwrap();
        web.start_up(&snapshot).map_or(0, |it| it.samples)
    }

    #[test]
    fn what_became_ready_again_with_its_node_is_no_start() {
        let ready = |at: &str| json!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}]}});
        assert_eq!(samples(&healthy()), 3);
        let back = healthy().edit("Node/n1", ready("2026-01-01T00:00:03Z"));
        assert_eq!(samples(&back), 2, "its pod was Ready two seconds later");
        let later = healthy().edit("Node/n1", ready("2026-01-01T00:00:06Z"));
        assert_eq!(samples(&later), 3, "its pod stayed Ready all the time");
    }

    #[test]
    fn what_became_ready_after_the_rollout_was_complete_was_ready_before() {
        let complete = |at: &str| {
            let done = json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": at});
            let ready = json!({"status": {"conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:03:00Z"}]}});
            healthy()
                .edit("Deployment/web", json!({"status": {"conditions": [done]}}))
                .edit("Pod/web-a", ready)
        };
        assert_eq!(samples(&complete("2026-01-01T00:00:06Z")), 2, "it was Ready after six seconds");
        assert_eq!(samples(&complete("2026-01-01T00:03:00Z")), 3);
        assert_eq!(samples(&complete("2026-01-01T00:02:58Z")), 3, "the clocks differ");
        assert_eq!(samples(&complete("2025-12-31T00:00:00Z")), 3, "it was made after the rollout");
    }
}
