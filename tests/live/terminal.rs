//! Output and prompts on a terminal and without one, and the state in which the terminal is left.

use std::time::Instant;

use ::testbed::{Room, annotate, shared};
use serde_json::Value;

use crate::faults::end_all_on;
use crate::plugin::{plugin, safe_drain};
use crate::tty::{
    CTRL_C, HIDE_CURSOR, SHOW_CURSOR, Tty, assert_answer_is_not_counted, has_colours, seconds_in,
};
use crate::untouched::{Before, untouched};

/// A node with two pods that take a second to stop.
fn room_with_pods() -> Room<'static> {
    let room = shared().room(1);
    room.deployment_with("web", 2, |web| annotate(web, "testbed/delete-after", "1s"));
    room.ready("web", 2);
    room
}

fn is_gone(room: &Room<'_>, before: &[Value]) -> bool {
    let now = room.pods();
    before.iter().all(|pod| !now.iter().any(|left| left["metadata"]["uid"] == pod["metadata"]["uid"]))
}

#[test]
fn without_a_terminal_nothing_is_changed_without_yes() {
    let room = room_with_pods();
    let node = room.nodes()[0].as_str();
    for args in [&[node][..], &[node, "-o", "json"], &[node, "--quiet"]] {
        let outcome = untouched(&room, &safe_drain(&room, args));
        assert_eq!(outcome.code, 3, "{outcome}");
        assert!(outcome.err.contains("error: needs confirmation: no terminal to ask on"), "{outcome}");
        assert!(outcome.err.contains("--yes"), "{outcome}");
        if args.contains(&"json") {
            outcome.expect("refused", 3);
        }
    }
}

#[test]
fn a_declined_question_changes_nothing() {
    let room = room_with_pods();
    let node = room.nodes()[0].as_str();
    for keys in ["\r", "n\r"] {
        let before = Before::new(&room);
        let mut tty = Tty::start(&safe_drain(&room, &[node]), &[]);
        tty.until(&format!("Drain node/{node} (2 pods)")).until("[y/N]").keys(keys);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        before.assert_untouched(&tty.text());
        assert!(tty.screen().contains("declined; nothing was changed"), "{}", tty.screen());
        tty.assert_left_clean();
    }
}

#[test]
fn an_accepted_question_drains() {
    let room = room_with_pods();
    let pods = room.pods();
    let node = room.nodes()[0].as_str();
    let began = Instant::now();
    let mut tty = Tty::start(&safe_drain(&room, &[node]), &[]);
    tty.until("[y/N]");
    let question = Instant::now();
    for _ in 0..2 {
        plugin(&room, "safe-drain", &[node, "--dry-run"]).run();
    }
    let asked = question.elapsed();
    tty.keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let whole = began.elapsed();
    let screen = tty.screen();
    let result = screen.lines().find(|line| line.contains(" drained: ")).unwrap_or_default();
    assert_answer_is_not_counted(seconds_in(result), asked, whole);
    assert!(screen.contains(&format!("node/{node} drained: 2 pods gone")), "{screen}");
    assert!(screen.contains(&format!("kubectl safe-drain {node} --uncordon")), "{screen}");
    assert!(is_gone(&room, &pods));
    tty.assert_left_clean();
}

#[test]
fn losing_data_requires_the_node_name_to_be_typed() {
    let room = shared().room(1);
    room.pod("lonely");
    let pods = room.ready("lonely", 1);
    let node = room.nodes()[0].as_str();
    for typed in ["y\r", "\r", "another-node\r"] {
        let before = Before::new(&room);
        let mut tty = Tty::start(&safe_drain(&room, &[node, "--force"]), &[]);
        tty.until("1 pod that no controller recreates")
            .until(&format!("Type {node} to continue"))
            .keys(typed);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        before.assert_untouched(&tty.text());
    }
    let mut tty = Tty::start(&safe_drain(&room, &[node, "--force"]), &[]);
    tty.until("to continue").keys(&format!("{node}\r"));
    assert_eq!(tty.end(), 0, "{}", tty.text());
    assert!(is_gone(&room, &pods));
    tty.assert_left_clean();
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let room = room_with_pods();
    let node = room.nodes()[0].as_str();
    let before = Before::new(&room);
    let mut tty = Tty::start(&safe_drain(&room, &[node]), &[]);
    tty.until("[y/N]").keys(CTRL_C);
    assert_eq!(tty.end(), 130, "{}", tty.text());
    before.assert_untouched(&tty.text());
    assert!(tty.screen().contains("interrupted at the question"), "{}", tty.screen());
    tty.assert_left_clean();
}

