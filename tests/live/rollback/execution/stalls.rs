//! Waits that cannot end, each with its cause; and the deadline.

use ::testbed::{shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, cause, made, reported, updated};
use crate::plugin::rollback;

#[test]
fn a_paused_deployment_is_written_and_reported_as_paused() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    room.kubectl(&["rollout", "pause", "deployment/web"]);
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1", "--allow=paused"]).run();
    outcome.expect("stalled", 4);
    assert_eq!(room.image("Deployment", "web"), app(1));
    let resume = format!("kubectl rollout resume deployment/web -n {}", room.namespace());
    assert!(
        cause(&outcome, "web").contains("paused") && cause(&outcome, "web").contains(&resume),
        "{outcome}"
    );
}

/// Its node is silent, so the pod there never ends.
#[test]
fn a_daemonset_with_a_dead_node_is_stalled_and_names_it() {
    let room = shared().room(2);
    updated(&room, "DaemonSet", "agent", 2, None, |object| {
        object["spec"]["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}});
        // As agents do; without it a node that is silent is not counted.
        object["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    });
    let dead = room.nodes()[0].clone();
    room.node_silent(&dead);
    let no_kubelet = room.no_kubelet_on(&dead);
    // Long enough for the other pod to come: where nothing of the target runs, it is a failure.
    let args = ["daemonset/agent", "--to-revision=1", "--fail-after=15s", "--on-failure=restore"];
    let outcome = rollback(&room, &args).run();
    outcome.expect("stalled", 4);
    assert!(cause(&outcome, "agent").contains(&dead), "{outcome}");
    assert_eq!(room.image("DaemonSet", "agent"), app(1), "the other node has it: nothing is put back");
    no_kubelet.lift();
    room.node_ready(&dead);
}

#[test]
fn an_ordered_statefulset_behind_a_pod_that_does_not_end_is_stalled() {
    let room = shared().room(1);
    made(&room, "StatefulSet", "db", 2, None, |object| {
        object["spec"]["podManagementPolicy"] = json!("OrderedReady");
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(0);
    });
    room.update("StatefulSet", "db", &app(2), None);
    room.rolled_out("StatefulSet", "db");
    let pod = room.path_of("Pod", "db-0");
    room.cluster().merge(&pod, &json!({"metadata": {"finalizers": ["example.invalid/held"]}}));
    let outcome = rollback(&room, &["statefulset/db", "--to-revision=1", "--fail-after=1s"]).run();
    room.cluster().merge(&pod, &json!({"metadata": {"finalizers": null}}));
    outcome.expect("stalled", 4);
    let cause = cause(&outcome, "db");
    assert!(cause.contains("db-0") && cause.contains("example.invalid/held"), "{outcome}");
}

/// kubernetes#112180: a scheduler that nobody runs sets no condition and writes no event.
#[test]
fn pods_that_no_scheduler_takes_are_a_fault() {
    let room = shared().room(1);
    made(&room, "Deployment", "web", 1, None, |_| ());
    room.set_template("Deployment", "web", |template| {
        template["spec"]["schedulerName"] = json!("nobody");
        template["spec"]["containers"][0]["image"] = json!(app(2));
    });
    room.observed("Deployment", "web");
    room.update("Deployment", "web", &app(3), None);
    room.set_template("Deployment", "web", |template| {
        template["spec"]["schedulerName"] = json!("default-scheduler");
        template["spec"]["containers"][0]["image"] = json!(app(4));
    });
    room.rolled_out("Deployment", "web");
    let args = ["deployment/web", "--to-revision=2", "--fail-after=1s"];
    let outcome = rollback(&room, &args).run();
    outcome.expect("failed", 1);
    assert!(cause(&outcome, "web").contains("nobody"), "{outcome}");
}

/// Two workloads find no node. One of them is promised one: only the other has failed when `--fail-after` is over.
#[test]
fn a_pod_that_waits_for_a_new_node_is_no_fault() {
    let room = shared().room(1);
    for name in ["none", "promised"] {
        made(&room, "Deployment", name, 1, None, |_| ());
        room.set_template("Deployment", name, |template| {
            template["spec"]["nodeSelector"]["example.invalid/new"] = json!("yes");
            template["spec"]["containers"][0]["image"] = json!(app(2));
        });
        room.observed("Deployment", name);
        room.set_template("Deployment", name, |template| {
            template["spec"]["nodeSelector"].as_object_mut().unwrap().remove("example.invalid/new");
            template["spec"]["containers"][0]["image"] = json!(app(3));
        });
        room.rolled_out("Deployment", name);
        room.observed("Deployment", name);
    }
    let args = [
        "deployment/none",
        "deployment/promised",
        "--to-revision=2",
        "--fail-after=20s",
        "--on-failure=stop",
    ];
    let run = rollback(&room, &args).spawn();
    let pod = wait("the pod that finds no node", PATIENCE, || {
        let unschedulable = |pod: &Value| {
            let all = pod["status"]["conditions"].as_array();
            pod["metadata"]["labels"]["app"] == "promised"
                && all.is_some_and(|all| all.iter().any(|it| it["reason"] == "Unschedulable"))
        };
        super::pods_with(&room, &app(2)).into_iter().find(unschedulable)
    });
    let at = &pod["metadata"]["creationTimestamp"];
    room.cluster().create(
        &room.path("", "events"),
        &json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "nominated", "namespace": room.namespace()},
            "reason": "Nominated", "message": "Pod should schedule on: nodeclaim/default-x7k2p", "type": "Normal",
            "source": {"component": "karpenter"}, "count": 1, "firstTimestamp": at, "lastTimestamp": at,
            "involvedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": room.namespace(),
                "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}}),
    );
    run.wait_for_output("deployment/none failed");
    assert!(!run.stderr().contains("deployment/promised failed"), "{}", run.stderr());
    let label = json!({"metadata": {"labels": {"example.invalid/new": "yes"}}});
    room.cluster().merge(&format!("/api/v1/nodes/{}", room.nodes()[0]), &label);
    let outcome = run.finish();
    outcome.expect("partial", 4);
    assert_eq!(
        ["none", "promised"].map(|name| reported(&outcome, name)["result"].take()),
        ["failed", "done"]
    );
}

#[test]
fn the_deadline_is_a_failure_too_and_everything_goes_back() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let args =
        ["deployment/web", "--to-revision=1", "--fail-after=10m", "--on-failure=restore", "--timeout=15s"];
    let outcome = rollback(&room, &args).run();
    assert_eq!(outcome.code, 124, "{outcome}");
    assert_eq!(reported(&outcome, "web")["result"], "restored", "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(2), "{outcome}");
    assert!(room.is_rolled_out("Deployment", "web"), "{outcome}");
}
