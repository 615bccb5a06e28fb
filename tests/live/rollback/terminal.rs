//! Output and prompts on a terminal, on one with few features and without one; and the state in which the terminal is left.

mod hostile;
mod plain;
mod questions;

use ::testbed::{PATIENCE, Room, annotate, shared, wait};

use super::execution::{app, made, pods_with, release, updated, updated_with_unready_pods};
use crate::plugin::{rollback_to, text};
use crate::tty::{CTRL_C, HIDE_CURSOR, SHOW_CURSOR, Tty};
use crate::untouched::Before;

const UP: &str = "\u{1b}[A";
const DOWN: &str = "\u{1b}[B";
const ESC: &str = "\u{1b}";

/// Good, bad, worse: on its third revision, and only the first ever worked.
fn good_bad_worse() -> Room<'static> {
    let room = shared().room(1);
    made(&room, "Deployment", "web", 2, None, |_| ());
    for revision in [2, 3] {
        room.update("Deployment", "web", &app(revision), Some("image-pull-error"));
        room.observed("Deployment", "web");
    }
    room
}

/// On its second revision; pods of the first are not Ready before they are released.
fn room_with_unready_pods() -> Room<'static> {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    room
}

#[track_caller]
fn until_the_first_revision_runs(room: &Room<'_>) {
    wait("a pod of the first revision", PATIENCE, || {
        pods_with(room, &app(1)).iter().any(|pod| text(&pod["status"], "phase") == "Running").then_some(())
    });
}

#[track_caller]
fn assert_no_region(tty: &Tty) {
    let (text, screen) = (tty.text(), tty.screen());
    assert!(text.rfind(SHOW_CURSOR) >= text.rfind(HIDE_CURSOR), "the cursor is hidden:\n{text:?}");
    assert!(!screen.contains(['━', '─']), "the region is left on the screen:\n{screen}");
}

