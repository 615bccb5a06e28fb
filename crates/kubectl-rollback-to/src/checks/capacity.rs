//! May the new pods run on any node at all, and is there room for those that are made before others go? Predicted: pods' affinity to
//! each other, spreading, volumes and ports are the scheduler's to judge, and new nodes may come.

use std::collections::BTreeMap;

use cluster_model::pod::resources::{Amounts, place};
use cluster_model::quantity::show;
use cluster_model::rollout::Rollout;
use cluster_model::scheduling::{allocatable, has_room, misfit};
use cluster_model::{Finding, Known, NodeExt, Raw, Severity};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::Case;
use super::pace::Pace;

/// Do its pods find room only beside those that are there? Otherwise the requests on the nodes are not read.
pub fn needs_room(rollout: &Rollout) -> bool {
    // A DaemonSet looks for its nodes itself, and has pods only where they fit.
    !rollout.id.kind.rules().is_per_node() && Pace::of(rollout).extra > 0
}

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let unknown = |what: &str, why: &str| {
        let message = format!("whether its pods have room is not known: {what} could not be read: {why}");
        vec![case.finding("capacity-not-checked", Severity::Unknown, message)]
    };
    let pace = Pace::of(case.rollout());
    if pace.desired == 0 {
        return Vec::new();
    }
    let spec = &tolerant(&case.template()["spec"], case.rollout().id.kind.rules().added_tolerations());
    let nodes = match &case.snapshot.nodes {
        Known::Seen(nodes) => nodes,
        Known::Unknown(why) => return unknown("the nodes", why),
    };
    let (may, may_not): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| misfit(node, spec).is_none());
    if may.is_empty() {
        let message = format!("predicted: no node may run its pods: {}", whys(&may_not, spec));
        return vec![finding(
            case,
            message,
            "change what keeps its pods off the nodes, or choose another revision",
        )];
    }
    let each = place(spec);
    if let Some(message) = too_small(&may, &each) {
        return vec![finding(case, message, "add a larger node, or choose another revision")];
    }
    if !needs_room(case.rollout()) {
        return Vec::new();
    }
    let taken = match &case.snapshot.taken {
        Known::Seen(taken) => taken,
        Known::Unknown(why) => return unknown("the pods on them", why),
    };
    if may.iter().any(|node| has_room(node, taken.get(node.name()), &each)) {
        return Vec::new();
    }
    let tail = if pace.unavailable == 0 {
        "nothing moves until there is room"
    } else {
        "it goes on as its old pods go"
    };
    let none = match may.len() {
        1 => "the only node it may use has no room".to_owned(),
        n => format!("none of the {n} nodes it may use has room"),
    };
    let message = format!("predicted: {none} for one more pod of {}; {tail}", requested(&each));
    vec![finding(case, message, "make room or add a node, or let pods go first with maxUnavailable")]
}

/// Why none of these nodes could take such a pod even if it were empty. `None` also if one has not reported its allocatable resources yet.
fn too_small(nodes: &[&Node], each: &Amounts) -> Option<String> {
    let unknown = |node: &&Node| node.status.as_ref().and_then(|s| s.allocatable.as_ref()).is_none();
    if nodes.iter().any(|node| unknown(node) || has_room(node, None, each)) {
        return None;
    }
    let most = |name: &str| nodes.iter().map(|node| allocatable(node, name)).max().unwrap_or_default();
    let short = each.iter().find(|(name, requested)| most(name) < **requested).map(|(name, _)| name);
    let (which, it) = match nodes.len() {
        1 => ("the only node it may use is".to_owned(), "it has"),
        n => (format!("all {n} nodes it may use are"), "the largest has"),
    };
    let largest = match short {
        Some(name) => format!(", even if it were empty: {it} {name} {}", show(name, most(name))),
        // No single resource: the one node lacks this, the other that.
        None => ", even if it were empty".to_owned(),
    };
    Some(format!("predicted: {which} too small for a pod of {}{largest}", requested(each)))
}

