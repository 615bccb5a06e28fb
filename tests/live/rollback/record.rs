//! What a rollback leaves behind for whoever comes later: cause, Event, journal, and whose name is on the write.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ::testbed::shared;
use serde_json::{Value, json};

use super::execution::{KINDS, app, made, typed, updated};
use crate::plugin::{rollback, rollback_to, text};

/// The history entry of the current revision.
#[track_caller]
fn current(room: &::testbed::Room<'_>, target: &str) -> Value {
    let outcome = rollback_to(room, &[target, "--history", "-o", "json"]).run();
    let history = outcome.report();
    let revisions = history["workloads"][0]["revisions"].as_array().cloned().unwrap_or_default();
    revisions.into_iter().find(|it| it["current"] == true).unwrap_or_else(|| panic!("{outcome}"))
}

/// `3  incident 7` of kubectl's own history: number and cause of the newest.
#[track_caller]
fn kubectls_newest(room: &::testbed::Room<'_>, target: &str) -> (String, String) {
    let output = room.kubectl(&["rollout", "history", target]);
    let line = output.trim_end().lines().last().unwrap_or_default().to_owned();
    let (number, cause) = line.split_once(char::is_whitespace).unwrap_or_else(|| panic!("{output}"));
    (number.to_owned(), cause.trim().to_owned())
}

#[test]
fn the_reason_is_the_cause_that_both_histories_show() {
    let room = shared().room(1);
    for kind in KINDS {
        let (name, target) = (kind.to_lowercase(), typed(kind, &kind.to_lowercase()));
        updated(&room, kind, &name, 1, None, |object| {
            object["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": "first"});
        });
        let args = [target.as_str(), "--to-revision=1", "--reason", "incident 7: 502s"];
        rollback(&room, &args).run().expect("done", 0);
        assert_eq!(kubectls_newest(&room, &target), ("3".into(), "incident 7: 502s".into()), "{kind}");
        let current = current(&room, &target);
        assert_eq!(
            (&current["revision"], &current["changeCause"]),
            (&json!(3), &json!("incident 7: 502s")),
            "{kind}"
        );
        assert_eq!(current["changeCauseInherited"], false, "{kind}: it is the reason of this very rollout");
        let notes = &room.workload(kind, &name)["metadata"]["annotations"];
        assert_eq!(notes["kubernetes.io/change-cause"], "incident 7: 502s", "{kind}");
    }
}

/// The reason is written as typed, so the warning comes before the write, and does not repeat the secret.
#[test]
fn a_reason_that_looks_as_if_a_secret_were_in_it_is_warned_of_before_the_write() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let args = ["deployment/web", "--to-revision=1", "--reason=now with DB_PASSWORD=hunter2"];
    let plan = rollback(&room, &[&args[..], &["--dry-run"]].concat()).run();
    assert_eq!(plan.finding("reason-looks-secret")["severity"], "warning", "{plan}");
    let words = rollback_to(&room, &[&args[..], &["--dry-run"]].concat()).run();
    let output = format!("{}{}", words.out, words.err);
    assert!(output.contains("reason-looks-secret") && output.contains("now with DB_PASSWORD=***"), "{words}");
    assert!(!format!("{plan}{words}").contains("hunter2"), "{plan}{words}");
    rollback(&room, &args).run().expect("done", 0);
    let notes = room.workload("Deployment", "web")["metadata"]["annotations"].take();
    assert_eq!(
        notes["kubernetes.io/change-cause"], "now with DB_PASSWORD=hunter2",
        "nobody's words are changed"
    );
}

#[test]
fn without_a_reason_the_cause_is_the_targets_own_and_not_that_of_the_bad_version() {
    let room = shared().room(1);
    for kind in KINDS {
        let (name, target) = (kind.to_lowercase(), typed(kind, &kind.to_lowercase()));
        made(&room, kind, &name, 1, None, |object| {
            object["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": "good"});
        });
        room.set_image(kind, &name, &app(2));
        room.rolled_out(kind, &name);
        room.observed(kind, &name);
        assert!(kubectls_newest(&room, &target).1.contains("set image"), "the test itself");
        rollback(&room, &[&target, "--to-revision=1"]).run().expect("done", 0);
        assert_eq!(kubectls_newest(&room, &target).1, "good", "{kind}");
        assert_eq!(current(&room, &target)["changeCause"], "good", "{kind}");
        let notes = &room.workload(kind, &name)["metadata"]["annotations"];
        assert_eq!(notes["kubernetes.io/change-cause"], "good", "{kind}");
    }
}

#[test]
fn an_event_on_the_workload_names_both_revisions_and_the_reason() {
    let room = shared().room(1);
    for kind in KINDS {
        let (name, target) = (kind.to_lowercase(), typed(kind, &kind.to_lowercase()));
        updated(&room, kind, &name, 1, None, |_| ());
        rollback(&room, &[&target, "--to-revision=1", "--reason=incident 7"]).run().expect("done", 0);
        let uid = room.workload(kind, &name)["metadata"]["uid"].take();
        let events = room.cluster().list(&room.path("events.k8s.io", "events"));
        let ours: Vec<&Value> = events
            .iter()
            .filter(|event| event["reason"] == "RolledBack" && event["regarding"]["uid"] == uid)
            .collect();
        let [event] = ours.as_slice() else { panic!("{kind}: {ours:#?}") };
        let note = "rolled back from revision 2 to revision 1 (main=example.invalid/app:1): incident 7";
        assert_eq!((text(event, "note"), text(event, "type")), (note, "Normal"), "{kind}");
        assert_eq!(event["regarding"]["kind"], kind);
        let described = room.kubectl(&["describe", &target]);
        assert!(described.contains("RolledBack") && described.contains(note), "{kind}: {described}");
    }
}

