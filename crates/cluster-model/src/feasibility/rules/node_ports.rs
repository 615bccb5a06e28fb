//! NodePorts (`plugins/nodeports`): a port of the node itself is free.

use crate::feasibility::cluster::{NodeId, PodFacts};
use crate::feasibility::miss::Miss;
use crate::feasibility::requirements::HostPort;
use crate::feasibility::rule::{Answer, Certainty, Conflict, Filter, Reach, Rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = Rule {
    plugin: "NodePorts",
    filter,
    conflicts: Some(conflicts),
    certainty: Some(certainty),
    counted: None,
};

const EVERY_ADDRESS: &str = "0.0.0.0";

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let ports = &pod.requirements.ports;
    if ports.is_empty() {
        return None;
    }
    Some(Box::new(move |node| match in_use(ports, scenario, node, |pod| !pod.is_terminating) {
        Some(port) => Answer::Fails(Miss::HostPort(port)),
        None => Answer::Passes,
    }))
}

/// The first of these ports that one of the pods on the node has.
fn in_use(
    ports: &[HostPort],
    scenario: &Scenario<'_>,
    node: NodeId,
    counts: impl Fn(&PodFacts) -> bool,
) -> Option<i32> {
    let pods = || scenario.staying(node).iter().map(|id| scenario.pod(*id)).filter(|pod| counts(pod));
    let has = |port: &HostPort| pods().flat_map(|pod| &pod.requirements.ports).any(|used| clash(port, used));
    ports.iter().find(|port| has(port)).map(|port| port.port)
}

/// `HostPortInfo.CheckConflict` (`kube-scheduler/framework/types.go`): no port can be used on one address and on every address.
fn clash(a: &HostPort, b: &HostPort) -> bool {
    let same_address = a.ip == b.ip || a.ip == EVERY_ADDRESS || b.ip == EVERY_ADDRESS;
    same_address && a.port == b.port && a.protocol == b.protocol
}

fn conflicts(_scenario: &Scenario<'_>, this: Replacement<'_>, other: Replacement<'_>) -> Vec<Conflict> {
    let theirs = &other.requirements.ports;
    let clashes = this.requirements.ports.iter().any(|port| theirs.iter().any(|used| clash(port, used)));
    clashes.then(|| Conflict::certain(Reach::Node)).into_iter().collect()
}

/// A pod that is terminating keeps its ports until it is gone.
fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    let is_free = |node: &NodeId| in_use(&pod.requirements.ports, scenario, *node, |_| true).is_none();
    Certainty::OneOf(passing.iter().copied().filter(is_free).collect())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster, verdicts};
    use crate::feasibility::{Verdict, Why};

    fn with_ports(key: &str, on: &str, ports: Value) -> Pod {
        pod(key, on).edit(json!({"spec": {"containers": [{"name": "main", "ports": ports}]}}))
    }

    fn port(protocol: &str, ip: &str, port: i32) -> Value {
        json!({"containerPort": 80, "hostPort": port, "hostIP": ip, "protocol": protocol})
    }

    #[test]
    fn protocol_port_and_address_decide() {
        let nodes = vec![node("n1", json!({})), node("n2", json!({}))];
        let one = |protocol, ip, number| json!([port(protocol, ip, number)]);
        let cases = [
            (json!([]), one("TCP", "", 80), "none"),
            (json!([{"containerPort": 80}]), one("TCP", "", 80), "none"),
            (one("TCP", "", 80), json!([]), "passes"),
            (one("TCP", "", 80), one("TCP", "", 81), "passes"),
            (one("TCP", "", 80), one("UDP", "", 80), "passes"),
            (one("TCP", "", 80), one("TCP", "", 80), "host port 80 in use"),
            (one("TCP", "127.0.0.1", 80), one("TCP", "127.0.0.2", 80), "passes"),
            (one("TCP", "127.0.0.1", 80), one("TCP", "127.0.0.1", 80), "host port 80 in use"),
            (one("TCP", "0.0.0.0", 80), one("TCP", "127.0.0.1", 80), "host port 80 in use"),
            (one("TCP", "127.0.0.1", 80), one("TCP", "0.0.0.0", 80), "host port 80 in use"),
            (one("UDP", "0.0.0.0", 80), one("TCP", "127.0.0.1", 80), "passes"),
            (
                json!([port("TCP", "", 79), port("UDP", "", 80)]),
                json!([port("TCP", "", 80), port("UDP", "", 80)]),
                "host port 80 in use",
            ),
        ];
        for (own, other, expected) in cases {
            let pods = vec![with_ports("a/p", "n1", own.clone()), with_ports("b/other", "n2", other.clone())];
            let all = answers("NodePorts", &cluster(nodes.clone(), pods), "a/p");
            assert_eq!(all.get(1).map_or("none", String::as_str), expected, "{own} {other}");
        }
    }

    #[test]
    fn a_pod_that_is_terminating_will_free_its_port() {
        let nodes = vec![node("n1", json!({})), node("n2", json!({}))];
        let web = |key, on| with_ports(key, on, json!([port("TCP", "", 80)]));
        let terminating = web("a/other", "n2").deleted("2026-01-01T00:00:00Z");
        let cluster = cluster(nodes, vec![web("a/p", "n1"), terminating]);
        assert_eq!(answers("NodePorts", &cluster, "a/p"), ["passes", "passes"]);
    }

    #[test]
    fn pods_with_one_port_need_a_node_each() {
        let room = |name: &str| node(name, json!({"status": {"allocatable": {"pods": "9"}}}));
        let web = |key| with_ports(key, "n0", json!([port("TCP", "", 80)]));
        let of = |names: &[&str], more: Vec<Pod>| {
            let nodes = names.iter().map(|name| room(name)).collect();
            verdicts(&cluster(nodes, [vec![web("a/p"), web("a/q")], more].concat()))
        };
        let tight = Verdict::Tight(Why::Competition);
        assert_eq!(of(&["n0", "n1"], vec![]), [tight.clone(), tight.clone()]);
        assert_eq!(of(&["n0", "n1", "n2"], vec![]), [Verdict::Fits, Verdict::Fits]);
        let there = with_ports("b/there", "n2", json!([port("TCP", "", 80)]));
        let terminating = there.deleted("2026-01-01T00:00:00Z");
        assert_eq!(of(&["n0", "n1", "n2"], vec![terminating]), [tight.clone(), tight]);
    }
}
