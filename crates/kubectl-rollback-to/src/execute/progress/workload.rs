//! What the workload itself says: how many pods there will be, how they are replaced, and its controller's final status.

use cluster_model::Raw;
use cluster_model::rollout::Kind;
use serde_json::Value;

/// How its controller goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// A StatefulSet's partition is 0 unless it says otherwise.
    Rolling { partition: i64 },
    /// Everything old goes first.
    Recreate,
    /// Whoever deletes a pod gets a new one.
    OnDelete,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Workload<'a> {
    pub kind: Kind,
    pub object: &'a Value,
}

impl Workload<'_> {
    pub fn strategy(&self) -> Strategy {
        let at = match self.kind {
            Kind::Deployment => "/spec/strategy",
            Kind::StatefulSet | Kind::DaemonSet => "/spec/updateStrategy",
        };
        match self.object.text(&format!("{at}/type")) {
            "OnDelete" => Strategy::OnDelete,
            "Recreate" => Strategy::Recreate,
            _ => Strategy::Rolling {
                partition: self.object.number(&format!("{at}/rollingUpdate/partition")).unwrap_or_default(),
            },
        }
    }

    pub fn desired(&self) -> i64 {
        match self.kind {
            Kind::DaemonSet => self.count("desiredNumberScheduled"),
            Kind::Deployment | Kind::StatefulSet => self.object.number("/spec/replicas").unwrap_or(1),
        }
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
            && match (self.kind, self.strategy()) {
                // Which pods there are is all there is to tell: its counts wait for somebody to delete pods.
                (_, Strategy::OnDelete) => true,
                (Kind::Deployment, _) => ["updatedReplicas", "replicas", "availableReplicas"]
                    .into_iter()
                    .all(|field| n(field) == desired),
                (Kind::DaemonSet, _) => {
                    n("updatedNumberScheduled") >= desired && n("numberAvailable") >= desired
                }
                (Kind::StatefulSet, strategy) => {
                    let partition = match strategy {
                        Strategy::Rolling { partition } => partition,
                        _ => 0,
                    };
                    // `completeRollingUpdate` lets them meet once all are updated and ready, so not with a partition.
                    let met = strategy != (Strategy::Rolling { partition: 0 })
                        || self.object.text("/status/currentRevision")
                            == self.object.text("/status/updateRevision");
                    n("replicas") == desired
                        && n("readyReplicas") >= desired
                        && n("availableReplicas") >= desired
                        && n("updatedReplicas") >= (desired - partition).max(0)
                        && met
                }
            }
    }

    fn count(&self, field: &str) -> i64 {
        self.object.number(&format!("/status/{field}")).unwrap_or_default()
    }
}
