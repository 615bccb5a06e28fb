//! Consent is to the plan that was shown: what changed between it and the write, or while a question was open, is not covered by it.

use ::testbed::{shared, wait};
use serde_json::json;

use super::super::cases::{unwell, well};
use super::pause::Pause;
use super::stuck::broken;
use super::{PATIENCE, app, cause, release, updated};
use crate::plugin::{rollback, rollback_to};
use crate::tty::Tty;

/// 3 goes to 2, and before that is written somebody deploys 4: `--previous` would now take that away and bring 3 back.
#[test]
fn yes_does_not_cover_a_change_that_came_after_the_plan() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    room.update("Deployment", "web", &app(3), None);
    room.observed("Deployment", "web");
    let (pause, mark) = (Pause::new(&room), shared().audit_mark());
    let run = pause.hold(rollback(&room, &["deployment/web", "--previous", "--diff=full"])).watch();
    pause.reached(1);
    room.set_template_as("hotfix", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(4));
    });
    pause.go_on(1);
    let (outcome, _, _) = run.finish();
    outcome.expect("refused", 3);
    assert_eq!(room.image("Deployment", "web"), app(4), "overwritten\n{outcome}");
    let cause = cause(&outcome, "web");
    for words in ["changed by hotfix at 2", " after planning", &app(3), &app(4), "nothing was written"] {
        assert!(cause.contains(words), "{words}\n{outcome}");
    }
    let writes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(writes.is_empty(), "{writes}");
}

/// The live template is the same again, and `--previous` leads elsewhere.
#[test]
fn yes_does_not_cover_another_revision_than_the_one_that_was_shown() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    room.update("Deployment", "web", &app(3), None);
    room.observed("Deployment", "web");
    let pause = Pause::new(&room);
    let run = pause.hold(rollback(&room, &["deployment/web", "--previous", "--diff=full"])).watch();
    pause.reached(1);
    for image in [app(4), app(3)] {
        room.update("Deployment", "web", &image, None);
        room.observed("Deployment", "web");
    }
    pause.go_on(1);
    let (outcome, _, _) = run.finish();
    outcome.expect("refused", 3);
    assert_eq!(room.image("Deployment", "web"), app(3), "{outcome}");
    assert!(cause(&outcome, "web").contains("now selects revision 4"), "{outcome}");
}

/// The controller cannot replace it either, because a lower one is not Ready: so it stays, Ready and old.
#[test]
fn a_pod_that_became_ready_during_the_prompt_is_not_deleted() {
    let room = shared().room(1);
    broken(&room, 2, |_| ());
    let mark = shared().audit_mark();
    let mut tty = Tty::start(&rollback_to(&room, &["statefulset/db", "--to-revision=1"]), &[]);
    tty.until("Roll statefulset/db back to revision 1").until("[y/N]").keys("y\r");
    tty.until("statefulset/db is blocked by pod db-1").until("[y/N]");
    unwell(&room, "db-0");
    well(&room, "db-1");
    wait("db-1 to be Ready", PATIENCE, || {
        let pod = room.cluster().get(&room.path_of("Pod", "db-1"));
        (pod["status"]["containerStatuses"][0]["ready"] == true).then_some(())
    });
    tty.keys("y\r");
    well(&room, "db-0");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    assert!(room.is_rolled_out("StatefulSet", "db"), "{}", tty.text());
    let deleted = room.writes(mark, "kubectl-rollback-to").filter(|entry| entry.verb == "delete");
    assert!(deleted.is_empty(), "{deleted}");
}

#[test]
fn a_rollout_that_became_healthy_during_the_prompt_is_not_restored() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let args = ["deployment/web", "--to-revision=1", "--fail-after=1s"];
    let mut tty = Tty::start(&rollback_to(&room, &args), &[]);
    tty.until("back to revision 1").until("[y/N]").keys("y\r");
    tty.until("Restore deployment/web?").until("[y/N]");
    release(&room);
    room.rolled_out("Deployment", "web");
    tty.keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(1), "{}", tty.text());
}

/// The way back is guarded annotation by annotation, too.
#[test]
fn an_annotation_that_somebody_set_meanwhile_is_not_restored() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let args = ["deployment/web", "--to-revision=1", "--fail-after=1s", "--reason=incident 7"];
    let mut tty = Tty::start(&rollback_to(&room, &args), &[]);
    tty.until("back to revision 1").until("[y/N]").keys("y\r");
    tty.until("Restore deployment/web?").until("[y/N]");
    room.kubectl(&["annotate", "--overwrite", "deployment/web", "kubernetes.io/change-cause=noted by hand"]);
    tty.keys("y\r");
    assert_eq!(tty.end(), 1, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(2), "{}", tty.text());
    let annotations = room.workload("Deployment", "web")["metadata"]["annotations"].take();
    assert_eq!(annotations["kubernetes.io/change-cause"], "noted by hand");
}
