//! The engine against scripted servers; `any_order` against every order of events.

mod any_order;
mod budgets;
mod regressions;
mod world;

use super::limits::{SETTLE, STALLED_AFTER};
use super::*;
use crate::checks::testing::{being_deleted, budgeted, inventory_of, now};
use crate::execute::cause::{Blocker, NodeProblem};
use crate::plan::plan;
use cluster_model::Known;
use cluster_model::build::{PodBuild, budget, pod};
use k8s_openapi::jiff::SignedDuration;
use plugin_client::api::eviction::EvictionAnswer;
use serde_json::json;

fn options() -> Options {
    Options { concurrency: 20, ..Options::default() }
}

fn engine(inventory: &Inventory) -> Engine {
    engine_with(inventory, options())
}

fn engine_with(inventory: &Inventory, options: Options) -> Engine {
    let mut e = unread(inventory, options);
    let first = e.next(now());
    assert_eq!(evicted(&first), [""; 0], "nothing is evicted before the node was read");
    assert!((verified(&first) == ["n1"]), "{first:?}");
    let here = inventory.pods.iter().filter(|p| p.node() == "n1").cloned().collect();
    e.node_read_last("n1", Ok(cordoned(here)), now());
    e
}

/// Before the reading that comes before the first eviction.
fn unread(inventory: &Inventory, options: Options) -> Engine {
    Engine::new(&plan(inventory, &options), inventory.clone(), options, now())
}

/// A reading of a node that stands cordoned.
fn cordoned(pods: Vec<Pod>) -> NodeNow {
    NodeNow { cordoned: Some(true), pods, awaited: Some(Vec::new()), ..NodeNow::default() }
}

fn web(n: usize) -> Pod {
    pod(&format!("shop/web-{n}"), "n1").label("app", "web")
}

fn web_budget(allowed: i32, healthy: i32) -> DisruptionBudget {
    budget(
        "shop/web",
        json!({"status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": 2, "expectedPods": 3}}),
    )
}

fn guarded(pods: Vec<Pod>, allowed: i32) -> Inventory {
    budgeted(pods, vec![web_budget(allowed, 2 + allowed)])
}

fn evicted(commands: &[Command]) -> Vec<&str> {
    commands
        .iter()
        .filter_map(|c| if let Command::Evict { uid, .. } = c { Some(uid.as_str()) } else { None })
        .collect()
}

fn verified(commands: &[Command]) -> Vec<&str> {
    commands
        .iter()
        .filter_map(|c| if let Command::VerifyNode { node, .. } = c { Some(node.as_str()) } else { None })
        .collect()
}

impl Engine {
    /// The answer to the last request about this pod.
    fn answered_last(&mut self, uid: &str, verdict: EvictionAnswer, at: Timestamp) {
        let ticket = self.pods[uid].ticket;
        self.evict_answered(ticket, uid, verdict, at);
    }

    /// The answer to the reading that is under way.
    fn node_read_last(&mut self, node: &str, found: Result<NodeNow, String>, at: Timestamp) {
        let ticket = self.tickets_of_readings().get(node).copied().unwrap_or_default();
        self.node_read(ticket, node, found, at);
    }
}

/// As `execute` does: a budget that is to be explained is read, and nobody is found to blame.
fn answer_list_budget_pods(e: &mut Engine, commands: &[Command]) {
    for command in commands {
        if let Command::ListBudgetPods { budget } = command {
            e.budget_pods_listed(budget, &[]);
        }
    }
}

/// As `execute` does: what decides about a late pod is read; its controller exists and is an ordinary one.
fn answer_get_pod_context(e: &mut Engine, commands: &[Command], at: Timestamp) {
    for command in commands {
        if let Command::GetPodContext { uid, pod } = command {
            e.pod_context_read(uid, &inventory_of(vec![(**pod).clone()]), at);
        }
    }
}

/// Everything that the engine needs to know about late pods, and the reading of their node, events.
fn settle(e: &mut Engine, pods: Vec<Pod>, at: Timestamp) -> Vec<Command> {
    let commands = e.next(at);
    answer_get_pod_context(e, &commands, at);
    if commands.iter().any(|c| matches!(c, Command::VerifyNode { .. })) {
        e.node_read_last("n1", Ok(cordoned(pods)), at);
    }
    e.next(at)
}

