//! How a new template reaches the pods: the numbers its controller will use.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Desired pods: of a DaemonSet, nodes.
    pub desired: i64,
    pub moves: Moves,
    /// A Deployment that is paused moves nothing (`kubectl rollout resume`).
    pub paused: bool,
    /// How long a pod must be ready to count.
    pub min_ready_seconds: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Deployment and DaemonSet: so many above and below the desired number at any time.
    Rolling { surge: i64, unavailable: i64 },
    /// StatefulSet: from the highest ordinal down, at most so many at a time; the partition excludes the lowest ones.
    Descending { at_once: i64, kept: i64, first_ordinal: i64 },
    /// All old pods stop before the first new one starts.
    Recreate,
    /// Each pod takes the template when somebody deletes it.
    OnDelete,
    /// A strategy of a newer Kubernetes.
    Unknown(String),
}

impl Strategy {
    /// Pods that may run beyond the desired number on the way.
    pub fn surge(&self) -> i64 {
        match self.moves {
            Moves::Rolling { surge, .. } => surge,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{Kind, Rollout};
    use serde_json::{Value, json};

    fn of(kind: Kind, spec: Value, status: Value) -> Strategy {
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": spec, "status": status});
        Rollout::new(kind, object, &[], Vec::new()).strategy()
    }

    #[test]
    fn a_deployment_rounds_surge_up_and_unavailable_down() {
        for (replicas, surge, unavailable, moves) in [
            (3, json!(null), json!(null), (1, 0)),
            (4, json!(null), json!(null), (1, 1)),
            (1, json!(null), json!(null), (1, 0)),
            (5, json!("25%"), json!("50%"), (2, 2)),
            (10, json!(0), json!(3), (0, 3)),
            (10, json!("100%"), json!(0), (10, 0)),
            // Both come to nothing: one goes first.
            (3, json!(0), json!("10%"), (0, 1)),
            (3, json!(0), json!("100%"), (0, 3)),
            (2, json!(0), json!(5), (0, 2)),
            (0, json!(null), json!(null), (0, 0)),
        ] {
            let rules = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
            let found = of(Kind::Deployment, json!({"replicas": replicas, "strategy": rules}), json!({}));
            let (surge, unavailable) = moves;
            assert_eq!(found.moves, Moves::Rolling { surge, unavailable }, "{replicas} {rules}");
        }
    }

    #[test]
    fn a_daemonset_rounds_both_up() {
        for (nodes, surge, unavailable, moves) in [
            (10, json!(null), json!(null), (0, 1)),
            (10, json!(null), json!("15%"), (0, 2)),
            (10, json!("15%"), json!(0), (2, 0)),
            (10, json!(0), json!(0), (0, 1)),
            (3, json!(0), json!(7), (0, 3)),
        ] {
            let rules = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
            let found = of(
                Kind::DaemonSet,
                json!({"updateStrategy": rules}),
                json!({"desiredNumberScheduled": nodes}),
            );
            let (surge, unavailable) = moves;
            assert_eq!(found.moves, Moves::Rolling { surge, unavailable }, "{nodes} {rules}");
        }
    }

    #[test]
    fn a_statefulset_moves_down_to_its_partition() {
        for (replicas, rolling, start, at_once, kept) in [
            (3, json!(null), 0, 1, 0),
            (3, json!({"partition": 1}), 0, 1, 1),
            (3, json!({"partition": 9}), 0, 1, 3),
            (3, json!({"partition": 1}), 5, 1, 1),
            (10, json!({"maxUnavailable": "25%"}), 0, 2, 0),
            // Rounded down to nothing, but never less than one.
            (3, json!({"maxUnavailable": "25%"}), 0, 1, 0),
            (10, json!({"maxUnavailable": 5, "partition": 8}), 0, 2, 8),
        ] {
            let spec = json!({"replicas": replicas, "ordinals": {"start": start},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}});
            let found = of(Kind::StatefulSet, spec, json!({}));
            assert_eq!(
                found.moves,
                Moves::Descending { at_once, kept, first_ordinal: start },
                "{replicas} {rolling}"
            );
        }
    }

    #[test]
    fn the_other_strategies() {
        use Kind::*;
        for (kind, name, moves) in [
            (Deployment, "Recreate", Moves::Recreate),
            (StatefulSet, "Recreate", Moves::Recreate),
            (StatefulSet, "OnDelete", Moves::OnDelete),
            (DaemonSet, "OnDelete", Moves::OnDelete),
            (DaemonSet, "Recreate", Moves::Unknown("Recreate".into())),
            (Deployment, "Sideways", Moves::Unknown("Sideways".into())),
        ] {
            let key = if kind == Deployment { "strategy" } else { "updateStrategy" };
            assert_eq!(of(kind, json!({key: {"type": name}}), json!({})).moves, moves, "{kind:?} {name}");
        }
        let paused = |kind| of(kind, json!({"paused": true, "minReadySeconds": 5}), json!({}));
        assert!(paused(Deployment).paused);
        assert!(!paused(DaemonSet).paused);
        assert_eq!(paused(Deployment).min_ready_seconds, 5);
        assert_eq!(paused(Deployment).surge(), 1);
    }
}
