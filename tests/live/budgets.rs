//! Drains that a disruption budget paces, blocks or lets through.

use std::time::{Duration, Instant};

use ::testbed::{PATIENCE, Room, annotate, shared, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::faults::terminating;
use crate::plugin::{drain, text};

/// How often the plugin probes a budget that allows nothing, in case a watch event was lost.
const PROBE_EVERY: u64 = 10;

#[test]
fn a_budget_paces_a_drain_whose_replacements_are_slow() {
    let room = shared().room(2);
    room.deployment_with("web", 6, |web| annotate(web, "testbed/ready-after", "1s"));
    room.budget("web", "web", json!({"minAvailable": 5}));
    room.ready("web", 6);
    room.budget_allows("web", 1);
    let node = room.nodes()[0].as_str();

    let (outcome, record, audit) = drain(&room, &[node]).watch().finish();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), record.lowest_healthy("web")), (3, Some(5)), "{outcome}");
    let refused = audit.evictions().filter(|eviction| !eviction.accepted());
    assert!(refused.is_empty(), "the watch says when there is room, so no eviction is wasted:\n{audit}");
}

#[test]
fn a_blocked_drain_goes_on_when_its_budget_changes() {
    let room = shared().room(2);
    exhausted(&room, "web", 2);
    let started = Instant::now();
    let run = drain(&room, &[&room.nodes()[0]]).watch();
    run.wait_for_output(&format!("blocked by PDB {}/web", room.namespace()));
    loosen(&room, "web");

    let (outcome, record, audit) = run.finish();
    outcome.expect("drained", 0);
    // From when the disruption controller allows it: what that takes is the machine's affair.
    let opens =
        record.of("PodDisruptionBudget", "web").find(|it| it.object["status"]["disruptionsAllowed"] != 0);
    let leaves = record
        .events
        .iter()
        .find(|it| it.kind == "Pod" && it.object["metadata"]["deletionTimestamp"].is_string());
    let waited = leaves.unwrap().at.saturating_duration_since(opens.unwrap().at);
    assert!(
        waited < Duration::from_secs(PROBE_EVERY),
        "woken by the probe, not by the watch: {waited:?}\n{outcome}"
    );
    let probes = started.elapsed().as_secs() / PROBE_EVERY;
    assert!(audit.evictions().len() as u64 <= 1 + probes, "{audit}");
    let polls = audit.filter(|request| request.verb == "get" && request.resource == "pods");
    assert!(polls.is_empty(), "{polls}");
}

#[test]
fn ten_blocked_pods_do_not_delay_an_unblocked_one() {
    let room = shared().room(2);
    exhausted(&room, "web", 20);
    room.deployment("free", 2);
    room.ready("free", 2);
    let node = room.nodes()[0].as_str();
    let here = room.pods_on(node);
    let name = |pod: &&Value| pod["metadata"]["labels"]["app"] == "free";
    let free = here.iter().find(name).map(|pod| text(&pod["metadata"], "name")).unwrap();

    let run = drain(&room, &[node, "--concurrency=1"]).watch();
    run.wait_for_output(&format!("{free} gone"));
    assert_eq!(room.pods_on(node).len(), 10, "the blocked ones wait\n{}", run.stderr());
    loosen(&room, "web");
    let (outcome, _, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 11);
}

#[test]
fn two_drains_side_by_side_keep_one_budget() {
    let room = shared().room(4);
    room.deployment_with("web", 12, |web| annotate(web, "testbed/ready-after", "1s"));
    room.budget("web", "web", json!({"minAvailable": 10}));
    room.ready("web", 12);
    room.budget_allows("web", 2);

    let first = drain(&room, &[&room.nodes()[0]]).watch();
    let second = drain(&room, &[&room.nodes()[1]]).spawn();
    let second = second.finish();
    let (first, record, audit) = first.finish_unchecked();
    first.expect("drained", 0);
    second.expect("drained", 0);
    // More than the three each had: a replacement may land on the node that is cordoned a moment later.
    assert!(first.count("gone") >= 3 && second.count("gone") >= 3, "{first}\n{second}");
    assert_eq!(record.lowest_healthy("web"), Some(10));
    let nodes = [&first, &second].map(|outcome| outcome.report()["nodes"][0].clone());
    record.assert_invariants(&json!({"nodes": nodes}), &audit);
}

