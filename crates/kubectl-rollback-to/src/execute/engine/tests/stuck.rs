//! A StatefulSet that waits for a broken pod.

use super::*;

#[test]
fn a_pod_that_holds_up_is_deleted_with_consent_only() {
    let refused = "Failed: blocked by pod p-2 (CrashLoopBackOff) until it is deleted: AGAIN --unstick";
    let cases = [
        (true, false, false, "delete 0 p-2 uid-p-2", None),
        (false, true, true, "ask unstick 0, delete 0 p-2 uid-p-2", None),
        (false, true, false, "ask unstick 0", Some(refused)),
        (false, false, true, "", Some(refused)),
    ];
    for (unstick, can_ask, answer, expected, end) in cases {
        let mut play = Play::new(1, Rules { unstick, can_ask, on_failure: OnFailure::Stop, ..rules() });
        play.write_all().seen(0, stuck("p-2"));
        assert_eq!(play.next_answering(answer), expected, "{unstick} {can_ask} {answer}");
        if let Some(end) = end {
            assert_eq!(play.ends(), [end]);
            continue;
        }
        play.seen(0, stuck("p-2"));
        assert_eq!(play.next(), "", "what is seen of it may be old");
        play.seen(0, FINE);
        assert!(!play.engine.is_done(), "first it is told what was done");
        play.engine.deleted(0, "p-2", "uid-p-2", Deletion::Deleted);
        play.seen(0, stuck("p-1"));
        assert_eq!(play.next(), "delete 0 p-1 uid-p-1", "one answer is for all of them");
        play.engine.deleted(0, "p-1", "uid-p-1", Deletion::Gone);
        play.seen(0, FINE);
        assert_eq!(play.ends(), ["Done: "]);
        assert!(play.was_told("Unstuck { workload: \"statefulset/a\", pod: \"p-2\" }"));
        assert!(!play.was_told("pod: \"p-1\""), "it was not this that deleted it");
    }
}

#[test]
fn a_pod_that_cannot_be_deleted_is_a_failure() {
    let mut play = Play::new(1, Rules { unstick: true, ..rules() });
    play.write_all().seen(0, stuck("p"));
    play.next();
    play.engine.deleted(0, "p", "uid-p", Deletion::Failed { says: "403".into() });
    assert_eq!(play.ends(), ["Failed: blocked by pod p, which could not be deleted: 403"]);
}

#[test]
fn one_that_is_there_already_can_be_unstuck() {
    let watch = || vec![Part { start: Start::Watch("it is there".into()), ..part("a") }];
    let rules = Rules { unstick: true, on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::with(watch(), rules);
    assert_eq!(play.next(), "watch 0");
    play.seen(0, stuck("p"));
    assert_eq!(play.next(), "delete 0 p uid-p");
    play.engine.deleted(0, "p", "uid-p", Deletion::Deleted);
    play.seen(0, FINE);
    assert_eq!(play.ends(), ["Done: "]);

    let mut play = Play::with(watch(), rules);
    play.next();
    play.seen(0, FINE);
    assert_eq!(play.ends(), ["Unchanged: it is there"]);

    let mut play = Play::with(watch(), rules);
    play.next();
    play.fails(0);
    assert_eq!(play.next(), "", "nothing was written, nothing is put back");
    assert_eq!(play.ends(), ["Failed: it is there, but crashed"]);
}
