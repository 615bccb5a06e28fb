//! Several workloads as one: all of them, or all back to where they were.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{app, cause, made, released, reported, updated, updated_with_unready_pods};
use crate::plugin::{rollback, rollback_to, text};
use crate::tty::Tty;

fn labelled(object: &mut Value) {
    object["metadata"]["labels"]["part-of"] = json!("shop");
}

/// Workloads of the shop, each with two revisions; the first of `bad` never becomes ready.
#[track_caller]
fn shop(room: &Room<'_>, names: &[&str], bad: &str) {
    for name in names {
        updated(room, "Deployment", name, 1, (*name == bad).then_some("never-ready"), labelled);
    }
}

/// Acceptance 6.
#[test]
fn if_the_second_of_three_fails_all_three_end_where_they_started() {
    let room = shared().room(1);
    made(&room, "StatefulSet", "c", 1, None, labelled);
    room.update("StatefulSet", "c", &app(2), None);
    shop(&room, &["a", "b"], "b");
    room.rolled_out("StatefulSet", "c");
    let all = [("Deployment", "a"), ("Deployment", "b"), ("StatefulSet", "c")];
    let start = all.map(|(kind, name)| room.template(kind, name));
    let args = ["-l", "part-of=shop", "--to-revision=1", "--fail-after=2s", "--on-failure=restore"];
    let (outcome, record) = rollback(&room, &args).watched();
    outcome.expect("restored", 1);
    assert_eq!(all.map(|(kind, name)| room.template(kind, name)), start, "{outcome}");
    for (kind, name) in all {
        assert_eq!(reported(&outcome, name)["result"], "restored", "{outcome}");
        assert!(room.is_rolled_out(kind, name), "{name}\n{outcome}");
        assert_eq!(record.templates(kind, name).len(), 3, "{name} went and came back");
    }
    assert!(cause(&outcome, "b").contains("ContainersNotReady"), "{outcome}");
    for name in ["a", "c"] {
        assert_eq!(cause(&outcome, name), "deployment/b failed; previous template restored");
    }
}

#[test]
fn what_a_colleague_edits_meanwhile_is_left_alone_and_reported_and_the_others_go_on() {
    let room = shared().room(1);
    for name in ["a", "b", "c", "d"] {
        updated_with_unready_pods(&room, "Deployment", name, 1, labelled);
    }
    let args = ["-l", "part-of=shop", "--to-revision=1", "--fail-after=10m", "--on-failure=restore"];
    let run = rollback(&room, &args).spawn();
    run.wait_for_output("deployment/d updated");
    room.set_template_as("colleague", "Deployment", "d", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(9));
    });
    run.wait_for_output("deployment/d superseded: colleague wrote another template");
    let outcome = released(&room, run);
    outcome.expect("partial", 4);
    assert_eq!(room.image("Deployment", "d"), app(9));
    assert_eq!(reported(&outcome, "d")["result"], "superseded", "{outcome}");
    for name in ["a", "b", "c"] {
        assert_eq!(
            (room.image("Deployment", name), &reported(&outcome, name)["result"]),
            (app(1), &json!("done")),
            "{outcome}"
        );
    }
}

/// One that is refused before the first write stops all of them.
#[test]
fn an_obstacle_in_the_way_of_one_stops_all_before_the_first_write() {
    let room = shared().room(1);
    shop(&room, &["a", "b"], "");
    room.kubectl(&["rollout", "pause", "deployment/b"]);
    let mark = shared().audit_mark();
    let outcome = rollback(&room, &["-l", "part-of=shop", "--to-revision=1"]).run();
    outcome.expect("refused", 3);
    assert_eq!(text(&outcome.finding("paused"), "subject"), "deployment/b", "{outcome}");
    let writes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(writes.is_empty(), "{writes}");
}

#[test]
fn several_are_confirmed_by_the_name_of_their_namespace() {
    let room = shared().room(1);
    shop(&room, &["a", "b"], "");
    let mark = shared().audit_mark();
    let ask = || {
        let mut tty = Tty::start(&rollback_to(&room, &["-l", "part-of=shop", "--to-revision=1"]), &[]);
        tty.until("Roll 2 workloads of").until(&format!("Type {} to continue", room.namespace()));
        tty
    };
    for typed in ["y\r", "\r", "shop\r"] {
        let mut tty = ask();
        assert_eq!(tty.keys(typed).end(), 3, "{typed:?}: {}", tty.text());
    }
    let writes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(writes.is_empty(), "{writes}");
    let mut tty = ask();
    assert_eq!(tty.keys(&format!("{}\r", room.namespace())).end(), 0, "{}", tty.text());
    assert_eq!(["a", "b"].map(|name| room.image("Deployment", name)), [app(1), app(1)]);
}

#[test]
fn what_is_there_already_is_skipped_and_what_was_not_there_then_is_listed() {
    let room = shared().room(1);
    for name in ["moved", "same"] {
        made(&room, "Deployment", name, 1, None, labelled);
    }
    room.moment("Deployment", "moved");
    let then = room.moment("Deployment", "same");
    room.update("Deployment", "moved", &app(2), None);
    made(&room, "Deployment", "young", 1, None, labelled);
    room.rolled_out("Deployment", "moved");
    let before =
        ["same", "young"].map(|name| room.workload("Deployment", name)["metadata"]["generation"].take());
    let outcome = rollback(&room, &["-l", "part-of=shop", "--time", &then]).run();
    outcome.expect("done", 0);
    let results = ["moved", "same", "young"].map(|name| reported(&outcome, name)["result"].take());
    assert_eq!(results, ["done", "unchanged", "unchanged"], "{outcome}");
    assert_eq!(cause(&outcome, "young"), "did not exist then; unchanged");
    assert_eq!(room.image("Deployment", "moved"), app(1));
    let after =
        ["same", "young"].map(|name| room.workload("Deployment", name)["metadata"]["generation"].take());
    assert_eq!(after, before);
}

/// Nobody waits for one before the next is begun.
#[test]
fn all_roll_out_side_by_side() {
    let room = shared().room(1);
    for name in ["a", "b", "c"] {
        updated_with_unready_pods(&room, "Deployment", name, 1, labelled);
    }
    let run = rollback(&room, &["-l", "part-of=shop", "--to-revision=1"]).spawn();
    run.wait_for_output("deployment/c updated");
    assert!(!run.stderr().contains(" rolled back to "), "{}", run.stderr());
    let outcome = released(&room, run);
    outcome.expect("done", 0);
    for name in ["a", "b", "c"] {
        assert!(outcome.err.contains(&format!("deployment/{name} rolled back")), "{outcome}");
        assert!(room.is_rolled_out("Deployment", name));
    }
}