fn node_problem(problem: NodeProblem) -> Stop {
    Stop::Node { name: "n1".to_owned(), problem }
}

fn remaining(e: &Engine) -> usize {
    e.pods().filter(|p| p.phase == Phase::Remaining).count()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn terminating(pod: Pod) -> Pod {
    pod.deleted(&after(30).to_string())
}

#[test]
fn concurrency_bounds_requests_in_flight() {
    let pods = (0..5).map(|n| pod(&format!("a/p{n}"), "n1")).collect();
    let mut e = engine_with(&inventory_of(pods), Options { concurrency: 2, ..Options::default() });
    assert_eq!(evicted(&e.next(now())).len(), 2);
    assert_eq!(evicted(&e.next(now())).len(), 0, "both places are taken");
    e.answered_last("uid-p0", EvictionAnswer::Accepted, now());
    assert_eq!(evicted(&e.next(now())), ["uid-p2"], "a pod that is terminating does not count");
}

#[test]
fn a_lost_answer_is_looked_up_before_it_is_repeated() {
    for (found, gone) in
        [(Some(web(1)), false), (Some(terminating(web(1))), false), (Some(web(2)), true), (None, true)]
    {
        let mut e = engine(&inventory_of(vec![web(1)]));
        e.next(now());
        e.answered_last("uid-web-1", EvictionAnswer::Unknown { message: "connection reset".into() }, now());
        assert_eq!(evicted(&e.next(after(10))).len(), 0, "never repeated blindly");
        let leaving = found.as_ref().is_some_and(PodExt::is_terminating);
        e.pod_read("uid-web-1", Ok(found), after(10));
        let state = e.pods().next().unwrap();
        assert_eq!(state.phase == Phase::Gone, gone);
        assert_eq!(matches!(state.phase, Phase::Terminating { .. }), leaving);
        let again = !gone && !leaving;
        assert_eq!(evicted(&e.next(after(20))).len(), usize::from(again));
    }
}

#[test]
fn a_server_that_does_not_answer_gets_no_request_for_each_pod() {
    let pods = (0..5).map(|n| pod(&format!("a/p{n}"), "n1")).collect();
    let mut e = engine_with(&inventory_of(pods), Options { concurrency: 2, ..Options::default() });
    for uid in evicted(&e.next(now())) {
        e.answered_last(uid, EvictionAnswer::Unknown { message: "no answer".into() }, after(30));
    }
    assert_eq!(evicted(&e.next(after(30))).len(), 0);
    let looks = e.next(after(31));
    assert_eq!(looks.len(), 2, "{looks:?}");
    e.pod_read("uid-p0", Ok(None), after(32));
    assert_eq!(evicted(&e.next(after(32))), ["uid-p2"], "the server is back");
}

#[test]
fn a_uid_conflict_is_looked_up_and_a_replacement_is_left_alone() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(now());
    e.answered_last("uid-web-1", EvictionAnswer::Conflict, now());
    assert!(matches!(e.next(now()).as_slice(), [Command::GetPod { .. }]));
    let mut replacement = web(1);
    replacement.metadata.uid = Some("another".into());
    e.pod_read("uid-web-1", Ok(Some(replacement)), now());
    assert_eq!(e.pods().next().unwrap().phase, Phase::Gone);
    assert_eq!(evicted(&e.next(after(1))).len(), 0);
}

#[test]
fn a_server_that_never_recovers_is_given_up_on() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    for second in (0..400).step_by(6) {
        for command in e.next(after(second)) {
            match command {
                Command::Evict { uid, .. } => e.answered_last(
                    &uid,
                    EvictionAnswer::Unknown { message: "etcd is away".into() },
                    after(second),
                ),
                Command::GetPod { uid, .. } => e.pod_read(&uid, Ok(Some(web(1))), after(second)),
                _ => {}
            }
        }
    }
    let state = e.pods().next().unwrap();
    let failure = FailureReason::Blocked(Blocker::NoAnswer { message: "etcd is away".into() });
    assert_eq!((state.phase, &state.failure), (Phase::Failed, &Some(failure)));
}

