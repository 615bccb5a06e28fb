//! Is there room on the nodes for the pods that are made before others go? Predicted: pods' affinity to each other, spreading,
//! volumes and ports are the scheduler's to judge, and new nodes may come.

use std::collections::BTreeMap;

use cluster_model::pod::resources::{Amounts, place};
use cluster_model::quantity::show;
use cluster_model::rollout::{Kind, Rollout};
use cluster_model::scheduling::{has_room, misfit};
use cluster_model::{Finding, Known, NodeExt, Severity};
use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

use super::Case;
use super::pace::Pace;

/// Do its pods find room only beside those that are there? Otherwise what is taken on the nodes is not asked for.
pub fn needs_room(rollout: &Rollout) -> bool {
    // A DaemonSet looks for its nodes itself, and has pods only where they fit.
    rollout.id.kind != Kind::DaemonSet && Pace::of(rollout).extra > 0
}

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let unknown = |what: &str, why: &str| {
        let message = format!("whether its pods have room is not known: {what} could not be read: {why}");
        vec![case.finding("capacity-not-checked", Severity::Unknown, message)]
    };
    let pace = Pace::of(case.rollout());
    let spec = &case.template()["spec"];
    // A DaemonSet looks for its nodes itself, and has pods only where they fit.
    if pace.desired == 0 || case.rollout().id.kind == Kind::DaemonSet {
        return Vec::new();
    }
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
    if !needs_room(case.rollout()) {
        return Vec::new();
    }
    let taken = match &case.snapshot.taken {
        Known::Seen(taken) => taken,
        Known::Unknown(why) => return unknown("the pods on them", why),
    };
    let each = place(spec);
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
    let message = format!("predicted: {none} for one more pod of {}; {tail}", told(&each));
    vec![finding(case, message, "make room or add a node, or let pods go first with maxUnavailable")]
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

fn told(each: &Amounts) -> String {
    let told: Vec<String> = ["cpu", "memory"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} {}", show(name, *each.get(name)?))))
        .collect();
    if told.is_empty() { "no requests".to_owned() } else { told.join(", ") }
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
        let asks = place(&json!({"containers": [{"name": "x", "resources": {"requests": {"cpu": other}}}]}));
        fixture.snapshot.taken = Known::Seen([("n1".to_owned(), asks)].into());
        fixture
    }

    #[test]
    fn capacity_predicted() {
        let bad = full(Kind::Deployment, "950m", "10");
        fires("capacity-predicted", Severity::Warning, &bad, &full(Kind::Deployment, "900m", "10"));
        assert_eq!(
            bad.says("capacity-predicted"),
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
            bad.says("capacity-predicted"),
            "predicted: no node may run its pods: 1 of 1 lack label disk=ssd"
        );
        let mut none = Fixture::of(Kind::Deployment);
        none.snapshot.nodes = Known::Seen(Vec::new());
        assert!(none.says("capacity-predicted").ends_with("there are none"));
        fires("capacity-predicted", Severity::Warning, &none, &Fixture::of(Kind::DaemonSet));
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
