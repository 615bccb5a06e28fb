//! Where kubectl is right, the twins end alike.

use ::testbed::shared;
use serde_json::json;

use super::{KINDS, Twins, app, broken, image_of, pods, uids_with};

#[test]
fn the_previous_revision_is_kubectls_and_a_second_undo_returns() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    for version in [1, 2] {
        for twins in &all {
            twins.plugin(&["--previous"]).expect("done", 0);
            assert_eq!(twins.undo(&[]).code, 0);
        }
        for twins in &all {
            twins.rolled_out();
            assert_eq!(twins.images(), [app(version), app(version)], "{}", twins.kind);
            twins.assert_equal();
        }
    }
}

#[test]
fn a_revision_by_number_brings_back_image_and_container_count() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    for twins in &all {
        twins.each(|name| {
            room.set_template(twins.kind, name, |template| {
                template["spec"]["containers"][0]["image"] = json!(app(2));
                let containers = template["spec"]["containers"].as_array_mut().unwrap();
                containers.push(json!({"name": "second", "image": app(7)}));
            });
            room.observed(twins.kind, name);
        });
        twins.updated(3);
    }
    // Back to the one container, and forward to the two.
    for (revision, containers, version) in [("1", 1, 1), ("3", 2, 3)] {
        for twins in &all {
            twins.plugin(&["--to-revision", revision]).expect("done", 0);
            assert_eq!(twins.undo(&["--to-revision", revision]).code, 0);
        }
        for twins in &all {
            twins.rolled_out();
            twins.assert_equal();
            let template = room.template(twins.kind, &twins.by_plugin);
            let count = template["spec"]["containers"].as_array().map(Vec::len);
            assert_eq!((count, room.image(twins.kind, &twins.by_plugin)), (Some(containers), app(version)));
        }
    }
}

#[test]
fn undoing_to_the_current_revision_changes_nothing() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    for twins in &all {
        let before = twins.states();
        twins.plugin(&["--to-revision=2"]).expect("unchanged", 0);
        let output = twins.undo(&["--to-revision=2"]);
        assert_eq!(output.code, 0);
        assert!(output.text.contains("current template already matches revision 2"), "{}", output.text);
        assert_eq!(twins.states(), before);
    }
}

#[test]
fn dry_runs_change_nothing_and_show_the_image_gone_back_to() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    let mark = room.cluster().audit_mark();
    for twins in &all {
        let before = twins.states();
        let outcome = twins.plugin_text(&["--previous", "--dry-run"]);
        assert!(outcome.code == 0 && outcome.out.contains("rolls back to revision 1"), "{outcome}");
        for mode in ["--dry-run=client", "--dry-run=server"] {
            let outcome = twins.plugin(&["--previous", mode]);
            outcome.expect("planned", 0);
            assert_eq!(outcome.report()["workloads"][0]["to"]["images"][0], format!("main={}", app(1)));
            let output = twins.undo(&[mode]);
            assert_eq!(output.code, 0, "{}", output.text);
            assert!(output.text.contains(&app(1)) || mode.ends_with("server"), "{}", output.text);
        }
        assert_eq!(twins.states(), before);
    }
    let changes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(changes.is_empty(), "{changes}");
}

#[test]
fn an_unknown_revision_fails_and_changes_nothing() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    all.iter().for_each(Twins::rolled_out);
    for twins in &all {
        let before = twins.states();
        let output = twins.undo(&["--to-revision=1000000"]);
        assert_eq!(output.code, 1);
        assert!(output.text.contains("unable to find specified revision 1000000"), "{}", output.text);
        let outcome = twins.plugin(&["--to-revision=1000000"]);
        outcome.expect("refused", 3);
        // What there is instead.
        assert!(outcome.err.contains("has no revision 1000000; it has 1 and 2"), "{outcome}");
        assert_eq!(twins.states(), before);

        assert_eq!(twins.undo(&["--to-revision=-1"]).code, 1);
        assert_eq!(twins.plugin(&["--to-revision=-1"]).code, 2);
        assert_eq!(twins.states(), before);
    }
}

#[test]
fn where_there_is_nothing_to_go_back_to_both_fail() {
    let room = shared().room(1);
    for twins in Twins::of_all_kinds(&room, |_| ()) {
        let before = twins.states();
        assert_eq!(twins.undo(&[]).code, 1, "{}", twins.kind);
        twins.plugin(&["--previous"]).expect("refused", 3);
        assert_eq!(twins.states(), before);
    }
}

#[test]
fn a_paused_deployment_is_refused_until_it_is_resumed() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    twins.updated(2);
    twins.each(|name| {
        room.kubectl(&["rollout", "pause", &format!("deployment/{name}")]);
        room.rolled_out("Deployment", name);
    });
    let before = twins.states();
    let output = twins.undo(&[]);
    assert_eq!(output.code, 1);
    assert!(output.text.contains("cannot rollback a paused deployment"), "{}", output.text);
    let outcome = twins.plugin(&["--previous"]);
    outcome.expect("refused", 3);
    assert!(outcome.err.contains("kubectl rollout resume"), "{outcome}");
    assert_eq!(outcome.finding("paused")["severity"], "error");
    assert_eq!(twins.states(), before);

    twins.each(|name| {
        room.kubectl(&["rollout", "resume", &format!("deployment/{name}")]);
    });
    twins.plugin(&["--previous"]).expect("done", 0);
    assert_eq!(twins.undo(&[]).code, 0);
    twins.rolled_out();
    twins.assert_equal();
    assert_eq!(twins.images(), [app(1), app(1)]);
}

/// k/k e2e `daemon_set.go`, "should rollback without unnecessary restarts", for every kind.
#[test]
fn in_the_middle_of_a_rollout_pods_it_has_not_touched_survive() {
    let room = shared().room(3);
    let all: Vec<Twins<'_>> = KINDS
        .iter()
        .map(|kind| {
            Twins::begun(&room, kind, |object| {
                if *kind != "DaemonSet" {
                    object["spec"]["replicas"] = json!(3);
                }
            })
        })
        .collect();
    all.iter().for_each(Twins::rolled_out);
    all.iter().for_each(|twins| twins.update(404, Some("image-pull-error")));
    for twins in &all {
        twins.each(|name| drop(broken(&room, name, &app(404))));
        let untouched = [&twins.by_plugin, &twins.by_kubectl].map(|name| uids_with(&room, name, &app(1)));
        assert!(untouched.iter().all(|pods| pods.len() >= 2), "{}: {untouched:?}", twins.kind);
        twins.plugin(&["--previous"]).expect("done", 0);
        assert_eq!(twins.undo(&[]).code, 0);
        twins.rolled_out();
        twins.assert_equal();
        for (name, untouched) in [&twins.by_plugin, &twins.by_kubectl].into_iter().zip(&untouched) {
            let now = uids_with(&room, name, &app(1));
            assert!(untouched.iter().all(|pod| now.contains(pod)), "{name}: {untouched:?} of {now:?}");
            assert!(pods(&room, name).iter().all(|pod| image_of(pod) == app(1)), "{name}");
        }
    }
}
