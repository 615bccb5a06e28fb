//! Naming nodes, cordoning and bringing them back: cases 32, 33 and 35, and several nodes at once.

use ::testbed::{Event, shared};

use super::is_cordoned;
use crate::plugin::{drain, safe_drain, text};

/// Case 32, and the cordon alone.
#[test]
fn cordon_and_uncordon_twice_change_nothing_the_second_time() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let name = format!("node/{node}");
    let steps = [("--cordon-only", true, "already cordoned"), ("--uncordon", false, "already uncordoned")];
    for (flag, cordoned, already) in steps {
        let mark = shared().audit_mark();
        let first = safe_drain(&room, &[&name, flag]).run();
        let second = safe_drain(&room, &[node, flag]).run();
        assert_eq!((first.code, second.code), (0, 0), "{first}\n{second}");
        assert!(!first.out.contains("already") && second.out.contains(already), "{first}\n{second}");
        assert_eq!(is_cordoned(&room, node), cordoned);
        let writes = shared()
            .audit_since(mark)
            .writes()
            .filter(|entry| entry.name == node && entry.resource == "nodes");
        assert_eq!(writes.by_user_agent_prefix("kubectl-safe-drain").len(), 1, "{writes}");
    }
}

/// A dry run of either leaves the node as it is.
#[test]
fn a_dry_cordon_changes_nothing() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let outcome = drain(&room, &[node, "--cordon-only", mode]).run();
        outcome.expect("planned", 0);
        assert!(!is_cordoned(&room, node), "{mode}");
    }
}

/// Cases 33 and 35; the empty selector and no node at all are usage errors (`bad_input_is_a_usage_error_that_names_it`).
#[test]
fn nodes_that_are_not_there_or_named_twice_over() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let cases: [(&[&str], i32, &str); 4] = [
        (&[node, "-l", "a=b"], 2, "cannot specify both a node name and a --selector option"),
        (&["-l", "room=nowhere"], 3, "no node matches --selector room=nowhere"),
        (&[node, "no-such-node"], 3, "node/no-such-node: there is no such node"),
        (&["-l", "room in ("], 2, "room in ("),
    ];
    for (args, code, words) in cases {
        let outcome = safe_drain(&room, &[args, &["--yes"]].concat()).run();
        assert_eq!(outcome.code, code, "{args:?}\n{outcome}");
        assert!(outcome.err.contains(words), "{args:?}\n{outcome}");
    }
    assert!(!is_cordoned(&room, node), "one bad name, and none of the nodes is touched");
}

/// As kubectl: one node that is not there, and none is touched; here every name is listed, with the command for the others.
#[test]
fn uncordon_with_a_node_that_is_gone_changes_nothing_and_reports_it() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    safe_drain(&room, &[node, "--cordon-only"]).run();
    let kubectl = shared().command("kubectl").args(["uncordon", node, "gone-1", "gone-2"]).output().unwrap();
    assert!(!kubectl.status.success() && is_cordoned(&room, node), "{kubectl:?}");
    for mode in ["--uncordon", "--cordon-only"] {
        let outcome = safe_drain(&room, &["gone-1", node, "gone-2", mode]).run();
        assert_eq!(outcome.code, 3, "{outcome}");
        assert!(
            outcome.err.contains("node/gone-1, node/gone-2: there are no such nodes; nothing was changed"),
            "{outcome}"
        );
        assert!(outcome.err.contains(&format!("name only the nodes that are there: {node}")), "{outcome}");
        assert!(is_cordoned(&room, node), "{outcome}");
    }
}

/// All are cordoned before the first pod leaves, so that no pod moves from one to the next.
#[test]
fn several_nodes_are_all_cordoned_first_and_drained_one_after_another() {
    let room = shared().room(3);
    room.deployment("web", 6);
    room.ready("web", 6);
    let (outcome, record) = drain(&room, &["-l", &room.node_selector(), "--allow=no-room"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(
        (outcome.report()["nodes"].as_array().map(Vec::len), outcome.count("gone")),
        (Some(3), 6),
        "{outcome}"
    );

    let cordons: Vec<u64> = room
        .nodes()
        .iter()
        .filter_map(|node| record.cordon_history(node).last().map(|(at, _)| *at))
        .collect();
    let is_leaving =
        |event: &&Event| event.kind == "Pod" && event.object["metadata"]["deletionTimestamp"].is_string();
    let leaving = record.events.iter().find(is_leaving).unwrap().version;
    assert!(cordons.len() == 3 && cordons.iter().all(|at| *at < leaving), "{cordons:?} {leaving}");

    let names: Vec<String> = room.nodes().iter().map(|node| format!("node/{node}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let back = drain(&room, &[&names[..], &["--uncordon"]].concat()).run();
    back.expect("uncordoned", 0);
    let report = back.report();
    let all: Vec<&str> =
        report["nodes"].as_array().into_iter().flatten().map(|node| text(node, "result")).collect();
    assert_eq!(all, ["uncordoned"; 3]);
    assert!(room.nodes().iter().all(|node| !is_cordoned(&room, node)));
}

/// `kubectl plugin list` finds fault with nothing, and kubectl finds the plugin under the name its users type.
#[test]
fn kubectl_lists_the_plugin_without_complaint() {
    let output = shared().command("kubectl").args(["plugin", "list"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("kubectl-safe_drain"), "{out}");
    assert_eq!((out.matches("kubectl-safe_drain").count(), err.trim()), (1, ""), "{out}");
}
