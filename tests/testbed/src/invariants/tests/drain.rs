//! A drain of node `n1` with the pods `web-1` and `web-2` of one Deployment.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{assert_broken, event, record, request};
use crate::audit::Entry;
use crate::record::{Change, End, Event};

fn node(unschedulable: bool) -> Value {
    json!({"metadata": {"name": "n1", "uid": "n1"}, "spec": {"unschedulable": unschedulable}})
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": name,
            "ownerReferences": [{"kind": "ReplicaSet", "uid": "set", "controller": true}]},
        "spec": {"nodeName": "n1"},
    })
}

fn leaving(name: &str) -> Value {
    let mut pod = pod(name);
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    pod
}

fn patch(received: i64, unschedulable: bool, version: u64) -> Entry {
    let mut entry = request(received, "patch", "nodes", "n1");
    entry.namespace.clear();
    entry.response_object = node(unschedulable);
    entry.response_object["metadata"]["resourceVersion"] = json!(version.to_string());
    entry
}

fn somebody_else(mut entry: Entry) -> Entry {
    entry.user_agent = "somebody-else".to_owned();
    entry
}

fn eviction(received: i64, pod: &str) -> Entry {
    let mut entry = request(received, "create", "pods", pod);
    entry.subresource = "eviction".to_owned();
    entry.code = 201;
    entry.request_object = json!({"deleteOptions": {"preconditions": {"uid": pod}}});
    entry
}

fn set() -> Event {
    let owner = json!([{"kind": "Deployment", "name": "web", "uid": "web", "controller": true}]);
    event(
        1,
        Change::Added,
        "ReplicaSet",
        json!({"metadata": {"name": "web-1", "uid": "set", "ownerReferences": owner}}),
    )
}

/// Found uncordoned with both pods, cordoned, and emptied.
fn events() -> Vec<Event> {
    vec![
        set(),
        event(2, Change::Added, "Node", node(false)),
        event(3, Change::Added, "Pod", pod("web-1")),
        event(4, Change::Added, "Pod", pod("web-2")),
        event(10, Change::Modified, "Node", node(true)),
        event(11, Change::Modified, "Pod", leaving("web-1")),
        event(12, Change::Deleted, "Pod", leaving("web-1")),
        event(13, Change::Modified, "Pod", leaving("web-2")),
        event(14, Change::Deleted, "Pod", leaving("web-2")),
    ]
}

fn requests() -> Vec<Entry> {
    vec![patch(0, true, 10), eviction(20, "web-1"), eviction(40, "web-2")]
}

fn row(name: &str, action: &str, result: &str) -> Value {
    json!({"namespace": "shop", "name": name, "uid": name, "action": action, "result": result, "reason": ""})
}

fn report(pods: &[Value]) -> Value {
    json!({"result": "drained", "nodes": [{"name": "n1", "cordoned": true, "result": "drained", "pods": pods}]})
}

fn gone() -> Value {
    report(&[row("web-1", "evict", "gone"), row("web-2", "evict", "gone")])
}

fn judged(events: Vec<Event>, end: End, own: &[Entry], others: &[Entry], report: &Value) -> Vec<String> {
    let (record, audit) = record(events, end, own, others);
    record.broken_invariants(report, &audit)
}

#[test]
fn a_drain_as_it_should_be_breaks_nothing() {
    assert_eq!(judged(events(), End::default(), &requests(), &[], &gone()), [""; 0]);
}

fn with(pod: Value) -> End {
    End { at: Some(Instant::now()), on_nodes: vec![pod], objects: Vec::new() }
}

#[test]
fn a_drained_node_has_no_pod_but_those_reported_as_kept() {
    let mut seen = events();
    seen.push(event(15, Change::Added, "Pod", pod("web-3")));
    let broken = judged(seen.clone(), with(pod("web-3")), &requests(), &[], &gone());
    assert_broken(&broken, &["n1 is reported as drained", "shop/web-3 is on it"]);
    // One that the watcher never saw come is no better.
    let broken = judged(events(), with(pod("web-3")), &requests(), &[], &gone());
    assert_broken(&broken, &["n1 is reported as drained", "shop/web-3 is on it"]);

    let rows = [row("web-1", "evict", "gone"), row("web-2", "evict", "gone"), row("web-3", "keep", "kept")];
    assert_eq!(judged(seen, with(pod("web-3")), &requests(), &[], &report(&rows)), [""; 0]);
}