#[test]
fn a_rollback_that_fails_leaves_a_warning() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    rollback(&room, &["deployment/web", "--to-revision=1", "--fail-after=1s"]).run().expect("failed", 1);
    let events = room.cluster().list(&room.path("events.k8s.io", "events"));
    let event = events
        .iter()
        .find(|event| event["reason"] == "RollbackFailed")
        .unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!(event["type"], "Warning");
    assert!(text(event, "note").contains("ContainersNotReady"), "{event:#}");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_journal_is_private_and_contains_what_a_rollback_needs_and_no_secret() {
    let room = shared().room(1);
    room.apply(json!({"kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter2-of-a-secret"}}));
    updated(&room, "Deployment", "web", 1, None, |object| {
        let from = json!({"secretKeyRef": {"name": "db", "key": "password"}});
        object["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{"name": "PASSWORD", "valueFrom": from}]);
    });
    let start = room.workload("Deployment", "web");
    let kubeconfig = shared().user("roller", &["system:masters"], &[]);
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--reason=incident 7", "--user=roller"]);
    let run = run.kubeconfig(&kubeconfig);
    run.run().expect("done", 0);
    let folder = run.state_home().join("kubectl-rollback-to");
    let file = folder.join("journal.jsonl");
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    let journal = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [intent, ending] = lines.as_slice() else { panic!("{journal}") };
    assert_eq!(
        (&intent["reason"], &intent["server"]),
        (&json!("incident 7"), &json!(shared().server())),
        "{journal}"
    );
    let workload = &intent["workloads"][0];
    assert_eq!(workload["uid"], start["metadata"]["uid"]);
    assert_eq!((&workload["fromTemplateRevision"], &workload["toRevision"]), (&json!(2), &json!(1)));
    assert_eq!(workload["fromTemplate"], start["spec"]["template"]);
    assert_eq!(
        (&ending["id"], &ending["endings"][0]["result"]),
        (&intent["id"], &json!("done")),
        "{journal}"
    );
    let credentials = std::fs::read_to_string(&kubeconfig).unwrap();
    let token =
        |line: &str| line.trim().split_once("token: ").map(|(_, token)| token.trim_matches('"').to_owned());
    let mut never: Vec<String> = credentials.lines().filter_map(token).collect();
    never.extend(["hunter2-of-a-secret", "--user", "--yes", "BEGIN"].map(str::to_owned));
    for word in never {
        assert!(!journal.contains(&word), "{word} in {journal}");
    }
}

#[test]
fn a_journal_that_cannot_be_written_is_a_note_and_no_failure() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let run = rollback_to(&room, &["deployment/web", "--to-revision=1", "--yes", "--quiet"]);
    // Whoever runs the tests may be root, whom no file mode stops: a file in place of the folder does.
    std::fs::create_dir_all(run.state_home().parent().unwrap()).unwrap();
    std::fs::write(run.state_home(), "").unwrap();
    let outcome = run.run();
    assert_eq!(outcome.code, 0, "{outcome}");
    // What is recorded is another rollback, if any.
    assert!(!outcome.out.contains("--last") && outcome.out.contains("--history"), "{outcome}");
    assert_eq!(
        outcome.err.matches("the journal could not be written, so --last will not know: ").count(),
        1,
        "{outcome}"
    );
    assert_eq!(room.image("Deployment", "web"), app(1));
}

/// Managers of the fields of a template.
fn managers(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let image = r#"/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{"name":"main"}/f:image"#;
    entries.filter(|it| it.pointer(image).is_some()).map(|it| text(it, "manager")).collect()
}

#[test]
fn managed_fields_and_the_audit_log_show_who_it_was() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let mark = shared().audit_mark();
    rollback(&room, &["deployment/web", "--to-revision=1"]).run().expect("done", 0);
    assert_eq!(managers(&room.workload("Deployment", "web")), ["kubectl-rollback-to"]);
    rollback(&room, &["deployment/web", "--to-revision=2", "--field-manager=helm"]).run().expect("done", 0);
    assert_eq!(managers(&room.workload("Deployment", "web")), ["helm"]);
    let writes = room.writes(mark, "kubectl-rollback-to/").changes();
    let patches = writes.filter(|entry| entry.resource == "deployments");
    let manager =
        |name: &str| patches.filter(|entry| entry.uri.contains(&format!("fieldManager={name}"))).len();
    assert_eq!((patches.len(), manager("kubectl-rollback-to"), manager("helm")), (2, 1, 1), "{patches}");
}

#[test]
fn quiet_prints_the_result_and_nothing_else() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let outcome = rollback_to(&room, &["deployment/web", "--to-revision=1", "--yes", "-q"]).run();
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{outcome}");
    assert!(
        outcome
            .out
            .starts_with("deployment/web rolled back to revision 1, which is now 3: 1 of 1 pods ready"),
        "{outcome}"
    );
}
