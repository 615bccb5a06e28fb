//! What is done after a failure.

use super::*;
use crate::outcome::{PodProgress, PodState};

#[test]
fn when_the_second_fails_all_three_are_restored() {
    let mut play = Play::new(3, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().seen(0, DONE).fails(1);
    assert_eq!(play.next(), "restore 2", "the last one written is the first to be restored");
    play.engine.restored(2, written(), Vec::new());
    assert_eq!(play.next(), "watch 2, restore 1");
    play.engine.restored(1, written(), Vec::new());
    play.engine.restored(1, written(), Vec::new());
    assert_eq!(play.next(), "watch 1, restore 0");
    play.engine.restored(0, written(), Vec::new());
    assert_eq!(play.next(), "watch 0");
    for step in 0..3 {
        play.seen(step, DONE);
    }
    assert_eq!(
        play.ends(),
        [
            restored_for("b"),
            over(RolloutResult::Restored, [rollout("crashed"), Reason::Restored]),
            restored_for("b"),
        ]
    );
    assert!(play.reported(|event| matches!(event, Event::Failed { log, .. } if log == &["boom"])));
}

/// And those that failed are not lost.
#[test]
fn what_is_restored_is_reported_with_the_pods_that_it_has_then() {
    let pod = |name: &str, state| PodProgress { name: name.into(), state, cause: None, log: Vec::new() };
    let with = |state, pods: &[PodProgress]| Progress { pods: pods.to_vec(), ..progress(state) };
    let names = |pods: &[PodProgress]| pods.iter().map(|pod| pod.name.clone()).collect::<Vec<_>>();
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    let before = [pod("old", PodState::Old), pod("p", PodState::Failing)];
    play.write_all().seen_as(0, with(crashed(), &before));
    assert_eq!(play.next(), "log 0 p");
    play.engine.logged(0, vec!["boom".into()]);
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen_as(0, with(DONE, &[pod("old", PodState::Ready)]));
    assert_eq!(play.ends(), [over(RolloutResult::Restored, [rollout("crashed"), Reason::Restored])]);
    let outcome = play.engine.outcomes().remove(0);
    assert_eq!(outcome.pods, [pod("old", PodState::Ready)]);
    assert_eq!(
        (names(&outcome.failed_pods), &outcome.failed_pods[0].log),
        (vec!["p".to_owned()], &vec!["boom".to_owned()])
    );

    // It was not watched, or has somebody else's template: then nothing is reported of the pods that it has now.
    for wrote in [Wrote::Already, Wrote::Changed(change()), Wrote::Gone] {
        let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().seen_as(0, with(stalled(false), &before));
        play.next();
        play.engine.restored(0, wrote, Vec::new());
        let outcome = play.engine.outcomes().remove(0);
        assert_eq!((outcome.pods.len(), names(&outcome.failed_pods)), (0, vec!["p".to_owned()]));
    }
}

#[test]
fn what_is_done_about_a_failure() {
    let cases = [
        (OnFailure::Restore, false, false, "restore 0"),
        (OnFailure::Stop, true, false, ""),
        (OnFailure::Ask, false, true, ""),
        (OnFailure::Ask, true, true, "ask restore, restore 0"),
        (OnFailure::Ask, true, false, "ask restore"),
    ];
    for (on_failure, can_ask, answer, expected) in cases {
        let mut play = Play::new(3, Rules { on_failure, can_ask, ..rules() });
        play.next();
        play.engine.wrote(0, written(), at(0));
        play.next();
        play.engine.wrote(1, Wrote::Failed("no".into()), at(0));
        assert_eq!(play.next_answering(answer), expected, "{on_failure:?} {can_ask} {answer}");
        let restores = expected.contains("restore 0");
        if restores {
            play.engine.restored(0, written(), Vec::new());
            play.next();
        }
        // Asked once; what goes on is still watched to its end.
        play.seen(0, DONE);
        let first = if restores { restored_for("b") } else { done() };
        assert_eq!(
            play.ends(),
            [
                first,
                over(RolloutResult::Failed, [Reason::Message("no".into()), Reason::NothingWritten]),
                over(RolloutResult::Refused, [Reason::NotStarted(Some(id("b"))), Reason::NothingWritten]),
            ]
        );
    }
}

#[test]
fn a_write_in_flight_is_awaited_before_anything_is_restored() {
    let mut play = Play::new(3, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.next();
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "watch 0, write 1");
    play.fails(0);
    assert_eq!(play.next(), "", "the second is being written");
    play.engine.wrote(1, written(), at(0));
    assert_eq!(play.next(), "watch 1, restore 1", "and the third never is");
    play.engine.restored(1, Wrote::Already, Vec::new());
    assert_eq!(play.next(), "restore 0");
}

#[test]
fn what_cannot_be_restored_is_reported_and_the_rest_is_restored() {
    let message = || "403".to_owned();
    let cases = [
        (
            Wrote::Changed(change()),
            RolloutResult::Superseded,
            Reason::NotRestored(NotRestored::Changed(change())),
        ),
        (Wrote::Gone, RolloutResult::Failed, Reason::NotRestored(NotRestored::Deleted)),
        (
            Wrote::Failed(message()),
            RolloutResult::Failed,
            Reason::NotRestored(NotRestored::Failed(message())),
        ),
        (
            Wrote::Unknown(message()),
            RolloutResult::Failed,
            Reason::NotRestored(NotRestored::Unknown(message())),
        ),
        (Wrote::Already, RolloutResult::Restored, Reason::HadPreviousTemplate),
    ];
    for (wrote, result, reason) in cases {
        let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().fails(1);
        assert_eq!(play.next(), "restore 1");
        play.engine.restored(1, wrote, Vec::new());
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, written(), Vec::new());
        play.next();
        play.seen(0, DONE);
        assert_eq!(play.ends(), [restored_for("b"), over(result, [rollout("crashed"), reason])]);
    }
}

