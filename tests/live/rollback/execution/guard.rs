//! Between the plan and the write somebody else may be quicker: what was not seen is never overwritten.

use ::testbed::{Mark, Room, shared};
use serde_json::json;

use super::pause::Pause;
use super::{app, reported, updated};
use crate::plugin::{rollback, rollback_to};
use crate::tty::Tty;

/// Answers of the server to the plugin's writes to the workload, in their order.
fn answers(room: &Room<'_>, since: Mark) -> Vec<u64> {
    let writes = room.writes(since, "kubectl-rollback-to").changes();
    writes.filter(|entry| entry.verb == "patch").iter().map(|entry| entry.code).collect()
}

#[test]
fn a_change_during_the_prompt_is_planned_and_confirmed_again() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let mark = shared().audit_mark();
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
    tty.until("app:2").until("[y/N]");
    // Under a name of its own: a second write of the same manager within the same second leaves no trace.
    room.set_template_as("colleague", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(3));
    });
    tty.keys("y\r");
    tty.until("changed by colleague at ").until("rolls back to revision 1").until("app:3").until("[y/N]");
    assert_eq!(room.image("Deployment", "web"), app(3), "overwritten");
    tty.keys("n\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(3));
    assert_eq!(answers(&room, mark), [0; 0], "it was seen before anything was sent");
}

/// Each plan is confirmed, and the number of prompts is limited.
#[test]
fn a_workload_that_is_changed_again_and_again_is_left_to_the_others() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let mark = shared().audit_mark();
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
    // Each under a name of its own: a second write of the same manager within the same second leaves no trace.
    for n in 3..=5_u32 {
        tty.until(&app(n - 1)).until("[y/N]");
        room.set_template_as(&format!("colleague-{n}"), "Deployment", "web", |template| {
            template["spec"]["containers"][0]["image"] = json!(app(n));
        });
        tty.keys("y\r");
        tty.until(&format!("changed by colleague-{n}"));
    }
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(5));
    assert_eq!(answers(&room, mark), [0; 0]);
}

/// It was read for the last time, and the write is at the server already, which found nothing changed.
#[test]
fn a_change_while_the_write_is_under_way_is_not_overwritten() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let write = room.block_write("Deployment", "web", "kubectl-rollback-to");
    let mark = shared().audit_mark();
    let run = rollback(&room, &["deployment/web", "--to-revision=1"]).watch();
    write.reached();
    room.set_template_as("hotfix", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(3));
    });
    write.go_on();
    let (outcome, _, _) = run.finish();
    outcome.expect("refused", 3);
    assert_eq!(room.image("Deployment", "web"), app(3), "overwritten\n{outcome}");
    let cause = super::cause(&outcome, "web");
    assert!(cause.contains("changed by hotfix at 2") && cause.contains(&app(3)), "{outcome}");
    assert_eq!(answers(&room, mark), [422]);
}

#[test]
fn scaling_between_plan_and_write_is_in_nobodys_way() {
    let room = shared().room(1);
    for kind in ["Deployment", "StatefulSet"] {
        let name = kind.to_lowercase();
        updated(&room, kind, &name, 1, None, |_| ());
    }
    let (pause, mark) = (Pause::new(&room), shared().audit_mark());
    let run = rollback(&room, &["deploy/deployment", "sts/statefulset", "--to-revision=1", "--diff=full"]);
    let run = pause.hold(run).watch();
    pause.reached(1);
    room.kubectl(&["scale", "deploy/deployment", "sts/statefulset", "--replicas=2"]);
    pause.go_on(1);
    pause.go_on(2);
    let (outcome, _, _) = run.finish();
    outcome.expect("done", 0);
    assert_eq!(answers(&room, mark), [200, 200]);
    for kind in ["Deployment", "StatefulSet"] {
        let name = kind.to_lowercase();
        assert_eq!(room.workload(kind, &name)["spec"]["replicas"], 2);
        assert!(room.is_rolled_out(kind, &name), "it said done:\n{outcome}");
        let pods = reported(&outcome, &name)["pods"].take();
        let ready = pods.as_array().unwrap().iter().filter(|pod| pod["state"] == "ready").count();
        assert_eq!(ready, 2, "both are waited for\n{outcome}");
    }
}

#[test]
fn a_workload_that_was_made_again_meanwhile_is_another_one() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let (pause, mark) = (Pause::new(&room), shared().audit_mark());
    let run = pause.hold(rollback(&room, &["deployment/web", "--to-revision=1", "--diff=full"])).watch();
    pause.reached(1);
    room.kubectl(&["delete", "deployment/web"]);
    room.deployment_with("web", 1, |it| {
        it["spec"]["template"]["spec"]["containers"][0]["image"] = json!(app(2));
    });
    pause.go_on(1);
    let (outcome, _, _) = run.finish();
    outcome.expect("refused", 3);
    assert!(
        super::cause(&outcome, "web").contains("deleted after planning; nothing was written"),
        "{outcome}"
    );
    assert_eq!(room.image("Deployment", "web"), app(2));
    assert_eq!(answers(&room, mark), [0; 0]);
}

#[test]
fn changes_by_admission_to_the_template_are_reported() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let _policy = room.mutate_templates("injected", "sidecar");
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1"]).run();
    outcome.expect("done", 0);
    assert_eq!(outcome.finding("template-mutated")["severity"], "warning");
    assert!(outcome.err.contains("but not as requested: admission changed the template"), "{outcome}");
    let template = room.template("Deployment", "web");
    assert_eq!(template["metadata"]["labels"], json!({"app": "web", "injected": "sidecar"}));
    assert!(room.is_rolled_out("Deployment", "web"), "the pods of the changed template are waited for");
}
