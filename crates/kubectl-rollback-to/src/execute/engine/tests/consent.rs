//! Consent is used only for what a later read still shows; and for what is not a failure nothing is restored.

use super::*;
use crate::outcome::{PodProgress, PodState};

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
fn a_pod_that_became_ready_during_the_prompt_is_not_deleted() {
    for (there, deleted) in
        [(State::Moving, false), (DONE, false), (stuck("other"), false), (stuck("p"), true)]
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
    let reason = Reason::BlockedByPod { pod: "p".into(), why: BlockedByPod::KeepsChanging };
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [reason])]);
}

#[test]
fn what_became_healthy_during_the_prompt_is_not_restored() {
    let restored = || over(RolloutResult::Restored, [rollout("crashed"), Reason::Restored]);
    for (there, expected) in [(DONE, done()), (crashed(), restored()), (State::Moving, restored())] {
        let mut play = Play::new(1, asked());
        play.write_all().seen(0, State::Failed { cause: cause("crashed"), pod: None, container: None });
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
            play.seen(0, DONE);
        }
        assert_eq!(play.ends(), [expected]);
    }
}

#[test]
fn what_cannot_be_read_any_more_is_not_restored() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().seen(0, State::Failed { cause: cause("crashed"), pod: None, container: None });
    play.engine.next(at(0));
    play.engine.verified(0, &play.there[&0].clone(), at(0));
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    let why = || Unobserved::Message("403".into());
    play.engine.unverified(0, why());
    let reasons = [rollout("crashed"), Reason::NotRestored(NotRestored::Unobserved(why()))];
    assert_eq!(play.ends(), [over(RolloutResult::Failed, reasons)]);
}

/// It is not known which template is there: the pods that are healthy may have the one from before.
#[test]
fn a_write_whose_answer_was_lost_is_never_taken_for_healthy() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.there.insert(0, progress(DONE));
    play.next();
    play.engine.wrote(0, Wrote::Unknown("504".into()), at(0));
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, Wrote::Already, Vec::new());
    let reasons = [Reason::Message("504".into()), Reason::UpdateUnknown, Reason::HadPreviousTemplate];
    assert_eq!(play.ends(), [over(RolloutResult::Restored, reasons)]);
}

#[test]
fn a_restart_is_followed_and_another_template_is_left_alone_and_nothing_is_restored_for_either() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(2, restore);
    play.write_all().seen(0, DONE).next();
    assert_eq!(play.seen(1, superseded(true)).next(), "follow 1");
    play.seen(1, DONE);
    assert_eq!(play.ends(), [done(), done()]);
    assert!(play.events.contains(&(1, Event::Note(Note::Restarted(author("kim"))))));

    // One that fails after that is not restored: that would undo the restart.
    let mut play = Play::new(1, restore);
    play.write_all().seen(0, superseded(true)).next();
    play.fails(0);
    let restarted = Reason::NotRestored(NotRestored::Restarted(author("kim")));
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [rollout("crashed"), restarted])]);

    let mut play = Play::new(2, restore);
    play.write_all().seen(0, DONE).next();
    play.seen(1, superseded(false));
    let left = || over(RolloutResult::Superseded, [Reason::Superseded { by: author("kim"), pods: (0, 0) }]);
    assert_eq!(play.ends(), [done(), left()]);

    // Restarts without end are not followed without end.
    let mut play = Play::new(1, restore);
    play.write_all();
    let followed = (0..100).take_while(|_| play.seen(0, superseded(true)).next() == "follow 0").count();
    assert_eq!(followed, FOLLOWED);
    assert_eq!(play.ends(), [left()]);
}

#[test]
fn for_what_blocks_any_template_nothing_is_restored() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(2, restore);
    play.write_all().seen(0, DONE).next();
    play.seen(1, stalled(true));
    assert_eq!(play.ends(), [done(), over(RolloutResult::Stalled, [rollout("no node")])]);
    let mut play = Play::new(1, restore);
    play.write_all().seen(0, stalled(false));
    assert_eq!(play.next(), "restore 0");
}

