//! Where it ends: on a revision that works, with the pods to show for it.

use ::testbed::{shared, wait};
use serde_json::json;

use super::{PATIENCE, Twins, app, broken, images_of, kubectl, pods, uid};

/// Two bad versions after a good one: the second-highest number is a bad one.
#[test]
fn after_two_bad_versions_last_healthy_is_the_good_one_and_undo_is_a_bad_one() {
    let room = shared().room(2);
    let all = Twins::of_all_kinds(&room, |object| {
        if object["kind"] == "StatefulSet" {
            object["spec"]["podManagementPolicy"] = json!("OrderedReady");
        }
    });
    for version in [2, 3] {
        all.iter().for_each(|twins| twins.update(version, Some("image-pull-error")));
        for twins in &all {
            // An ordered StatefulSet waits for the broken pod of the version before.
            let seen = if twins.kind == "StatefulSet" { 2 } else { version };
            twins.each(|name| drop(broken(&room, name, &app(seen))));
        }
    }
    for twins in &all {
        assert_eq!(twins.undo(&[]).code, 0);
        let outcome = twins.plugin(&["--last-healthy", "--unstick"]);
        outcome.expect("done", 0);
        assert_eq!(outcome.report()["workloads"][0]["to"]["revision"], 1, "{outcome}");
        assert_eq!(twins.images(), [app(1), app(2)], "{}", twins.kind);
        room.rolled_out(twins.kind, &twins.by_plugin);
        assert_eq!(images_of(&pods(&room, &twins.by_plugin)), [app(1), app(1)], "{}", twins.kind);
        // A version that cannot be pulled does not become well.
        room.observed(twins.kind, &twins.by_kubectl);
        broken(&room, &twins.by_kubectl, &app(2));
        assert!(!room.is_rolled_out(twins.kind, &twins.by_kubectl), "{}", twins.kind);
    }
}

/// kubernetes/kubernetes#67250.
#[test]
fn a_stuck_statefulset_is_brought_back_whole_and_kubectls_stays_stuck() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "StatefulSet", |object| {
        object["spec"]["replicas"] = json!(3);
        object["spec"]["podManagementPolicy"] = json!("OrderedReady");
    });
    twins.update(2, Some("never-ready"));
    twins.each(|name| drop(broken(&room, name, &app(2))));
    let stuck = broken(&room, &twins.by_kubectl, &app(2));
    let kept = [&twins.by_plugin, &twins.by_kubectl].map(|name| super::uids_with(&room, name, &app(1)));

    assert_eq!(twins.undo(&[]).code, 0);
    twins.plugin(&["--previous", "--unstick"]).expect("done", 0);

    room.rolled_out("StatefulSet", &twins.by_plugin);
    room.ready(&twins.by_plugin, 3);
    assert_eq!(images_of(&pods(&room, &twins.by_plugin)), [app(1), app(1), app(1)]);
    // Only the broken pod was made anew.
    let now = super::uids_with(&room, &twins.by_plugin, &app(1));
    assert!(kept[0].len() == 2 && kept[0].iter().all(|pod| now.contains(pod)), "{kept:?} of {now:?}");

    // Its controller has observed the good template and written its status, and the pod is still the same.
    let (_, revision) = room.observed("StatefulSet", &twins.by_kubectl);
    let kubectl = room.workload("StatefulSet", &twins.by_kubectl);
    assert_eq!(kubectl["status"]["updateRevision"], revision["metadata"]["name"]);
    let path = room.path_of("Pod", stuck["metadata"]["name"].as_str().unwrap());
    let pod = room.cluster().get(&path);
    assert_eq!(uid(&pod), uid(&stuck), "the trap is gone: strike it from the list of differences");
    assert!(pod["metadata"]["deletionTimestamp"].is_null());
    assert!(!room.is_rolled_out("StatefulSet", &twins.by_kubectl));
    assert_eq!(super::uids_with(&room, &twins.by_kubectl, &app(1)), kept[1]);
}

