//! Which workloads are meant: never all by accident, never none in silence.

use ::testbed::shared;

use super::{Twins, app, kubectl};
use crate::plugin::rollback;

#[test]
fn a_type_without_a_name_is_refused_where_kubectl_takes_them_all() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    twins.updated(2);
    let mark = room.cluster().audit_mark();
    let outcome = rollback(&room, &["deployment", "--previous"]).run();
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.err.contains("every Deployment in the namespace"), "{outcome}");
    let changes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(changes.is_empty(), "{changes}");

    let output = kubectl(&room, &["rollout", "undo", "deployment"]);
    assert_eq!(output.code, 0, "{}", output.text);
    assert_eq!(
        twins.images(),
        [app(1), app(1)],
        "kubectl asks by now: strike it from the list of differences"
    );
    twins.rolled_out();

    // With an explicit selector it is the same.
    rollback(&room, &["deployment", "--all", "--previous"]).run().expect("done", 0);
    assert_eq!(twins.images(), [app(2), app(2)]);
}

#[test]
fn a_selector_that_matches_nothing_is_refused_where_kubectl_prints_nothing() {
    let room = shared().room(1);
    let output = kubectl(&room, &["rollout", "undo", "deployment", "-l", "app=nobody"]);
    assert_eq!((output.code, output.text.as_str()), (0, ""), "strike it from the list of differences");
    let outcome = rollback(&room, &["deployment", "-l", "app=nobody", "--previous"]).run();
    outcome.expect("refused", 3);
    assert!(outcome.err.contains("no workload matches app=nobody"), "{outcome}");
}

#[test]
fn kinds_without_revisions_are_refused_by_both() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    let (_, replicaset) = room.observed("Deployment", &twins.by_kubectl);
    let replicaset = format!("rs/{}", replicaset["metadata"]["name"].as_str().unwrap());
    let output = kubectl(&room, &["rollout", "undo", &replicaset]);
    assert!(
        output.code == 1 && output.text.contains("no rollbacker has been implemented"),
        "{}",
        output.text
    );
    for word in [replicaset.as_str(), "rc/web", "job/web", "rollout/web"] {
        let outcome = rollback(&room, &[word, "--previous"]).run();
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.err.contains("has no revisions"), "{outcome}");
    }
}

/// `-f`, `-k`, `-R` and `--template` of kubectl are no part of the command: wrong usage, and nothing is guessed.
#[test]
fn files_and_output_templates_are_refused_as_unknown_flags() {
    let room = shared().room(0);
    for flag in ["-f=web.yaml", "-k=.", "-R", "--template={{.metadata.name}}"] {
        let outcome = rollback(&room, &["deployment/web", "--previous", flag]).run();
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.err.contains("unexpected argument"), "{outcome}");
    }
}