#[test]
fn the_picker_begins_at_the_last_healthy_revision() {
    let room = good_bad_worse();
    let before = Before::new(&room);
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web"]), &[]);
    tty.until("select a revision to roll back to").until("last healthy").keys("\r");
    tty.until("rolls back to revision 1").until("Roll deployment/web back to revision 1?").until("[y/N]");
    tty.keys("n\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    before.assert_untouched(&tty.text());
    assert_no_region(&tty);
}

#[test]
fn arrows_and_enter_pick_another_revision() {
    let room = good_bad_worse();
    for (keys, revision) in [(UP, 2), (DOWN, 3)] {
        let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--dry-run"]), &[]);
        // Down from the last row is the first.
        tty.until("last healthy").keys(keys).keys("\r");
        let picked = if revision == 3 { "is already at revision 3" } else { "rolls back to revision 2" };
        tty.until(picked);
        assert_eq!(tty.end(), 0, "{}", tty.text());
    }
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web"]), &[]);
    tty.until("last healthy").keys("\r").until("[y/N]").keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    assert!(
        tty.screen().contains("deployment/web rolled back to revision 1, which is now 4: 2 of 2 pods ready"),
        "{}",
        tty.screen()
    );
    assert_eq!(room.image("Deployment", "web"), app(1));
    tty.assert_left_clean();
}

#[test]
fn escape_at_the_picker_changes_nothing() {
    let room = good_bad_worse();
    for keys in [ESC, "q"] {
        let before = Before::new(&room);
        let mut tty = Tty::start(&rollback_to(&room, &["deployment/web"]), &[]);
        tty.until("last healthy").keys(keys);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        before.assert_untouched(&tty.text());
        assert!(tty.screen().contains("no revision selected; nothing was changed"), "{}", tty.screen());
        assert_no_region(&tty);
    }
}

#[test]
fn the_live_region_is_drawn_while_it_runs_and_cleared_at_the_end() {
    let room = room_with_unready_pods();
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1", "--yes"]), &[]);
    tty.until(" updated; waiting for its pods").until("─").until("0/1").until("ContainersNotReady");
    until_the_first_revision_runs(&room);
    release(&room);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.screen();
    assert!(
        screen.contains("deployment/web rolled back to revision 1, which is now 3: 1 of 1 pods ready"),
        "{screen}"
    );
    assert!(
        screen.contains(&format!("kubectl rollback-to deployment/web -n {} --last", room.namespace())),
        "{screen}"
    );
    assert!(!screen.contains("ContainersNotReady"), "{screen}");
    assert_no_region(&tty);
}

#[test]
fn ctrl_c_before_the_write_changes_nothing() {
    let room = good_bad_worse();
    made(&room, "Deployment", "api", 1, None, |_| ());
    room.update("Deployment", "api", &app(2), None);
    room.observed("Deployment", "api");
    let cases: [(&[&str], &str); 3] = [
        (&["deployment/web"], "last healthy"),
        (&["deployment/web", "--to-revision=1"], "[y/N]"),
        (&["deployment/web", "deployment/api", "--to-revision=1"], "to continue"),
    ];
    for (args, stage) in cases {
        let before = Before::new(&room);
        let mut tty = Tty::start(&rollback_to(&room, args), &[]);
        tty.until(stage).keys(CTRL_C);
        assert_eq!(tty.end(), 130, "{stage}: {}", tty.text());
        before.assert_untouched(&tty.text());
        assert!(tty.screen().contains("nothing was changed"), "{stage}: {}", tty.screen());
        assert_no_region(&tty);
    }
}

#[test]
fn ctrl_c_while_it_runs_reports_that_the_rollout_continues() {
    let room = room_with_unready_pods();
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1", "--yes"]), &[]);
    tty.until("0/1").until("ContainersNotReady").keys(CTRL_C);
    assert_eq!(tty.end(), 130, "{}", tty.text());
    let screen = tty.screen();
    assert!(
        screen.contains("deployment/web not complete: interrupted with 0 of 1 updated pods available; the rollout continues"),
        "{screen}"
    );
    let status =
        format!("to check progress:     kubectl rollback-to deployment/web -n {} --status", room.namespace());
    assert!(screen.lines().any(|line| line == status), "on a line of its own\n{screen}");
    assert_no_region(&tty);
    assert_eq!(room.image("Deployment", "web"), app(1), "it says that it goes on");
}

#[test]
fn three_workloads_have_a_row_each() {
    let room = shared().room(1);
    let names = ["api", "cart", "web"];
    for name in names {
        updated_with_unready_pods(&room, "Deployment", name, 1, |_| ());
    }
    let targets = names.map(|name| format!("deployment/{name}"));
    let args: Vec<&str> = targets.iter().map(String::as_str).chain(["--to-revision=1", "--yes"]).collect();
    let mut tty = Tty::start(&rollback_to(&room, &args), &[]);
    tty.until("3 rolling out").until("deployment/api").until("deployment/cart").until("deployment/web");
    wait("all pods of the first revision", PATIENCE, || {
        let pods = pods_with(&room, &app(1));
        (pods.len() == 3 && pods.iter().all(|pod| text(&pod["status"], "phase") == "Running")).then_some(())
    });
    release(&room);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    for target in &targets {
        let done = format!("{target} rolled back to revision 1, which is now 3: 1 of 1 pods ready");
        assert!(tty.screen().contains(&done), "{}", tty.screen());
    }
    assert_no_region(&tty);
}

#[test]
fn a_history_fits_the_terminal_unless_it_is_to_be_wide() {
    let room = shared().room(1);
    let cause = format!("{} the-end-of-it", "a long story ".repeat(12).trim_end());
    updated(&room, "Deployment", "web", 1, None, |web| annotate(web, "note", "x"));
    let note = serde_json::json!({"metadata": {"annotations": {"kubernetes.io/change-cause": cause}}});
    room.cluster().merge(&room.path_of("Deployment", "web"), &note);
    wait("the cause to reach the revision", PATIENCE, || {
        let outcome = rollback_to(&room, &["deployment/web", "--history", "-o", "wide"]).run();
        outcome.out.contains("the-end-of-it").then_some(())
    });
    let shown = |more: &[&str]| {
        let args = [&["deployment/web", "--history"], more].concat();
        let mut tty = Tty::start(&rollback_to(&room, &args), &[("NO_COLOR", "1")]);
        assert_eq!(tty.end(), 0, "{}", tty.text());
        tty.text()
    };
    let fitted = shown(&[]);
    assert!(fitted.lines().all(|line| line.chars().count() <= 120), "{fitted}");
    assert!(fitted.contains('…') && !fitted.contains("the-end-of-it"), "{fitted}");
    assert!(shown(&["-o", "wide"]).contains("the-end-of-it"));
    let piped = rollback_to(&room, &["deployment/web", "--history"]).run();
    assert!(piped.out.contains("the-end-of-it"), "{piped}");
}
