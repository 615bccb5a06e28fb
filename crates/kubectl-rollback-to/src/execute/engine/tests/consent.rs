//! What is agreed to is used only for what a later read still shows; and what is not a failure puts nothing back.

use super::*;
use crate::outcome::{PodReport, PodState};

fn asked() -> Rules {
    Rules { can_ask: true, ..rules() }
}

/// The commands until there are none, without answers.
fn commands(play: &mut Play) -> Vec<Command> {
    let mut all = Vec::new();
    for _ in 0..10 {
        all.extend(play.engine.next(at(0)));
    }
    all
}

fn question(commands: &[Command]) -> Question {
    let asked = commands.iter().find_map(|command| match command {
        Command::Ask(question) => Some(question.clone()),
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing is asked: {commands:?}"))
}

#[test]
fn a_pod_that_became_ready_while_it_was_asked_about_is_not_deleted() {
    for (there, deleted) in
        [(State::Moving, false), (FINE, false), (stuck("other"), true), (stuck("p"), true)]
    {
        let mut play = Play::new(1, asked());
        play.write_all().engine.seen(0, &progress(stuck("p")));
        assert_eq!(commands(&mut play), [Command::Verify(0)]);
        play.engine.verified(0, &progress(stuck("p")), at(0));
        let question = question(&commands(&mut play));
        play.engine.answered(&question, true);
        assert_eq!(commands(&mut play), [Command::Verify(0)], "nothing is deleted by what was seen before");
        play.engine.verified(0, &progress(there.clone()), at(0));
        let deletes = commands(&mut play).iter().any(|command| matches!(command, Command::Delete { .. }));
        assert_eq!(deletes, deleted, "{there:?}");
    }
}

#[test]
fn what_was_read_before_the_answer_does_not_count() {
    let mut play = Play::new(1, asked());
    play.write_all().engine.seen(0, &progress(stuck("p")));
    commands(&mut play);
    play.engine.verified(0, &progress(stuck("p")), at(0));
    let question = question(&commands(&mut play));
    // Something is being read while the question is open.
    play.engine.seen(0, &progress(crashed()));
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    play.engine.answered(&question, true);
    play.engine.verified(0, &progress(stuck("p")), at(0));
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    play.engine.verified(0, &progress(State::Moving), at(0));
    assert_eq!(commands(&mut play), []);
}

#[test]
fn a_pod_that_is_not_as_it_was_read_is_read_again_and_not_for_ever() {
    let mut play = Play::new(1, Rules { unstick: true, ..rules() });
    play.write_all().seen(0, stuck("p"));
    let mut tries = 0;
    while play.next() == "delete 0 p uid-p" {
        tries += 1;
        play.engine.deleted(0, "p", "uid-p", Deletion::Changed);
    }
    assert_eq!(tries, DELETIONS);
    assert_eq!(play.ends(), ["Failed: blocked by pod p, which keeps changing"]);
}

#[test]
fn what_became_healthy_while_it_was_asked_about_is_not_put_back() {
    for (there, expected) in [
        (FINE, "Done: "),
        (crashed(), "Restored: crashed; previous template restored"),
        (State::Moving, "Restored: crashed; previous template restored"),
    ] {
        let mut play = Play::new(1, asked());
        play.write_all().seen(0, State::Failed { cause: "crashed".into(), pod: None, container: None });
        assert_eq!(commands(&mut play), [Command::Verify(0)]);
        play.engine.verified(0, &play.there[&0].clone(), at(0));
        let question = question(&commands(&mut play));
        play.engine.answered(&question, true);
        assert_eq!(commands(&mut play), [Command::Verify(0)]);
        play.there.insert(0, progress(there));
        play.engine.verified(0, &play.there[&0].clone(), at(0));
        if play.next() == "restore 0" {
            play.engine.restored(0, written(), Vec::new());
            play.next();
            play.seen(0, FINE);
        }
        assert_eq!(play.ends(), [expected]);
    }
}

#[test]
fn what_cannot_be_read_any_more_is_not_put_back() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().seen(0, State::Failed { cause: "crashed".into(), pod: None, container: None });
    play.engine.next(at(0));
    play.engine.verified(0, &play.there[&0].clone(), at(0));
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    play.engine.unverified(0, "403");
    assert_eq!(play.ends(), ["Failed: crashed; not restored: 403"]);
}

/// Nobody knows what is there: that its pods are well may be said of the template from before.
#[test]
fn a_write_whose_answer_was_lost_is_never_taken_for_healthy() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.there.insert(0, progress(FINE));
    play.next();
    play.engine.wrote(0, Wrote::Unknown { says: "504".into() }, at(0));
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, Wrote::Already, Vec::new());
    assert!(play.ends()[0].starts_with("Restored: 504"));
}

