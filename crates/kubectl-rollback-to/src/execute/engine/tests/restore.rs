//! What is done after a failure.

use super::*;
use crate::outcome::{PodReport, PodState};

#[test]
fn when_the_second_fails_all_three_go_back() {
    let mut play = Play::new(3, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().seen(0, FINE).fails(1);
    assert_eq!(play.next(), "restore 2", "the last one written is the first to go back");
    play.engine.restored(2, written(), Vec::new());
    assert_eq!(play.next(), "watch 2, restore 1");
    play.engine.restored(1, written(), Vec::new());
    play.engine.restored(1, written(), Vec::new());
    assert_eq!(play.next(), "watch 1, restore 0");
    play.engine.restored(0, written(), Vec::new());
    assert_eq!(play.next(), "watch 0");
    for step in 0..3 {
        play.seen(step, FINE);
    }
    assert_eq!(
        play.ends(),
        [
            "Restored: statefulset/b failed; previous template restored",
            "Restored: crashed; previous template restored",
            "Restored: statefulset/b failed; previous template restored",
        ]
    );
    assert!(play.was_told("log: [\"boom\"]"));
}

/// And those that made it go back are not lost.
#[test]
fn what_went_back_is_reported_with_the_pods_that_it_has_then() {
    let pod = |name: &str, state| PodReport { name: name.into(), state, cause: None, log: Vec::new() };
    let with = |state, pods: &[PodReport]| Progress { pods: pods.to_vec(), ..progress(state) };
    let names = |pods: &[PodReport]| pods.iter().map(|pod| pod.name.clone()).collect::<Vec<_>>();
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    let before = [pod("old", PodState::Old), pod("p", PodState::Failing)];
    play.write_all().seen_as(0, with(crashed(), &before));
    assert_eq!(play.next(), "log 0 p");
    play.engine.logged(0, vec!["boom".into()]);
    assert_eq!(play.next(), "restore 0");
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen_as(0, with(FINE, &[pod("old", PodState::Ready)]));
    assert_eq!(play.ends(), ["Restored: crashed; previous template restored"]);
    let outcome = play.engine.outcomes().remove(0);
    assert_eq!(outcome.pods, [pod("old", PodState::Ready)]);
    assert_eq!(
        (names(&outcome.failed_pods), &outcome.failed_pods[0].log),
        (vec!["p".to_owned()], &vec!["boom".to_owned()])
    );

    // Nobody looked: then nothing is said of its pods.
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().seen_as(0, with(stalled(false), &before));
    play.next();
    play.engine.restored(0, Wrote::Already, Vec::new());
    let outcome = play.engine.outcomes().remove(0);
    assert_eq!((outcome.pods.len(), names(&outcome.failed_pods)), (0, vec!["p".to_owned()]));
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
        play.engine.wrote(1, Wrote::Failed { says: "no".into() }, at(0));
        assert_eq!(play.next_answering(answer), expected, "{on_failure:?} {can_ask} {answer}");
        let restores = expected.contains("restore 0");
        if restores {
            play.engine.restored(0, written(), Vec::new());
            play.next();
        }
        // Asked once; what goes on is still watched to its end.
        play.seen(0, FINE);
        let first =
            if restores { "Restored: statefulset/b failed; previous template restored" } else { "Done: " };
        assert_eq!(
            play.ends(),
            [
                first,
                "Failed: no; nothing was written",
                "Refused: not started, because statefulset/b did not succeed; nothing was written",
            ]
        );
    }
}

#[test]
fn a_write_in_flight_is_awaited_before_anything_is_put_back() {
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
fn what_cannot_be_put_back_is_told_and_the_rest_is() {
    let cases = [
        (
            Wrote::Changed { change: "changed by argo".into() },
            "Superseded: crashed; not restored: changed by argo meanwhile, which is not overwritten",
        ),
        (Wrote::Gone, "Failed: crashed; not restored: it was deleted meanwhile"),
        (Wrote::Failed { says: "403".into() }, "Failed: crashed; not restored: 403"),
        (Wrote::Unknown { says: "504".into() }, "Failed: crashed; not restored: 504; unknown whether it was"),
        (Wrote::Already, "Restored: crashed; it already has its previous template"),
    ];
    for (wrote, expected) in cases {
        let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().fails(1);
        assert_eq!(play.next(), "restore 1");
        play.engine.restored(1, wrote, Vec::new());
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, written(), Vec::new());
        play.next();
        play.seen(0, FINE);
        assert_eq!(play.ends(), ["Restored: statefulset/b failed; previous template restored", expected]);
    }
}

#[test]
fn a_restore_that_fails_is_told_and_never_repeated() {
    let cases = [
        (crashed(), "Failed: crashed; template restored; its pods are not healthy yet: crashed"),
        (
            reverted(),
            "Superseded: crashed; restored, and then argo wrote another template, which is not overwritten",
        ),
        (
            superseded(false),
            "Superseded: crashed; restored, and then kim wrote another template, which is not overwritten",
        ),
        (
            State::Deleted,
            "Failed: crashed; template restored; its pods are not healthy yet: it was deleted meanwhile",
        ),
        (
            stuck("p"),
            "Failed: crashed; template restored; its pods are not healthy yet: blocked by pod p (CrashLoopBackOff) until it is deleted: AGAIN --unstick",
        ),
    ];
    for (state, expected) in cases {
        let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().fails(0);
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, written(), Vec::new());
        assert_eq!(play.next(), "watch 0");
        play.seen(0, state);
        assert_eq!(play.next(), "");
        assert_eq!(play.ends(), [expected]);
        assert!(play.was_told("NotRestored") || play.was_told("Superseded"));
    }
}

#[test]
fn a_workload_that_was_taken_back_is_left_alone() {
    for (state, expected) in [
        (reverted(), "Failed: reverted by argo at 2026-01-01T00:00:00Z"),
        (State::Deleted, "Failed: deleted while it was rolled back"),
    ] {
        let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
        play.write_all().seen(1, state);
        assert_eq!(play.next(), "restore 0");
        play.engine.restored(0, Wrote::Already, Vec::new());
        assert_eq!(
            play.ends(),
            ["Restored: statefulset/b failed; it already has its previous template", expected]
        );
    }
}
