//! What kubectl loses or mixes up, and the plugin keeps: annotations, numbers, causes.

use ::testbed::{foreign_unchanged, shared};
use serde_json::json;

use super::{Twins, app};

const CAUSE: &str = "kubernetes.io/change-cause";

#[test]
fn annotations_added_since_stay_and_removed_ones_do_not_come_back() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |object| {
        object["metadata"]["annotations"] = json!({"team/kept": "1", "team/removed": "1"});
    });
    twins.updated(2);
    twins.each(|name| {
        let notes = json!({"metadata": {"annotations": {"team/removed": null, "team/added": "2"}}});
        room.cluster().merge(&room.path_of("Deployment", name), &notes);
    });
    let before = room.workload("Deployment", &twins.by_plugin);
    twins.plugin(&["--previous"]).expect("done", 0);
    assert_eq!(twins.undo(&[]).code, 0);
    twins.rolled_out();

    let after = room.workload("Deployment", &twins.by_plugin);
    let counted_by_its_controller = ["deployment.kubernetes.io/revision"];
    assert_eq!(foreign_unchanged(&before, &after, &counted_by_its_controller), [""; 0]);
    assert_eq!(after["metadata"]["annotations"]["team/added"], "2");

    let kubectl = room.workload("Deployment", &twins.by_kubectl)["metadata"]["annotations"].take();
    assert_eq!(
        (&kubectl["team/added"], &kubectl["team/removed"], &kubectl["team/kept"]),
        (&json!(null), &json!("1"), &json!("1")),
        "kubectl does not lose annotations any more: strike it from the list of differences"
    );
    assert_eq!(twins.images(), [app(1), app(1)]);
}

#[test]
fn a_number_given_up_by_a_rollback_still_leads_there() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    twins.update(2, None);
    twins.updated(3);
    // 2 becomes 4, and 3 becomes 5.
    for revision in ["2", "3"] {
        twins.plugin(&["--to-revision", revision]).expect("done", 0);
        assert_eq!(twins.undo(&["--to-revision", revision]).code, 0);
        twins.rolled_out();
    }
    twins.assert_equal();
    let output = twins.undo(&["--to-revision=2"]);
    assert_eq!(output.code, 1, "{}", output.text);
    assert!(output.text.contains("unable to find specified revision 2"), "{}", output.text);

    let outcome = twins.plugin(&["--to-revision=2"]);
    outcome.expect("done", 0);
    let to = outcome.report()["workloads"][0]["to"].take();
    assert_eq!(to["revision"], 4);
    assert!(to["evidence"].as_str().unwrap().starts_with("revision 2 is now 4"), "{to}");
    assert_eq!(twins.images(), [app(2), app(3)]);
}

#[test]
fn the_change_cause_goes_back_with_the_template() {
    let room = shared().room(1);
    let all =
        Twins::of_all_kinds(&room, |object| object["metadata"]["annotations"] = json!({CAUSE: "first"}));
    for twins in &all {
        twins.each(|name| room.set_image(twins.kind, name, &app(2)));
        twins.each(|name| drop(room.observed(twins.kind, name)));
        twins.rolled_out();
    }
    for twins in &all {
        twins.plugin(&["--previous"]).expect("done", 0);
        assert_eq!(twins.undo(&[]).code, 0);
        twins.rolled_out();
        assert_eq!(twins.images(), [app(1), app(1)]);
        let cause = |name: &str| {
            let notes = room.workload(twins.kind, name)["metadata"]["annotations"].take();
            notes[CAUSE].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(cause(&twins.by_plugin), "first", "{}", twins.kind);
        match twins.kind {
            "Deployment" => assert_eq!(cause(&twins.by_kubectl), "first"),
            // The cause of the version that was left.
            _ => assert!(cause(&twins.by_kubectl).contains(&app(2)), "{}", cause(&twins.by_kubectl)),
        }
    }
}

#[test]
fn a_reason_becomes_the_change_cause_which_kubectl_has_no_flag_for() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    all.iter().for_each(|twins| twins.update(2, None));
    for twins in &all {
        twins.plugin(&["--previous", "--reason", "2 loses orders"]).expect("done", 0);
        let history = room.kubectl(&["rollout", "history", &twins.plugin_target()]);
        let newest = history.lines().filter(|line| line.starts_with("3 ")).collect::<Vec<_>>();
        assert!(
            matches!(newest[..], [line] if line.ends_with("2 loses orders")),
            "{}: {history}",
            twins.kind
        );
        let output = twins.undo(&["--reason", "2 loses orders"]);
        assert!(output.code == 1 && output.text.contains("unknown flag"), "{}", output.text);
    }
}
