//! Fixes that are offered, applied for real by the commands that are printed; and where nothing honest can be offered.

mod fixtures;
mod nothing;
mod rights;

use std::collections::BTreeMap;

use ::testbed::{PATIENCE, Room, shared, wait};
use serde_json::Value;

use super::leases;
use crate::plugin::{Outcome, heal_check, text};
use fixtures::Fixture;

/// Id, kind and name of what a finding is about, with its severity.
type Findings = BTreeMap<(String, String, String), usize>;

fn key(finding: &Value) -> (String, String, String) {
    let subject = &finding["subject"];
    (text(finding, "id").to_owned(), text(subject, "kind").to_owned(), text(subject, "name").to_owned())
}

fn all(report: &Value) -> Findings {
    let rank =
        |it: &Value| ["info", "warning", "error", "critical"].iter().position(|word| it["severity"] == *word);
    let findings = report["findings"].as_array().into_iter().flatten();
    findings.map(|it| (key(it), rank(it).unwrap_or(usize::MAX))).collect()
}

fn check(room: &Room<'static>, args: &[&str]) -> Outcome {
    heal_check(room, &[args, &["-o", "json", "--fail-on=critical"]].concat()).run()
}

/// Until controllers have computed budgets and pods have been seen to start.
fn until(room: &Room<'static>, args: &[&str], what: &str, is_so: impl Fn(&Findings) -> Vec<String>) -> Value {
    let began = std::time::Instant::now();
    loop {
        let outcome = check(room, args);
        let report = outcome.report();
        let lacking = is_so(&all(&report));
        if lacking.is_empty() {
            return report;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {lacking:?}\n{outcome}");
    }
}

/// Every fixture has its finding; the fix of each is proven, and is made; then all findings are gone, nothing is worse, and all pods are
/// where the proof said that they would be.
fn prove(room: &Room<'static>, fixtures: &[Fixture]) {
    let missing = |found: &Findings| -> Vec<String> {
        fixtures.iter().filter(|it| !found.contains_key(&it.key())).map(Fixture::to_string).collect()
    };
    let before = until(room, &["--fix"], "not found", missing);
    let mut commands = Vec::new();
    for fixture in fixtures {
        let found =
            before["findings"].as_array().unwrap().iter().find(|it| key(it) == fixture.key()).unwrap();
        let fix = &found["fix"];
        assert!(fix.is_object() && fix["partial"].is_null(), "{fixture}: {fix:#}");
        for part in ["accepted", "fits", "resolved", "noWorse"] {
            assert_eq!(fix["proof"][part], true, "{fixture}: {fix:#}");
        }
        commands.extend(fix["commands"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()));
    }
    for command in &commands {
        assert!(
            command.starts_with("kubectl patch ") || command.ends_with(" | kubectl create -f -"),
            "{command}"
        );
        assert!(!command.contains('\n'), "{command}");
        let output = shared().command("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for (kind, name) in fixtures.iter().filter_map(Fixture::rolls_out) {
        room.rolled_out(kind, name);
    }
    let remaining = |found: &Findings| -> Vec<String> {
        fixtures.iter().filter(|it| found.contains_key(&it.key())).map(Fixture::to_string).collect()
    };
    let after = until(room, &[], "still found", remaining);
    let known = all(&before);
    let is_worse = |(key, severity): &(&(String, String, String), &usize)| {
        known.get(*key).is_none_or(|old| old < *severity)
    };
    let after = all(&after);
    // Nodes of other rooms are cordoned meanwhile.
    let is_own = |(key, _): &(&(String, String, String), &usize)| {
        key.1 != "Node" && !fixtures::changes_by_itself(&key.2)
    };
    let worse: Vec<_> = after.iter().filter(is_worse).filter(is_own).collect();
    assert!(worse.is_empty(), "new or worse: {worse:?}");
    fixtures.iter().for_each(|it| it.is_placed(room));
}

#[test]
fn a_fix_that_is_offered_silences_its_finding() {
    leases();
    let room = shared().room(2);
    let fixtures = fixtures::of_objects(&room);
    assert!(fixtures.len() >= 23, "{}", fixtures.len());
    prove(&room, &fixtures);
}

#[test]
fn pods_are_where_the_proof_of_a_fix_says() {
    leases();
    let room = shared().room(3);
    let fixtures = fixtures::of_placement(&room);
    assert!(fixtures.len() >= 7, "{}", fixtures.len());
    prove(&room, &fixtures);
}

/// The labels of the nodes of the pods of a workload.
fn domains(room: &Room<'static>, app: &str, label: &str) -> Vec<String> {
    let nodes: Vec<Value> = room.nodes().iter().map(|name| room.node(name)).collect();
    let of = |pod: &Value| {
        let node = nodes.iter().find(|it| it["metadata"]["name"] == pod["spec"]["nodeName"]);
        node.map(|it| text(&it["metadata"]["labels"], label).to_owned()).unwrap_or_default()
    };
    let mut found: Vec<String> =
        room.pods().iter().filter(|it| it["metadata"]["labels"]["app"] == app).map(of).collect();
    found.sort();
    found.dedup();
    found
}

fn cordon(room: &Room<'static>, index: usize, cordoned: bool) {
    let node = &room.nodes()[index];
    let word = if cordoned { "cordon" } else { "uncordon" };
    room.kubectl(&[word, node]);
    wait("the node to have its taint, or not", PATIENCE, || {
        let taints = room.node(node)["spec"]["taints"].to_string();
        (taints.contains("unschedulable") == cordoned).then_some(())
    });
}
