//! The API server does not answer any more: how each workload ends, and that nothing is done to it.

use super::*;

fn silent() -> End {
    End::Silent { since: Zoned::default(), seconds: 600, message: None }
}

fn restore() -> Rules {
    Rules { on_failure: OnFailure::Restore, ..rules() }
}

#[test]
fn an_end_in_silence_says_where_things_are() {
    type Case<'a> = (fn(&mut Play), EndedAt, (i64, i64), &'a [Reason]);
    let cases: [Case<'_>; 6] = [
        (|_| {}, EndedAt::NotStarted, (0, 0), &[]),
        (|play| drop(play.next()), EndedAt::Writing, (0, 0), &[]),
        (
            |play| {
                play.write_all();
            },
            EndedAt::Watching { written: true },
            (0, 0),
            &[],
        ),
        (
            |play| {
                play.write_all();
                play.seen_as(0, Progress { done: 2, total: 3, ..progress(State::Moving) });
            },
            EndedAt::Watching { written: true },
            (2, 3),
            &[],
        ),
        (
            |play| {
                play.write_all().fails(0);
                play.next();
            },
            EndedAt::Restoring,
            (0, 0),
            &[rollout("crashed")],
        ),
        (
            |play| {
                play.write_all().fails(0);
                play.next();
                play.engine.restored(0, written(), Vec::new());
                play.next();
            },
            EndedAt::RestoreWatching,
            (0, 0),
            &[rollout("crashed")],
        ),
    ];
    for (act, at, pods, before) in cases {
        let mut play = Play::new(1, restore());
        act(&mut play);
        play.engine.stop(&silent());
        let mut reasons = before.to_vec();
        reasons.push(Reason::Ended { by: silent(), at, pods });
        assert_eq!(play.ends(), [over(Verdict::Stalled, reasons)]);
    }
}

/// What failed would be restored, but whether it still fails cannot be read.
#[test]
fn what_cannot_be_read_is_not_restored() {
    let mut play = Play::new(1, restore());
    play.write_all().fails(0);
    assert_eq!(play.engine.next(at(0)), [Command::Verify(0)], "first it is read");
    play.engine.unanswered(Some(at(0)));
    assert_eq!(play.engine.wake_at(), Some(at(0) + SILENT_AFTER));
    assert!(play.engine.next(at(599)).is_empty() && !play.engine.is_silent(at(599)));
    assert!(play.engine.is_silent(at(600)));
    play.engine.stop(&silent());
    let ended = Reason::Ended { by: silent(), at: EndedAt::Undecided, pods: (0, 0) };
    assert_eq!(play.ends(), [over(Verdict::Stalled, [rollout("crashed"), ended])]);
}

#[test]
fn any_answer_and_a_deadline_end_the_count() {
    let mut play = Play::new(1, rules());
    play.write_all().engine.unanswered(Some(at(0)));
    play.engine.unanswered(None);
    assert!(!play.engine.is_silent(at(10_000)) && play.engine.wake_at().is_none());
    let mut play = Play::new(1, Rules { silent_after: None, ..rules() });
    play.write_all().engine.unanswered(Some(at(0)));
    assert!(!play.engine.is_silent(at(10_000)) && play.engine.wake_at().is_none());
}
