//! What is reported to a user without all rights before anything is changed.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{expect, with_volume};
use crate::plugin::{drain, safe_drain, text};
use crate::untouched::untouched;

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn reads() -> Value {
    rule("", &["nodes", "pods"], &["get", "list", "watch"])
}

fn furnished() -> Room<'static> {
    let room = shared().room(1);
    room.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}));
    room.deployment_with("web", 1, |web| {
        with_volume(web, json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}}));
    });
    room.bind("web", &room.nodes()[0]);
    room.ready("web", 1);
    room
}

#[test]
fn missing_rights_to_write_are_found_before_the_cordon() {
    let room = furnished();
    let node = room.nodes()[0].as_str();
    let user = room.cluster().user(&format!("{}-reader", room.namespace()), &[], &[reads()]);
    let outcome = untouched(&room, &drain(&room, &[node]).kubeconfig(&user));
    outcome.expect("refused", 3);
    let cordon = expect(&outcome, "rights-missing", "error", "patch nodes", "you have no right");
    assert!(text(&cordon, "remedy").contains(r#"resources: ["nodes"], verbs: ["patch"]"#), "{cordon:#}");
    let evict = format!("create pods/eviction in namespace {}", room.namespace());
    let evict = expect(&outcome, "rights-missing", "error", &evict, "you have no right");
    assert!(
        text(&evict, "remedy").contains(r#"resources: ["pods/eviction"], verbs: ["create"]"#),
        "{evict:#}"
    );
    // What may not be read is unknown, never well.
    for id in ["budgets-not-checked", "webhooks-not-checked", "owner-not-checked", "volume-not-checked"] {
        assert_eq!(text(&outcome.finding(id), "severity"), "unknown", "{outcome}");
    }
    // Both rules are shown to people too.
    let printed = untouched(&room, &safe_drain(&room, &[node, "--yes"]).kubeconfig(&user));
    for rule in [r#"["nodes"], verbs: ["patch"]"#, r#"["pods/eviction"], verbs: ["create"]"#] {
        assert!(printed.err.contains(rule), "no {rule}\n{printed}");
    }
}

#[test]
fn missing_rights_to_read_are_reported_as_rules_to_paste() {
    let room = furnished();
    let node = room.nodes()[0].as_str();
    let user = room.cluster().user(&format!("{}-nobody", room.namespace()), &[], &[]);
    let outcome = untouched(&room, &safe_drain(&room, &[node, "--yes"]).kubeconfig(&user));
    assert_eq!(outcome.code, 3, "{outcome}");
    assert!(outcome.err.contains("error: you have no right to "), "{outcome}");
    for line in
        ["rules:", "- apiGroups: [\"\"]", "  resources: [\"pods\"]", "  resources: [\"pods/eviction\"]"]
    {
        assert!(outcome.err.lines().any(|output| output == line), "no line {line:?}\n{outcome}");
    }
    untouched(&room, &drain(&room, &[node]).kubeconfig(&user)).expect("refused", 3);
}

#[test]
fn a_cordon_that_is_refused_half_way_is_reported_as_partly_done() {
    let room = shared().room(3);
    let [first, second, third] = [0, 1, 2].map(|index| room.nodes()[index].as_str());
    // Admission is asked only by the write itself.
    let _policy = room.keep_schedulable(second);
    let outcome = drain(&room, &[first, second, third, "--cordon-only"]).run();
    outcome.expect("partial", 4);
    let report = outcome.report();
    let states: Vec<(&str, bool)> = report["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (text(n, "result"), n["cordoned"] == true))
        .collect();
    assert_eq!(states, [("cordoned", true), ("refused", false), ("refused", false)], "{outcome}");
    assert!(text(&report, "error").contains(second), "{outcome}");
    let printed = safe_drain(&room, &[first, second, third, "--cordon-only"]).run();
    assert_eq!(printed.code, 4, "{printed}");
    assert!(printed.out.contains(&format!("node/{second} refused; nothing was changed")), "{printed}");
    assert!(
        printed.out.contains(&format!("kubectl safe-drain {first} {second} {third} --cordon-only")),
        "{printed}"
    );
    for (node, cordoned) in [(first, json!(true)), (second, Value::Null), (third, Value::Null)] {
        assert_eq!(room.node(node)["spec"]["unschedulable"], cordoned, "{outcome}");
    }
}
