//! `--prove=kill --debug-image` on containers without a shell: what is added to their pods, what it can kill, and when nothing is added.

use ::testbed::{Audit, Room};
use serde_json::{Value, json};

use crate::cluster::shared;
use crate::containers::{main_of, name, pod};
use crate::kill_setup::{IMAGE, expect_proof, main_runs, printed_rules, prove, sees_its_role, workload};
use crate::plugin::{Outcome, Run, heal_check, requests, text};
use crate::tty::Tty;

const USER: u64 = 1000;
const HEARS: &str = "trap 'exit 3' TERM; while :; do /tools/busybox sleep 0.1; done";

fn shell(script: &str) -> Value {
    json!(["/tools/busybox", "sh", "-c", script])
}

/// Its shell is hidden behind an empty folder: all that is left is the program that is mounted elsewhere.
pub fn without_a_shell(command: Value) -> impl Fn(&mut Value) {
    move |spec| {
        main_runs(command.clone())(spec);
        spec["containers"][0]["readinessProbe"] =
            json!({"exec": {"command": ["/tools/busybox", "true"]}, "periodSeconds": 1});
        spec["volumes"] = json!([{"name": "tools", "emptyDir": {}}, {"name": "nothing", "emptyDir": {}}]);
        spec["initContainers"] = json!([{"name": "copy", "image": IMAGE, "command": ["cp", "/bin/busybox", "/tools/"],
            "volumeMounts": [{"name": "tools", "mountPath": "/tools"}]}]);
        spec["containers"][0]["volumeMounts"] =
            json!([{"name": "tools", "mountPath": "/tools"}, {"name": "nothing", "mountPath": "/bin"}]);
    }
}