/// R4
#[test]
fn a_restart_is_followed_and_another_template_is_left_alone_and_nothing_goes_back_for_either() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(2, restore);
    play.write_all().seen(0, FINE).next();
    assert_eq!(play.seen(1, superseded(true)).next(), "follow 1");
    play.seen(1, FINE);
    assert_eq!(play.ends(), ["Done: ", "Done: "]);
    assert!(play.was_told("restarted by kim"));

    // One that fails after that is not restored: that would undo the restart.
    let mut play = Play::new(1, restore);
    play.write_all().seen(0, superseded(true)).next();
    play.fails(0);
    assert_eq!(play.ends(), ["Failed: crashed"]);

    let mut play = Play::new(2, restore);
    play.write_all().seen(0, FINE).next();
    play.seen(1, superseded(false));
    let status = "kubectl rollback-to statefulset/b -n shop --status";
    let left = format!(
        "Superseded: kim wrote another template at 2026-01-01T00:00:00Z, which is not overwritten: {status}"
    );
    assert_eq!(play.ends(), ["Done: ".to_owned(), left]);

    // Whoever restarts it for ever is not followed for ever.
    let mut play = Play::new(1, restore);
    play.write_all();
    let followed = (0..100).take_while(|_| play.seen(0, superseded(true)).next() == "follow 0").count();
    assert_eq!(followed, FOLLOWED);
    assert!(play.ends()[0].starts_with("Superseded: kim"));
}

/// R6
#[test]
fn what_stands_in_the_way_of_any_template_puts_nothing_back() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(2, restore);
    play.write_all().seen(0, FINE).next();
    play.seen(1, stalled(true));
    assert_eq!(play.ends(), ["Done: ", "Stalled: no node"]);
    let mut play = Play::new(1, restore);
    play.write_all().seen(0, stalled(false));
    assert_eq!(play.next(), "restore 0");
}

/// R8
#[test]
fn the_deadline_puts_back_what_is_not_done_and_keeps_what_is() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(1, restore);
    play.write_all().seen_as(0, Progress { done: 1, total: 3, ..progress(State::Moving) });
    assert!(play.engine.deadline(), "it goes on for that");
    assert!(!play.engine.deadline(), "and once");
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, FINE);
    assert_eq!(play.ends(), ["Restored: --timeout passed at 1 of 3 pods; previous template restored"]);
    assert!(play.engine.outcomes()[0].late);

    // It was done at that very moment.
    let mut play = Play::new(1, restore);
    play.write_all().there.insert(0, progress(FINE));
    assert!(play.engine.deadline());
    assert_eq!(play.next(), "");
    assert_eq!(play.ends(), ["Done: "]);
    assert!(!play.engine.outcomes()[0].late);

    // The write that is under way is awaited, and goes back; what waits is never begun.
    let mut play = Play::new(2, restore);
    assert_eq!(play.next(), "write 0");
    assert!(play.engine.deadline());
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, FINE);
    let never = "Timeout: --timeout passed before it was started; nothing was written";
    assert_eq!(play.ends(), ["Restored: --timeout passed; previous template restored", never]);

    // Nothing is put back unasked, or where nothing was written.
    for rules in [rules(), Rules { on_failure: OnFailure::Stop, ..rules() }] {
        assert!(!Play::new(1, rules).write_all().engine.deadline());
    }
    assert!(!Play::new(1, restore).engine.deadline());
}

#[test]
fn what_became_healthy_meanwhile_is_reported_as_it_was_read_for_that() {
    let pod = |state| vec![PodReport { name: "a-0".into(), state, cause: None, log: Vec::new() }];
    let mut play = Play::new(1, asked());
    let failed = State::Failed { cause: "crashed".into(), pod: None, container: None };
    play.write_all().engine.seen(0, &progress(failed.clone()));
    commands(&mut play);
    play.engine.verified(0, &Progress { pods: pod(PodState::Failing), ..progress(failed) }, at(0));
    let question = question(&commands(&mut play));
    play.engine.answered(&question, true);
    commands(&mut play);
    play.engine.verified(0, &Progress { pods: pod(PodState::Ready), ..progress(FINE) }, at(0));
    assert_eq!(play.ends(), ["Done: "]);
    assert_eq!(play.engine.outcomes()[0].pods, pod(PodState::Ready));
}

#[test]
fn a_signal_at_the_question_is_an_interruption_and_not_a_failure() {
    let mut play = Play::new(2, asked());
    play.write_all().seen(0, FINE);
    let failed = State::Failed { cause: "crashed".into(), pod: None, container: None };
    play.engine.seen(1, &progress(failed.clone()));
    play.there.insert(1, progress(failed));
    commands(&mut play);
    for step in 0..2 {
        play.engine.verified(step, &play.there[&step].clone(), at(0));
    }
    question(&commands(&mut play));
    play.engine.stop(&End::Interrupted);
    let cause = "Interrupted: interrupted before the decision whether to restore it: crashed";
    assert_eq!(play.ends(), ["Done: ", cause]);
}

#[test]
fn what_somebody_replaced_while_it_was_asked_about_is_no_reason_to_put_others_back() {
    let mut play = Play::new(2, asked());
    play.write_all().engine.seen(1, &progress(FINE));
    play.engine.verified(1, &progress(FINE), at(0));
    play.fails(0);
    let question = question(&commands(&mut play));
    play.engine.answered(&question, true);
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    play.engine.verified(0, &progress(superseded(false)), at(0));
    let commands = commands(&mut play);
    assert!(!commands.iter().any(|command| matches!(command, Command::Restore(_))), "{commands:?}");
    let ends = play.ends();
    assert!(ends[0].starts_with("Superseded: kim wrote another template"), "{ends:?}");
}
