//! From the first write to the end.

use super::*;
use crate::outcome::{PodReport, PodState};

#[test]
fn one_write_after_another_and_all_watched_side_by_side() {
    let mut play = Play::new(3, rules());
    assert_eq!(play.next(), "write 0");
    assert_eq!(play.next(), "", "the second waits for the first");
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "watch 0, write 1");
    play.engine.wrote(1, Wrote::Already, at(0));
    assert_eq!(play.next(), "watch 1, write 2");
    play.seen(1, FINE);
    play.engine.wrote(2, written(), at(0));
    assert_eq!(play.next(), "watch 2");
    play.seen(2, State::Done { note: Some("4 of 5".into()) }).seen(0, State::Moving);
    assert!(!play.engine.is_done());
    play.seen(0, FINE);
    assert_eq!(
        play.ends(),
        ["Done: ", "Unchanged: somebody else wrote the same template meanwhile", "Partial: 4 of 5"]
    );
}

#[test]
fn a_lost_race_is_refused_and_can_be_planned_again() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, can_ask: true, ..rules() });
    play.next();
    play.engine.wrote(0, Wrote::Changed { change: "changed by argo".into() }, at(0));
    assert_eq!(play.ends(), ["Refused: changed by argo after planning; nothing was written"]);
    assert!(play.engine.outcomes()[0].changed);
}

#[test]
fn what_an_owner_may_take_back_is_watched_a_little_longer() {
    let contested = || Part { contested: true, finish: true, ..part("a") };
    let mut play = Play::with(vec![contested()], rules());
    play.write_all().seen(0, FINE);
    assert_eq!(play.next(), "finish 0");
    assert!(play.was_told("Done {"), "it is told at once");
    play.engine.finished(0, vec!["went back to helm".into()], at(1));
    play.engine.next(at(1));
    assert!(!play.engine.is_done());
    assert_eq!(play.engine.wake_at(), Some(at(5)));
    play.engine.next(at(5));
    assert_eq!(play.ends(), ["Done: "]);

    let mut play = Play::with(vec![contested()], rules());
    play.write_all().seen(0, FINE).next();
    play.seen(0, crashed()).next();
    play.seen(0, reverted());
    assert_eq!(play.ends(), ["Failed: reverted by argo at 2026-01-01T00:00:00Z"]);

    // Nobody takes it back: over as soon as it is done.
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, FINE).next();
    assert!(play.engine.is_done());
}

#[test]
fn without_waiting_nothing_is_claimed() {
    let mut play = Play::new(2, Rules { wait: false, ..rules() });
    assert_eq!(play.next(), "write 0");
    play.engine.wrote(0, written(), at(0));
    assert_eq!(play.next(), "write 1");
    play.engine.wrote(1, written(), at(0));
    assert_eq!(play.ends(), ["Done: not watched (--no-wait)", "Done: not watched (--no-wait)"]);

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
            "Restored: statefulset/b failed; previous template restored; not watched (--no-wait)",
            "Refused: deleted after planning; nothing was written"
        ]
    );
}