#[test]
fn pods_leave_by_priority_and_critical_ones_last() {
    let room = shared().room(2);
    let low = format!("{}-low", room.namespace());
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    room.cluster().create(classes, &json!({"metadata": {"name": low}, "value": -10}));
    let order = ["low", "plain", "cluster", "node"];
    let class = [low.as_str(), "", "system-cluster-critical", "system-node-critical"];
    for (app, class) in order.into_iter().zip(class) {
        room.deployment_with(app, 2, |object| {
            let template = &mut object["spec"]["template"];
            template["spec"]["priorityClassName"] = json!(class);
            // Those of the first tier stay until the evictions of both were requested.
            if ["low", "plain"].contains(&app) {
                template["metadata"]["finalizers"] = json!(["example.com/hold"]);
            }
        });
    }
    for app in order {
        room.ready(app, 2);
    }
    let node = room.nodes()[0].as_str();
    let here = room.pods_on(node);
    let pod_of =
        |app: &str| here.iter().find(|pod| pod["metadata"]["labels"]["app"] == app).cloned().unwrap();
    let names = order.map(|app| text(&pod_of(app)["metadata"], "name").to_owned());

    let run = drain(&room, &[node, "--concurrency=1"]).watch();
    wait("the first tier to leave together", PATIENCE, || (terminating(&room, node) == 2).then_some(()));
    for name in &names[..2] {
        room.cluster()
            .merge(&room.path("", &format!("pods/{name}")), &json!({"metadata": {"finalizers": null}}));
    }
    let (outcome, record, audit) = run.finish();
    room.cluster().delete(&format!("{classes}/{low}"));
    outcome.expect("drained", 0);
    let asked: Vec<String> = audit.evictions().iter().map(|eviction| eviction.name.clone()).collect();
    assert_eq!(asked, names);
    // Within the first tier nobody waits; each tier after it starts when the one before is gone.
    let span = |app: &str| {
        let pod = pod_of(app);
        let uid = text(&pod["metadata"], "uid").to_owned();
        let leaving = |event: &&::testbed::Event| {
            event.uid() == uid && !event.object["metadata"]["deletionTimestamp"].is_null()
        };
        let mut versions = record.events.iter().filter(leaving).map(|event| event.version);
        let first = versions.next().unwrap();
        (first, versions.next_back().unwrap())
    };
    let spans = order.map(span);
    let [low, plain, cluster, node] = spans;
    assert!(plain.0 < low.1, "one tier leaves together: {spans:?}");
    assert!(low.1.max(plain.1) < cluster.0 && cluster.1 < node.0, "{spans:?}\n{outcome}");
}

