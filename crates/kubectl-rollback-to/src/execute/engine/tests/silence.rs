//! The API server does not answer any more: nothing is claimed, and nothing is restored.

use super::*;

/// What failed would be restored, but whether it still fails cannot be read.
#[test]
fn what_cannot_be_read_is_not_restored() {
    let mut play = Play::new(1, Rules { on_failure: OnFailure::Restore, ..rules() });
    play.write_all().fails(0);
    assert_eq!(play.engine.next(at(0)), [Command::Verify(0)], "first it is read");
    play.engine.unanswered(Some(at(0)));
    assert_eq!(play.engine.wake_at(), Some(at(0) + SILENT_AFTER));
    assert!(play.engine.next(at(599)).is_empty() && !play.engine.is_silent(at(599)));
    assert!(play.engine.is_silent(at(600)));
    play.engine.stop(&silent());
    let ended = Reason::Ended { by: silent(), at: EndedAt::Undecided, pods: (0, 0) };
    assert_eq!(play.ends(), [over(RolloutResult::Stalled, [rollout("crashed"), ended])]);
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
