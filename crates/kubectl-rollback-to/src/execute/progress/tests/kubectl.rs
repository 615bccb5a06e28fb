//! The decision order of `kubectl rollout status` (kubernetes/kubectl, pkg/polymorphichelpers/rollout_status.go), line for line:
//! equal where it is right, different exactly where it is not: a deadline that passed before (jordigilh/kubernaut#199), revisions that have not met.

use cluster_model::build::merge;
use cluster_model::rollout::Kind;
use serde_json::{Value, json};

use super::super::model::State;
use super::build::{Moment, at};

/// The answer of kubectl.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kubectl {
    Waits,
    Done,
    Fails,
}

fn kubectl(kind: Kind, object: &Value) -> Kubectl {
    let n = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let s = |field: &str| n(&format!("/status/{field}"));
    let rolling = object.pointer("/spec/updateStrategy/type").is_none_or(|t| t == "RollingUpdate");
    let waits = match kind {
        _ if kind != Kind::Deployment && !rolling => return Kubectl::Fails,
        _ if n("/metadata/generation") > s("observedGeneration") => true,
        Kind::Deployment => {
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
            if conditions.is_some_and(|all| all.iter().any(|c| c["reason"] == "ProgressDeadlineExceeded")) {
                return Kubectl::Fails;
            }
            s("updatedReplicas") < n("/spec/replicas")
                || s("replicas") > s("updatedReplicas")
                || s("availableReplicas") < s("updatedReplicas")
        }
        Kind::DaemonSet => {
            s("updatedNumberScheduled") < s("desiredNumberScheduled")
                || s("numberAvailable") < s("desiredNumberScheduled")
        }
        Kind::StatefulSet => {
            let partition = n("/spec/updateStrategy/rollingUpdate/partition");
            s("readyReplicas") < n("/spec/replicas") || s("updatedReplicas") < n("/spec/replicas") - partition
        }
    };
    if waits { Kubectl::Waits } else { Kubectl::Done }
}

fn own(state: &State) -> Kubectl {
    match state {
        State::Done { .. } => Kubectl::Done,
        State::Failed { .. } => Kubectl::Fails,
        _ => Kubectl::Waits,
    }
}

#[test]
fn equal_where_kubectl_is_right() {
    use Kubectl::{Done, Fails, Waits};
    let deployment = |updated: i64, replicas: i64, available: i64| json!({"status": {"updatedReplicas": updated, "replicas": replicas, "availableReplicas": available}});
    let daemonset = |updated: i64, available: i64| json!({"status": {"updatedNumberScheduled": updated, "numberAvailable": available}});
    let set = |updated: i64, ready: i64, partition: i64| {
        json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}},
            "status": {"updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready}})
    };
    let unseen = json!({"metadata": {"generation": 6}});
    let deadline = |replicaset: &str, second: i64| {
        json!({"status": {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded",
            "message": format!("ReplicaSet \"{replicaset}\" has timed out progressing."), "lastUpdateTime": at(second).to_string()}]}})
    };
    let mut overdue = deadline("web-good", 9);
    merge(&mut overdue, deployment(3, 3, 2));
    let cases: Vec<(&str, Kind, Value, &str, Kubectl, Kubectl)> = vec![
        ("not observed", Kind::Deployment, unseen.clone(), "good good good", Waits, Waits),
        ("not observed", Kind::StatefulSet, unseen.clone(), "good good good", Waits, Waits),
        ("not observed", Kind::DaemonSet, unseen, "good good good", Waits, Waits),
        ("not all updated", Kind::Deployment, deployment(2, 3, 3), "good good bad", Waits, Waits),
        (
            "old ones pending termination",
            Kind::Deployment,
            deployment(3, 4, 4),
            "good good good bad",
            Waits,
            Waits,
        ),
        ("not all available", Kind::Deployment, deployment(3, 3, 2), "good good good-", Waits, Waits),
        ("all", Kind::Deployment, json!({}), "good good good", Done, Done),
        ("a fresh deadline comes first", Kind::Deployment, overdue, "good good good-", Fails, Fails),
        ("not all updated", Kind::DaemonSet, daemonset(2, 3), "good good bad", Waits, Waits),
        ("not all available", Kind::DaemonSet, daemonset(3, 2), "good good good-", Waits, Waits),
        ("all", Kind::DaemonSet, json!({}), "good good good", Done, Done),
        ("not all ready", Kind::StatefulSet, set(3, 2, 0), "good good good-", Waits, Waits),
        ("not all updated", Kind::StatefulSet, set(2, 3, 0), "bad good good", Waits, Waits),
        ("not all above the partition", Kind::StatefulSet, set(1, 3, 1), "bad bad good", Waits, Waits),
        ("all above the partition", Kind::StatefulSet, set(2, 3, 1), "bad good good", Done, Done),
        ("all", Kind::StatefulSet, json!({}), "good good good", Done, Done),
        // Where it is wrong:
        (
            "a stale deadline (§2.5)",
            Kind::Deployment,
            deadline("web-good", -30),
            "good good good",
            Fails,
            Done,
        ),
        (
            "another's deadline (§2.5)",
            Kind::Deployment,
            deadline("web-bad", 9),
            "good good good",
            Fails,
            Done,
        ),
        (
            "an old pod serves still (kubectl#1284)",
            Kind::Deployment,
            json!({}),
            "good good good bad",
            Done,
            Waits,
        ),
        (
            "the revisions have not met",
            Kind::StatefulSet,
            json!({"status": {"currentRevision": "web-bad"}}),
            "good good good",
            Done,
            Waits,
        ),
        (
            "OnDelete",
            Kind::StatefulSet,
            json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}),
            "bad bad bad",
            Fails,
            Done,
        ),
        (
            "OnDelete",
            Kind::DaemonSet,
            json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}),
            "bad bad bad",
            Fails,
            Done,
        ),
        (
            "Recreate",
            Kind::StatefulSet,
            json!({"spec": {"updateStrategy": {"type": "Recreate"}}}),
            "good good good",
            Fails,
            Done,
        ),
        (
            "fewer wanted than there are",
            Kind::Deployment,
            json!({"spec": {"replicas": 2}}),
            "good good good",
            Done,
            Waits,
        ),
    ];
    for (case, kind, edit, pods, theirs, expected) in cases {
        let moment = Moment::of(kind).edit(edit).of_pods(pods);
        let object = moment.object.clone().unwrap();
        assert_eq!(kubectl(kind, &object), theirs, "kubectl, {kind:?}: {case}");
        assert_eq!(own(&moment.state()), expected, "{kind:?}: {case}");
    }
}