/// A pod that nothing recreates uses up a disruption for good: first in the alphabet, it must not go first.
#[test]
fn a_pod_that_is_not_recreated_does_not_use_up_the_disruption_of_one_that_is() {
    let room = shared().room(2);
    let (node, other) = (room.nodes()[0].as_str(), format!("/api/v1/nodes/{}", room.nodes()[1]));
    room.cluster().merge(&other, &json!({"spec": {"unschedulable": true}}));
    room.deployment("web", 1);
    room.pod_with("a-bare", |pod| pod["metadata"]["labels"]["app"] = json!("web"));
    room.ready("web", 2);
    room.budget("web", "web", json!({"minAvailable": 1}));
    room.budget_allows("web", 1);
    room.cluster().merge(&other, &json!({"spec": {"unschedulable": null}}));
    let (outcome, _) = drain(&room, &[node, "--force", "--timeout=60s"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
}

#[test]
fn always_allow_lets_a_crash_looping_pod_go() {
    let room = shared().room(2);
    room.deployment_with("web", 2, |web| annotate(web, "testbed/failure", "crash-loop"));
    wait("both pods to crash", PATIENCE, || {
        let pods = room.pods();
        let crashed = |pod: &&Value| pod["status"]["phase"] == "Running";
        (pods.iter().filter(crashed).count() == 2).then_some(())
    });
    room.budget("web", "web", json!({"minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}));
    budget_counts(&room, "web", 2, 0);
    let (outcome, _, audit) = drain(&room, &[&room.nodes()[0]]).watch().finish();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), audit.evictions().len()), (1, 1));
}

#[test]
fn if_healthy_budget_lets_an_unready_pod_go_when_the_others_suffice() {
    let room = shared().room(2);
    let [here, there] = [&room.nodes()[0], &room.nodes()[1]];
    room.deployment_with("web", 2, |web| {
        web["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"] = json!(there);
    });
    room.ready("web", 2);
    unhealthy(&room, "web", here);
    room.budget("web", "web", json!({"minAvailable": 2}));
    budget_counts(&room, "web", 3, 2);
    room.budget_allows("web", 0);
    let (outcome, _) = drain(&room, &[here, "--force"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 1);
}

#[test]
fn each_budget_is_reported_once_however_long_it_blocks() {
    let room = shared().room(2);
    for app in ["web", "db"] {
        exhausted(&room, app, 4);
    }
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    // A retry that is refused again is not reported again.
    wait("each budget to be probed", PATIENCE, || {
        let probes = run.requests().evictions();
        let of = |app: &str| probes.iter().filter(|probe| probe.name.starts_with(app)).count();
        (of("web") >= 1 && of("db") >= 1).then_some(())
    });
    for app in ["web", "db"] {
        run.wait_for_output(&format!("blocked by PDB {}/{app}", room.namespace()));
    }
    run.signal(Signal::INT);
    let (outcome, _, audit) = run.finish();
    outcome.expect("interrupted", 130);
    for app in ["web", "db"] {
        let line = format!("blocked by PDB {}/{app}", room.namespace());
        let reported: Vec<&str> = outcome.err.lines().filter(|reported| reported.contains(&line)).collect();
        let [reported] = reported.as_slice() else {
            panic!("{app} is reported {} times\n{outcome}", reported.len())
        };
        for part in
            ["minAvailable 4", "needs 4 healthy, has 4 of 5", "2 pods waiting", &format!("{app}-unhealthy")]
        {
            assert!(reported.contains(part), "{part}: {reported}");
        }
    }
    assert!(audit.evictions().iter().all(|probe| probe.code == 429));
    for pod in outcome.pods() {
        let app = if text(&pod, "name").starts_with("web") { "web" } else { "db" };
        assert_eq!(text(&pod, "result"), "blocked", "{outcome}");
        assert!(text(&pod, "blockedBy").contains(app), "{pod}");
    }
}

#[test]
fn a_budget_that_never_allows_anything_refuses_before_the_cordon() {
    let room = shared().room(2);
    room.deployment("web", 2);
    room.budget("web", "web", json!({"minAvailable": "100%"}));
    room.ready("web", 2);
    budget_counts(&room, "web", 2, 2);
    let (outcome, _, audit) = drain(&room, &[&room.nodes()[0]]).watch().finish();
    outcome.expect("blocked", 3);
    let finding = outcome.finding("budget-blocked");
    assert_eq!(text(&finding, "subject"), format!("{}/web", room.namespace()));
    assert!(text(&finding, "message").contains("100%"), "{finding}");
    assert!(audit.writes().is_empty(), "{}", audit.writes());
}

#[test]
fn a_timeout_ends_a_blocked_drain_and_uncordons_only_what_it_cordoned() {
    let room = shared().room(2);
    exhausted(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let run = |more: &[&str]| drain(&room, &[&[node, "--timeout=15s"], more].concat()).watched().0;
    let state = |outcome: &crate::plugin::Outcome| {
        outcome.expect("timeout", 124);
        let node = outcome.report()["nodes"][0].clone();
        (node["cordonedBefore"].as_bool(), node["cordoned"].as_bool())
    };

    let keeps = run(&[]);
    assert_eq!(state(&keeps), (Some(false), Some(true)));
    let pods = keeps.pods();
    assert_eq!((pods.len(), text(&pods[0], "result")), (1, "blocked"), "{keeps}");
    assert!(text(&pods[0], "blockedBy").contains(&format!("{}/web", room.namespace())), "{keeps}");

    // It is somebody else's cordon now.
    assert_eq!(state(&run(&["--on-failure=uncordon"])), (Some(true), Some(true)));
    room.cluster().merge(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": null}}));
    assert_eq!(state(&run(&["--on-failure=uncordon"])), (Some(false), Some(false)));
}

/// `replicas` healthy pods over both nodes, an unhealthy one on the second, and a budget that requires all the healthy ones.
fn exhausted(room: &Room<'_>, app: &str, replicas: usize) {
    room.deployment(app, replicas);
    room.ready(app, replicas);
    unhealthy(room, app, &room.nodes()[1]);
    room.budget(app, app, json!({"minAvailable": replicas}));
    budget_counts(room, app, replicas + 1, replicas);
}

fn loosen(room: &Room<'_>, budget: &str) {
    let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
    room.cluster().merge(&path, &json!({"spec": {"minAvailable": 0}}));
}

/// A pod of `app` that never gets ready.
fn unhealthy(room: &Room<'_>, app: &str, node: &str) {
    room.pod_with(&format!("{app}-unhealthy"), |pod| {
        pod["metadata"]["labels"]["app"] = json!(app);
        pod["spec"]["nodeName"] = json!(node);
        annotate(pod, "testbed/failure", "never-ready");
    });
}

/// Waits until the disruption controller has counted so many pods, and healthy ones among them.
fn budget_counts(room: &Room<'_>, budget: &str, expected: usize, healthy: usize) {
    let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
    wait(&format!("budget {budget} to count {healthy} healthy of {expected}"), PATIENCE, || {
        let status = &room.cluster().get(&path)["status"];
        (status["expectedPods"] == expected && status["currentHealthy"] == healthy).then_some(())
    });
}
