//! The rollback fails too: the previous templates are restored if that was requested and nobody else changed them meanwhile.

use ::testbed::{foreign_unchanged, shared};
use serde_json::{Value, json};

use super::{COUNTED, KINDS, app, cause, reported, typed, updated};
use crate::plugin::{rollback, rollback_to};
use crate::tty::Tty;

const BAD: [&str; 2] = ["--to-revision=1", "--fail-after=1s"];

#[test]
fn a_failed_rollback_is_restored_with_its_annotations() {
    let room = shared().room(1);
    for kind in KINDS {
        updated(&room, kind, &kind.to_lowercase(), 1, Some("crash-loop"), |object| {
            object["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": "first"});
        });
        let target = typed(kind, &kind.to_lowercase());
        room.kubectl(&["annotate", "--overwrite", &target, "kubernetes.io/change-cause=second"]);
    }
    let runs = KINDS.map(|kind| {
        let name = kind.to_lowercase();
        let start = room.rolled_out(kind, &name);
        let args = [&typed(kind, &name), "--on-failure=restore", "--reason=incident 7"].map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).chain(BAD).collect();
        (kind, name, start, rollback(&room, &args).spawn())
    });
    for (kind, name, start, run) in runs {
        let outcome = run.finish();
        outcome.expect("restored", 1);
        let end = room.workload(kind, &name);
        assert_eq!(end["spec"]["template"], start["spec"]["template"], "{kind}");
        assert_eq!(foreign_unchanged(&start, &end, &COUNTED), [""; 0], "{kind}");
        assert_eq!(end["metadata"]["annotations"]["kubernetes.io/change-cause"], "second", "{kind}");
        assert!(room.is_rolled_out(kind, &name), "{kind}\n{outcome}");
        let cause = cause(&outcome, &name);
        assert!(
            cause.contains("CrashLoopBackOff") && cause.ends_with("previous template restored"),
            "{outcome}"
        );
        // The cause of the failure is still reported, with the pods it has now.
        let workload = reported(&outcome, &name);
        assert!(workload["failedPods"].to_string().contains("panic: cannot reach db:5432"), "{outcome}");
        let live = workload["pods"].as_array().unwrap().iter().filter(|pod| pod["state"] != "terminating");
        assert_eq!(live.map(|pod| &pod["state"]).collect::<Vec<_>>(), ["ready"], "{outcome}");
    }
}

#[test]
fn an_ordered_statefulset_is_restored_past_the_pod_that_failed() {
    let room = shared().room(1);
    updated(&room, "StatefulSet", "db", 1, None, |object| {
        object["spec"]["podManagementPolicy"] = json!("OrderedReady");
    });
    // The way back is to a revision that was well once and is not any more.
    room.set_template("StatefulSet", "db", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(3));
        template["metadata"]["annotations"]["testbed/failure"] = json!("never-ready");
    });
    room.observed("StatefulSet", "db");
    // Not ordered for a moment, so that it gets to its good revision past the bad one.
    rollback(&room, &["statefulset/db", "--to-revision=2", "--unstick"]).run().expect("done", 0);
    let args = ["statefulset/db", "--to-revision=3", "--fail-after=1s", "--on-failure=restore", "--unstick"];
    let outcome = rollback(&room, &args).run();
    outcome.expect("restored", 1);
    assert_eq!(room.image("StatefulSet", "db"), app(2));
    assert!(room.is_rolled_out("StatefulSet", "db"), "{outcome}");
}

#[test]
fn stop_leaves_it_and_last_restores_it_later() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let start = room.template("Deployment", "web");
    let outcome = rollback(&room, &[&["deployment/web", "--on-failure=stop"], &BAD[..]].concat()).run();
    outcome.expect("failed", 1);
    assert_eq!(room.image("Deployment", "web"), app(1), "left as it is");
    rollback(&room, &["--last"]).run().expect("done", 0);
    assert_eq!(room.template("Deployment", "web"), start);
}

#[test]
fn without_a_terminal_there_is_no_prompt_and_nothing_is_restored() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let outcome = rollback_to(&room, &[&["deployment/web", "--yes"], &BAD[..]].concat()).run();
    assert_eq!(outcome.code, 1, "{outcome}");
    let hint = format!("kubectl rollback-to deployment/web -n {} --last", room.namespace());
    assert!(outcome.out.contains(&hint), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(1));
}

#[test]
fn on_a_terminal_the_user_is_asked_whether_to_restore() {
    let room = shared().room(1);
    for (answer, code, image) in [("n\r", 1, app(1)), ("y\r", 1, app(2))] {
        let name = if code == 1 && image == app(1) { "kept" } else { "back" };
        updated(&room, "Deployment", name, 1, Some("never-ready"), |_| ());
        let target = typed("Deployment", name);
        let mut tty = Tty::start(&rollback_to(&room, &[&[target.as_str()], &BAD[..]].concat()), &[]);
        tty.until("back to revision 1").until("[y/N]").keys("y\r");
        tty.until(&format!("Restore {target}?")).until("[y/N]").keys(answer);
        assert_eq!(tty.end(), code, "{}", tty.text());
        tty.assert_left_clean();
        assert_eq!(room.image("Deployment", name), image, "{}", tty.text());
    }
}

/// Between the failure and the restore: the prompt waits there.
#[test]
fn what_somebody_else_wrote_since_is_not_overwritten_by_a_restore() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let mut tty = Tty::start(&rollback_to(&room, &[&["deployment/web"], &BAD[..]].concat()), &[]);
    tty.until("back to revision 1").until("[y/N]").keys("y\r");
    tty.until("Restore deployment/web?").until("[y/N]");
    room.set_template_as("colleague", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = Value::from(app(9));
    });
    tty.keys("y\r");
    assert_eq!(tty.end(), 4, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(9), "{}", tty.text());
    assert!(tty.text().contains("colleague wrote another template"), "{}", tty.text());
}
