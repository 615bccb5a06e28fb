//! What the plugin reports and kubectl does not: the revision it arrived at, and the revisions to choose from.

use ::testbed::shared;

use super::{Twins, app};
use crate::plugin::rollback_to;

#[test]
fn the_report_is_of_what_came_of_it_and_kubectls_of_what_was_before() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    twins.updated(2);
    let outcome = twins.plugin(&["--previous"]);
    outcome.expect("done", 0);
    let workload = outcome.report()["workloads"][0].take();
    assert_eq!(workload["to"]["images"][0], format!("main={}", app(1)));
    let pods = workload["pods"].as_array().unwrap();
    assert!(pods.iter().filter(|pod| pod["state"] == "ready").count() == 2, "{workload:#}");

    let output = twins.undo(&["-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
    assert_eq!((output.code, output.text), (0, app(2)));
    assert_eq!(room.image("Deployment", &twins.by_kubectl), app(1));
}

#[test]
fn the_history_shows_what_kubectls_does_not() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    for twins in &all {
        twins.plugin(&["--previous"]).expect("done", 0);
        assert_eq!(twins.undo(&[]).code, 0);
        twins.rolled_out();
        let output = twins.kubectl("history", &[]);
        let numbers: Vec<&str> =
            output.text.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(numbers, ["2", "3"], "{}", output.text);
        // Nothing but numbers and causes.
        assert!(!output.text.contains("app:"), "{}", output.text);

        let text = twins.plugin_text(&["--history"]);
        assert!(text.code == 0 && text.out.contains("main 1 → 2"), "{text}");
        let outcome = rollback_to(&room, &[&twins.plugin_target(), "--history", "-o", "json"]).run();
        let history = outcome.report()["workloads"][0]["revisions"].take();
        let history_entries: Vec<(i64, String, bool)> = history
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                let image = it["images"][0].as_str().unwrap_or_default().to_owned();
                (it["revision"].as_i64().unwrap(), image, it["current"] == true)
            })
            .collect();
        assert_eq!(
            history_entries,
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

/// `kubectl rollout history --revision=N` and the plugin's show the same template.
#[test]
fn one_revision_is_shown_whole_as_kubectl_shows_it() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    for twins in &all {
        for version in [1, 2] {
            let number = version.to_string();
            let kubectl = twins.kubectl("history", &["--revision", &number]);
            let plugin = twins.plugin_text(&["--history", "--revision", &number]);
            assert_eq!((kubectl.code, plugin.code), (0, 0), "{}\n{plugin}", kubectl.text);
            for text in [&kubectl.text, &plugin.out] {
                assert!(text.contains(&app(version)) && !text.contains(&app(3 - version)), "{text}");
            }
        }
        let kubectl = twins.kubectl("history", &["--revision=9"]);
        assert!(kubectl.code == 1 && kubectl.text.contains("unable to find the specified revision"));
        let plugin = twins.plugin_text(&["--history", "--revision=9"]);
        assert_eq!(plugin.code, 3, "{plugin}");
    }
}
