//! `--history`: the past of a workload, for people and for programs.

use ::testbed::shared;
use serde_json::{Value, json};

use super::{app, begun, updated};
use crate::plugin::{rollback, rollback_to};

fn entry(report: &Value, revision: i64) -> Value {
    let all = report["workloads"][0]["revisions"].as_array().unwrap();
    let found = all.iter().find(|it| it["revision"] == revision).cloned();
    found.unwrap_or_else(|| panic!("no revision {revision} in {report:#}"))
}

#[test]
fn the_history_shows_what_when_why_and_who() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.set_image("Deployment", "web", &app("2"));
    room.observed("Deployment", "web");
    room.rolled_out("Deployment", "web");
    rollback(&room, &["deployment/web", "--previous", "--reason", "too slow"]).run().expect("done", 0);
    room.set_template_as("some-pipeline", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app("3"));
    });
    room.observed("Deployment", "web");
    room.rolled_out("Deployment", "web");

    let outcome = rollback_to(&room, &["deployment/web", "--history", "-o", "json"]).run();
    assert_eq!(outcome.code, 0, "{outcome}");
    let report = outcome.report();
    let (second, first, third) = (entry(&report, 2), entry(&report, 3), entry(&report, 4));
    assert_eq!(first["alsoKnownAs"], json!([1]), "{first:#}");
    assert_eq!(first["changeCause"], "too slow", "{first:#}");
    assert_eq!((&first["current"], &third["current"]), (&json!(false), &json!(true)));
    let cause = second["changeCause"].as_str().unwrap_or_default();
    assert!(cause.contains("kubectl set image") && cause.contains("app:2"), "{second:#}");
    assert_eq!(third["writtenBy"], "some-pipeline", "{third:#}");
    assert!(second["writtenBy"].is_null(), "only known of the live one: {second:#}");
    assert_eq!(third["healthy"]["verdict"], "healthy", "{third:#}");
    assert!(third["activeUntil"].is_null() && second["activeUntil"].is_string(), "{report:#}");
    assert_eq!(second["activeFromPrecision"], "exact", "{second:#}");

    let printed = rollback_to(&room, &["deployment/web", "--history"]).run();
    assert_eq!(printed.code, 0, "{printed}");
    for part in ["REVISION", "some-pipeline", "too slow", "3 (was 1)", "1 → 2", "kubectl set image"] {
        assert!(printed.out.contains(part), "no {part:?} in {printed}");
    }
    let newest = printed.out.find("some-pipeline");
    assert!(newest < printed.out.find("too slow"), "the newest comes first: {printed}");
}

#[test]
fn one_revision_is_shown_whole_and_its_secrets_only_on_request() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |web| {
        let env = json!([{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "LEVEL", "value": "debug"}]);
        web["spec"]["template"]["spec"]["containers"][0]["env"] = env;
    });
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    let show = |more: &[&str]| {
        let args = [&["deployment/web", "--history", "--revision=1"], more].concat();
        let outcome = rollback_to(&room, &args).run();
        assert_eq!(outcome.code, 0, "{outcome}");
        outcome
    };
    let hidden = show(&[]);
    for part in ["DB_PASSWORD", "LEVEL", "debug", "app:1"] {
        assert!(hidden.out.contains(part), "no {part:?} in {hidden}");
    }
    assert!(!hidden.out.contains("hunter2"), "{hidden}");
    assert!(show(&["--show-values"]).out.contains("hunter2"));
    // The report is of that one only, and contains no template at all.
    let report = show(&["-o", "json"]);
    assert_eq!(report.report()["workloads"][0]["revisions"].as_array().map(Vec::len), Some(1));
    assert!(!report.out.contains("hunter2"), "{report}");
    // Nor does any plan show it: the difference is reported without its values.
    room.set_template("Deployment", "web", |template| {
        template["spec"]["containers"][0]["env"][0]["value"] = json!("hunter3");
    });
    room.observed("Deployment", "web");
    for output in ["text", "json"] {
        let args = ["deployment/web", "--previous", "--dry-run", "--diff=full", "-o", output];
        let outcome = rollback_to(&room, &args).run();
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(outcome.out.contains("DB_PASSWORD"), "{outcome}");
        assert!(!format!("{outcome}").contains("hunter"), "{outcome}");
        let shown = rollback_to(&room, &[&args[..], &["--show-values"]].concat()).run();
        assert!(shown.out.contains("hunter2") && shown.out.contains("hunter3"), "{shown}");
    }
}

#[test]
fn several_workloads_have_their_histories_in_one_report() {
    let room = shared().room(1);
    begun(&room, "StatefulSet", "db", |_| ());
    begun(&room, "DaemonSet", "agent", |_| ());
    room.observed("StatefulSet", "db");
    room.observed("DaemonSet", "agent");
    let outcome = rollback_to(&room, &["--all", "--history", "-o", "json"]).run();
    assert_eq!(outcome.code, 0, "{outcome}");
    let report = outcome.report();
    let names: Vec<&str> =
        report["workloads"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["db", "agent"], "by kind, then by name");
    let unknown = rollback_to(&room, &["sts/db", "--history", "--revision=7"]).run();
    assert!(unknown.code == 3 && unknown.err.contains("has no revision 7; it has only 1"), "{unknown}");
}