#[test]
fn a_pod_that_came_after_the_end_of_the_run_does_not_count() {
    let mut seen = events();
    let mut late = event(15, Change::Added, "Pod", pod("web-3"));
    late.at += Duration::from_secs(1);
    seen.push(late);
    assert_eq!(judged(seen, with(pod("web-3")), &requests(), &[], &gone()), [""; 0]);
}

#[test]
fn a_pod_that_still_stops_stays_only_with_a_reason() {
    let mut stuck = row("web-2", "evict", "terminating");
    let end = || with(leaving("web-2"));
    let rows = [row("web-1", "evict", "gone"), stuck.clone()];
    assert_broken(
        &judged(events(), end(), &requests(), &[], &report(&rows)),
        &["shop/web-2 is on it", "terminating"],
    );
    stuck["reason"] = json!("not waited for: --skip-wait-for-delete-timeout");
    let rows = [row("web-1", "evict", "gone"), stuck];
    assert_eq!(judged(events(), end(), &requests(), &[], &report(&rows)), [""; 0]);
}

#[test]
fn a_drained_node_has_no_pods_that_failed_and_a_drained_run_no_other_nodes() {
    let mut rows = report(&[row("web-1", "evict", "gone"), row("web-3", "evict", "failed")]);
    let broken = judged(events(), End::default(), &requests()[..2], &[], &rows);
    assert_broken(&broken, &["n1 is reported as drained, and pod shop/web-3 \"failed\""]);
    rows["nodes"][0]["result"] = json!("partial");
    let broken = judged(events(), End::default(), &requests()[..2], &[], &rows);
    assert_broken(&broken, &["all is reported as drained, and \"n1\" is \"partial\""]);
}

#[test]
fn nothing_is_evicted_from_a_node_that_was_never_cordoned() {
    let broken = judged(events(), End::default(), &requests()[1..], &[], &gone());
    assert_broken(&broken, &["create /pods/web-1 was accepted", "n1 was schedulable"]);
    // A dry run and one that was refused cordon nothing.
    let mut own = requests();
    own[0].code = 403;
    assert_broken(&judged(events(), End::default(), &own, &[], &gone()), &["n1 was schedulable"]);
    own[0].code = 200;
    own[0].uri = "/nodes/n1?dryRun=All".to_owned();
    assert_broken(&judged(events(), End::default(), &own, &[], &gone()), &["n1 was schedulable"]);
}

#[test]
fn nothing_is_evicted_before_the_cordon() {
    let mut own = requests();
    own[0] = patch(30, true, 10);
    let broken = judged(events(), End::default(), &own, &[], &gone());
    assert_broken(&broken, &["create /pods/web-1 was accepted"]);
    assert!(!broken.iter().any(|line| line.contains("web-2")), "{broken:?}");
}

#[test]
fn after_somebody_elses_uncordon_only_what_was_on_its_way_is_evicted() {
    let mut own = requests();
    own[2] = eviction(800, "web-2");
    let at = |received: i64| [somebody_else(patch(received, false, 12))];
    let mut seen = events();
    seen.insert(7, event(12, Change::Modified, "Node", node(false)));
    let mut uncordoned = gone();
    uncordoned["nodes"][0]["cordoned"] = json!(false);
    assert_eq!(judged(seen.clone(), End::default(), &own, &at(400), &uncordoned), [""; 0]);
    let broken = judged(seen.clone(), End::default(), &own, &at(200), &uncordoned);
    assert_broken(&broken, &["create /pods/web-2 was accepted", "n1 was schedulable"]);
    // For its own uncordon it needs no time to learn of it.
    own.push(patch(600, false, 12));
    let broken = judged(seen, End::default(), &own, &[], &uncordoned);
    assert_broken(&broken, &["create /pods/web-2 was accepted", "n1 was schedulable"]);
}

#[test]
fn a_cordon_from_before_the_run_counts() {
    let mut seen = events();
    seen[1] = event(2, Change::Added, "Node", node(true));
    seen.remove(4);
    assert_eq!(judged(seen.clone(), End::default(), &requests()[1..], &[], &gone()), [""; 0]);
    // Until somebody takes it away, which is written down even if the run never looked.
    let uncordon = [somebody_else(patch(-900, false, 5))];
    assert_broken(
        &judged(seen, End::default(), &requests()[1..], &uncordon, &gone()),
        &["n1 was schedulable"],
    );
}

