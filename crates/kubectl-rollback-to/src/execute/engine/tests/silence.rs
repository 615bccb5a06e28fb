//! The API server does not answer any more: what is said of each workload, and that nothing is done to it.

use super::*;

const SAYS: &str = "no answer";
const STATUS: &str = "kubectl rollback-to statefulset/a -n shop --status";
const LAST: &str = "not restored: kubectl rollback-to statefulset/a -n shop --last";

fn restore() -> Rules {
    Rules { on_failure: OnFailure::Restore, ..rules() }
}

#[test]
fn an_end_in_silence_says_where_things_are() {
    type Act = fn(&mut Play);
    let cases: [(Act, String); 6] = [
        (|_| {}, "nothing was written".into()),
        (|play| drop(play.next()), format!("unknown whether it was updated: {STATUS}")),
        (
            |play| {
                play.write_all();
            },
            format!("it was updated, its current state is unknown: {STATUS}"),
        ),
        (
            |play| {
                play.write_all();
                play.seen_as(0, Progress { done: 2, total: 3, ..progress(State::Moving) });
            },
            format!("it was updated, 2 of 3 pods when last seen, its current state is unknown: {STATUS}"),
        ),
        (
            |play| {
                play.write_all().fails(0);
                play.next();
            },
            format!("unknown whether it was restored: {STATUS}"),
        ),
        (
            |play| {
                play.write_all().fails(0);
                play.next();
                play.engine.restored(0, written(), Vec::new());
                play.next();
            },
            format!("it was restored, its current state is unknown: {STATUS}"),
        ),
    ];
    for (act, expected) in cases {
        let mut play = Play::new(1, restore());
        act(&mut play);
        play.engine.stop(&End::Silent(SAYS.into()));
        let ended = play.ends();
        assert!(
            ended[0].starts_with("Stalled: ") && ended[0].ends_with(&format!("{SAYS}; {expected}")),
            "{ended:?}"
        );
    }
}

/// What failed would go back, but whether it still fails cannot be read.
#[test]
fn what_was_to_be_put_back_is_not_put_back_unread() {
    let mut play = Play::new(1, restore());
    play.write_all().fails(0);
    assert_eq!(play.engine.next(at(0)), [Command::Verify(0)], "first it is read");
    play.engine.unanswered(Some(at(0)));
    assert_eq!(play.engine.wake_at(), Some(at(0) + SILENT_AFTER));
    assert!(play.engine.next(at(599)).is_empty() && !play.engine.is_silent(at(599)));
    assert!(play.engine.is_silent(at(600)));
    play.engine.stop(&End::Silent(SAYS.into()));
    assert_eq!(play.ends(), [format!("Stalled: crashed; {SAYS}; {LAST}")]);
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
