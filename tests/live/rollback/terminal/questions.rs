//! Prompts: shown after the plan that they refer to, and exactly what was confirmed is done.

use std::time::Instant;

use ::testbed::shared;
use serde_json::json;

use super::super::execution::{app, made, updated};
use super::{assert_no_region, good_bad_worse};
use crate::plugin::rollback_to;
use crate::tty::{Tty, assert_answer_is_not_counted, seconds_in};
use crate::untouched::Before;

#[test]
fn the_plan_comes_before_the_question_and_no_means_no() {
    let room = good_bad_worse();
    for keys in ["n\r", "\r"] {
        let before = Before::new(&room);
        let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--last-healthy"]), &[]);
        tty.until("rolls back to revision 1")
            .until("rollout")
            .until("example.invalid/app")
            .until("[y/N]")
            .keys(keys);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        before.assert_untouched(&tty.text());
        assert!(tty.screen().contains("declined; nothing was changed"), "{}", tty.screen());
        assert_no_region(&tty);
    }
}

#[test]
fn the_time_a_person_takes_to_answer_is_not_counted() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let began = Instant::now();
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
    tty.until("[y/N]");
    let question = Instant::now();
    for _ in 0..2 {
        rollback_to(&room, &["deployment/web", "--to-revision=1", "--dry-run"]).run();
    }
    let asked = question.elapsed();
    tty.keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let whole = began.elapsed();
    let screen = tty.screen();
    let result = screen.lines().find(|line| line.contains(" rolled back to ")).unwrap_or_default();
    assert_answer_is_not_counted(seconds_in(result), asked, whole);
}

#[test]
fn several_workloads_require_the_namespace_to_be_typed() {
    let room = shared().room(1);
    for name in ["api", "web"] {
        updated(&room, "Deployment", name, 1, None, |_| ());
    }
    let run = rollback_to(&room, &["deployment/api", "deployment/web", "--to-revision=1"]);
    for typed in ["y\r", "\r", "default\r"] {
        let before = Before::new(&room);
        let mut tty = Tty::start(&run, &[]);
        tty.until("2 workloads of").until(&format!("Type {} to continue", room.namespace())).keys(typed);
        assert_eq!(tty.end(), 3, "{}", tty.text());
        before.assert_untouched(&tty.text());
    }
    let mut tty = Tty::start(&run, &[]);
    tty.until("to continue").keys(&format!("{}\r", room.namespace()));
    assert_eq!(tty.end(), 0, "{}", tty.text());
    for name in ["api", "web"] {
        assert_eq!(room.image("Deployment", name), app(1));
    }
    assert_no_region(&tty);
}

/// Somebody deploys one of them while the question is open: the output names it, by whom, and states once that nothing was written.
#[test]
fn what_changed_during_the_question_about_several_is_named() {
    let room = shared().room(1);
    for name in ["api", "web"] {
        updated(&room, "Deployment", name, 1, None, |_| ());
    }
    let run = rollback_to(&room, &["deployment/api", "deployment/web", "--to-revision=1"]);
    let mut tty = Tty::start(&run, &[]);
    tty.until("to continue");
    room.set_template_as("hotfix", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(4));
    });
    tty.keys(&format!("{}\r", room.namespace()));
    tty.until("planning again").until("to continue").keys("\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    let text = tty.text();
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("deployment/web: changed by hotfix at 2"), "{text}");
    assert!(words.contains("after planning; nothing was written, planning again"), "{text}");
    assert_eq!(words.matches("nothing was written").count(), 1, "{text}");
    assert_eq!((room.image("Deployment", "api"), room.image("Deployment", "web")), (app(2), app(4)));
}

/// A rollback leaves the number of replicas alone, so consent holds; that it is not the one that was shown is reported.
#[test]
fn a_workload_that_is_scaled_during_the_question_keeps_its_new_size() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
    tty.until("1 replica").until("[y/N]");
    room.kubectl(&["scale", "deployment/web", "--replicas=2"]);
    tty.keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let words: String = tty.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("deployment/web: scaled from 1 to 2 replicas after planning, which are kept"),
        "{words}"
    );
    assert_eq!(room.image("Deployment", "web"), app(1));
    assert_eq!(room.cluster().get(&room.path_of("Deployment", "web"))["spec"]["replicas"], 2);
}

/// Keys that were typed before a question was shown are no answer to it.
#[test]
fn what_is_typed_ahead_confirms_no_plan_that_was_not_shown() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
    tty.until("[y/N]");
    room.set_template_as("hotfix", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(4));
    });
    tty.keys("y\ry\r");
    tty.until("planning again").until("[y/N]").keys("n\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert_eq!(room.image("Deployment", "web"), app(4), "{}", tty.text());
}

#[test]
fn after_a_failure_shown_with_its_log_the_user_is_asked_whether_to_restore() {
    let room = shared().room(1);
    made(&room, "Deployment", "web", 1, Some("crash-loop"), |_| ());
    room.update("Deployment", "web", &app(2), None);
    room.rolled_out("Deployment", "web");
    room.observed("Deployment", "web");
    let back = |answer: &str| {
        let args = ["deployment/web", "--to-revision=1", "--fail-after=1s"];
        let mut tty = Tty::start(&rollback_to(&room, &args), &[]);
        tty.until("Roll deployment/web back to revision").until("[y/N]").keys("y\r");
        tty.until(" failed").until("CrashLoopBackOff").until("panic: cannot reach db:5432");
        tty.until("Restore deployment/web?").until("[y/N]").keys(answer);
        (tty.end(), tty)
    };
    let (code, tty) = back("y\r");
    let screen = tty.screen();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("deployment/web restored to revision 2"), "{screen}");
    assert_no_region(&tty);
    assert_eq!(room.image("Deployment", "web"), app(2));
    assert!(room.is_rolled_out("Deployment", "web"));

    let (code, tty) = back("n\r");
    let screen = tty.screen();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("deployment/web failed while rolling back to revision"), "{screen}");
    let next = screen.lines().find(|line| line.starts_with("to undo the rollback:")).unwrap_or_default();
    assert!(next.contains("kubectl rollback-to deployment/web") && next.contains("--last"), "{screen}");
    assert_no_region(&tty);
    assert_eq!(room.image("Deployment", "web"), app(1), "it was to be left as it is");
}
