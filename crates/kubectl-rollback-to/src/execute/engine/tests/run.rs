//! From the first write to the end.

use super::*;
use crate::outcome::{PodProgress, PodState};

fn kept() -> KeptPods {
    KeptPods { by: KeptBy::OnDelete, names: vec!["a-0".into()], updated: 1, desired: 2 }
}

#[test]
fn one_write_after_another_and_all_watched_side_by_side() {
    let mut play = Play::new(3, rules());
    assert_eq!(play.next(), "write 0");
    assert_eq!(play.next(), "", "the second waits for the first");
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "watch 0, write 1");
    play.engine.wrote(1, Wrote::Already, at(0));
    assert_eq!(play.next(), "watch 1, write 2");
    play.seen(1, DONE);
    play.engine.wrote(2, written(), at(0));
    assert_eq!(play.next(), "watch 2");
    play.seen(2, State::Done { kept: Some(kept()) }).seen(0, State::Moving);
    assert!(!play.engine.is_done());
    play.seen(0, DONE);
    assert_eq!(
        play.ends(),
        [
            done(),
            over(RolloutResult::Unchanged, [Reason::Already(Already::WrittenBySomebody)]),
            over(RolloutResult::Partial, [Reason::Kept(kept())]),
        ]
    );
}

#[test]
fn a_lost_race_is_refused_and_can_be_planned_again() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, can_ask: true, ..rules() });
    play.next();
    play.engine.wrote(0, Wrote::Changed(change()), at(0));
    let reasons = [Reason::ChangedAfterPlanning(change()), Reason::NothingWritten];
    assert_eq!(play.ends(), [over(RolloutResult::Refused, reasons)]);
    assert!(play.engine.outcomes()[0].changed);
}

#[test]
fn what_an_owner_may_revert_is_watched_a_little_longer() {
    let owned = || StepInput { has_reconciling_owner: true, finish: true, ..input("a") };
    let mut play = Play::with(vec![owned()], rules());
    play.write_all().seen(0, DONE);
    assert_eq!(play.next(), "finish 0");
    assert!(play.reported(|event| matches!(event, Event::Done(_))), "at once");
    play.engine.finished(0, vec![Note::OwnershipReturned(Vec::new())], at(1));
    play.engine.next(at(1));
    assert!(!play.engine.is_done());
    assert_eq!(play.engine.wake_at(), Some(at(5)));
    play.engine.next(at(5));
    assert_eq!(play.ends(), [done()]);

    let mut play = Play::with(vec![owned()], rules());
    play.write_all().seen(0, DONE).next();
    play.seen(0, crashed()).next();
    play.seen(0, reverted());
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [Reason::Reverted(author("argo"))])]);

    // Nobody reverts it: over as soon as it is done.
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, DONE).next();
    assert!(play.engine.is_done());
}

#[test]
fn without_waiting_nothing_is_claimed() {
    let mut play = Play::new(2, Rules { wait: false, ..rules() });
    assert_eq!(play.next(), "write 0");
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "write 1");
    play.engine.wrote(1, written(), at(0));
    let written_only = || over(RolloutResult::Done, [Reason::NotWatched]);
    assert_eq!(play.ends(), [written_only(), written_only()]);
    assert!(play.reported(|event| matches!(event, Event::Written { watched: false, .. })));
    assert!(!play.reported(|event| matches!(event, Event::Written { watched: true, .. })));

    let mut play = Play::new(2, Rules { wait: false, on_failure: OnFailure::Restore, ..rules() });
    play.next();
    play.engine.wrote(0, written(), at(0));
    play.next();
    play.engine.wrote(1, Wrote::Gone, at(0));
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    assert_eq!(
        play.ends(),
        [
            over(
                RolloutResult::Restored,
                [Reason::OtherFailed(id("b")), Reason::Restored, Reason::NotWatched]
            ),
            over(RolloutResult::Refused, [Reason::DeletedAfterPlanning, Reason::NothingWritten])
        ]
    );
}

#[test]
fn without_the_right_to_watch_nothing_is_restored() {
    let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.next();
    play.engine.wrote(0, written(), at(0));
    play.next();
    let why = || Unobserved::Message("cannot watch pods: no (403)".into());
    play.engine.unwatchable(0, why());
    play.engine.wrote(1, written(), at(0));
    assert_eq!(play.next(), "watch 1");
    play.seen(1, DONE);
    assert_eq!(
        play.ends(),
        [over(RolloutResult::Failed, [Reason::Unobserved { why: why(), restored: false }]), done()]
    );
}

#[test]
fn an_early_end_reports_the_state_of_each_workload() {
    type Case = (EndedAt, (i64, i64), fn(&mut Play));
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    let watching = EndedAt::Watching { written: true };
    let cases: [Case; 7] = [
        (EndedAt::NotStarted, (0, 0), |_| {}),
        (EndedAt::Writing, (0, 0), |play| drop(play.next())),
        (watching, (0, 0), |play| drop(play.write_all().next())),
        (watching, (2, 3), |play| {
            play.write_all();
            play.seen_as(0, Progress { done: 2, total: 3, ..progress(State::Moving) });
        }),
        (EndedAt::ToRestore, (0, 0), |play| {
            play.write_all().fails(0);
            play.engine.decide();
            play.engine.verified(0, &progress(crashed()), at(0));
            play.engine.decide();
        }),
        (EndedAt::Restoring, (0, 0), |play| drop(play.write_all().fails(0).next())),
        (EndedAt::RestoreWatching, (0, 0), |play| {
            play.write_all().fails(0).next();
            play.engine.restored(0, written(), Vec::new());
            play.next();
        }),
    ];
    for (end, result) in [
        (End::Timeout, RolloutResult::Timeout),
        (End::Interrupted, RolloutResult::Interrupted),
        (silent(), RolloutResult::Stalled),
    ] {
        for (at, pods, act) in cases {
            let mut play = Play::new(1, restore);
            act(&mut play);
            play.engine.stop(&end);
            let has_failed = matches!(at, EndedAt::ToRestore | EndedAt::Restoring | EndedAt::RestoreWatching);
            let failed = has_failed.then(|| rollout("crashed"));
            let ended = Reason::Ended { by: end.clone(), at, pods };
            assert_eq!(play.ends(), [over(result, failed.into_iter().chain([ended]).collect::<Vec<_>>())]);
            // Unknown is not "not written": --last would not find it.
            assert_eq!(play.engine.was_written(0), at != EndedAt::NotStarted, "{at:?}");
        }
    }
}

