//! Each known bug of `kubectl drain`: the plugin behaves correctly, and where it is cheap to show, kubectl is run beside it.
//! kubectl's behaviour was observed with v1.37.2.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ::testbed::fake::Answer;
use ::testbed::{Mark, PATIENCE, Room, annotate, shared, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::faults::fake::{kubeconfig, shop};
use crate::plugin::{drain, needed_rights, safe_drain, text};

/// kubectl/kubectl#1568: a refused cordon is printed, and then the drain goes on.
#[test]
fn bug_a_refused_cordon_evicts_nothing() {
    let room = shared().room(2);
    room.deployment("web", 4);
    room.ready("web", 4);
    let mut rules = needed_rights();
    rules[0]["verbs"] = json!(["get", "list"]);
    let kubeconfig = shared().user(&format!("{}-no-cordon", room.namespace()), &[], &rules);

    let (outcome, _, audit) =
        drain(&room, &[&room.nodes()[0], "--allow=rights-missing"]).kubeconfig(&kubeconfig).watch().finish();
    outcome.expect("refused", 3);
    assert!(audit.evictions().is_empty() && outcome.err.contains("no pod was evicted"), "{outcome}");
    assert_eq!(outcome.report()["nodes"][0]["cordoned"], false);

    let theirs = kubectl(&room, &["drain", &room.nodes()[1]]).env("KUBECONFIG", &kubeconfig).output();
    let (code, output) = exit_and_output(theirs);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("drained") && output.contains("forbidden"), "{output}");
    assert!(room.node(&room.nodes()[1])["spec"]["unschedulable"].is_null());
}

