//! Somebody makes the node schedulable again while it is being drained: whatever is evicted then may come straight back.

use ::testbed::{Room, shared, wait};
use rustix::process::Signal;
use serde_json::json;

use super::PATIENCE;
use crate::plugin::{drain, requests, safe_drain};
use crate::tty::Tty;

fn set_cordon(room: &Room<'_>, node: &str, cordoned: bool) {
    let spec = json!({"spec": {"unschedulable": cordoned}});
    room.cluster().merge(&format!("/api/v1/nodes/{node}"), &spec);
}

fn is_cordoned(room: &Room<'_>, node: &str) -> bool {
    room.node(node)["spec"]["unschedulable"] == true
}

/// The node is looked at again before the first eviction: it is cordoned by the run, or nothing is evicted.
#[test]
fn an_uncordon_while_the_question_is_open_is_noticed() {
    let room = shared().room(2);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 4);
    room.ready("web", 4);
    set_cordon(&room, node, true);
    let mark = shared().audit_mark();
    let mut tty = Tty::start(&safe_drain(&room, &[node]), &[]);
    tty.until("[y/N]");
    set_cordon(&room, node, false);
    tty.keys("y\r");
    let code = tty.end();
    let audit = requests(&room, "safe-drain", shared().audit_since(mark));
    let evictions = audit.evictions();
    match code {
        0 => {
            assert!(is_cordoned(&room, node), "{}", tty.text());
            let cordon =
                audit.iter().position(|it| it.verb == "patch" && it.resource == "nodes" && it.took_effect());
            let first = audit.iter().position(::testbed::Entry::is_eviction);
            assert!(cordon.is_some() && cordon < first, "evicted before its own cordon:\n{audit}");
        }
        3 => assert!(evictions.is_empty(), "refused, and evicted:\n{audit}"),
        other => panic!("exit {other}\n{audit}{}", tty.text()),
    }
}

/// One of four pods leaves, and its budget waits for the one in its place, which waits for the other node. Then the node is uncordoned,
/// and only after that there is room: the eviction that the budget now allows is not requested. Nothing fits on the node, so no pod that comes back
/// gives it away.
#[test]
fn an_uncordon_during_the_drain_stops_it() {
    let room = shared().room(2);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 8);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 8);
    room.budget_allows("web", 1);
    let mut taints = room.node(node)["spec"]["taints"].take();
    if let Some(taints) = taints.as_array_mut() {
        taints.push(json!({"key": "full", "effect": "NoSchedule"}));
    }
    room.cluster().merge(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"taints": taints}}));

    set_cordon(&room, &room.nodes()[1], true);

    let run = drain(&room, &[node, "--allow=drain-deadlock,no-room"]).watch();
    run.wait_for_output(" gone");
    set_cordon(&room, node, false);
    run.wait_for_output("uncordon");
    set_cordon(&room, &room.nodes()[1], false);
    // That nothing is evicted afterwards is one of the invariants.
    let (outcome, _, audit) = run.finish();
    assert!(matches!(outcome.code, 1 | 4), "{outcome}");
    let output = format!("{}{}", outcome.out, outcome.err);
    assert!(output.contains("uncordon") && output.contains(node), "{outcome}");
    assert_eq!(audit.evictions().filter(|it| it.accepted()).len(), 1, "{audit}");
    assert!(!is_cordoned(&room, node), "it was somebody's wish\n{outcome}");
}

/// A node whose uncordon nobody could have missed: while evictions are refused there is nothing else to do than to watch it.
#[test]
fn an_uncordon_while_the_drain_is_blocked_stops_it() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 2);
    room.ready("web", 2);
    let webhook = room.deny_evictions(403, "not now");
    let run = drain(&room, &[node]).watch();
    run.wait_for_output("not now");
    set_cordon(&room, node, false);
    wait("the run to end", PATIENCE, || run.is_over().then_some(()));
    drop(webhook);
    let (outcome, record, _) = run.finish();
    assert!(matches!(outcome.code, 1 | 4), "{outcome}");
    assert!(format!("{}{}", outcome.out, outcome.err).contains("uncordon"), "{outcome}");
    assert!(record.deleted_uids().is_empty());
}

/// While the first node is drained nobody watches the second. What somebody does to its cordon then is theirs, and not undone.
#[test]
fn a_cordon_that_somebody_set_again_on_a_waiting_node_is_not_undone() {
    let room = shared().room(2);
    let [first, second] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    room.deployment("web", 2);
    room.ready("web", 2);
    let webhook = room.deny_evictions(403, "not now");
    let run = drain(&room, &[first, second, "--on-failure=uncordon", "--allow=no-room"]).watch();
    run.wait_for_output("not now");
    set_cordon(&room, second, false);
    set_cordon(&room, second, true);
    run.signal(Signal::INT);
    let (outcome, _, _) = run.finish();
    drop(webhook);
    outcome.expect("interrupted", 130);
    assert!(!is_cordoned(&room, first) && is_cordoned(&room, second), "{outcome}");
    assert!(outcome.err.contains(&format!("kubectl safe-drain {second} --uncordon")), "{outcome}");
}

/// Somebody uncordons the node, and cordons it for purposes of their own: no word of undoing that.
#[test]
fn after_an_uncordon_by_somebody_else_nothing_is_undone() {
    for on_failure in ["--on-failure=keep", "--on-failure=uncordon"] {
        let room = shared().room(1);
        let node = room.nodes()[0].as_str();
        room.deployment("web", 2);
        room.ready("web", 2);
        let webhook = room.deny_evictions(403, "not now");
        let run = safe_drain(&room, &[node, "--yes", on_failure]).watch();
        run.wait_for_output("not now");
        set_cordon(&room, node, false);
        set_cordon(&room, node, true);
        let (outcome, _, _) = run.finish();
        drop(webhook);
        assert!(outcome.err.contains("was uncordoned by someone else"), "{outcome}");
        assert!(!outcome.out.contains("to uncordon:"), "{outcome}");
        assert!(outcome.out.contains("was uncordoned by someone else"), "each node says why\n{outcome}");
        assert!(is_cordoned(&room, node), "{outcome}");
    }
}
