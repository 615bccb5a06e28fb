//! What the workload itself says: how many pods there will be, how they are replaced, and its controller's final status.

use cluster_model::Raw;
use cluster_model::rollout::Kind;
use cluster_model::rollout::update_strategy::{Moves, desired, moves};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
pub(super) struct Workload<'a> {
    pub kind: Kind,
    pub object: &'a Value,
}

impl Workload<'_> {
    pub fn moves(&self) -> Moves {
        moves(self.kind, self.object, self.desired())
    }

    pub fn desired(&self) -> i64 {
        desired(self.kind, self.object)
    }

    pub fn min_ready_seconds(&self) -> i64 {
        self.object.number("/spec/minReadySeconds").unwrap_or_default()
    }

    pub fn is_paused(&self) -> bool {
        self.object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or_default()
    }

    /// `None`: there is no deadline (2147483647 is Kubernetes' own "none").
    pub fn deadline_seconds(&self) -> Option<i64> {
        const NONE: i64 = i32::MAX as i64;
        let seconds = self.object.number("/spec/progressDeadlineSeconds").unwrap_or(600);
        (self.kind == Kind::Deployment && seconds < NONE).then_some(seconds)
    }

    /// Has its controller seen this generation?
    pub fn has_observed(&self, generation: i64) -> bool {
        self.object.number("/status/observedGeneration").unwrap_or_default() >= generation
    }

    pub fn generation(&self) -> i64 {
        self.object.number("/metadata/generation").unwrap_or_default()
    }

    /// Its controller says that nothing is left to do. The counts are those of `kubectl rollout status`
    /// (`pkg/polymorphichelpers/rollout_status.go`) where it is right; a Deployment's also have to be equal, as they are for its
    /// own controller (`deployment_util.go`, DeploymentComplete), and a StatefulSet's revisions have to have met.
    pub fn is_final(&self) -> bool {
        let (desired, n) = (self.desired(), |field| self.count(field));
        self.has_observed(self.generation())
            && match (self.kind, self.moves()) {
                // Which pods there are is all there is to tell: its counts wait for somebody to delete pods.
                (_, Moves::OnDelete) => true,
                (Kind::Deployment, _) => ["updatedReplicas", "replicas", "availableReplicas"]
                    .into_iter()
                    .all(|field| n(field) == desired),
                (Kind::DaemonSet, _) => {
                    n("updatedNumberScheduled") >= desired && n("numberAvailable") >= desired
                }
                (Kind::StatefulSet, moves) => {
                    let (rolling, kept) = match moves {
                        Moves::Descending { kept, .. } => (true, kept),
                        _ => (false, 0),
                    };
                    // `completeRollingUpdate` lets them meet once all are updated and ready, so not with a partition.
                    let met = !rolling
                        || kept > 0
                        || self.object.text("/status/currentRevision")
                            == self.object.text("/status/updateRevision");
                    n("replicas") == desired
                        && n("readyReplicas") >= desired
                        && n("availableReplicas") >= desired
                        && n("updatedReplicas") >= desired - kept
                        && met
                }
            }
    }

    fn count(&self, field: &str) -> i64 {
        self.object.number(&format!("/status/{field}")).unwrap_or_default()
    }
}
