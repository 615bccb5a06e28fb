//! What the workload itself reports: how many pods there will be, how they are replaced, and its controller's final status.

use serde_json::Value;

use super::kind::Kind;
use super::update_strategy::Moves;
use crate::Raw;

#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    pub kind: Kind,
    pub object: &'a Value,
}

impl Status<'_> {
    pub fn moves(&self) -> Moves {
        self.kind.rules().moves(self.object, self.desired())
    }

    pub fn desired(&self) -> i64 {
        self.kind.rules().desired(self.object)
    }

    pub fn min_ready_seconds(&self) -> i64 {
        self.object.number("/spec/minReadySeconds").unwrap_or_default()
    }

    pub fn is_paused(&self) -> bool {
        self.kind.rules().is_paused(self.object)
    }

    /// `None`: there is no deadline (2147483647 is Kubernetes' own "none").
    pub fn deadline_seconds(&self) -> Option<i64> {
        const NONE: i64 = i32::MAX as i64;
        let seconds = self.object.number("/spec/progressDeadlineSeconds").unwrap_or(600);
        (self.kind.rules().has_progress_deadline() && seconds < NONE).then_some(seconds)
    }

    /// Has its controller seen this generation?
    pub fn has_observed(&self, generation: i64) -> bool {
        self.object.number("/status/observedGeneration").unwrap_or_default() >= generation
    }

    pub fn generation(&self) -> i64 {
        self.object.number("/metadata/generation").unwrap_or_default()
    }

    /// Its controller reports that nothing is left to do. The counts are those of `kubectl rollout status`
    /// (`pkg/polymorphichelpers/rollout_status.go`) where it is right; a Deployment's also have to be equal, as they are for its
    /// own controller (`deployment_util.go`, DeploymentComplete), and a StatefulSet's revisions have to have met.
    pub fn is_final(&self) -> bool {
        let kept = match self.moves() {
            // Only its pods can decide: its counts wait for somebody to delete pods.
            Moves::OnDelete => return self.has_observed(self.generation()),
            Moves::Descending { kept, .. } => kept,
            Moves::Rolling { .. } | Moves::Recreate | Moves::Unknown(_) => 0,
        };
        self.has_observed(self.generation())
            && self.counts(self.desired() - kept)
            && (kept > 0 || self.have_met())
    }

    /// All of its pods, of which there are some, have the live template and are available.
    pub fn is_all_updated(&self) -> bool {
        let desired = self.desired();
        desired > 0 && self.has_observed(self.generation()) && self.counts(desired)
    }

    /// As many pods as desired, available, so many of them with the live template.
    fn counts(&self, updated: i64) -> bool {
        self.kind.rules().is_complete(self.object, self.desired(), updated)
    }

    /// `stateful_set_control.go`, completeRollingUpdate, lets the revisions meet once all pods are updated and ready.
    fn have_met(&self) -> bool {
        !matches!(self.moves(), Moves::Descending { .. })
            || self.object.text("/status/currentRevision") == self.object.text("/status/updateRevision")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::merge;
    use serde_json::json;

    fn of(kind: Kind, edit: Value) -> (bool, bool) {
        let mut object = json!({"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": {"observedGeneration": 2,
            "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentRevision": "b", "updateRevision": "b",
            "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}});
        merge(&mut object, edit);
        let status = Status { kind, object: &object };
        (status.is_final(), status.is_all_updated())
    }

    #[test]
    fn nothing_left_to_do_is_not_the_same_as_all_updated() {
        use Kind::*;
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        let partition = json!({"updateStrategy": {"rollingUpdate": {"partition": 1}}});
        let two = json!({"updatedReplicas": 2, "currentRevision": "a"});
        for kind in Kind::ALL {
            assert_eq!(of(kind, json!({})), (true, true), "{kind:?}");
            assert_eq!(of(kind, json!({"status": {"observedGeneration": 1}})), (false, false), "{kind:?}");
            let none = json!({"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0,
                "desiredNumberScheduled": 0, "updatedNumberScheduled": 0, "numberAvailable": 0});
            assert_eq!(
                of(kind, json!({"spec": {"replicas": 0}, "status": none})),
                (true, false),
                "{kind:?}: no pods"
            );
        }
        for (kind, edit, expected) in [
            (Deployment, json!({"status": {"replicas": 4}}), (false, false)),
            (Deployment, json!({"status": {"availableReplicas": 2}}), (false, false)),
            (StatefulSet, json!({"status": {"currentRevision": "a"}}), (false, true)),
            (StatefulSet, json!({"spec": partition, "status": two}), (true, false)),
            (StatefulSet, json!({"spec": on_delete, "status": two}), (true, false)),
            (StatefulSet, json!({"status": two}), (false, false)),
            (DaemonSet, json!({"spec": on_delete, "status": {"updatedNumberScheduled": 0}}), (true, false)),
            (DaemonSet, json!({"status": {"updatedNumberScheduled": 2}}), (false, false)),
            // A node that it does not fit on any more still has its pod.
            (DaemonSet, json!({"status": {"updatedNumberScheduled": 4}}), (true, true)),
        ] {
            assert_eq!(of(kind, edit.clone()), expected, "{kind:?} {edit}");
        }
    }
}
