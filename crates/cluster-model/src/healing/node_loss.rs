//! A node falls silent: when Kubernetes notices, and when it deletes the pods there so that their controllers make others.

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};

use crate::toleration::tolerated;

/// A node counts as lost when its lease and status were not renewed for this long: `--node-monitor-grace-period` of
/// kube-controller-manager, 50 s since 1.32 (`pkg/controller/nodelifecycle/config/v1alpha1/defaults.go`). It may be configured otherwise.
pub const DETECTION: i64 = 50;
/// The same before 1.32.
const EARLIER_DETECTION: i64 = 40;
/// Pods of a Node object that is gone are deleted without a kubelet after about this time: the pod garbage collector runs every 20 s and
/// waits for 40 s in case that the Node comes back (`pkg/controller/podgc/gc_controller.go`, gcOrphaned).
pub const NODE_IS_GONE: i64 = 60;
/// A pod that is being deleted on a node that is out of service goes with the next run of the pod garbage collector (the same file,
/// gcTerminating).
pub const NODE_IS_OUT_OF_SERVICE: i64 = 20;

/// By the kubelets, which are never newer than the control plane; a version that cannot be read is taken to be a new one.
pub fn detection<'a>(kubelets: impl IntoIterator<Item = &'a str>) -> i64 {
    let minors = kubelets.into_iter().map(|version| {
        let mut parts = version.trim_start_matches('v').split('.');
        let is_first = parts.next() == Some("1");
        parts.next().and_then(|minor| minor.parse::<u32>().ok()).filter(|_| is_first)
    });
    match minors.map(|minor| minor.unwrap_or(u32::MAX)).max() {
        Some(newest) if newest < 32 => EARLIER_DETECTION,
        _ => DETECTION,
    }
}

/// What admission adds where a pod tolerates neither (`plugin/pkg/admission/defaulttolerationseconds`).
pub const DEFAULT_TOLERATION: i64 = 300;
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// When the pods of a lost node are deleted, counted from when it is tainted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deletion {
    After(i64),
    /// They tolerate the taint without an end.
    Never,
}

/// What the pod's tolerations say about a node that is silent: the first that tolerates the taint counts, whatever others say
/// (`pkg/apis/core/v1/helper/helpers.go`, GetMatchingTolerations); zero seconds and less is at once
/// (`pkg/controller/tainteviction/taint_eviction.go`, getMinTolerationTime).
pub fn deletion(tolerations: &[Toleration]) -> Deletion {
    let taint = no_execute(UNREACHABLE);
    match tolerations.iter().find(|it| tolerated(std::slice::from_ref(*it), &taint)) {
        None => Deletion::After(0),
        Some(first) => {
            first.toleration_seconds.map_or(Deletion::Never, |seconds| Deletion::After(seconds.max(0)))
        }
    }
}

/// A new pod may be bound to a node that is lost, again and again: it tolerates both taints that keep others away, of which one also ends
/// pods (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`, nodeConditionToTaintKeyStatusMap and UnreachableTaintTemplate).
pub fn may_return(tolerations: &[Toleration]) -> bool {
    let ends_pods = no_execute(UNREACHABLE);
    let keeps_away = Taint { effect: "NoSchedule".to_owned(), ..ends_pods.clone() };
    [keeps_away, ends_pods].iter().all(|taint| tolerated(tolerations, taint))
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
const OUT_OF_SERVICE_KEY: &str = "node.kubernetes.io/out-of-service";

/// Whatever its value and effect (`pkg/controller/podgc/gc_controller.go`, gcTerminating).
pub fn is_out_of_service(taints: &[Taint]) -> bool {
    taints.iter().any(|taint| taint.key == OUT_OF_SERVICE_KEY)
}

/// No taint of a node that is down was put on it yet.
pub fn not_tainted(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    !taints.iter().any(|it| it.effect == "NoExecute" && [NOT_READY, UNREACHABLE].contains(&it.key.as_str()))
}

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
    fn the_first_toleration_counts_and_one_without_an_end_is_never() {
        let seconds = |seconds: Value| json!({"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
        for (tolerations, expected) in [
            (json!([]), After(0)),
            (json!([seconds(json!(300))]), After(300)),
            (json!([seconds(json!(null))]), Never),
            (json!([seconds(json!(-5))]), After(0)),
            (json!([{"operator": "Exists"}]), Never),
            (json!([{"operator": "Exists"}, seconds(json!(30))]), Never),
            (json!([seconds(json!(30)), {"operator": "Exists"}]), After(30)),
            (json!([seconds(json!(300)), seconds(json!(30))]), After(300)),
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
    fn the_newest_kubelet_tells_how_long_a_node_may_be_silent() {
        for (kubelets, expected) in [
            (&["v1.31.4", "v1.30.0"][..], 40),
            (&["v1.31.4", "v1.32.0"], 50),
            (&["v1.31.4", "kwok-v0.7"], 50),
            (&["v2.0.0"], 50),
            (&[], 50),
        ] {
            assert_eq!(detection(kubelets.iter().copied()), expected, "{kubelets:?}");
        }
    }

    #[test]
    fn what_tolerates_both_taints_of_a_lost_node_may_return() {
        for (tolerations, expected) in [
            (json!([]), false),
            (json!([{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}]), false),
            (json!([{"operator": "Exists", "effect": "NoSchedule"}]), false),
            (json!([{"operator": "Exists"}]), true),
            (
                json!([{"key": UNREACHABLE, "operator": "Exists", "tolerationSeconds": 5, "effect": "NoExecute"}, {"key": UNREACHABLE, "operator": "Exists"}]),
                true,
            ),
        ] {
            assert_eq!(may_return(&of(tolerations.clone())), expected, "{tolerations}");
        }
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
