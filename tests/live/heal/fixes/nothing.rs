//! Where nothing honest can be offered: the reason is printed instead.

use ::testbed::{PATIENCE, shared, wait};
use serde_json::{Value, json};

use super::{all, check, key, leases};
use crate::plugin::heal_check;

#[test]
fn where_nothing_honest_can_be_offered_the_reason_is_printed() {
    leases();
    let room = shared().room(2);
    let main = |it: &mut Value, edit: Value| {
        let container = &mut it["spec"]["template"]["spec"]["containers"][0];
        edit.as_object().unwrap().iter().for_each(|(key, value)| container[key] = value.clone());
    };
    room.pod("bare");
    room.deployment("off", 0);
    room.budget("for-nobody", "nobody", json!({"maxUnavailable": 1}));
    room.deployment("twice", 2);
    room.budget("first", "twice", json!({"maxUnavailable": 1}));
    room.budget("second", "twice", json!({"maxUnavailable": 1}));
    room.deployment("serves", 2);
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "serves"},
        "spec": {"selector": {"app": "serves"}, "ports": [{"port": 80}]}}));
    room.deployment_with("asks-nowhere", 2, |it| {
        main(it, json!({"livenessProbe": {"httpGet": {"path": "/", "port": "none"}}}))
    });
    room.deployment_with("pinned", 2, |it| {
        it["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": room.nodes()[0]});
    });
    room.statefulset("stateful", 2);
    room.deployment_with("moved-tag", 2, |it| main(it, json!({"image": "example.invalid/app:latest"})));
    room.deployment_with("made-to-run-alone", 1, |it| it["spec"]["strategy"] = json!({"type": "Recreate"}));
    room.deployment_with("long-goodbye", 2, |it| {
        it["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(7200)
    });
    let cases = [
        ("HC101", "Pod", "bare", "which controller it needs"),
        ("HC202", "Deployment", "off", "whether anybody needs it"),
        ("HC205", "PodDisruptionBudget", "for-nobody", "which pods it is meant for"),
        ("HC206", "Deployment", "twice", "which of the budgets"),
        ("HC301", "Deployment", "twice", "a probe cannot be invented"),
        ("HC302", "Deployment", "serves", "a probe cannot be invented"),
        ("HC306", "Deployment", "asks-nowhere", "which port is meant"),
        ("HC404", "Deployment", "pinned", "other nodes"),
        ("HC410", "StatefulSet", "stateful", "two pods of one name"),
        ("HC411", "Deployment", "serves", "how much memory it uses"),
        ("HC506", "Deployment", "moved-tag", "which of the images"),
        ("HC201", "Deployment", "made-to-run-alone", "made to run alone"),
        ("HC309", "Deployment", "long-goodbye", "how long a clean stop takes"),
        ("HC212", "Deployment", "twice", "takes a readinessProbe"),
    ];
    let is_there = |report: &Value, id: &str, kind: &str, name: &str| {
        all(report).contains_key(&(id.to_owned(), kind.to_owned(), name.to_owned()))
    };
    let report = wait("all findings", PATIENCE, || {
        let report = check(&room, &["--fix"]).report();
        cases.iter().all(|(id, kind, name, _)| is_there(&report, id, kind, name)).then_some(report)
    });
    let shown = heal_check(&room, &["--fix", "-o", "wide"]).run();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (id, kind, name, why) in cases {
        let found = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| key(it) == (id.to_owned(), kind.to_owned(), name.to_owned()));
        assert!(found.unwrap()["fix"].is_null(), "{id}: {found:#?}");
        let all = words(&shown.out);
        // The reason stands below its finding.
        let at = all
            .find(&format!("{id} {}/{name} ", kind.to_lowercase()))
            .unwrap_or_else(|| panic!("{id}\n{shown}"));
        let below = all[at..].find("no fix: ").map(|it| &all[at + it..]);
        assert!(below.is_some_and(|it| it.contains(why)), "{id}: {why}\n{shown}");
    }
}
