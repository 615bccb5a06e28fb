//! What a rollback leaves alone: everything but the template, and everything at all without a confirmation.

use ::testbed::{foreign_unchanged, shared};
use serde_json::{Value, json};

use super::{COUNTED, KINDS, app, surge_only, typed, updated};
use crate::plugin::{rollback, rollback_to};
use crate::tty::Tty;

#[test]
fn a_rollback_changes_the_template_and_nothing_else_of_its_workload() {
    let room = shared().room(1);
    for kind in KINDS {
        let (name, target) = (kind.to_lowercase(), typed(kind, &kind.to_lowercase()));
        updated(&room, kind, &name, 2, None, |object| {
            object["metadata"]["annotations"] = json!({"kept": "1", "changed": "old", "removed": "1"});
            object["spec"]["template"]["metadata"]["annotations"]["of"] = json!("the template");
            object["spec"]["minReadySeconds"] = json!(0);
        });
        let first = room.revisions(kind, &name).remove(0).1;
        // Since the target: one annotation was added, one removed, one changed; and the settings are others.
        room.kubectl(&["annotate", "--overwrite", &target, "added=1", "changed=new", "removed-"]);
        room.cluster().merge(
            &room.path_of(kind, &name),
            &json!({"metadata": {"labels": {"team": "shop"}}, "spec": {"revisionHistoryLimit": 7, "minReadySeconds": 1}}),
        );
        if kind != "DaemonSet" {
            room.kubectl(&["scale", &target, "--replicas=1"]);
        }
        let before = room.rolled_out(kind, &name);
        let outcome = rollback(&room, &[&target, "--to-revision=1"]).run();
        outcome.expect("done", 0);
        let after = room.workload(kind, &name);
        assert_eq!(foreign_unchanged(&before, &after, &COUNTED), [""; 0], "{kind}\n{outcome}");
        let notes = &after["metadata"]["annotations"];
        assert_eq!(
            (&notes["kept"], &notes["changed"], &notes["added"], &notes["removed"]),
            (&json!("1"), &json!("new"), &json!("1"), &Value::Null),
            "{kind}"
        );
        assert_eq!(after["spec"]["template"], ::testbed::template_in(&first), "{kind}: exactly as it was");
    }
}

#[test]
fn a_declined_question_changes_nothing() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    let before = room.workload("Deployment", "web");
    let mark = shared().audit_mark();
    for keys in ["n\r", "\r", crate::tty::CTRL_C] {
        let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--to-revision=1"]), &[]);
        tty.until("Roll deployment/web back to revision 1").until("[y/N]").keys(keys);
        let expected = if keys == crate::tty::CTRL_C { 130 } else { 3 };
        assert_eq!(tty.end(), expected, "{keys:?}: {}", tty.text());
        tty.assert_left_clean();
    }
    let writes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(writes.is_empty(), "{writes}");
    assert_eq!(room.workload("Deployment", "web"), before);
}

#[test]
fn a_dry_run_changes_nothing_on_either_side() {
    let room = shared().room(1);
    let kinds = KINDS.map(|kind| (kind, kind.to_lowercase()));
    for (kind, name) in &kinds {
        updated(&room, kind, name, 1, None, |_| ());
    }
    let state = || {
        kinds.each_ref().map(|(kind, name)| {
            let revisions = room.revisions(kind, name);
            (room.workload(kind, name), revisions)
        })
    };
    let before = state();
    for (dry_run, rehearses) in
        [("--dry-run", false), ("--dry-run=client", false), ("--dry-run=server", true)]
    {
        let mark = shared().audit_mark();
        let args = [
            "deploy/deployment",
            "sts/statefulset",
            "ds/daemonset",
            "--to-revision=1",
            "--reason=why",
            dry_run,
        ];
        let outcome = rollback(&room, &args).run();
        outcome.expect("planned", 0);
        let writes = room.writes(mark, "kubectl-rollback-to");
        assert!(writes.changes().is_empty(), "{writes}");
        let dry_runs = writes.filter(::testbed::Entry::is_dry_run).len();
        assert_eq!(dry_runs > 0, rehearses, "{dry_run}:\n{writes}");
        assert!(
            !rollback(&room, &[]).state_home().exists(),
            "{dry_run}: nothing happened that the journal could tell"
        );
    }
    assert_eq!(state(), before);
}

#[test]
fn a_rollback_keeps_as_many_pods_ready_as_the_strategy_allows() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 3, None, |object| {
        surge_only(object);
        // Nothing is lost only because new pods come at once.
        ::testbed::annotate(object, "testbed/ready-after", "1s");
    });
    let start = room.template("Deployment", "web");
    let target = ::testbed::template_in(&room.revisions("Deployment", "web").remove(0).1);
    // Judges, and protects nothing: rollouts do not consult budgets.
    room.budget("web", "web", json!({"minAvailable": 3}));
    room.budget_allows("web", 0);
    let (outcome, record) = rollback(&room, &["deployment/web", "--to-revision=1"]).watched();
    outcome.expect("done", 0);
    assert_eq!(record.lowest_healthy("web"), Some(3));
    assert_eq!(record.unknown_templates("Deployment", "web", &[&start, &target]), [""; 0]);
    assert_eq!(record.templates("Deployment", "web").len(), 2, "one write");
    assert_eq!(room.image("Deployment", "web"), app(1));
}
