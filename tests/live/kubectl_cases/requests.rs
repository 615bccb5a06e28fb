//! What is on the wire, by the server's own record: cases 18, 25, 38, 39 and 41.

use ::testbed::{annotate, shared, wait};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::plugin::{drain, text};

/// Cases 25, 38 and 41; and 18: the pod is gone only when its deletion was seen.
#[test]
fn the_eviction_is_policy_v1_with_uid_and_grace_period() {
    let room = shared().room(1);
    room.deployment_with("web", 1, |web| annotate(web, "testbed/delete-after", "2s"));
    let pod = room.ready("web", 1).remove(0);
    let uid = text(&pod["metadata"], "uid");

    let (outcome, record, audit) = drain(&room, &[&room.nodes()[0], "--grace-period=7"]).watch().finish();
    outcome.expect("drained", 0);
    let evictions = audit.evictions();
    assert_eq!(evictions.len(), 1, "{audit}");
    let body = &evictions[0].request_object;
    assert_eq!((text(body, "apiVersion"), text(body, "kind")), ("policy/v1", "Eviction"));
    assert_eq!(body["deleteOptions"]["preconditions"]["uid"], uid, "{body:#}");
    assert_eq!(body["deleteOptions"]["gracePeriodSeconds"], 7, "{body:#}");
    assert!(body["deleteOptions"]["dryRun"].is_null(), "{body:#}");
    // The server read it, too: kube's own `Api::evict` sends a body whose options are ignored.
    let stopping = record.events.iter().filter(|event| event.uid() == uid);
    let grace =
        stopping.filter_map(|event| event.object["metadata"]["deletionGracePeriodSeconds"].as_u64()).next();
    assert_eq!(grace, Some(7));
}

/// Case 39: the mark that an eviction leaves on the pod, which stays visible because of a finalizer; a dry run leaves none.
#[test]
fn an_evicted_pod_is_marked_as_a_disruption_target_and_a_dry_run_marks_nothing() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment_with("held", 1, |held| {
        held["spec"]["template"]["metadata"]["finalizers"] = json!(["example.com/keep"])
    });
    let pod = room.ready("held", 1).remove(0);
    let path = room.path("", &format!("pods/{}", text(&pod["metadata"], "name")));
    let mark = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .into_iter()
            .find(|it| it["type"] == "DisruptionTarget")
            .map(|it| text(&it, "reason").to_owned())
    };

    drain(&room, &[node, "--dry-run=server"]).watched().0.expect("planned", 0);
    let untouched = shared().get(&path);
    assert_eq!((mark(&untouched), &untouched["metadata"]["deletionTimestamp"]), (None, &Value::Null));

    let running = drain(&room, &[node]).watch();
    wait("the pod to be marked", PATIENCE, || {
        (mark(&shared().get(&path)).as_deref() == Some("EvictionByEvictionAPI")).then_some(())
    });
    running.wait_for_output("evicting pod");
    shared().merge(&path, &json!({"metadata": {"finalizers": null}}));
    let (outcome, _, _) = running.finish();
    outcome.expect("drained", 0);
}