/// With the tolerations that the controller adds: its pods run where others may not.
fn tolerant(spec: &Value, added: &[&str]) -> Value {
    let added = added.iter().map(|key| json!({"key": key, "operator": "Exists"}));
    let mut spec = spec.clone();
    let own = spec.list("/tolerations").to_vec();
    spec["tolerations"] = own.into_iter().chain(added).collect();
    spec
}

fn finding(case: &Case<'_>, message: String, remedy: &str) -> Finding {
    case.finding("capacity-predicted", Severity::Warning, message).remedy(remedy)
}

/// `2 of 3 lack label disk=ssd, 1 of 3 are cordoned`
fn whys(nodes: &[&Node], spec: &Value) -> String {
    let mut by_why: BTreeMap<String, usize> = BTreeMap::new();
    for why in nodes.iter().filter_map(|node| misfit(node, spec)) {
        *by_why.entry(why.to_string()).or_default() += 1;
    }
    if by_why.is_empty() {
        return "there are none".to_owned();
    }
    let total = nodes.len();
    let counted: Vec<String> = by_why.into_iter().map(|(why, n)| format!("{n} of {total} {why}")).collect();
    counted.join(", ")
}

fn requested(each: &Amounts) -> String {
    let requested: Vec<String> = ["cpu", "memory"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} {}", show(name, *each.get(name)?))))
        .collect();
    if requested.is_empty() { "no requests".to_owned() } else { requested.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::needs_room;
    use cluster_model::build;
    use cluster_model::pod::resources::place;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    /// One node of one CPU and ten places, with another pod on it.
    fn full(kind: Kind, other: &str, pods: &str) -> Fixture {
        let mut fixture = Fixture::of(kind);
        let room = json!({"status": {"allocatable": {"cpu": "1", "memory": "16Gi", "pods": pods}}});
        fixture.snapshot.nodes = Known::Seen(vec![build::node("n1", room)]);
        let requests =
            place(&json!({"containers": [{"name": "x", "resources": {"requests": {"cpu": other}}}]}));
        fixture.snapshot.taken = Known::Seen([("n1".to_owned(), requests)].into());
        fixture
    }

    #[test]
    fn capacity_predicted() {
        let bad = full(Kind::Deployment, "950m", "10");
        fires("capacity-predicted", Severity::Warning, &bad, &full(Kind::Deployment, "900m", "10"));
        assert_eq!(
            bad.message_of("capacity-predicted"),
            "predicted: the only node it may use has no room for one more pod of cpu 100m, memory 64Mi; nothing moves until there is room"
        );
        fires(
            "capacity-predicted",
            Severity::Warning,
            &full(Kind::Deployment, "0", "1"),
            &full(Kind::Deployment, "0", "2"),
        );
        fires("capacity-predicted", Severity::Warning, &bad, &full(Kind::StatefulSet, "950m", "10"));
    }

    #[test]
    fn no_node_it_may_use() {
        let on = |spec: Value| Fixture::of(Kind::StatefulSet).then(json!({"spec": spec}));
        let bad = on(json!({"nodeSelector": {"disk": "ssd"}}));
        fires("capacity-predicted", Severity::Warning, &bad, &on(json!({"nodeSelector": {}})));
        assert_eq!(
            bad.message_of("capacity-predicted"),
            "predicted: no node may run its pods: 1 of 1 lack label disk=ssd"
        );
        let mut none = Fixture::of(Kind::Deployment);
        none.snapshot.nodes = Known::Seen(Vec::new());
        assert!(none.message_of("capacity-predicted").ends_with("there are none"));
        fires("capacity-predicted", Severity::Warning, &none, &Fixture::of(Kind::Deployment));
    }

    /// After the old pods are gone nothing would run: no surge is needed for that.
    #[test]
    fn no_node_is_large_enough() {
        let requesting = |fixture: Fixture, cpu: &str| {
            fixture.then_container(json!({"resources": {"requests": {"cpu": cpu}}}))
        };
        let strategies = [
            (Kind::Deployment, json!({"strategy": {"type": "Recreate", "rollingUpdate": null}})),
            (Kind::Deployment, json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}})),
            (Kind::StatefulSet, json!({})),
            (Kind::DaemonSet, json!({})),
        ];
        for (kind, spec) in strategies {
            let of = |cpu| requesting(Fixture::of(kind).live(json!({"spec": spec})), cpu);
            fires("capacity-predicted", Severity::Warning, &of("9"), &of("8"));
            assert_eq!(
                of("9").message_of("capacity-predicted"),
                "predicted: the only node it may use is too small for a pod of cpu 9, memory 64Mi, even if it were empty: it has cpu 8",
                "{kind:?}"
            );
        }
        // With a surge it is the same, and more room on them would not help.
        assert!(
            requesting(Fixture::of(Kind::Deployment), "9")
                .message_of("capacity-predicted")
                .contains("too small")
        );
    }

    #[test]
    fn what_a_node_has_is_not_guessed() {
        let mut fixture =
            Fixture::of(Kind::StatefulSet).then_container(json!({"resources": {"requests": {"cpu": "9"}}}));
        fixture.snapshot.nodes = Known::Seen(vec![
            build::node(
                "n1",
                json!({"status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "10"}}}),
            ),
            build::node("n2", json!({"status": {"allocatable": null}})),
        ]);
        assert_eq!(
            fixture.of_id("capacity-predicted"),
            [],
            "n2 has not reported its allocatable resources yet"
        );
        let gpu = Fixture::of(Kind::StatefulSet)
            .then_container(json!({"resources": {"limits": {"nvidia.com/gpu": "1"}}}));
        assert!(
            gpu.message_of("capacity-predicted").ends_with("it has nvidia.com/gpu 0"),
            "{:?}",
            gpu.found()
        );
        fixture.snapshot.nodes = Known::Unknown("forbidden".into());
        fires("capacity-not-checked", Severity::Unknown, &fixture, &Fixture::of(Kind::StatefulSet));
    }

    /// Its controller removes every pod where the template may not run, and makes none.
    #[test]
    fn a_daemonset_that_may_run_nowhere() {
        let on = |spec: Value| Fixture::of(Kind::DaemonSet).then(json!({"spec": spec}));
        fires(
            "capacity-predicted",
            Severity::Warning,
            &on(json!({"nodeSelector": {"disk": "ssd"}})),
            &on(json!({"nodeSelector": {}})),
        );
        // The controller adds these tolerations itself.
        let mut cordoned = on(json!({}));
        cordoned.snapshot.nodes = Known::Seen(vec![build::node(
            "n1",
            json!({"spec": {"unschedulable": true, "taints": [
                    {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                    {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"},
                    {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]},
                "status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"}}}),
        )]);
        assert_eq!(cordoned.of_id("capacity-predicted"), []);
    }

    #[test]
    fn only_a_surge_needs_room() {
        let needs = |kind| needs_room(Fixture::of(kind).rollout());
        assert_eq!(Kind::ALL.map(needs), [true, false, false]);
        let no_surge = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}});
        assert!(!needs_room(Fixture::of(Kind::Deployment).live(no_surge).rollout()));
    }

    #[test]
    fn capacity_not_checked() {
        let good = Fixture::of(Kind::Deployment);
        let mut bad = Fixture::of(Kind::Deployment);
        bad.snapshot.nodes = Known::Unknown("forbidden".into());
        fires("capacity-not-checked", Severity::Unknown, &bad, &good);
        let mut bad = Fixture::of(Kind::Deployment);
        bad.snapshot.taken = Known::Unknown("forbidden".into());
        fires("capacity-not-checked", Severity::Unknown, &bad, &good);
    }
}