#[test]
fn a_restore_that_fails_is_reported_and_never_repeated() {
    let unhealthy = |why| Reason::NotRestored(NotRestored::Unhealthy(vec![why]));
    let until = BlockedByPod::UntilDeleted { message: "CrashLoopBackOff".into(), revision: None };
    let cases = [
        (crashed(), RolloutResult::Failed, unhealthy(rollout("crashed"))),
        (reverted(), RolloutResult::Superseded, Reason::RestoredAndReplaced(author("argo"))),
        (superseded(false), RolloutResult::Superseded, Reason::RestoredAndReplaced(author("kim"))),
        (State::Deleted, RolloutResult::Failed, unhealthy(Reason::Deleted)),
        (
            State::BeingDeleted(being_deleted()),
            RolloutResult::Failed,
            unhealthy(Reason::BeingDeleted(being_deleted())),
        ),
        (stuck("p"), RolloutResult::Failed, unhealthy(Reason::BlockedByPod { pod: "p".into(), why: until })),
    ];
    for (state, result, reason) in cases {
        let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().fails(0);
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, written(), Vec::new());
        assert_eq!(play.next(), "watch 0");
        play.seen(0, state);
        assert_eq!(play.next(), "");
        assert_eq!(play.ends(), [over(result, [rollout("crashed"), reason])]);
        let is_reported = |event: &Event| matches!(event, Event::NotRestored(_) | Event::Superseded(_));
        assert!(play.reported(is_reported));
    }
}

#[test]
fn a_workload_that_was_reverted_is_left_alone() {
    for (state, expected) in [
        (reverted(), Reason::Reverted(author("argo"))),
        (State::Deleted, Reason::Deleted),
        (State::BeingDeleted(being_deleted()), Reason::BeingDeleted(being_deleted())),
    ] {
        let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().seen(1, state);
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, Wrote::Already, Vec::new());
        let had = [Reason::OtherFailed(id("b")), Reason::HadPreviousTemplate];
        assert_eq!(
            play.ends(),
            [over(RolloutResult::Restored, had), over(RolloutResult::Failed, [expected])]
        );
    }
}