/// A ReplicaSet that is taken up again does not reset `ProgressDeadlineExceeded`; until a pod moves, kubectl takes that for an answer.
#[test]
fn a_deadline_that_passed_before_the_rollback_is_not_its_failure() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |object| {
        object["spec"]["replicas"] = json!(1);
        object["spec"]["progressDeadlineSeconds"] = json!(1);
    });
    twins.update(2, Some("never-ready"));
    let progressing = |name: &str| {
        let workload = room.workload("Deployment", name);
        let conditions = workload["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let of = conditions.into_iter().find(|it| it["type"] == "Progressing").unwrap_or_default();
        (of["reason"].as_str().unwrap_or_default().to_owned(), workload)
    };
    twins.each(|name| {
        wait(&format!("the deadline of {name}"), PATIENCE, || {
            (progressing(name).0 == "ProgressDeadlineExceeded").then_some(())
        });
    });
    // Kubectl's look falls between the write and the first pod that goes: so long none may go.
    let frozen = room.keep_pods(&twins.by_kubectl);
    assert_eq!(twins.undo(&[]).code, 0);
    room.observed("Deployment", &twins.by_kubectl);
    let (reason, workload) = progressing(&twins.by_kubectl);
    assert_eq!(workload["status"]["observedGeneration"], workload["metadata"]["generation"]);
    assert_eq!(reason, "ProgressDeadlineExceeded");
    let output = twins.kubectl("status", &["--timeout=3m"]);
    assert_eq!(output.code, 1, "strike it from the list of differences: {}", output.text);
    assert!(output.text.contains("exceeded its progress deadline"), "{}", output.text);
    // Ours at the same picture: it goes on, and does not blame the pod that is to go.
    let word = format!("deployment/{}", twins.by_kubectl);
    let plugin = crate::plugin::rollback_to(&room, &[&word, "--status", "-o", "json"]).run();
    assert_eq!(plugin.report()["workloads"][0]["result"], "progressing", "{plugin}");
    frozen.lift();

    twins.plugin(&["--previous"]).expect("done", 0);
    room.ready(&twins.by_plugin, 1);
    assert_eq!(twins.images(), [app(1), app(1)]);
    // And kubectl's was none either.
    room.rolled_out("Deployment", &twins.by_kubectl);
    assert_eq!(twins.kubectl("status", &["--timeout=3m"]).code, 0);
}

#[test]
fn kubectl_reports_rolled_back_for_a_rollout_that_never_becomes_ready() {
    let room = shared().room(1);
    let all = Twins::of_all_kinds(&room, |_| ());
    // Bad, and then good: going back is the mistake.
    all.iter().for_each(|twins| twins.update(2, Some("image-pull-error")));
    all.iter().for_each(|twins| twins.update(3, None));
    for twins in &all {
        twins.rolled_out();
        let output = twins.undo(&[]);
        assert!(output.code == 0 && output.text.contains("rolled back"), "{}", output.text);
        assert!(!room.is_rolled_out(twins.kind, &twins.by_kubectl), "{}", twins.kind);
        let outcome = twins.plugin(&["--previous", "--fail-after=0s", "--on-failure=restore"]);
        outcome.expect("restored", 1);
        assert!(
            outcome.report()["workloads"][0]["cause"].to_string().contains("ImagePullBackOff"),
            "{outcome}"
        );
        assert_eq!(twins.images(), [app(3), app(2)]);
        room.rolled_out(twins.kind, &twins.by_plugin);
    }
}

/// One after the other, and on with the next after an error: kubectl's way with several.
#[test]
fn one_of_several_that_cannot_go_back_stops_all_where_kubectl_goes_on() {
    let room = shared().room(1);
    let twins = Twins::new(&room, "Deployment", |_| ());
    // The second twin has a past, the first has none.
    room.update("Deployment", &twins.by_kubectl, &app(2), None);
    room.rolled_out("Deployment", &twins.by_kubectl);
    let before = twins.states();
    let words = [&twins.by_plugin, &twins.by_kubectl].map(|name| format!("deployment/{name}"));
    let outcome = crate::plugin::rollback(&room, &[&words[0], &words[1], "--previous"]).run();
    outcome.expect("refused", 3);
    assert_eq!(twins.states(), before);
    let output = kubectl(&room, &["rollout", "undo", &words[0], &words[1]]);
    assert_eq!(output.code, 1);
    assert_eq!(twins.images(), [app(1), app(1)], "the second went back although the first failed");
}