/// Two pods, and replacements that come to the same node again and again: so many are evicted in all.
fn chased(evicted: usize) -> Vec<String> {
    let (mut seen, mut own, mut rows) = (events(), requests(), Vec::new());
    for n in 3..=evicted {
        let (name, version) = (format!("web-{n}"), 10 * n as u64);
        seen.push(event(version, Change::Added, "Pod", pod(&name)));
        seen.push(event(version + 1, Change::Modified, "Pod", leaving(&name)));
        seen.push(event(version + 2, Change::Deleted, "Pod", leaving(&name)));
        own.push(eviction(20 * n as i64, &name));
    }
    for n in 1..=evicted {
        rows.push(row(&format!("web-{n}"), "evict", "gone"));
    }
    judged(seen, End::default(), &own, &[], &report(&rows))
}

#[test]
fn no_owner_loses_more_than_twice_the_pods_it_had() {
    assert_eq!(chased(4), [""; 0]);
    assert_broken(&chased(5), &["lost 5 pods on n1, where it had 2"]);
}

#[test]
fn replica_sets_of_one_deployment_are_one_owner() {
    let (mut seen, mut own) = (events(), requests());
    let mut rows = vec![row("web-1", "evict", "gone"), row("web-2", "evict", "gone")];
    let mut second = set();
    second.object["metadata"]["uid"] = json!("set-2");
    seen.insert(1, second);
    for (n, set) in [(3, "set"), (4, "set-2"), (5, "set-2")] {
        let name = format!("web-{n}");
        let of = |mut pod: Value| {
            pod["metadata"]["ownerReferences"][0]["uid"] = json!(set);
            pod
        };
        seen.push(event(10 * n, Change::Added, "Pod", of(pod(&name))));
        seen.push(event(10 * n + 1, Change::Deleted, "Pod", of(leaving(&name))));
        own.push(eviction(100, &name));
        rows.push(row(&name, "evict", "gone"));
    }
    assert_broken(
        &judged(seen, End::default(), &own, &[], &report(&rows)),
        &["lost 5 pods on n1, where it had 2"],
    );
}

#[test]
fn the_basic_invariants_are_checked() {
    let kept = report(&[row("web-1", "keep", "kept"), row("web-2", "evict", "gone")]);
    assert_broken(&judged(events(), End::default(), &requests(), &[], &kept), &["web-1 was to be kept"]);
    let mut twice = requests();
    twice.push(eviction(60, "web-1"));
    assert_broken(
        &judged(events(), End::default(), &twice, &[], &gone()),
        &["pod web-1: 2 accepted removals"],
    );
    let mut left = gone();
    left["nodes"][0]["cordoned"] = json!(false);
    assert_broken(&judged(events(), End::default(), &requests(), &[], &left), &["cordoned=false"]);
    let mut seen = events();
    seen.push(event(20, Change::Deleted, "Node", node(true)));
    assert_broken(&judged(seen.clone(), End::default(), &requests(), &[], &gone()), &["cordoned=true"]);
    left["nodes"][0]["cordoned"] = json!(null);
    assert_eq!(judged(seen, End::default(), &requests(), &[], &left), [""; 0]);
    let alive = judged(events()[..5].to_vec(), End::default(), &requests()[..1], &[], &gone());
    assert_broken(&alive, &["web-1 is reported as \"gone\", and is not"]);
}

#[test]
fn text_output_is_checked_too() {
    let output = "node/n1 drained: 2 pods gone";
    let judge = |end: End, own: &[Entry], output: &str| {
        let (record, audit) = record(events(), end, own, &[]);
        record.broken_invariants_without_report(output, &audit)
    };
    assert_eq!(judge(End::default(), &requests(), output), [""; 0]);
    assert_broken(
        &judge(with(pod("web-3")), &requests(), output),
        &["\"node/n1 drained\" was printed", "shop/web-3 is there"],
    );
    assert_eq!(judge(with(pod("web-3")), &requests(), "node/n1 drained; web-3 stays"), [""; 0]);
    let mut agent = pod("agent");
    agent["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    assert_eq!(judge(with(agent), &requests(), output), [""; 0]);
    assert_broken(&judge(End::default(), &requests()[1..], output), &["n1 was schedulable"]);
    let mut twice = requests();
    twice.push(eviction(60, "web-1"));
    assert_broken(&judge(End::default(), &twice, output), &["pod web-1: 2 accepted removals"]);
}