/// The eviction of a pod that a budget blocks is retried every five seconds for ever, though nothing can change in a dry run.
#[test]
fn bug_b_a_dry_run_against_a_blocked_budget_ends() {
    let room = shared().room(2);
    exhausted(&room);
    let node = room.nodes()[0].as_str();
    let (outcome, _, audit) = drain(&room, &[node, "--dry-run=server"]).watch().finish();
    outcome.expect("blocked", 3);
    assert_eq!(audit.evictions().len(), 1, "{audit}");
    assert!(text(&outcome.pods()[0], "blockedBy").contains("needs 2 healthy pods and has 2"), "{outcome}");

    let mut theirs = kubectl(&room, &["drain", node, "--dry-run=server"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pod = text(&room.pods_on(node)[0]["metadata"], "name").to_owned();
    let mark = shared().audit_mark();
    wait_for_eviction_requests(mark, &pod, 2);
    assert!(theirs.try_wait().unwrap().is_none(), "kubectl goes on");
    theirs.kill().unwrap();
    theirs.wait().unwrap();
}

/// Three pods under a budget that allows one: each alone passes, so a dry run of kubectl promises all three.
#[test]
fn bug_b_a_dry_run_counts_what_a_budget_allows_in_all() {
    let room = shared().room(2);
    room.deployment("web", 6);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 6);
    room.budget_allows("web", 1);
    let outcome = drain(&room, &[&room.nodes()[0], "--dry-run=server"]).watched().0;
    let paces = outcome.finding("budget-paces");
    assert!(text(&paces, "message").contains("allows 1 disruption at a time; 3 pods"), "{outcome}");
}

/// "Retry-After: 600" makes client-go sleep inside one call, ten times over, regardless of `--timeout`.
#[test]
fn bug_c_retry_after_does_not_stretch_the_timeout() {
    let room = shared().room(0);
    let fake = shop(|fake, _| {
        let details = json!({"causes": [{"reason": "DisruptionBudget",
            "message": "The disruption budget web is still being processed by the server."}], "retryAfterSeconds": 600});
        let busy = Answer::status_with(429, "TooManyRequests", "Cannot evict pod", details);
        fake.on("POST", "*/eviction").answer(busy.header("Retry-After", "600"));
    });
    let kubeconfig = kubeconfig(&room, &fake);
    // No test waits for ten minutes: that it ends is the point.
    let outcome = drain(&room, &["n1", "--timeout=15s"]).kubeconfig(&kubeconfig).run();
    outcome.expect("timeout", 124);
    assert!(text(&outcome.pods()[0], "blockedBy").contains("Cannot evict pod"), "{outcome}");

    let mut theirs = kubectl(&room, &["drain", "n1", "--timeout=2s"]);
    let mut theirs =
        theirs.env("KUBECONFIG", &kubeconfig).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let runs_on = wait("kubectl to end, or to overrun its timeout", PATIENCE, || match theirs.try_wait() {
        Ok(None) => (started.elapsed() > Duration::from_secs(9)).then_some(true),
        _ => Some(false),
    });
    let _ = theirs.kill();
    theirs.wait().unwrap();
    assert!(runs_on, "kubectl kept its timeout: then this difference is gone");
}

/// Neither the budget nor what it needs is named, and the same lines come again with each attempt.
#[test]
fn bug_d_the_budget_in_the_way_is_named_once() {
    let room = shared().room(2);
    exhausted(&room);
    let node = room.nodes()[0].as_str();
    let budget = format!("PDB {}/web", room.namespace());
    let run = safe_drain(&room, &[node, "--yes"]).watch();
    run.wait_for_output("blocked by");
    run.signal(Signal::INT);
    let ours = run.finish().0;
    assert_eq!(ours.code, 130, "{ours}");
    let reported = ours.err.lines().filter(|line| line.contains("blocked by")).collect::<Vec<_>>();
    assert_eq!(reported.len(), 1, "{ours}");
    for part in [budget.as_str(), "needs 2 healthy, has 2 of 3", "web-unhealthy (not Ready"] {
        assert!(reported[0].contains(part), "{part}: {ours}");
    }

    // It retries after five seconds.
    let mark = shared().audit_mark();
    let mut theirs =
        kubectl(&room, &["drain", node]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pod = text(&room.pods_on(node)[0]["metadata"], "name").to_owned();
    // Its output about the second refusal comes before the third.
    wait_for_eviction_requests(mark, &pod, 3);
    theirs.kill().unwrap();
    let (_, theirs) = exit_and_output(theirs.wait_with_output());
    assert!(!theirs.contains("needs 2 healthy"), "{theirs}");
    assert!(theirs.matches("evicting pod").count() >= 2, "{theirs}");
}

/// One HTTP 500 while kubectl waits for a pod to be gone fails the drain.
#[test]
fn bug_e_one_failed_read_does_not_end_the_drain() {
    let room = shared().room(0);
    // The pod takes until the second look to be gone; the first look fails.
    let ailing = |path: &'static str| {
        shop(move |fake, pod| {
            fake.on("GET", path).lists().once().answer(Answer::status(500, "InternalError", "etcd is away"));
            let evicted = std::sync::Arc::clone(pod);
            fake.on("POST", "*/eviction").answer(Answer::compute(move |_| {
                evicted.goes();
                Answer::json(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }));
        })
    };
    let fake = ailing("/api/v1/namespaces/shop/pods/web-1");
    let config = kubeconfig(&room, &fake);
    let (code, theirs) =
        exit_and_output(kubectl(&room, &["drain", "n1"]).env("KUBECONFIG", &config).output());
    assert_ne!(code, 0, "{theirs}");
    assert!(theirs.contains("etcd is away"), "{theirs}");

    // Ours follows pods by a watch; what it reads at the end is the node and all that is on it.
    let fake = shop(|fake, pod| {
        let evicted = std::sync::Arc::clone(pod);
        fake.on("POST", "*/eviction").answer(Answer::compute(move |_| {
            evicted.goes();
            Answer::json(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
        }));
        let node = std::sync::Arc::clone(pod);
        let failed = std::sync::atomic::AtomicBool::new(false);
        fake.on("GET", "/api/v1/pods").lists().answer(Answer::compute(move |_| match node.list() {
            Some(list) => list,
            None if failed.swap(true, std::sync::atomic::Ordering::Relaxed) => Answer::json(
                json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "9"}, "items": []}),
            ),
            None => Answer::status(500, "InternalError", "etcd is away"),
        }));
    });
    let outcome = drain(&room, &["n1"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("drained", 0);
    assert!(outcome.err.contains("etcd is away") && outcome.err.contains("is back"), "{outcome}");
}

/// kubernetes#138555: no UID is sent, so a replacement of the same name is evicted in the place of the pod that was meant.
#[test]
fn bug_f_a_replacement_of_the_same_name_is_left_alone() {
    let room = shared().room(2);
    let [here, there] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    room.statefulset("db", 2);
    room.ready("db", 2);
    let unhealthy = |pod: &mut Value| {
        pod["metadata"]["labels"]["app"] = json!("db");
        pod["spec"]["nodeName"] = json!(there);
        annotate(pod, "testbed/failure", "never-ready");
    };
    room.pod_with("db-unhealthy", unhealthy);
    room.budget("db", "db", json!({"minAvailable": 2}));
    counts(&room, "db", 3, 2);
    let pod = room.pods_on(here)[0].clone();
    let name = text(&pod["metadata"], "name").to_owned();

    let run = drain(&room, &[here]).watch();
    run.wait_for_output("blocked by PDB");
    // Somebody else moves it: the same name comes back on the other node, under the same budget.
    room.cluster().delete(&room.path("", &format!("pods/{name}")));
    // Whoever deleted it broke the budget; the other invariants must hold.
    let (outcome, record, audit) = run.finish_but_for_budgets();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 1, "{outcome}");
    assert!(audit.evictions().filter(|eviction| eviction.accepted()).is_empty(), "{audit}");
    let again =
        wait("the replacement", PATIENCE, || room.cluster().try_get(&room.path("", &format!("pods/{name}"))));
    assert_ne!(again["metadata"]["uid"], pod["metadata"]["uid"]);
    assert!(!record.deleted_uids().contains(text(&again["metadata"], "uid")));
}

/// What is bound to the node after kubectl's one list is never looked at: "drained", and a pod runs there.
#[test]
fn bug_g_drained_means_that_the_node_was_read_again() {
    let tolerant = |room: &Room<'_>| {
        room.deployment_with("web", 1, |web| {
            let tolerations = json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]);
            web["spec"]["template"]["spec"]["tolerations"] = tolerations;
        });
        room.ready("web", 1);
    };
    let room = shared().room(1);
    tolerant(&room);
    let (outcome, _) = drain(&room, &[&room.nodes()[0]]).watched();
    outcome.expect("partial", 4);
    assert!(outcome.err.contains("tolerates the cordon"), "{outcome}");

    let room = shared().room(1);
    tolerant(&room);
    let (code, theirs) = exit_and_output(kubectl(&room, &["drain", &room.nodes()[0]]).output());
    assert_eq!(code, 0, "{theirs}");
    assert!(theirs.contains("drained"), "{theirs}");
    room.ready("web", 1);
    assert_eq!(room.pods_on(&room.nodes()[0]).len(), 1, "and it is not");
}

