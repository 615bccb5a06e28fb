//! What heal-check says of containers that end, and what the kubelet then does: each predicted first, then made to happen.

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use crate::cluster::shared;
use crate::containers::{ends_in, is_ready, main_of, name, pod, restarted, trigger};
use crate::heal::{crash_cell, heal};

/// How the container `main` ends.
#[derive(Clone, Copy)]
enum By {
    /// By itself, when it is asked to.
    Itself,
    /// SIGKILL from outside its pod.
    Kill,
    /// At once, again and again.
    Start,
}

struct Case {
    name: &'static str,
    /// Of the pod's specification.
    spec: Value,
    by: By,
    crash: &'static str,
    /// Of the container's last end, where it has one that counts.
    ended: (&'static str, i64),
}

fn cases() -> Vec<Case> {
    let main =
        |script: &str| json!({"name": "main", "image": "example.invalid/app:1", "command": ends_in(script)});
    let other = json!({"name": "other", "image": "example.invalid/app:1"});
    let with = |mut main: Value, more: Value| {
        main.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        main
    };
    let alone = |main: Value| json!({"containers": [main]});
    let case = |name, spec, by, crash, ended| Case { name, spec, by, crash, ended };
    let limit = json!({"resources": {"limits": {"memory": "32Mi"}}});
    let never = json!({"restartPolicy": "Never"});
    let on_failure = json!({"restartPolicy": "OnFailure"});
    vec![
        case("crash", alone(main("exit 3")), By::Itself, "heals", ("Error", 3)),
        case("complete", alone(main("exit 0")), By::Itself, "heals", ("Completed", 0)),
        case("kill", alone(main("exit 1")), By::Kill, "heals", ("Error", 137)),
        // One block of that size in its memory, written to.
        case(
            "memory",
            alone(with(main("exec dd if=/dev/zero of=/dev/null bs=128M count=9"), limit)),
            By::Itself,
            "heals",
            ("OOMKilled", 137),
        ),
        case(
            "loop",
            alone(
                json!({"name": "main", "image": "example.invalid/app:1", "command": ["sh", "-c", "exit 3"]}),
            ),
            By::Start,
            "wont",
            ("Error", 3),
        ),
        case("replaced", alone(with(main("exit 1"), never.clone())), By::Itself, "heals", ("Error", 1)),
        case(
            "dead",
            json!({"containers": [with(main("exit 1"), never), other]}),
            By::Itself,
            "wont",
            ("Error", 1),
        ),
        case(
            "failure",
            json!({"containers": [with(main("exit 1"), on_failure), other]}),
            By::Itself,
            "heals",
            ("Error", 1),
        ),
    ]
}

/// The cell `crash` of each, and what becomes of it: none that was said to heal does not, none that was said not to does.
#[test]
fn the_crash_cell_says_what_the_kubelet_does() {
    let cluster = shared();
    let room = cluster.real_room();
    let cases = cases();
    for case in &cases {
        room.deployment_with(case.name, 1, |object| {
            let spec = &mut object["spec"]["template"]["spec"];
            spec["containers"] = case.spec["containers"].clone();
            // A pod that is replaced may be there beside its replacement.
            spec["topologySpreadConstraints"] = Value::Null;
        });
    }
    let mut before = Vec::new();
    for case in &cases {
        before.push(match case.by {
            By::Start => looping(&room, case.name),
            By::Itself | By::Kill => room.ready(case.name, 1).remove(0),
        });
    }
    let predicted = heal(&room, &[]);
    for case in &cases {
        assert_eq!(crash_cell(&predicted, case.name)["verdict"], case.crash, "{}\n{predicted}", case.name);
    }
    for (case, pod) in cases.iter().zip(&before) {
        match case.by {
            By::Itself => trigger(&room, name(pod)),
            By::Kill => cluster.kill_container(main_of(pod)["containerID"].as_str().unwrap_or_default()),
            By::Start => {}
        }
    }
    for (case, before) in cases.iter().zip(&before) {
        match (case.name, case.crash) {
            ("replaced", _) => replaced(&room, case, before),
            (_, "heals") => {
                let after = restarted(&room, name(before), 1);
                assert_eq!(
                    after["metadata"]["uid"], before["metadata"]["uid"],
                    "{}: the same pod",
                    case.name
                );
                assert_eq!(end(&main_of(&after)["lastState"]), case.ended, "{}", case.name);
            }
            _ => {}
        }
    }
    // By now others were restarted that ended later or with it: these stay as they are.
    let dead = pod(&room, name(&before[6]));
    assert_eq!((dead["status"]["phase"].as_str(), is_ready(&dead)), (Some("Running"), false), "{dead:#}");
    assert_eq!((end(&main_of(&dead)["state"]), &main_of(&dead)["restartCount"]), (cases[6].ended, &json!(0)));
    let crashing = pod(&room, name(&before[4]));
    assert!(!is_ready(&crashing) && main_of(&crashing)["restartCount"].as_u64() >= Some(1), "{crashing:#}");

    let after = heal(&room, &[]);
    for case in ["crash", "kill", "memory"] {
        let cell = crash_cell(&after, case);
        assert_eq!(
            (&cell["verdict"], &cell["evidence"]),
            (&json!("heals"), &json!("observed")),
            "{case}\n{after}"
        );
    }
    let of = |id: &str| -> Vec<String> {
        let report = after.report();
        let findings = report["findings"].as_array().into_iter().flatten().filter(|it| it["id"] == id);
        findings
            .map(|it| {
                format!("{} {}", it["subject"]["name"].as_str().unwrap(), it["severity"].as_str().unwrap())
            })
            .collect()
    };
    assert_eq!(of("HC601"), ["loop critical"], "{after}");
    // Ready again: no error. SIGKILL alone is no lack of memory.
    assert_eq!(of("HC602"), ["memory warning"], "{after}");
    let mut policies = of("HC110");
    policies.sort();
    assert_eq!(policies, ["dead error", "failure error", "replaced warning"], "{after}");
}

#[track_caller]
fn looping(room: &Room<'_>, app: &str) -> Value {
    wait(&format!("{app} to be in CrashLoopBackOff"), PATIENCE, || {
        let pods = room.cluster().list(&room.path("", &format!("pods?labelSelector=app={app}")));
        pods.into_iter().find(|pod| main_of(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff")
    })
}

/// Its pod is over, and there is another one.
#[track_caller]
fn replaced(room: &Room<'_>, case: &Case, before: &Value) {
    wait(&format!("{} to be replaced", case.name), PATIENCE, || {
        let pods = room.cluster().list(&room.path("", &format!("pods?labelSelector=app={}", case.name)));
        let other = pods.iter().any(|pod| name(pod) != name(before) && is_ready(pod));
        other.then_some(())
    });
    let old = pod(room, name(before));
    assert_eq!((old["status"]["phase"].as_str(), end(&main_of(&old)["state"])), (Some("Failed"), case.ended));
}

fn end(state: &Value) -> (&str, i64) {
    let end = &state["terminated"];
    (end["reason"].as_str().unwrap_or_default(), end["exitCode"].as_i64().unwrap_or(-1))
}

/// A failed probe ends a container that does not hear SIGTERM by SIGKILL: exit code 137, and no lack of memory.
#[test]
fn a_liveness_kill_is_not_taken_for_lack_of_memory() {
    let cluster = shared();
    let room = cluster.real_room();
    room.deployment_with("web", 1, |object| {
        let main = &mut object["spec"]["template"]["spec"]["containers"][0];
        main["command"] = json!(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]);
        main["livenessProbe"] = json!({"exec": {"command": ["test", "!", "-e", "/tmp/end"]}, "periodSeconds": 1,
            "timeoutSeconds": 30, "failureThreshold": 1, "terminationGracePeriodSeconds": 1});
    });
    let before = room.ready("web", 1).remove(0);
    assert_eq!(main_of(&before)["restartCount"], 0);
    trigger(&room, name(&before));
    let after = restarted(&room, name(&before), 1);
    assert_eq!(end(&main_of(&after)["lastState"]), ("Error", 137), "{after:#}");
    let outcome = heal(&room, &["deploy/web"]);
    assert!(!outcome.findings().iter().any(|id| id == "HC602"), "{outcome}");
    assert_eq!(crash_cell(&outcome, "web")["evidence"], "observed", "{outcome}");
}