#[test]
fn who_may_not_look_any_more_puts_nothing_back() {
    let mut play = Play::new(2, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.next();
    play.engine.wrote(0, written(), at(0));
    play.next();
    play.engine.unwatchable(0, "cannot watch pods: no (403)");
    play.engine.wrote(1, written(), at(0));
    assert_eq!(play.next(), "watch 1");
    play.seen(1, FINE);
    assert_eq!(
        play.ends(),
        [
            "Failed: cannot watch pods: no (403); the rollout continues unobserved: kubectl rollback-to statefulset/a -n shop --status",
            "Done: "
        ]
    );
}

#[test]
fn an_early_end_says_where_things_are() {
    let go = "the rollout continues: kubectl rollback-to statefulset/a -n shop --status";
    type Act = fn(&mut Play);
    let cases: [(&str, Act, String); 8] = [
        ("waiting", |_| {}, "Timeout: --timeout passed before it was started; nothing was written".into()),
        (
            "writing",
            |play| drop(play.next()),
            "Timeout: --timeout passed during the write; unknown whether it was updated: kubectl rollback-to statefulset/a -n shop --status".into(),
        ),
        (
            "watching",
            |play| {
                play.write_all();
                play.seen_as(0, Progress { done: 2, total: 3, ..progress(State::Moving) });
            },
            format!("Timeout: --timeout passed at 2 of 3 pods; {go}"),
        ),
        (
            "telling",
            |play| {
                play.write_all().seen(0, crashed()).next();
            },
            "Failed: crashed".into(),
        ),
        (
            "settled",
            |play| {
                play.engine.steps[0].contested = true;
                play.write_all().seen(0, FINE).next();
            },
            "Done: ".into(),
        ),
        (
            "restoring",
            |play| {
                play.write_all().fails(0);
                play.next();
            },
            "Timeout: crashed; --timeout passed while it was restored; unknown whether it was: kubectl rollback-to statefulset/a -n shop --status".into(),
        ),
        (
            "to be put back",
            |play| {
                play.write_all().fails(0);
                play.engine.decide();
                play.engine.verified(0, &progress(crashed()), at(0));
                play.engine.decide();
            },
            "Timeout: crashed; --timeout passed before it was restored: kubectl rollback-to statefulset/a -n shop --last".into(),
        ),
        (
            "put back",
            |play| {
                play.write_all().fails(0);
                play.next();
                play.engine.restored(0, written(), Vec::new());
                play.next();
            },
            "Timeout: crashed; restored; --timeout passed, the rollout continues: kubectl rollback-to statefulset/a -n shop --status".into(),
        ),
    ];
    for (case, act, expected) in cases {
        let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
        act(&mut play);
        play.engine.stop(&End::Timeout);
        assert_eq!(play.ends(), [expected], "{case}");
        assert_eq!(
            play.engine.was_written(0),
            case != "waiting",
            "{case}: unknown is not \"not written\", or --last would not know of it"
        );
    }
    let mut play = Play::new(1, rules());
    play.write_all();
    play.engine.stop(&End::Interrupted);
    assert_eq!(play.ends(), [format!("Interrupted: interrupted; {go}")]);
}

#[test]
fn each_change_is_told_once() {
    let pod = |cause: &str| PodReport {
        name: "p".into(),
        state: PodState::Failing,
        cause: Some(cause.into()),
        log: Vec::new(),
    };
    let mut play = Play::new(1, rules());
    play.write_all();
    play.told.clear();
    for (done, cause) in [(0, "ErrImagePull"), (0, "ErrImagePull"), (1, "ErrImagePull"), (1, "OOMKilled")] {
        let progress = Progress { done, total: 3, pods: vec![pod(cause)], ..progress(State::Moving) };
        play.seen_as(0, progress);
    }
    play.next();
    let short: Vec<&str> = play.told.iter().map(|event| event.split(' ').next().unwrap()).collect();
    assert_eq!(short, ["Moved", "PodIssue", "Moved", "PodIssue"]);
}

#[test]
fn what_never_ran_has_no_log() {
    let pulling = State::Failed { cause: "ErrImagePull".into(), pod: Some("p".into()), container: None };
    let mut play = Play::new(1, rules());
    play.write_all().seen(0, pulling);
    assert_eq!(play.next(), "");
    assert_eq!(play.ends(), ["Failed: ErrImagePull"]);
}

#[test]
fn the_log_goes_into_the_report_and_stays() {
    let failing = PodReport { name: "p".into(), state: PodState::Failing, cause: None, log: Vec::new() };
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all();
    play.seen_as(0, Progress { pods: vec![failing], ..progress(crashed()) });
    play.next();
    play.engine.logged(0, vec!["boom".into()]);
    play.next();
    play.engine.restored(0, written(), Vec::new());
    play.next();
    play.seen(0, FINE);
    play.ends();
    assert_eq!(play.engine.outcomes()[0].failed_pods[0].log, ["boom"]);
}

#[test]
fn what_is_there_already_is_claimed_of_its_pods_only() {
    let there = |name: &str| Part { start: Start::Watch("it is there".into()), ..part(name) };
    let none_of = |state| Progress { done: 0, total: 2, ..progress(state) };
    for (state, end) in [
        (FINE, "Unchanged: it is there"),
        (stalled(true), "Stalled: it is there, but 0 of 2 pods run it: no node"),
        (
            State::Failed { cause: "crashed".into(), pod: None, container: None },
            "Failed: it is there, but 0 of 2 pods run it: crashed",
        ),
        (State::Done { note: Some("1 of 2: OnDelete".into()) }, "Partial: it is there; 1 of 2: OnDelete"),
    ] {
        let rules = Rules { on_failure: OnFailure::Restore, ..rules() };
        let mut play = Play::with(vec![there("a"), part("b")], rules);
        assert_eq!(play.next(), "watch 0, write 1");
        play.engine.wrote(1, written(), at(0));
        assert_eq!(play.next(), "watch 1");
        play.seen_as(0, none_of(state));
        assert_eq!(play.next(), "", "it is no reason to put back another");
        play.seen(1, FINE);
        assert_eq!(play.ends(), [end, "Done: "]);
        assert!(!play.was_told("Done { workload: \"statefulset/a\""));
    }
}

#[test]
fn no_pods_are_no_evidence_and_the_end_says_so() {
    let mut play = Play::new(1, rules());
    play.write_all().seen_as(0, Progress { desired: 0, ..progress(FINE) });
    assert_eq!(play.ends(), ["Done: 0 replicas, so there are no pods to show whether it works"]);
}

#[test]
fn what_is_left_there_is_told_from_what_is_not() {
    let restore = Rules { on_failure: OnFailure::Restore, ..rules() };
    for (wrote, left, gone) in [
        (Wrote::Failed { says: "403".into() }, true, false),
        (Wrote::Changed { change: "changed by argo".into() }, false, false),
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