#[test]
fn forbidden_stops_everything() {
    let mut e = engine(&inventory_of(vec![web(1), web(2)]));
    e.next(now());
    e.answered_last("uid-web-1", EvictionAnswer::Denied { message: "cannot create".into() }, now());
    assert_eq!(
        (e.is_done(), e.stopped()),
        (true, Some(&Stop::Forbidden { message: "cannot create".into() }))
    );
    assert_eq!(e.next(after(60)), []);
}

#[test]
fn tiers_and_nodes_go_one_after_another() {
    let mut s =
        inventory_of(vec![pod("a/p", "n1"), pod("a/dns", "n1").priority(2_000_000_000), pod("a/q", "n2")]);
    s.nodes.push(cluster_model::build::node("n2", json!({})));
    let mut e = engine(&s);
    assert_eq!(evicted(&e.next(now())), ["uid-p"]);
    e.pod_gone("uid-p", now());
    assert_eq!(evicted(&e.next(now())), ["uid-dns"]);
    e.pod_gone("uid-dns", now());
    assert_eq!(e.next(now()), [], "the scheduler may not have seen the cordon yet");
    assert_eq!(e.wake_at(now()), Some(now() + SETTLE));
    assert_eq!(verified(&e.next(after(1))), ["n1"]);
    assert_eq!(e.next(after(1)), [], "n2 waits until n1 is known to be empty");
    e.node_read_last("n1", Ok(cordoned(vec![])), after(1));
    assert_eq!(verified(&e.next(after(1))), ["n2"], "read before its first eviction");
    e.node_read_last("n2", Ok(cordoned(vec![pod("a/q", "n2")])), after(1));
    assert_eq!(evicted(&e.next(after(1))), ["uid-q"]);
    e.pod_gone("uid-q", after(2));
    assert_eq!(verified(&e.next(after(2))), ["n2"]);
    e.node_read_last("n2", Ok(cordoned(vec![])), after(2));
    assert_eq!(verified(&e.next(after(2))), ["n1"], "is it still empty?");
    assert!(!e.is_done() && !e.is_drained("n1"));
    e.node_read_last("n1", Ok(cordoned(vec![web(9)])), after(2));
    assert!(e.is_done() && !e.is_drained("n1") && e.is_drained("n2"), "a pod came back to n1 meanwhile");
}

#[test]
fn a_pod_bound_late_is_drained_too() {
    let mut e = engine(&inventory_of(vec![]));
    assert_eq!(verified(&e.next(after(1))), ["n1"]);
    e.node_read_last("n1", Ok(cordoned(vec![web(7)])), after(1));
    let commands = e.next(after(1));
    answer_get_pod_context(&mut e, &commands, after(1));
    assert_eq!(evicted(&e.next(after(1))), ["uid-web-7"]);
    e.pod_gone("uid-web-7", after(2));
    assert!(
        matches!(e.next(after(2)).as_slice(), [Command::VerifyNode { .. }]),
        "and the node is read again"
    );
}

#[test]
fn a_late_pod_needs_the_same_consent_as_a_planned_one() {
    let data = || pod("a/late", "n1").volume(json!({"name": "v", "emptyDir": {}}));
    for (options, leaves) in [(options(), false), (Options { delete_emptydir_data: true, ..options() }, true)]
    {
        let mut e = engine_with(&inventory_of(vec![]), options);
        e.pod_seen("n1", data(), now());
        let commands = settle(&mut e, vec![data()], now());
        assert_eq!(evicted(&commands).len(), usize::from(leaves));
        assert_eq!(remaining(&e), usize::from(!leaves));
    }
}

#[test]
fn a_pod_that_tolerates_the_cordon_is_evicted_once_not_for_ever() {
    let tolerant = |n: usize| web(n).toleration(json!({"operator": "Exists"}));
    let mut e = engine(&inventory_of(vec![tolerant(1)]));
    e.next(now());
    e.answered_last("uid-web-1", EvictionAnswer::Accepted, now());
    e.pod_gone("uid-web-1", after(1));
    e.pod_seen("n1", tolerant(2), after(1));
    settle(&mut e, vec![tolerant(2)], after(1));
    assert_eq!(evicted(&e.next(after(2))).len(), 0);
    assert_eq!(remaining(&e), 1);
}

