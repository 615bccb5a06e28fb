//! A StatefulSet that waits for a broken pod.

use super::*;

#[test]
fn a_blocking_pod_is_deleted_with_consent_only() {
    let message = || "CrashLoopBackOff".to_owned();
    let blocked =
        |pod: &str, why| over(RolloutResult::Failed, [Reason::BlockedByPod { pod: pod.into(), why }]);
    let refused = || blocked("p-2", BlockedByPod::UntilDeleted { message: message(), revision: Some(3) });
    let cases = [
        (true, false, false, "delete 0 p-2 uid-p-2", None),
        (false, true, true, "ask unstick 0, delete 0 p-2 uid-p-2", None),
        (false, true, false, "ask unstick 0", Some(refused())),
        (false, false, true, "", Some(refused())),
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
        play.seen(0, DONE);
        assert!(!play.engine.is_done(), "first the deletion is reported");
        play.engine.deleted(0, "p-2", "uid-p-2", Deletion::Deleted);
        play.seen(0, stuck("p-1"));
        let ask = if unstick { "" } else { "ask unstick 0, " };
        let next = format!("{ask}delete 0 p-1 uid-p-1");
        assert_eq!(play.next_answering(answer), next, "an answer is for one pod");
        play.engine.deleted(0, "p-1", "uid-p-1", Deletion::Gone);
        play.seen(0, DONE);
        assert_eq!(play.ends(), [done()]);
        let unstuck = |name: &str| Event::Unstuck(name.into());
        assert!(play.reported(|event| *event == unstuck("p-2")));
        assert!(!play.reported(|event| *event == unstuck("p-1")), "it was not this that deleted it");
    }
}

/// Consent to the plan is consent to delete the pod that it named: any other is asked about, or left.
#[test]
fn only_the_pod_that_the_plan_named_is_deleted_without_a_question() {
    let refused = |pod: &str| {
        let why = BlockedByPod::UntilDeleted { message: "CrashLoopBackOff".to_owned(), revision: Some(3) };
        over(RolloutResult::Failed, [Reason::BlockedByPod { pod: pod.into(), why }])
    };
    for (can_ask, next) in [(true, "ask unstick 0"), (false, "")] {
        let named = StepInput { agreed: Some("uid-p-2".into()), ..input("a") };
        let rules = Rules { can_ask, on_failure: OnFailure::Stop, ..rules() };
        let mut play = Play::with(vec![named], rules);
        play.write_all().seen(0, stuck("p-2"));
        assert_eq!(play.next_answering(false), "delete 0 p-2 uid-p-2");
        play.engine.deleted(0, "p-2", "uid-p-2", Deletion::Deleted);
        play.seen(0, stuck("p-1"));
        assert_eq!(play.next_answering(false), next);
        assert_eq!(play.ends(), [refused("p-1")]);
    }
}

#[test]
fn a_pod_that_cannot_be_deleted_is_a_failure() {
    let mut play = Play::new(1, Rules { unstick: true, ..rules() });
    play.write_all().seen(0, stuck("p"));
    play.next();
    play.engine.deleted(0, "p", "uid-p", Deletion::Failed("403".into()));
    let why = BlockedByPod::NotDeleted("403".into());
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [Reason::BlockedByPod { pod: "p".into(), why }])]);
}

#[test]
fn one_that_is_there_already_can_be_unstuck() {
    let watch = || vec![StepInput { start: Start::Watch(Already::Live(Some(3))), ..input("a") }];
    let rules = Rules { unstick: true, on_failure: OnFailure::Restore, ..rules() };
    let mut play = Play::with(watch(), rules);
    assert_eq!(play.next(), "watch 0");
    play.seen(0, stuck("p"));
    assert_eq!(play.next(), "delete 0 p uid-p");
    play.engine.deleted(0, "p", "uid-p", Deletion::Deleted);
    play.seen(0, DONE);
    assert_eq!(play.ends(), [done()]);

    let mut play = Play::with(watch(), rules);
    play.next();
    play.seen(0, DONE);
    assert_eq!(play.ends(), [over(RolloutResult::Unchanged, [Reason::Already(Already::Live(Some(3)))])]);

    let mut play = Play::with(watch(), rules);
    play.next();
    play.fails(0);
    assert_eq!(play.next(), "", "nothing was written, nothing is restored");
    let but = Reason::AlreadyBut { already: Already::Live(Some(3)), pods: None };
    assert_eq!(play.ends(), [over(RolloutResult::Failed, [but, rollout("crashed")])]);
}