/// As the Pod Security Standard "restricted" demands.
fn as_user(command: Value) -> impl Fn(&mut Value) {
    move |spec| {
        without_a_shell(command.clone())(spec);
        spec["securityContext"] =
            json!({"runAsUser": USER, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        for at in ["containers", "initContainers"] {
            spec[at][0]["securityContext"] =
                json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        }
    }
}

fn with_image<'r>(room: &'r Room<'r>, app: &str, more: &[&str]) -> Run<'r> {
    prove(room, app, &[&["--debug-image", IMAGE], more].concat())
}

/// The pods to which a container was added, and nothing else was written.
#[track_caller]
fn assert_only_added(audit: &Audit, pods: &[&str]) {
    let changes = audit.changes().filter(|it| it.subresource != "exec");
    let added: Vec<&str> = changes
        .iter()
        .map(|it| {
            assert_eq!(
                (it.verb.as_str(), it.subresource.as_str()),
                ("patch", "ephemeralcontainers"),
                "{audit}"
            );
            assert!(it.accepted() && it.request_object["metadata"]["uid"].is_string(), "{audit}");
            it.name.as_str()
        })
        .collect();
    assert_eq!(added, pods, "{audit}");
}

/// What the report lists is what the pods have.
#[track_caller]
fn assert_listed(room: &Room<'_>, outcome: &Outcome, before: &[Value]) -> Vec<String> {
    let listed: Vec<(String, String)> = outcome.report()["proof"]["ephemeralContainers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (text(it, "pod").to_owned(), text(it, "container").to_owned()))
        .collect();
    for one in before {
        let pod = pod(room, name(one));
        let all = pod["spec"]["ephemeralContainers"].as_array().cloned().unwrap_or_default();
        let own = listed.iter().find(|(pod, _)| pod == name(one));
        let names: Vec<&str> = all.iter().map(|it| text(it, "name")).collect();
        assert_eq!(names, own.map(|(_, it)| it.as_str()).into_iter().collect::<Vec<_>>(), "{outcome}");
        for it in &all {
            assert_eq!((text(it, "targetContainerName"), text(it, "image")), ("main", IMAGE), "{it:#}");
        }
    }
    listed.into_iter().map(|(pod, _)| pod).collect()
}

/// By a signal that its process handles; in a shared namespace, by SIGKILL. The printed role is enough, also where Pod Security is restricted.
#[test]
fn a_container_without_a_shell_is_killed_from_beside_it() {
    let cluster = shared();
    let room = cluster.real_room();
    room.enforce_pod_security("restricted");
    let hears = workload(&room, "hears", 2, as_user(shell(HEARS)));
    let shared = workload(&room, "shared", 2, |spec| {
        as_user(json!(["/tools/busybox", "sleep", "1000000"]))(spec);
        spec["shareProcessNamespace"] = json!(true);
        // At nearly every moment a command of the probe runs beside the first process.
        let probe = json!({"exec": {"command": ["/tools/busybox", "sleep", "0.9"]}, "periodSeconds": 1, "timeoutSeconds": 5});
        spec["containers"][0]["readinessProbe"] = probe;
    });
    let rules = printed_rules(&room, &["--prove=kill", "--debug-image", IMAGE]);
    let killer = sees_its_role(&room, "beside", &rules);
    for (app, before, signal, code) in [("hears", &hears, "SIGTERM", 3), ("shared", &shared, "SIGKILL", 137)]
    {
        let (outcome, _, audit) =
            with_image(&room, app, &["--yes", "--rounds=1"]).kubeconfig(&killer).watch().finish_unchecked();
        let proof = expect_proof(&outcome, "recovered", 1, 0);
        let round = &proof["rounds"][0];
        assert_eq!((text(round, "signal"), &round["exitCode"]), (signal, &json!(code)), "{outcome}");
        let listed = assert_listed(&room, &outcome, before);
        assert_eq!(listed, [text(round, "victim")], "{outcome}");
        assert_only_added(&audit, &[text(round, "victim")]);
        for one in before.iter() {
            let restarts = if listed.contains(&name(one).to_owned()) { 1 } else { 0 };
            assert_eq!(main_of(&pod(&room, name(one)))["restartCount"], restarts, "{outcome}");
        }
    }
}

/// The kernel lets no signal through from there either: the container goes on, and what is left in the pod is said.
#[test]
fn what_is_added_is_listed_although_nothing_can_be_killed() {
    let cluster = shared();
    let room = cluster.real_room();
    let deaf = json!(["/tools/busybox", "sleep", "1000000"]);
    let before = workload(&room, "web", 2, as_user(deaf));
    let outcome = with_image(&room, "web", &["--yes"]).run();
    let proof = expect_proof(&outcome, "aborted", 0, 4);
    assert!(text(&proof, "reason").contains("cannot be killed from inside"), "{outcome}");
    let listed = assert_listed(&room, &outcome, &before);
    assert_eq!(listed.len(), 1, "{outcome}");
    for one in &before {
        assert_eq!(main_of(&pod(&room, name(one)))["restartCount"], 0);
    }
    // In words, with what gets rid of it; the image is nowhere to be had.
    let target = ["deploy/web", "--prove=kill", "--yes", "--debug-image=example.invalid/none:1"];
    let shown = heal_check(&room, &target).run();
    assert_eq!(shown.code, 4, "{shown}");
    let restart = format!("kubectl rollout restart deployment/web -n {}", room.namespace());
    assert!(shown.out.contains("ephemeral container heal-check-") && shown.out.contains(&restart), "{shown}");
    assert!(shown.out.contains("does not run: "), "{shown}");
}

/// Without the word for it, without the user that a signal takes, or against a policy; and not where there is a shell.
#[test]
fn no_container_is_added_without_consent_or_against_a_policy() {
    let cluster = shared();
    let room = cluster.real_room();
    workload(&room, "web", 2, as_user(shell(HEARS)));
    workload(&room, "unknown", 2, without_a_shell(shell(HEARS)));
    let mark = cluster.audit_mark();
    let silent = with_image(&room, "web", &[]).run();
    silent.expect("refused", 3);
    for (first, second) in [("web\r", None), ("ephemeral\r", Some("no\r"))] {
        let target = ["deploy/web", "--prove=kill", "--rounds=1", "--debug-image", IMAGE];
        let mut tty = Tty::of(heal_check(&room, &target).command());
        tty.until("Type ephemeral to continue").keys(first);
        if let Some(second) = second {
            tty.until("Type web to continue").keys(second);
        }
        assert_eq!(tty.end(), 3, "{}", tty.text());
        let screen = tty.text();
        assert!(screen.contains("It cannot be removed") && screen.contains("declined"), "{screen}");
    }
    let unknown = with_image(&room, "unknown", &["--yes"]).run();
    unknown.expect("refused", 3);
    assert!(unknown.err.contains("is not known"), "{unknown}");
    let policy = room.refuse_ephemeral_containers("no debugging here");
    let refused = with_image(&room, "web", &["--yes"]).run();
    refused.expect("refused", 3);
    assert!(refused.err.contains("no debugging here"), "{refused}");
    drop(policy);
    assert_only_added(&requests(&room, "heal-check", cluster.audit_since(mark)), &[]);
    for one in room.pods() {
        assert_eq!(main_of(&one)["restartCount"], 0, "{one:#}");
    }

    // Its own shell is enough.
    workload(
        &room,
        "plain",
        2,
        main_runs(json!(["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"])),
    );
    let outcome = with_image(&room, "plain", &["--yes", "--rounds=1"]).run();
    let proof = expect_proof(&outcome, "recovered", 1, 0);
    assert!(proof["ephemeralContainers"].is_null(), "{outcome}");
    assert_only_added(&requests(&room, "heal-check", cluster.audit_since(mark)), &[]);
}