#[test]
fn a_node_that_is_uncordoned_or_deleted_is_not_called_drained() {
    for (cordoned, problem) in [(Some(false), NodeProblem::Uncordoned), (None, NodeProblem::Gone)] {
        let mut e = engine(&inventory_of(vec![]));
        e.next(after(1));
        e.node_read_last("n1", Ok(NodeNow { cordoned, ..NodeNow::default() }), after(1));
        assert!(e.stopped() == Some(&node_problem(problem)));
        assert!(!e.is_drained("n1"));
    }
}

/// Found on a slow machine: the scheduler kept putting the replacements back on the emptiest node, which was being drained.
#[test]
fn pods_that_come_back_because_someone_uncordoned_the_node_are_not_evicted_for_ever() {
    let mut e = engine(&inventory_of(vec![web(1), web(2)]));
    e.next(now());
    e.pod_gone("uid-web-1", after(2));
    e.pod_seen("n1", web(3), after(2));
    let commands = e.next(after(2));
    assert!((verified(&commands) == ["n1"]) && evicted(&commands).is_empty(), "before it is evicted");
    e.node_read_last("n1", Err("the server is away".into()), after(2));
    assert_eq!(e.next(after(2)), []);
    assert!(e.wake_at(after(2)).is_some_and(|at| at < after(3)), "and asked again soon");
    assert_eq!(verified(&e.next(after(3))), ["n1"]);
    e.node_read_last(
        "n1",
        Ok(NodeNow { cordoned: Some(false), pods: vec![web(2), web(3)], ..NodeNow::default() }),
        after(3),
    );
    assert!(e.stopped() == Some(&node_problem(NodeProblem::Uncordoned)));
}

#[test]
fn a_pod_blocked_by_a_finalizer_is_named_once() {
    let mut stuck = terminating(web(1));
    stuck.metadata.finalizers = Some(vec!["example.com/keep".into()]);
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(now());
    e.pod_seen("n1", stuck, now());
    e.take_events();
    assert_eq!(e.wake_at(now()), Some(after(60)), "grace period and a half minute on top");
    e.next(after(60));
    e.next(after(90));
    let events: Vec<_> = e.take_events();
    assert!(
        matches!(events.as_slice(), [Event::Stuck { by: Blocker::Finalizers(names), .. }] if names == &["example.com/keep"]),
        "{events:?}"
    );
}

#[test]
fn skip_wait_for_delete_timeout_ends_the_wait() {
    let mut e =
        engine_with(&inventory_of(vec![web(1)]), Options { skip_wait_for_delete: Some(5), ..options() });
    e.next(now());
    e.pod_seen("n1", terminating(web(1)), now());
    e.next(after(35));
    assert!(!e.pods().next().unwrap().phase.is_final());
    e.next(after(36));
    assert_eq!(e.pods().next().unwrap().phase, Phase::Ignored);
}

#[test]
fn a_webhook_that_refuses_is_named_once_and_the_eviction_is_retried() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    for second in [0, 5, 10] {
        assert_eq!(evicted(&e.next(after(second))).len(), 1, "{second}");
        e.answered_last(
            "uid-web-1",
            EvictionAnswer::Webhook { message: "admission webhook \"kubevirt\" denied the request".into() },
            after(second),
        );
    }
    assert_eq!(e.take_events().len(), 1);
}

#[test]
fn a_namespace_that_is_being_deleted_is_waited_for_and_reported_once() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    for second in [0, 5, 10] {
        assert_eq!(evicted(&e.next(after(second))).len(), 1, "{second}");
        e.answered_last("uid-web-1", EvictionAnswer::NamespaceTerminating, after(second));
    }
    assert_eq!(e.take_events().len(), 1);
    assert!(!e.is_done(), "one that is never deleted runs into --timeout");
    e.pod_seen("n1", terminating(web(1)), after(11));
    e.pod_gone("uid-web-1", after(12));
    assert_eq!(e.pods().next().unwrap().phase, Phase::Gone);
}
