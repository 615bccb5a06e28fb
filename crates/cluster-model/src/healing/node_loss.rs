//! A node falls silent: when Kubernetes notices, and when it deletes the pods there so that their controllers make others.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::toleration::tolerated;

/// A node counts as lost when its lease and status were not renewed for this long: `--node-monitor-grace-period` of
/// kube-controller-manager, 50 s since 1.32 (`pkg/controller/nodelifecycle/config/v1alpha1/defaults.go`). It may be configured otherwise.
pub const DETECTION: i64 = 50;
/// What admission adds where a pod tolerates neither (`plugin/pkg/admission/defaulttolerationseconds`).
pub const DEFAULT_TOLERATION: i64 = 300;
/// Of a zone whose nodes are all lost, one node is tainted every ten seconds: `--node-eviction-rate` 0.1
/// (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`, enterFullDisruption).
pub const SECONDS_PER_NODE: i64 = 10;

pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// When the pods of a lost node are deleted, counted from when it is tainted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deletion {
    After(i64),
    /// They tolerate the taint without an end.
    Never,
}

/// What the pod's tolerations say about a node that is silent. The shortest `tolerationSeconds` of those that tolerate the taint counts;
/// zero and less is at once (`pkg/controller/tainteviction/taint_eviction.go`, getMinTolerationTime).
pub fn deletion(tolerations: &[Toleration]) -> Deletion {
    let taint = no_execute(UNREACHABLE);
    let using: Vec<&Toleration> =
        tolerations.iter().filter(|it| tolerated(std::slice::from_ref(*it), &taint)).collect();
    if using.is_empty() {
        return Deletion::After(0);
    }
    let shortest = using.iter().filter_map(|it| it.toleration_seconds).min();
    shortest.map_or(Deletion::Never, |seconds| Deletion::After(seconds.max(0)))
}

/// The tolerations of a template's pods, once admission has added its defaults.
pub fn with_defaults(mut tolerations: Vec<Toleration>) -> Vec<Toleration> {
    for key in [NOT_READY, UNREACHABLE] {
        if !tolerated(&tolerations, &no_execute(key)) {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(DEFAULT_TOLERATION),
                ..Toleration::default()
            });
        }
    }
    tolerations
}

/// What becomes of the pods of a kind when their node is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Another one is made as soon as the pod is being deleted (`pkg/controller/replicaset/replica_set.go`: pods that are terminating do not
    /// count).
    Elsewhere,
    /// None before the pod is gone, and no kubelet confirms that: it stays Terminating until the node is back, its Node object is deleted, or
    /// the node has the taint of `OUT_OF_SERVICE` (`pkg/controller/statefulset/stateful_set_control.go`; kubernetes#74689).
    AfterTheNodeIsBackOrGone,
    /// One pod a node; that of a lost node is not missed (`pkg/controller/daemon/daemon_controller.go`).
    StaysWithNode,
    /// Nothing makes another one.
    Nothing,
}

/// The taint by which somebody declares that a lost node is off, so that its pods and volumes are released (KEP-2268).
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";

pub fn replacement(controller_kind: Option<&str>) -> Replacement {
    match controller_kind {
        None => Replacement::Nothing,
        Some("DaemonSet" | "Node") => Replacement::StaysWithNode,
        Some("StatefulSet") => Replacement::AfterTheNodeIsBackOrGone,
        Some(_) => Replacement::Elsewhere,
    }
}

fn no_execute(key: &str) -> Taint {
    Taint { key: key.to_owned(), effect: "NoExecute".to_owned(), ..Taint::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Deletion::{After, Never};
    use serde_json::{Value, json};

    fn of(tolerations: Value) -> Vec<Toleration> {
        serde_json::from_value(tolerations).unwrap()
    }

    #[test]
    fn the_shortest_toleration_counts_and_one_without_an_end_is_never() {
        let seconds = |seconds: Value| json!({"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
        for (tolerations, expected) in [
            (json!([]), After(0)),
            (json!([seconds(json!(300))]), After(300)),
            (json!([seconds(json!(null))]), Never),
            (json!([seconds(json!(-5))]), After(0)),
            (json!([{"operator": "Exists"}]), Never),
            (json!([{"operator": "Exists"}, seconds(json!(30))]), After(30)),
            (json!([seconds(json!(300)), seconds(json!(30))]), After(30)),
            (json!([{"operator": "Exists", "effect": "NoSchedule"}]), After(0)),
            (json!([{"key": NOT_READY, "operator": "Exists", "effect": "NoExecute"}]), After(0)),
        ] {
            assert_eq!(deletion(&of(tolerations.clone())), expected, "{tolerations}");
        }
    }

    #[test]
    fn admission_adds_five_minutes_where_nothing_is_tolerated() {
        assert_eq!(deletion(&with_defaults(Vec::new())), After(300));
        let short = json!([{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 20}]);
        assert_eq!(deletion(&with_defaults(of(short))), After(20));
        let blanket = of(json!([{"operator": "Exists"}]));
        assert_eq!(with_defaults(blanket.clone()), blanket);
    }

    #[test]
    fn kinds_differ_in_what_they_replace() {
        for (kind, expected) in [
            (None, Replacement::Nothing),
            (Some("ReplicaSet"), Replacement::Elsewhere),
            (Some("Job"), Replacement::Elsewhere),
            (Some("StatefulSet"), Replacement::AfterTheNodeIsBackOrGone),
            (Some("DaemonSet"), Replacement::StaysWithNode),
            (Some("Node"), Replacement::StaysWithNode),
        ] {
            assert_eq!(replacement(kind), expected, "{kind:?}");
        }
    }
}
