//! Terminals that show little, and no terminal at all.

use std::collections::HashSet;

use super::super::execution::{app, release, released, updated_with_unready_pods};
use super::{assert_no_region, good_bad_worse, room_with_unready_pods, until_the_first_revision_runs};
use crate::plugin::rollback_to;
use crate::tty::{Tty, has_colours};
use crate::untouched::untouched;

#[test]
fn no_color_and_dumb_terminals_are_respected() {
    let room = good_bad_worse();
    let looks: [&[&str]; 3] = [&["--history"], &["--status"], &["--last-healthy", "--dry-run"]];
    for look in looks {
        let shown = |environment: &[(&str, &str)]| {
            let args = [&["deployment/web"], look].concat();
            let mut tty = Tty::start(&rollback_to(&room, &args), environment);
            tty.end();
            tty.text()
        };
        assert!(has_colours(&shown(&[])), "{look:?}");
        for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let text = shown(&[plain]);
            assert!(
                text.contains("deployment/web") && !text.contains('\u{1b}'),
                "{plain:?} {look:?} {text:?}"
            );
        }
    }
}

#[test]
fn a_rollback_without_colours_still_has_its_live_region() {
    let room = room_with_unready_pods();
    let args = ["deployment/web", "--to-revision=1", "--yes"];
    let mut tty = Tty::start(&rollback_to(&room, &args), &[("NO_COLOR", "1")]);
    tty.until("0/1");
    until_the_first_revision_runs(&room);
    release(&room);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    assert!(!has_colours(&tty.text()), "{:?}", tty.text());
    assert_no_region(&tty);
}

#[test]
fn a_dumb_terminal_gets_lines_and_no_escape_sequence() {
    let room = room_with_unready_pods();
    let args = ["deployment/web", "--to-revision=1"];
    let mut tty = Tty::start(&rollback_to(&room, &args), &[("TERM", "dumb")]);
    tty.until("[y/N]").keys("y\r").until("deployment/web updated; waiting for its pods");
    until_the_first_revision_runs(&room);
    release(&room);
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let text = tty.text();
    // The question is dialoguer's, which redraws its line whatever the terminal: what comes after it is printed by the plugin.
    let after = text.split("waiting for its pods").last().unwrap_or_default();
    assert!(after.contains("rolled back to revision 1") && !after.contains('\u{1b}'), "{text:?}");
    assert!(!text.contains(['━', '─']), "{text:?}");

    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web"]), &[("TERM", "dumb")]);
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert!(tty.text().contains("needs a choice") && !tty.text().contains('\u{1b}'), "{:?}", tty.text());
}

#[test]
fn without_a_terminal_there_is_no_prompt_and_no_change() {
    let room = good_bad_worse();
    for more in [&[][..], &["-o", "json"], &["-q"]] {
        let run = rollback_to(&room, &[&["deployment/web", "--last-healthy"], more].concat());
        let outcome = untouched(&room, &run);
        assert_eq!(outcome.code, 3, "{outcome}");
        assert!(outcome.err.contains("needs confirmation: no terminal to ask on"), "{outcome}");
        assert!(outcome.err.contains("--yes"), "{outcome}");
        let run = rollback_to(&room, &[&["deployment/web"], more].concat());
        let outcome = untouched(&room, &run);
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(
            outcome.err.contains("no target given") && outcome.err.contains("--last-healthy"),
            "{outcome}"
        );
    }
}

#[test]
fn without_a_terminal_each_change_is_one_line_and_nothing_is_repeated() {
    let room = ::testbed::shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 3, |_| ());
    let run = rollback_to(&room, &["deployment/web", "--to-revision=1", "--yes"]).spawn();
    run.wait_for_output("ContainersNotReady");
    let outcome = released(&room, run);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(!outcome.err.contains('\u{1b}') && !outcome.out.contains('\u{1b}'), "{outcome}");
    let events: Vec<&str> =
        outcome.err.lines().filter(|line| line.starts_with("deployment/web")).skip(1).collect();
    // A number may come again, when a pod has gone; the same line twice in a row is no change.
    assert!(events.windows(2).all(|pair| pair[0] != pair[1]), "{outcome}");
    let causes: Vec<&&str> = events.iter().filter(|line| line.contains("ContainersNotReady")).collect();
    assert_eq!(causes.iter().collect::<HashSet<_>>().len(), causes.len(), "{outcome}");
    assert_eq!(events.first(), Some(&"deployment/web updated; waiting for its pods"), "{outcome}");
    assert!(events.contains(&"deployment/web: 3 of 3 updated pods available"), "{outcome}");
    assert!(
        outcome
            .out
            .starts_with("deployment/web rolled back to revision 1, which is now 3: 3 of 3 pods ready"),
        "{outcome}"
    );
    assert_eq!(room.image("Deployment", "web"), app(1));
}