#[test]
fn an_early_end_keeps_what_is_known() {
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, crashed()).next();
    play.engine.stop(&End::Timeout);
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [rollout("crashed")])]);
    let mut play = Play::new(1, rules());
    play.engine.steps[0].has_reconciling_owner = true;
    play.write_all().seen(0, DONE).next();
    play.engine.stop(&End::Timeout);
    assert_eq!(play.ends(), [done()]);
}

#[test]
fn each_change_is_reported_once() {
    let pod = |cause: &str| PodProgress {
        name: "p".into(),
        state: PodState::Failing,
        cause: Some(PodCause::Message(cause.into())),
        log: Vec::new(),
    };
    let mut play = Play::new(1, rules());
    play.write_all();
    play.events.clear();
    for (done, cause) in [(0, "ErrImagePull"), (0, "ErrImagePull"), (1, "ErrImagePull"), (1, "OOMKilled")] {
        let progress = Progress { done, total: 3, pods: vec![pod(cause)], ..progress(State::Moving) };
        play.seen_as(0, progress);
    }
    play.next();
    let [
        (_, Event::Moved { .. }),
        (_, Event::PodIssue { .. }),
        (_, Event::Moved { .. }),
        (_, Event::PodIssue { .. }),
    ] = play.events.as_slice()
    else {
        panic!("{:?}", play.events);
    };
}

#[test]
fn what_never_ran_has_no_log() {
    let pulling = State::Failed { cause: cause("ErrImagePull"), pod: Some("p".into()), container: None };
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, pulling);
    assert_eq!(play.next(), "");
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [rollout("ErrImagePull")])]);
}

#[test]
fn the_log_goes_into_the_report_and_stays() {
    let failing = PodProgress { name: "p".into(), state: PodState::Failing, cause: None, log: Vec::new() };
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all();
    play.seen_as(0, Progress { pods: vec![failing], ..progress(crashed()) });
    play.next();
    play.engine.logged(0, vec!["boom".into()]);
    play.next();
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, DONE);
    play.ends();
    assert_eq!(play.engine.outcomes()[0].failed_pods[0].log, ["boom"]);
}

#[test]
fn what_is_there_already_is_claimed_of_its_pods_only() {
    let already = || Already::Live(None);
    let there = |name: &str| StepInput { start: Start::Watch(already()), ..input(name) };
    let but = || Reason::AlreadyBut { already: already(), pods: Some((0, 2)) };
    let none_of = |state| Progress { done: 0, total: 2, ..progress(state) };
    for (state, end) in [
        (DONE, over(RolloutResult::Unchanged, [Reason::Already(already())])),
        (stalled(true), over(RolloutResult::Stalled, [but(), rollout("no node")])),
        (
            State::Failed { cause: cause("crashed"), pod: None, container: None },
            over(RolloutResult::Failed, [but(), rollout("crashed")]),
        ),
        (
            State::Done { kept: Some(kept()) },
            over(RolloutResult::Partial, [Reason::Already(already()), Reason::Kept(kept())]),
        ),
    ] {
        let rules = Rules { on_failure: OnFailure::Restore, ..rules() };
        let mut play = Play::with(vec![there("a"), input("b")], rules);
        assert_eq!(play.next(), "watch 0, write 1");
        play.engine.wrote(1, written(), at(0));
        assert_eq!(play.next(), "watch 1");
        play.seen_as(0, none_of(state));
        assert_eq!(play.next(), "", "it is no reason to restore another");
        play.seen(1, DONE);
        assert_eq!(play.ends(), [end, done()]);
        assert!(!play.events.iter().any(|it| matches!(it, (0, Event::Done(_)))));
    }
}

#[test]
fn no_pods_are_no_evidence_and_the_outcome_has_that() {
    let mut play = Play::new(1, rules());
    play.write_all().seen_as(0, Progress { desired: 0, ..progress(DONE) });
    assert_eq!(play.ends(), [over(RolloutResult::Done, [Reason::NoPods(Kind::StatefulSet)])]);
}

#[test]
fn what_is_left_there_is_distinguished_from_what_is_not() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    for (wrote, left, gone) in [
        (Wrote::Failed("403".into()), true, false),
        (Wrote::Changed(change()), false, false),
        (Wrote::Gone, false, true),
        (Wrote::Already, false, false),
    ] {
        let mut play = Play::new(1, restore);
        play.write_all().fails(0);
        play.next();
        play.engine.restored(0, wrote, Vec::new());
        play.ends();
        let outcome = &play.engine.outcomes()[0];
        assert_eq!((outcome.left, outcome.gone), (left, gone));
    }
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, State::Deleted);
    play.ends();
    assert!(play.engine.outcomes()[0].gone && !play.engine.outcomes()[0].left);
}
