use super::*;
use crate::checks::testing::{budgeted, inventory_of, now};
use crate::execute::cause::{NodeProblem, Stall};
use crate::execute::engine::{Command, NodeNow};
use crate::options::Options;
use crate::plan::plan;
use cluster_model::build::{PodBuild, budget, node as node_of, pod};
use plugin_client::Failure;
use serde_json::json;

/// Nodes n1, n2 and n3, of which n1 is in the given state and n2 is being drained.
fn run(first: NodeNow, end: &End) -> Vec<NodeReport> {
    let mut inventory = inventory_of(vec![pod("a/q", "n2"), pod("a/r", "n3")]);
    for name in ["n2", "n3"] {
        inventory.nodes.push(node_of(name, json!({})));
    }
    let plan = plan(&inventory, &Options::default());
    let later = now() + k8s_openapi::jiff::SignedDuration::from_secs(2);
    let mut engine = Engine::new(&plan, inventory, Options::default(), now());
    let second = NodeNow { pods: vec![pod("a/q", "n2")], ..empty() };
    for found in [first, second] {
        for command in engine.next(later) {
            if let Command::VerifyNode { ticket, node, .. } = command {
                engine.node_read(ticket, &node, Ok(found.clone()), later);
            }
        }
    }
    plan.nodes.iter().map(|n| node(n, &engine, end, later)).collect()
}

fn empty() -> NodeNow {
    NodeNow { cordoned: Some(true), awaited: Some(Vec::new()), ..NodeNow::default() }
}

fn reasons(nodes: &[NodeReport]) -> Vec<&str> {
    nodes.iter().map(|n| n.reason.as_deref().unwrap_or_default()).collect()
}

#[test]
fn each_node_has_the_reason_why_it_is_not_drained() {
    let failure = Failure::failed("the server forbade an eviction");
    let ends = [
        (End::Interrupted, "interrupted"),
        (End::Timeout, "--timeout passed"),
        (End::Stalled(Stall { pods: Vec::new(), more: 0 }), "no progress"),
        (
            End::Stopped { node: "n2".into(), problem: NodeProblem::Uncordoned },
            "node/n2 was uncordoned by someone else",
        ),
        (End::Failed(failure), "the server forbade an eviction"),
    ];
    for (end, why) in ends {
        let nodes = run(empty(), &end);
        let expected = [
            format!("not read again at the end: {why}"),
            why.to_owned(),
            format!("its drain had not begun: {why}"),
        ];
        assert_eq!(reasons(&nodes), expected);
    }
}

#[test]
fn a_node_that_differs_from_its_cordoned_state_is_reported_from_a_fresh_read() {
    let problems = [(Some(false), NodeProblem::Uncordoned), (None, NodeProblem::Gone)];
    for (cordoned, problem) in problems {
        let why = cause::node_problem(problem);
        let end = End::Stopped { node: "n1".into(), problem };
        let nodes = run(NodeNow { cordoned, ..empty() }, &end);
        assert!(reasons(&nodes)[0].starts_with(why), "{:?}", reasons(&nodes));
        assert_eq!(nodes[0].cordoned, cordoned);
        assert_eq!(
            (nodes[0].is_gone, nodes[0].uncordoned_by_others),
            (cordoned.is_none(), cordoned.is_some())
        );
        assert!(reasons(&nodes)[2].starts_with("its drain had not begun: node/n1 "), "{:?}", reasons(&nodes));
    }
}

/// Its ReplicaSet will recreate it here, and has not done so yet.
#[test]
fn a_node_without_remaining_pods_that_is_not_drained_names_what_comes_back() {
    let only_here = json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "n1"}}});
    let pinned = pod("a/p", "n1").toleration(json!({"operator": "Exists"})).edit(only_here);
    let mut there = NodeNow { pods: vec![pinned.clone()], ..empty() };
    let inventory = inventory_of(vec![pinned]);
    let plan = plan(&inventory, &Options::default());
    let mut engine = Engine::new(&plan, inventory, Options::default(), now());
    for seconds in 0..60 {
        let at = now() + k8s_openapi::jiff::SignedDuration::from_secs(seconds);
        for command in engine.next(at) {
            match command {
                Command::VerifyNode { ticket, node, .. } => {
                    engine.node_read(ticket, &node, Ok(there.clone()), at);
                }
                Command::Evict { ticket, uid, .. } => {
                    engine.evict_answered(
                        ticket,
                        &uid,
                        plugin_client::api::eviction::EvictionAnswer::Accepted,
                        at,
                    );
                    engine.pod_gone(&uid, at);
                    there.pods.clear();
                }
                _ => {}
            }
        }
    }
    let report = node(&plan.nodes[0], &engine, &End::Finished, now());
    assert_eq!((report.result, report.pods[0].result), (NodeResult::Partial, PodResult::Gone));
    let reason = report.reason.unwrap_or_default();
    assert!(reason.starts_with("a/p will come back: it tolerates the cordon"), "{reason}");
}

#[test]
fn a_report_that_ended_early_explains_every_node() {
    let nodes = run(empty(), &End::Interrupted);
    let report = DrainReport {
        kind: "DrainReport",
        result: NodeResult::Refused,
        nodes: nodes
            .into_iter()
            .map(|n| NodeReport { reason: None, result: NodeResult::Refused, ..n })
            .collect(),
        findings: Vec::new(),
        error: None,
        started_at: String::new(),
        finished_at: String::new(),
    };
    let report = report.ended_by("declined");
    assert_eq!(reasons(&report.nodes), ["declined"; 3]);
}

/// The live view that showed them is gone by then.
#[test]
fn a_pod_that_a_budget_blocks_has_its_numbers_and_the_unhealthy_pods() {
    let web = |name: &str| pod(&format!("shop/{name}"), "n1").label("app", "web");
    let status =
        json!({"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3});
    let inventory = budgeted(vec![web("web-1")], vec![budget("shop/web", json!({"status": status}))]);
    let plan = plan(&inventory, &Options::default());
    let mut engine = Engine::new(&plan, inventory, Options::default(), now());
    let found = NodeNow { pods: vec![web("web-1")], ..empty() };
    for seconds in 0..5 {
        let at = now() + k8s_openapi::jiff::SignedDuration::from_secs(seconds);
        for command in engine.next(at) {
            match command {
                Command::VerifyNode { ticket, node, .. } => {
                    engine.node_read(ticket, &node, Ok(found.clone()), at);
                }
                Command::ListBudgetPods { budget } => {
                    engine.budget_pods_listed(&budget, &[web("web-2").waiting("ImagePullBackOff")]);
                }
                _ => {}
            }
        }
    }
    let report = node(&plan.nodes[0], &engine, &End::Interrupted, now());
    assert_eq!(report.pods[0].result, PodResult::Blocked);
    let blocked_by = report.pods[0].blocked_by.as_deref().unwrap_or_default();
    assert!(blocked_by.starts_with("PDB shop/web: "), "{blocked_by}");
    assert!(blocked_by.contains("needs 2 healthy, has 2 of 3; not Ready: shop/web-2 ("), "{blocked_by}");
}
