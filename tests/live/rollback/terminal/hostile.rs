//! Text that a terminal would obey, wherever a real server lets a workload carry it: none of it reaches the terminal.

use ::testbed::{Room, annotate, shared};
use serde_json::json;

use super::super::execution::{app, made};
use crate::evil::{EVIL, assert_clean, look_in_every_way, mentions};
use crate::plugin::{Outcome, Run, rollback_to};
use crate::tty::Tty;

fn hostile(room: &Room<'_>, image: &str) {
    let mut template = room.template("Deployment", "web");
    let container = &mut template["spec"]["containers"][0];
    container["image"] = json!(image);
    container["env"] = json!([{"name": "GREETING", "value": EVIL}, {"name": "DB_PASSWORD", "value": EVIL}]);
    container["args"] = json!([EVIL]);
    template["metadata"]["annotations"]["example.invalid/note"] = json!(EVIL);
    room.cluster().merge(&room.path_of("Deployment", "web"), &json!({"spec": {"template": template}}));
}

/// Good, then hostile, then hostile in another way and broken.
fn room_with_hostile_revisions() -> Room<'static> {
    let room = shared().room(1);
    let caused = |room: &Room<'_>| {
        let note = json!({"metadata": {"annotations": {"kubernetes.io/change-cause": EVIL}}});
        room.cluster().merge(&room.path_of("Deployment", "web"), &note);
    };
    made(&room, "Deployment", "web", 1, None, |web| {
        annotate(web, "example.invalid/note", "harmless");
        web["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": EVIL});
    });
    hostile(&room, &app(2));
    caused(&room);
    room.observed("Deployment", "web");
    // No kubelet, real or not, starts such an image: it stays Pending.
    hostile(&room, EVIL);
    caused(&room);
    room.observed("Deployment", "web");
    room
}

/// The plugin's own colours are turned off; the rest must not contain any control sequence.
#[track_caller]
fn assert_clean_on_a_terminal(run: &Run<'_>, keys: &[(&str, &str)]) {
    let mut tty = Tty::start(run, &[("NO_COLOR", "1")]);
    for (until, keys) in keys {
        tty.until(until).keys(keys);
    }
    let code = tty.end();
    // What the picker and questions draw with: cursor and line, nothing else.
    let mut shown = tty.text().replace("\r\n", "\n").replace('\r', "");
    for ours in ["\u{1b}[?25l", "\u{1b}[?25h", "\u{1b}[2K", "\u{1b}[0m"] {
        shown = shown.replace(ours, "");
    }
    for rows in 1..30 {
        shown = shown.replace(&format!("\u{1b}[{rows}A"), "").replace(&format!("\u{1b}[{rows}B"), "");
    }
    // It was shown, in other letters; a status has nothing of it to show.
    assert!(shown.contains("\\u{1b}[31m") || shown.contains("check again:"), "{shown}");
    assert_clean(&Outcome { code, out: shown, err: String::new() });
}

#[test]
fn hostile_revisions_are_only_shown() {
    let room = room_with_hostile_revisions();
    let plan = look_in_every_way(|more| {
        rollback_to(
            &room,
            &[&["deployment/web", "--to-revision=2", "--dry-run", "--show-values"], more].concat(),
        )
    });
    assert!(mentions(&plan["workloads"], EVIL), "{plan:#}");
    for more in [&["--history"][..], &["--history", "--revision=2"], &["--status"], &["--to-revision=9"]] {
        for output in ["text", "wide", "json", "yaml"] {
            let outcome = rollback_to(&room, &[&["deployment/web", "-o", output], more].concat()).run();
            assert_clean(&outcome);
        }
    }
    for (args, keys) in [
        (&["--history"][..], &[][..]),
        (&["--history", "-o", "wide"], &[]),
        (&["--status"], &[]),
        (&["--to-revision=2", "--dry-run", "--diff=full", "--show-values"], &[]),
        (&["--to-revision=2", "--show-values"], &[("[y/N]", "n\r")]),
        (&[], &[("select a revision", "\u{1b}")]),
    ] {
        let run = rollback_to(&room, &[&["deployment/web"], args].concat());
        assert_clean_on_a_terminal(&run, keys);
    }
}

#[test]
fn a_rollback_to_a_hostile_revision_is_only_shown() {
    let room = room_with_hostile_revisions();
    for (output, revision, back) in [("text", 2, 3), ("json", 4, 3)] {
        // To what works, and back to the image that nothing can pull.
        let args =
            ["deployment/web", "--yes", "--reason", EVIL, "--fail-after=1s", "--allow=all", "-o", output];
        let to = format!("--to-revision={revision}");
        let outcome = rollback_to(&room, &[&args[..], &[&to]].concat()).run();
        assert_clean(&outcome);
        let to = format!("--to-revision={back}");
        let outcome = rollback_to(&room, &[&args[..], &[&to, "--timeout=4s"]].concat()).run();
        assert_clean(&outcome);
    }
}

#[test]
fn hostile_words_on_the_command_line_are_only_shown() {
    let room = shared().room(1);
    made(&room, "Deployment", "web", 1, None, |_| ());
    for args in [
        &[EVIL][..],
        &["deployment", EVIL],
        &["deployment/web", "--image", EVIL],
        &["deployment/web", "--time", EVIL],
        &["deployment/web", "--to-revision", EVIL],
        &["deployment/web", "--previous", "--allow", EVIL],
        &["deployment/web", "--previous", "--field-manager", EVIL],
        &["-l", EVIL, "--previous"],
    ] {
        for output in ["text", "json"] {
            let outcome = rollback_to(&room, &[args, &["-o", output]].concat()).run();
            assert_clean(&outcome);
            assert!([1, 2, 3].contains(&outcome.code), "{outcome}");
        }
    }
}

/// Go's JSON, and so the server's, spells these in a way of its own; a guard that spells them otherwise matches nothing.
#[test]
fn what_html_would_trip_over_is_rolled_back_like_anything_else() {
    let room = shared().room(1);
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let (name, target) = (kind.to_lowercase(), format!("{0}/{0}", kind.to_lowercase()));
        made(&room, kind, &name, 1, None, |_| ());
        let mut template = room.template(kind, &name);
        let container = &mut template["spec"]["containers"][0];
        container["image"] = json!(app(2));
        container["args"] =
            json!(["migrate && serve --max=<5> \u{2028}\u{2029} ü \u{7f} \u{8}\u{c}\u{1} \"\\/"]);
        let note = json!({"kubernetes.io/change-cause": "a && b <c>"});
        let edit = json!({"metadata": {"annotations": note}, "spec": {"template": template}});
        room.cluster().merge(&room.path_of(kind, &name), &edit);
        room.rolled_out(kind, &name);
        room.observed(kind, &name);
        for (revision, image) in [(1, app(1)), (2, app(2))] {
            let to = format!("--to-revision={revision}");
            let args = [target.as_str(), &to, "--reason", "x < y && z", "-o", "json", "--yes"];
            rollback_to(&room, &args).run().expect("done", 0);
            assert_eq!(room.image(kind, &name), image);
        }
    }
}