/// Two budgets on one pod are an error that kubectl meets after others were evicted.
#[test]
fn bug_h_two_budgets_on_one_pod_are_found_before_anything_moves() {
    let room = shared().room(2);
    for app in ["web", "free"] {
        room.deployment(app, 2);
        room.ready(app, 2);
    }
    room.budget("one", "web", json!({"minAvailable": 1}));
    room.budget("two", "web", json!({"minAvailable": 1}));
    room.budget_allows("one", 1);
    room.budget_allows("two", 1);
    let node = room.nodes()[0].as_str();
    let (outcome, _, audit) = drain(&room, &[node]).watch().finish();
    outcome.expect("blocked", 3);
    let finding = outcome.finding("pod-in-several-budgets");
    for name in ["one", "two"] {
        assert!(text(&finding, "message").contains(&format!("{}/{name}", room.namespace())), "{finding}");
    }
    assert!(audit.writes().is_empty(), "{audit}");

    let (code, theirs) = exit_and_output(kubectl(&room, &["drain", node]).output());
    assert_eq!(code, 1);
    assert!(theirs.contains("more than one PodDisruptionBudget") && theirs.contains("cordoned"), "{theirs}");
    room.ready("free", 2);
    let moved = !room.pods_on(node).iter().any(|pod| pod["metadata"]["labels"]["app"] == "free");
    assert!(moved, "the other pod was evicted all the same\n{theirs}");
}

/// Two healthy pods, one on each node, an unhealthy one on the second, and a budget of two.
fn exhausted(room: &Room<'_>) {
    room.deployment("web", 2);
    room.ready("web", 2);
    room.pod_with("web-unhealthy", |pod| {
        pod["metadata"]["labels"]["app"] = json!("web");
        pod["spec"]["nodeName"] = json!(room.nodes()[1]);
        annotate(pod, "testbed/failure", "never-ready");
    });
    room.budget("web", "web", json!({"minAvailable": 2}));
    counts(room, "web", 3, 2);
}

fn counts(room: &Room<'_>, budget: &str, expected: usize, healthy: usize) {
    let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
    wait(&format!("budget {budget} to count {healthy} healthy of {expected}"), PATIENCE, || {
        let status = &room.cluster().get(&path)["status"];
        (status["expectedPods"] == expected && status["currentHealthy"] == healthy).then_some(())
    });
}

/// Waits until kubectl, or anybody, has requested the eviction of that pod so many times.
#[track_caller]
fn wait_for_eviction_requests(since: Mark, pod: &str, times: usize) {
    wait(&format!("{times} questions for {pod}"), PATIENCE, || {
        let asked = shared().audit_since(since).evictions().filter(|eviction| eviction.name == *pod);
        (asked.len() >= times).then_some(())
    });
}

fn kubectl(room: &Room<'_>, args: &[&str]) -> Command {
    let mut command = room.cluster().command("kubectl");
    command.args(args).stdin(Stdio::null());
    command
}

/// Its exit code and all that it printed.
fn exit_and_output(output: std::io::Result<Output>) -> (i32, String) {
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