#[test]
fn the_live_view_shows_who_stops_and_leaves_a_clean_screen() {
    let room = shared().room(1);
    // As long as their grace period lets them, or until they were seen.
    room.deployment_with("web", 2, |web| annotate(web, "testbed/delete-after", "600s"));
    room.ready("web", 2);
    let node = room.nodes()[0].as_str();
    let mut tty = Tty::start(&safe_drain(&room, &[node, "--yes"]), &[]);
    tty.until("2 stopping").until(&format!("{}/web-", room.namespace())).until("of at most 30s");
    end_all_on(&room, node);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.screen();
    assert!(screen.contains(&format!("node/{node} drained: 2 pods gone")), "{screen}");
    tty.assert_left_clean();
}

#[test]
fn ctrl_c_in_the_live_view_leaves_a_clean_screen_and_reports_the_remaining_pods() {
    let room = shared().room(1);
    room.deployment_with("web", 2, |web| annotate(web, "testbed/failure", "stuck-terminating"));
    room.ready("web", 2);
    let node = room.nodes()[0].as_str();
    let mut tty = Tty::start(&safe_drain(&room, &[node, "--yes"]), &[]);
    tty.until("2 stopping").keys(CTRL_C);
    assert_eq!(tty.end(), 130, "{}", tty.text());
    let screen = tty.screen();
    assert!(
        screen.contains(&format!("node/{node} not drained: interrupted: 0 pods gone, 2 remaining")),
        "{screen}"
    );
    assert!(screen.contains("; still cordoned"), "{screen}");
    assert!(screen.contains("to uncordon:") && screen.contains("--uncordon"), "{screen}");
    assert!(tty.text().rfind(SHOW_CURSOR) >= tty.text().rfind(HIDE_CURSOR), "{:?}", tty.text());
    assert!(!screen.contains('━'), "{screen}");
}

#[test]
fn no_color_and_dumb_terminals_are_respected() {
    let room = shared().room(1);
    room.deployment_with("web", 2, |web| annotate(web, "testbed/delete-after", "600s"));
    room.ready("web", 2);
    let node = room.nodes()[0].as_str();
    // Without a spare node, so that its pods come back.
    let alone = |args: &[&str]| plugin(&room, "safe-drain", &[&[node, "--allow=no-room"], args].concat());
    let dry = |environment: &[(&str, &str)]| {
        let mut tty = Tty::start(&alone(&["--dry-run"]), environment);
        assert_eq!(tty.end(), 0, "{}", tty.text());
        tty.text()
    };
    assert!(has_colours(&dry(&[])));
    assert!(!has_colours(&dry(&[("NO_COLOR", "1")])));
    assert!(!dry(&[("TERM", "dumb")]).contains('\u{1b}'));

    // The drain itself: no colours in the live view either, and no live view at all where it cannot be drawn.
    let mut plain = Tty::start(&alone(&["--yes"]), &[("NO_COLOR", "1")]);
    plain.until("stopping");
    end_all_on(&room, node);
    assert_eq!(plain.end(), 0, "{}", plain.text());
    assert!(!has_colours(&plain.text()), "{:?}", plain.text());
    plain.assert_left_clean();

    plugin(&room, "safe-drain", &[node, "--uncordon"]).run();
    room.ready("web", 2);
    let mut dumb = Tty::start(&alone(&["--yes"]), &[("TERM", "dumb")]);
    dumb.until("(grace period 30s)").until("(grace period 30s)");
    end_all_on(&room, node);
    assert_eq!(dumb.end(), 0, "{}", dumb.text());
    assert!(!dumb.text().contains('\u{1b}'), "{:?}", dumb.text());
    for line in ["(grace period 30s)", " gone after ", "drained: 2 pods gone"] {
        assert!(dumb.text().contains(line), "no {line:?}:\n{}", dumb.text());
    }
}

#[test]
fn quiet_is_the_result_and_nothing_else() {
    let room = room_with_pods();
    let node = room.nodes()[0].as_str();
    let mut tty = Tty::start(&safe_drain(&room, &[node, "--yes", "--quiet"]), &[("NO_COLOR", "1")]);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.screen();
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 2, "{screen}");
    assert!(lines[0].starts_with(&format!("node/{node} drained: 2 pods gone")), "{screen}");
    assert!(lines[1].starts_with("to uncordon:"), "{screen}");
}
