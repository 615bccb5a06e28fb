//! `--prove=kill` on containers: what it ends, what it measures, and what it leaves alone.

use std::time::Instant;

use ::testbed::{Audit, PATIENCE, Record, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cluster::shared;
use crate::containers::{is_ready, main_of, name, pod};
use crate::kill_beside::without_a_shell;
use crate::kill_setup::{IMAGE, expect_proof, main_runs, printed_rules, prove, sees_its_role, workload};
use crate::plugin::{heal_check, text};
use crate::tty::Tty;

/// Ends by SIGTERM, with that exit code.
const HEARS: &str = "trap 'exit 3' TERM; while :; do sleep 0.1; done";
/// No shell is the first process, and it has no handler.
const DEAF: &[&str] = &["sleep", "1000000"];
const GOES_ON: &str = "trap 'true' TERM; while :; do sleep 0.1; done";

/// What two watches of one server may differ by, on a machine that is busy with other tests.
const LAG: f64 = 0.75;

fn sh(script: &str) -> Value {
    json!(["sh", "-c", script])
}

/// Nothing was written, and so many commands ran.
#[track_caller]
fn assert_only_commands(audit: &Audit, commands: usize) {
    let changes = audit.changes().filter(|it| it.subresource != "exec");
    assert!(changes.is_empty(), "{changes}");
    assert_eq!(audit.0.iter().filter(|it| it.subresource == "exec").count(), commands, "{audit}");
}

fn first(record: &Record, uid: &str, is_it: impl Fn(&Value) -> bool) -> Instant {
    let mut events = record.events.iter().filter(|it| it.kind == "Pod" && it.uid() == uid);
    events.find(|it| is_it(&it.object)).map(|it| it.at).unwrap()
}

/// Two pods, one after the other: a crash each, measured as the watcher sees it, and the cell `crash` is proven.
#[test]
fn a_container_that_hears_sigterm_is_killed_and_comes_back() {
    let cluster = shared();
    let room = cluster.real_room();
    let pods = workload(&room, "web", 2, main_runs(sh(HEARS)));
    let (outcome, record, audit) =
        prove(&room, "web", &["--yes", "--max-recovery=60s"]).watch().finish_unchecked();
    let proof = expect_proof(&outcome, "recovered", 2, 0);
    // A look before the plan, and a look and a kill each.
    assert_only_commands(&audit, 5);
    let rounds = proof["rounds"].as_array().unwrap();
    for round in rounds {
        let uid = text(round, "victimUid");
        let before = pods.iter().find(|it| it["metadata"]["uid"] == uid).unwrap();
        let id = main_of(before)["containerID"].clone();
        assert_eq!(
            (&round["container"], &round["signal"], &round["exitCode"]),
            (&json!("main"), &json!("SIGTERM"), &json!(3)),
            "{outcome}"
        );
        let after = pod(&room, text(round, "victim"));
        let main = main_of(&after);
        assert_eq!((&after["metadata"]["uid"], &main["restartCount"]), (&json!(uid), &json!(1)), "{after:#}");
        assert_eq!(main["lastState"]["terminated"]["containerID"], id);
        // All but the signal, which no watch shows: by what lies between the others.
        let ended = |pod: &Value| {
            let main = main_of(pod);
            [&main["state"], &main["lastState"]].iter().any(|it| it["terminated"]["containerID"] == id)
        };
        let terminated = first(&record, uid, ended);
        let is_new =
            |pod: &Value| main_of(pod)["containerID"] != id && main_of(pod)["state"]["running"].is_object();
        let seconds =
            |phase: &str| round["seconds"][phase].as_f64().unwrap_or_else(|| panic!("{phase}\n{outcome}"));
        let started = first(&record, uid, is_new).duration_since(terminated).as_secs_f64();
        let ready =
            first(&record, uid, |it| is_new(it) && is_ready(it)).duration_since(terminated).as_secs_f64();
        for (phase, watched) in [("started", started), ("ready", ready)] {
            let reported = seconds(phase) - seconds("terminated");
            assert!(
                (reported - watched).abs() < LAG,
                "{phase}: reported {reported}, watched {watched}\n{outcome}"
            );
        }
        assert!(seconds("ready") <= seconds("endpoint"), "{outcome}");
        assert_eq!(round["recoverySeconds"].as_f64().unwrap(), seconds("endpoint").max(seconds("available")));
    }
    assert_ne!(rounds[0]["victim"], rounds[1]["victim"]);
    let report = outcome.report();
    let matrix = &report["workloads"][0]["matrix"];
    assert_eq!(
        (&matrix["crash"]["evidence"], &matrix["podLoss"]["evidence"]),
        (&json!("proven"), &json!("predicted")),
        "{outcome}"
    );
    assert!(!outcome.findings().iter().any(|id| id == "HC310"), "{outcome}");

    // Each was restarted a moment ago: the next kill would measure the wait of the kubelet.
    let again = prove(&room, "web", &["--yes"]).run();
    again.expect("refused", 3);
    assert!(again.err.contains("less than 10 minutes ago"), "{again}");
}

/// B8: what the kernel lets no signal through to is not tried, and its process goes on.
#[test]
fn a_first_process_without_a_handler_is_left_alone() {
    let cluster = shared();
    let room = cluster.real_room();
    let before = workload(&room, "web", 2, main_runs(json!(DEAF)));
    let mark = cluster.audit_mark();
    let outcome = prove(&room, "web", &["--yes"]).run();
    let proof = expect_proof(&outcome, "aborted", 0, 3);
    assert!(text(&proof, "reason").contains("cannot be killed from inside"), "{outcome}");
    assert!(outcome.findings().iter().any(|id| id == "HC310"), "{outcome}");
    let audit = crate::plugin::requests(&room, "heal-check", cluster.audit_since(mark));
    // One look.
    assert_only_commands(&audit, 1);
    // In words, without a report for programs.
    let shown = heal_check(&room, &["deploy/web", "--prove=kill", "--yes"]).run();
    assert_eq!(shown.code, 3, "{shown}");
    assert!(shown.out.contains("HC310") && shown.err.contains("shareProcessNamespace"), "{shown}");
    for pod_before in &before {
        let after = pod(&room, name(pod_before));
        assert_eq!(main_of(&after)["containerID"], main_of(pod_before)["containerID"]);
    }
}

/// B9: where it is not the first process of its namespace, SIGKILL ends the same program: of this container and of no other one.
#[test]
fn in_a_shared_namespace_sigkill_ends_the_very_process() {
    let cluster = shared();
    let room = cluster.real_room();
    let before = workload(&room, "web", 2, |spec| {
        main_runs(json!(DEAF))(spec);
        spec["shareProcessNamespace"] = json!(true);
        let other = json!({"name": "other", "image": IMAGE, "command": DEAF});
        spec["containers"].as_array_mut().unwrap().push(other);
    });
    let (outcome, _, audit) = prove(&room, "web", &["--yes", "--rounds=1"]).watch().finish_unchecked();
    let proof = expect_proof(&outcome, "recovered", 1, 0);
    assert_only_commands(&audit, 3);
    let round = &proof["rounds"][0];
    assert_eq!((&round["signal"], &round["exitCode"]), (&json!("SIGKILL"), &json!(137)), "{outcome}");
    let restarts: u64 = before
        .iter()
        .map(|it| {
            let after = pod(&room, name(it));
            let all = after["status"]["containerStatuses"].as_array().unwrap();
            let other = all.iter().find(|it| it["name"] == "other").unwrap();
            assert_eq!(other["restartCount"], 0, "{after:#}");
            main_of(&after)["restartCount"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(restarts, 1, "{outcome}");
}

/// It hears the signal and goes on: that is no recovery, whatever the pod looks like.
#[test]
fn a_kill_without_effect_is_a_verdict_of_its_own() {
    let cluster = shared();
    let room = cluster.real_room();
    let before = workload(&room, "web", 2, main_runs(sh(GOES_ON)));
    let outcome = prove(&room, "web", &["--yes"]).run();
    let proof = expect_proof(&outcome, "void", 1, 5);
    assert!(text(&proof, "reason").starts_with("the kill had no effect"), "{outcome}");
    assert_eq!(proof["rounds"][0]["seconds"], json!({}), "{outcome}");
    assert_ne!(outcome.report()["workloads"][0]["matrix"]["crash"]["evidence"], json!("proven"), "{outcome}");
    for one in &before {
        assert_eq!(main_of(&pod(&room, name(one)))["restartCount"], 0);
    }
}

/// `--container`: another one than that of `kubectl exec`, here a sidecar; of the others none is restarted. One that is not there is no
/// reason to take another one.
#[test]
fn the_container_that_is_named_is_the_one_that_is_killed() {
    let cluster = shared();
    let room = cluster.real_room();
    let before = workload(&room, "web", 2, |spec| {
        main_runs(sh(HEARS))(spec);
        spec["initContainers"] = json!([
            {"name": "setup", "image": IMAGE, "command": ["true"]},
            {"name": "proxy", "image": IMAGE, "command": sh(HEARS), "restartPolicy": "Always"}]);
    });
    let mark = cluster.audit_mark();
    for other in ["setup", "none"] {
        let outcome = prove(&room, "web", &["--yes", "--container", other]).run();
        outcome.expect("refused", 3);
        assert!(outcome.err.contains("there are: main, proxy (sidecar)"), "{outcome}");
    }
    assert_only_commands(&crate::plugin::requests(&room, "heal-check", cluster.audit_since(mark)), 0);
    let (outcome, _, audit) =
        prove(&room, "web", &["--yes", "--rounds=1", "--container=proxy"]).watch().finish_unchecked();
    let proof = expect_proof(&outcome, "recovered", 1, 0);
    assert_only_commands(&audit, 3);
    let round = &proof["rounds"][0];
    assert_eq!((&round["container"], &round["exitCode"]), (&json!("proxy"), &json!(3)), "{outcome}");
    let mut restarts = Vec::new();
    for one in &before {
        let after = pod(&room, name(one));
        assert_eq!(main_of(&after)["restartCount"], 0, "{after:#}");
        let init = after["status"]["initContainerStatuses"].as_array().unwrap();
        restarts.push(init.iter().find(|it| it["name"] == "proxy").unwrap()["restartCount"].clone());
    }
    restarts.sort_by_key(Value::as_u64);
    assert_eq!(restarts, [0, 1], "{outcome}");
}

/// What would stay dead, or end its pod, is not killed; where nothing can be run inside, nothing is tried.
#[test]
fn what_would_not_come_back_or_has_no_shell_is_refused() {
    let cluster = shared();
    let room = cluster.real_room();
    workload(&room, "dead", 2, |spec| {
        main_runs(sh(HEARS))(spec);
        spec["containers"][0]["restartPolicy"] = json!("Never");
        spec["containers"].as_array_mut().unwrap().push(json!({"name": "other", "image": IMAGE}));
    });
    workload(&room, "final", 2, |spec| {
        main_runs(sh(HEARS))(spec);
        spec["containers"][0]["restartPolicy"] = json!("Never");
    });
    workload(&room, "bare", 2, without_a_shell(json!(["/tools/busybox", "sleep", "1000000"])));
    let mark = cluster.audit_mark();
    for (app, why) in [
        ("dead", "does not run again"),
        ("final", "not started again if it ends with exit code 0"),
        ("bare", "has no shell"),
    ] {
        let outcome = prove(&room, app, &["--yes"]).run();
        outcome.expect("refused", 3);
        assert!(outcome.err.contains(why), "{outcome}");
    }
    let audit = crate::plugin::requests(&room, "heal-check", cluster.audit_since(mark));
    // A look into `final` and one into `bare`.
    assert_only_commands(&audit, 2);
}

#[test]
fn without_consent_nothing_is_killed() {
    let cluster = shared();
    let room = cluster.real_room();
    workload(&room, "web", 2, main_runs(sh(HEARS)));
    let outcome = prove(&room, "web", &[]).run();
    outcome.expect("refused", 3);
    assert!(outcome.err.contains("needs confirmation"), "{outcome}");
    let plan = heal_check(&room, &["deploy/web", "--prove=kill"]).run();
    assert!(plan.err.contains("SIGTERM to its process 1 (sh)"), "{plan}");
}

/// On a terminal: the question says which container of which pods, and how; anything else than the name of the workload kills nothing.
#[test]
fn a_question_that_is_answered_by_no_kills_nothing() {
    let cluster = shared();
    let room = cluster.real_room();
    let before = workload(&room, "web", 2, main_runs(sh(HEARS)));
    let mark = cluster.audit_mark();
    for answer in ["no\r", "\r", "we\r"] {
        let run = heal_check(&room, &["deploy/web", "--prove=kill", "--rounds=1"]);
        let mut tty = Tty::of(run.command());
        tty.until("Type web to continue").keys(answer);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        let screen = tty.text();
        assert!(before.iter().any(|it| screen.contains(&asked(name(it)))), "{screen}");
        assert!(screen.contains("declined: web was not typed; nothing was killed"), "{screen}");
    }
    // A look each, before the question.
    assert_only_commands(&crate::plugin::requests(&room, "heal-check", cluster.audit_since(mark)), 3);
    for one in &before {
        assert_eq!(main_of(&pod(&room, name(one)))["restartCount"], 0);
    }
    // The very same question, answered by the name.
    let run = heal_check(&room, &["deploy/web", "--prove=kill", "--rounds=1"]);
    let mut tty = Tty::of(run.command());
    tty.until("Type web to continue").keys("web\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.text();
    for one in &before {
        let restarts = if screen.contains(&asked(name(one))) { 1 } else { 0 };
        assert_eq!(main_of(&pod(&room, name(one)))["restartCount"], restarts, "{screen}");
    }
}

fn asked(pod: &str) -> String {
    format!("Kill container main of pod {pod} by SIGTERM? Until it is started again, its pod is not ready.")
}

/// Ctrl-C in the middle of a round: the recovery is waited for and reported, and no other round begins.
#[test]
fn ctrl_c_waits_until_the_container_is_back() {
    let cluster = shared();
    let room = cluster.real_room();
    let pods = workload(&room, "web", 3, main_runs(sh(HEARS)));
    let run = prove(&room, "web", &["--yes"]).watch();
    run.wait_for_output("terminated");
    run.signal(Signal::INT);
    let (outcome, _, audit) = run.finish_unchecked();
    let proof = expect_proof(&outcome, "aborted", 1, 130);
    assert!(proof["rounds"][0]["recoverySeconds"].is_number(), "{outcome}");
    assert_only_commands(&audit, 3);
    let restarts: u64 =
        pods.iter().filter_map(|it| main_of(&pod(&room, name(it)))["restartCount"].as_u64()).sum();
    assert_eq!(restarts, 1, "{outcome}");
}

/// A StatefulSet's pod that is replaced while the proof waits for the next round has the same name, and is left alone.
#[test]
fn another_pod_by_the_same_name_is_not_killed() {
    let cluster = shared();
    let room = cluster.real_room();
    room.statefulset_with("db", 3, |object| {
        let spec = &mut object["spec"]["template"]["spec"];
        spec["topologySpreadConstraints"] = Value::Null;
        spec["terminationGracePeriodSeconds"] = json!(1);
        main_runs(sh(HEARS))(spec);
    });
    room.ready("db", 3);
    let run = heal_check(&room, &["sts/db", "--prove=kill", "--interval=20s", "--yes", "-o", "json"]).watch();
    run.wait_for_output("next round in");
    // The victim of the next round.
    let path = room.path("", "pods/db-1");
    let before = pod(&room, "db-1")["metadata"]["uid"].clone();
    cluster.delete(&path);
    let after = wait("db-1 to be replaced", PATIENCE, || {
        let now = cluster.try_get(&path)?;
        (now["metadata"]["uid"] != before && is_ready(&now)).then_some(now)
    });
    let (outcome, _, _) = run.finish_unchecked();
    assert_ne!(outcome.code, 0, "{outcome}");
    let proof = &outcome.report()["proof"];
    for round in proof["rounds"].as_array().unwrap() {
        assert_ne!(round["victimUid"], after["metadata"]["uid"], "{outcome}");
    }
    let db = pod(&room, "db-1");
    assert_eq!(
        (&db["metadata"]["uid"], &main_of(&db)["restartCount"]),
        (&after["metadata"]["uid"], &json!(0))
    );
}

/// Its second start fails, again and again: it was not healed, and the cell says nothing else.
#[test]
fn a_container_that_does_not_come_back_has_not_recovered() {
    let cluster = shared();
    let room = cluster.real_room();
    let once = format!("[ ! -e /data/ran ] || exit 4; touch /data/ran; {HEARS}");
    workload(&room, "web", 2, |spec| {
        main_runs(sh(&once))(spec);
        spec["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    });
    let outcome = prove(&room, "web", &["--yes", "--max-recovery=2s"]).run();
    let proof = expect_proof(&outcome, "not-recovered", 1, 1);
    assert!(proof["rounds"][0]["seconds"]["terminated"].is_number(), "{outcome}");
    assert!(proof["rounds"][0]["recoverySeconds"].is_null(), "{outcome}");
    assert_ne!(outcome.report()["workloads"][0]["matrix"]["crash"]["evidence"], json!("proven"), "{outcome}");
}

/// The printed role is enough; without its right to run commands nothing is looked into.
#[test]
fn the_printed_role_is_enough_for_a_kill() {
    let cluster = shared();
    let room = cluster.real_room();
    workload(&room, "web", 2, main_runs(sh(HEARS)));
    let rules = printed_rules(&room, &["--prove=kill"]);
    let is_exec =
        |rule: &Value| rule["resources"].as_array().is_some_and(|it| it.contains(&json!("pods/exec")));
    let less: Vec<Value> = rules.iter().filter(|it| !is_exec(it)).cloned().collect();
    assert!(!less.is_empty() && less.len() < rules.len(), "{rules:#?}");
    let user = |name: &str, rules: &[Value]| sees_its_role(&room, name, rules);
    let refused = prove(&room, "web", &["--yes"]).kubeconfig(&user("reader", &less)).run();
    refused.expect("refused", 3);
    assert!(refused.err.contains("pods/exec"), "{refused}");
    let outcome = prove(&room, "web", &["--yes", "--rounds=1"]).kubeconfig(&user("killer", &rules)).run();
    expect_proof(&outcome, "recovered", 1, 0);
}
