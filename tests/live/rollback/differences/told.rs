//! What ours says and kubectl does not: where it lands, and what there is to land on.

use ::testbed::shared;

use super::{Twins, app};
use crate::plugin::rollback_to;

#[test]
fn the_report_is_of_what_came_of_it_and_kubectls_of_what_was_before() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    twins.updated(2);
    let outcome = twins.ours(&["--previous"]);
    outcome.expect("done", 0);
    let workload = outcome.report()["workloads"][0].take();
    assert_eq!(workload["to"]["images"][0], format!("main={}", app(1)));
    let pods = workload["pods"].as_array().unwrap();
    assert!(pods.iter().filter(|pod| pod["state"] == "ready").count() == 2, "{workload:#}");

    let said = twins.undo(&["-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
    assert_eq!((said.code, said.text), (0, app(2)));
    assert_eq!(room.image("Deployment", &twins.theirs), app(1));
}

#[test]
fn the_history_tells_what_kubectls_does_not() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    for twins in &all {
        twins.ours(&["--previous"]).expect("done", 0);
        assert_eq!(twins.undo(&[]).code, 0);
        twins.rolled_out();
        let said = twins.theirs("history", &[]);
        let numbers: Vec<&str> =
            said.text.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(numbers, ["2", "3"], "{}", said.text);
        // Nothing but numbers and causes.
        assert!(!said.text.contains("app:"), "{}", said.text);

        let text = twins.ours_in_words(&["--history"]);
        assert!(text.code == 0 && text.out.contains("main 1 → 2"), "{text}");
        let outcome = rollback_to(&room, &[&twins.our_word(), "--history", "-o", "json"]).run();
        let history = outcome.report()["workloads"][0]["revisions"].take();
        let told: Vec<(i64, String, bool)> = history
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                let image = it["images"][0].as_str().unwrap_or_default().to_owned();
                (it["revision"].as_i64().unwrap(), image, it["current"] == true)
            })
            .collect();
        assert_eq!(
            told,
            [(2, format!("main={}", app(2)), false), (3, format!("main={}", app(1)), true)],
            "{}",
            twins.kind
        );
        let live = &history[1];
        assert_eq!(live["healthy"]["verdict"], "healthy", "{live:#}");
        if twins.kind == "Deployment" {
            assert_eq!(live["alsoKnownAs"][0], 1);
            // When a template came and who wrote it is known of the live one.
            assert_eq!(live["writtenBy"], "kubectl-rollback-to", "{live:#}");
            assert!(live["activeFrom"].is_string() && live["activeUntil"].is_null(), "{live:#}");
        }
    }
}

/// `kubectl rollout history --revision=N` and ours show the same template.
#[test]
fn one_revision_is_shown_whole_as_kubectl_shows_it() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    for twins in &all {
        for version in [1, 2] {
            let number = version.to_string();
            let theirs = twins.theirs("history", &["--revision", &number]);
            let ours = twins.ours_in_words(&["--history", "--revision", &number]);
            assert_eq!((theirs.code, ours.code), (0, 0), "{}\n{ours}", theirs.text);
            for text in [&theirs.text, &ours.out] {
                assert!(text.contains(&app(version)) && !text.contains(&app(3 - version)), "{text}");
            }
        }
        let theirs = twins.theirs("history", &["--revision=9"]);
        assert!(theirs.code == 1 && theirs.text.contains("unable to find the specified revision"));
        let ours = twins.ours_in_words(&["--history", "--revision=9"]);
        assert_eq!(ours.code, 3, "{ours}");
    }
}