#[test]
fn at_the_deadline_what_is_not_done_is_restored_and_what_is_stays() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::new(1, restore);
    play.write_all().seen_as(0, Progress { done: 1, total: 3, ..progress(State::Moving) });
    assert!(play.engine.deadline(), "it goes on for that");
    assert!(!play.engine.deadline(), "and once");
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, DONE);
    let overdue = |pods| over(RolloutResult::Restored, [Reason::Overdue { pods }, Reason::Restored]);
    assert_eq!(play.ends(), [overdue((1, 3))]);
    assert!(play.engine.outcomes()[0].late);

    // It was done at that very moment.
    let mut play = Play::new(1, restore);
    play.write_all().there.insert(0, progress(DONE));
    assert!(play.engine.deadline());
    assert_eq!(play.next(), "");
    assert_eq!(play.ends(), [done()]);
    assert!(!play.engine.outcomes()[0].late);

    // The write that is under way is awaited and restored; what waits is never started.
    let mut play = Play::new(2, restore);
    assert_eq!(play.next(), "write 0");
    assert!(play.engine.deadline());
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, DONE);
    let never = Reason::Ended { by: End::Timeout, at: EndedAt::NotStarted, pods: (0, 0) };
    assert_eq!(play.ends(), [overdue((0, 0)), over(RolloutResult::Timeout, [never])]);

    // Nothing is restored without consent, or where nothing was written.
    for rules in [rules(), Rules { on_failure: OnFailure::Stop, ..rules() }] {
        assert!(!Play::new(1, rules).write_all().engine.deadline());
    }
    assert!(!Play::new(1, restore).engine.deadline());
}

#[test]
fn what_became_healthy_meanwhile_is_reported_as_it_was_read_for_that() {
    let pod = |state| vec![PodProgress { name: "a-0".into(), state, cause: None, log: Vec::new() }];
    let mut play = Play::new(1, asked());
    let failed = State::Failed { cause: cause("crashed"), pod: None, container: None };
    play.write_all().engine.seen(0, &progress(failed.clone()));
    commands(&mut play);
    play.engine.verified(0, &Progress { pods: pod(PodState::Failing), ..progress(failed) }, at(0));
    let question = question(&commands(&mut play));
    play.engine.answered(&question, true);
    commands(&mut play);
    play.engine.verified(0, &Progress { pods: pod(PodState::Ready), ..progress(DONE) }, at(0));
    assert_eq!(play.ends(), [done()]);
    assert_eq!(play.engine.outcomes()[0].pods, pod(PodState::Ready));
}

#[test]
fn a_signal_at_the_question_is_an_interruption_and_not_a_failure() {
    let mut play = Play::new(2, asked());
    play.write_all().seen(0, DONE);
    let failed = State::Failed { cause: cause("crashed"), pod: None, container: None };
    play.engine.seen(1, &progress(failed.clone()));
    play.there.insert(1, progress(failed));
    commands(&mut play);
    for step in 0..2 {
        play.engine.verified(step, &play.there[&step].clone(), at(0));
    }
    question(&commands(&mut play));
    play.engine.stop(&End::Interrupted);
    let undecided = Reason::Ended { by: End::Interrupted, at: EndedAt::Undecided, pods: (0, 0) };
    assert_eq!(play.ends(), [done(), over(RolloutResult::Interrupted, [undecided, rollout("crashed")])]);
}

#[test]
fn what_somebody_replaced_during_the_prompt_is_no_reason_to_restore_others() {
    let mut play = Play::new(2, asked());
    play.write_all().engine.seen(1, &progress(DONE));
    play.engine.verified(1, &progress(DONE), at(0));
    play.fails(0);
    let question = question(&commands(&mut play));
    play.engine.answered(&question, true);
    assert_eq!(commands(&mut play), [Command::Verify(0)]);
    play.engine.verified(0, &progress(superseded(false)), at(0));
    let commands = commands(&mut play);
    assert!(!commands.iter().any(|command| matches!(command, Command::Restore(_))), "{commands:?}");
    let ends = play.ends();
    assert_eq!(
        ends[0],
        over(RolloutResult::Superseded, [Reason::Superseded { by: author("kim"), pods: (0, 0) }])
    );
}
