//! One node with everything on it that a check looks for.

use ::testbed::{Policy, Room, annotate, shared, wait};
use serde_json::json;

use super::{PATIENCE, expect, found, wait_for_budget_status, with_volume};
use crate::plugin::{Outcome, drain, safe_drain, text};
use crate::untouched::untouched;

#[test]
fn everything_that_can_be_in_the_way_is_named_and_refused() {
    let room = shared().room(1);
    let node = room.nodes()[0].clone();
    let cleanup = furnish(&room, &node);

    let dry = untouched(&room, &drain(&room, &[&node, "--dry-run"]));
    dry.expect("refused", 3);
    owners(&dry);
    data(&dry);
    budgets(&dry);
    services(&dry, &cleanup.webhook);
    pods(&dry);

    // Refused just so without --dry-run, in words too, with the flags that would accept it.
    let live = untouched(&room, &drain(&room, &[&node]));
    live.expect("refused", 3);
    let outcome = untouched(&room, &safe_drain(&room, &[&node, "--yes"]));
    assert_eq!(outcome.code, 3, "{outcome}");
    assert!(outcome.err.contains("pre-flight errors; nothing was changed"), "{outcome}");
    for flag in ["--force", "--delete-emptydir-data", "budget-blocked", "webhook-backend-here"] {
        let allow = outcome.err.lines().find(|line| line.starts_with("hint:") && line.contains("--allow"));
        assert!(allow.is_some_and(|hint| hint.contains(flag)), "{flag} is not offered:\n{outcome}");
    }

    // Deletions bypass budgets, and that is reported; kubectl's flags accept only their own findings.
    let args = [&node, "--dry-run", "--force", "--delete-emptydir-data", "--disable-eviction"];
    let deleting = untouched(&room, &drain(&room, &args));
    deleting.expect("refused", 3);
    expect(&deleting, "budgets-bypassed", "warning", "rigid", "is bypassed for 1 pod");
    assert_eq!(text(&expect(&deleting, "bare-pod", "error", "bare", ""), "accepted"), "--force");
    assert_eq!(text(&expect(&deleting, "orphaned-owner", "error", "orphan", ""), "accepted"), "--force");
    let flag = "--delete-emptydir-data";
    assert_eq!(text(&expect(&deleting, "emptydir-data", "error", "scratch", ""), "accepted"), flag);
    let volume = expect(&deleting, "ephemeral-volume-data", "error", "ephemeral", "");
    assert!(volume["accepted"].is_null(), "{volume:#}");
}

/// Objects outside of the room's namespace; removed at the end, however it comes.
pub struct Cleanup<'r> {
    room: &'r Room<'r>,
    webhook: String,
    paths: Vec<String>,
    _orphans: Policy<'r>,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        for path in &self.paths {
            let _ = self.room.cluster().try_delete(path);
        }
        let without_finalizers = json!({"metadata": {"finalizers": null}});
        let _ = self.room.cluster().try_merge(&self.room.path("", "pods/stuck"), &without_finalizers);
    }
}

pub fn furnish<'r>(room: &'r Room<'r>, node: &str) -> Cleanup<'r> {
    let cluster = room.cluster();
    let id = room.namespace();
    let mut cleanup =
        Cleanup { room, webhook: format!("{id}-hook"), paths: Vec::new(), _orphans: room.keep_orphans() };

    room.pod("bare");
    room.pod_with("orphan", |pod| owned_by(pod, "apps/v1", "ReplicaSet", "ghost"));
    room.pod_with("widget", |pod| owned_by(pod, "example.invalid/v1", "Widget", "gear"));
    room.job("task");
    room.daemonset("agent");
    room.pod_with("static", |pod| {
        annotate(pod, "kubernetes.io/config.mirror", "made-by-hand");
        pod["spec"]["nodeName"] = json!(node);
    });
    room.pod_with("stuck", |pod| pod["metadata"]["finalizers"] = json!(["example.invalid/hold"]));
    room.pod_with("leaving", |pod| {
        annotate(pod, "testbed/failure", "stuck-terminating");
        pod["spec"]["terminationGracePeriodSeconds"] = json!(3600);
    });
    room.deployment_with("slow", 1, |slow| {
        slow["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(600);
    });

    room.deployment_with("scratch", 1, |scratch| {
        with_volume(scratch, json!({"name": "cache", "emptyDir": {}}));
        with_volume(scratch, json!({"name": "ram", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}));
        with_volume(scratch, json!({"name": "host", "hostPath": {"path": "/var/lib/scratch"}}));
        with_volume(scratch, json!({"name": "inline", "csi": {"driver": "csi.example.invalid"}}));
    });
    room.deployment_with("ephemeral", 1, |pod| {
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        with_volume(pod, json!({"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}));
    });
    room.bind("ephemeral", node);
    local_volume(room, node, &mut cleanup);

    room.deployment("rigid", 1);
    room.budget("rigid", "rigid", json!({"minAvailable": 1}));
    room.deployment("half", 2);
    room.pod_with("half-unhealthy", |unhealthy| {
        unhealthy["metadata"]["labels"]["app"] = json!("half");
        annotate(unhealthy, "testbed/failure", "crash-loop");
    });
    room.budget("half", "half", json!({"minAvailable": 2}));
    room.deployment("twice", 1);
    // An event of a pod makes the disruption controller count one of its budgets anew, not both (`getPdbForPod`).
    room.ready("twice", 1);
    room.budget("twice-a", "twice", json!({"maxUnavailable": 1}));
    room.budget("twice-b", "twice", json!({"maxUnavailable": 1}));
    room.budget("widget", "widget", json!({"maxUnavailable": 1}));
    room.deployment("paced", 3);
    room.budget("paced", "paced", json!({"maxUnavailable": 1}));

    room.deployment("single", 1);
    room.deployment_with("dns", 1, |dns| {
        dns["spec"]["template"]["metadata"]["labels"]["k8s-app"] = json!("kube-dns");
        dns["spec"]["template"]["spec"]["priorityClassName"] = json!("system-cluster-critical");
    });
    room.deployment("hook", 1);
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443}]}}));
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    cluster.create(
        hooks,
        &json!({"metadata": {"name": cleanup.webhook}, "webhooks": [{
            "name": "evictions.example.invalid", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": id, "name": "hook"}},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": id}},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"]}],
        }]}),
    );
    cleanup.paths.push(format!("{hooks}/{}", cleanup.webhook));

    for app in [
        "bare",
        "orphan",
        "widget",
        "agent",
        "static",
        "stuck",
        "leaving",
        "slow",
        "scratch",
        "ephemeral",
        "local",
    ] {
        room.ready(app, 1);
    }
    for (app, count) in
        [("rigid", 1), ("twice", 1), ("paced", 3), ("single", 1), ("dns", 1), ("hook", 1), ("task", 1)]
    {
        room.ready(app, count);
    }
    // Overdue from now on, and in its grace for an hour.
    cluster.delete(&room.path("", "pods/stuck?gracePeriodSeconds=0"));
    cluster.delete(&room.path("", "pods/leaving"));
    wait_for_budget_status(room, "rigid", |status| status["currentHealthy"] == 1);
    wait_for_budget_status(room, "half", |status| {
        status["expectedPods"] == 3 && status["currentHealthy"] == 2
    });
    wait_for_budget_status(room, "paced", |status| status["disruptionsAllowed"] == 1);
    wait_for_budget_status(room, "widget", |status| status["conditions"][0]["reason"] == "SyncFailed");
    for budget in ["twice-a", "twice-b"] {
        wait_for_budget_status(room, budget, |status| status["currentHealthy"] == 1);
    }
    wait("the ReplicaSets to count their ready pods", PATIENCE, || {
        let sets = cluster.list(&room.path("apps", "replicasets"));
        let counted = |set: &&serde_json::Value| set["status"]["readyReplicas"] == set["spec"]["replicas"];
        (sets.iter().filter(counted).count() == sets.len()).then_some(())
    });
    cleanup
}

fn owned_by(pod: &mut serde_json::Value, api_version: &str, kind: &str, name: &str) {
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": "no-such-uid", "controller": true}]);
}

fn local_volume(room: &Room<'_>, node: &str, cleanup: &mut Cleanup<'_>) {
    let volume = format!("{}-local", room.namespace());
    let terms = json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]);
    let (modes, size) = (json!(["ReadWriteOnce"]), json!({"storage": "1Gi"}));
    room.cluster().create(
        "/api/v1/persistentvolumes",
        &json!({"metadata": {"name": volume}, "spec": {
            "accessModes": modes, "capacity": size, "local": {"path": "/mnt/disk"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            "claimRef": {"namespace": room.namespace(), "name": "disk"},
        }}),
    );
    cleanup.paths.push(format!("/api/v1/persistentvolumes/{volume}"));
    room.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"}, "spec": {
        "accessModes": modes, "resources": {"requests": size}, "storageClassName": "", "volumeName": volume,
    }}));
    room.deployment_with("local", 1, |local| {
        with_volume(local, json!({"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}));
    });
    room.bind("local", node);
    // Whether its pod can go elsewhere is known only then.
    let claim = room.path("", "persistentvolumeclaims/disk");
    ::testbed::wait("the claim to be bound", ::testbed::PATIENCE, || {
        (room.cluster().get(&claim)["status"]["phase"] == "Bound").then_some(())
    });
}

#[track_caller]
fn owners(dry: &Outcome) {
    expect(dry, "bare-pod", "error", "bare", "has no controller and will not be recreated");
    expect(dry, "orphaned-owner", "error", "orphan", "ghost that controls it no longer exists");
    expect(dry, "owner-not-checked", "unknown", "gear", "unsupported kind of example.invalid/v1");
    expect(dry, "job-progress", "warning", "task", "ends its work");
    assert!(found(&dry.report(), "bare-pod", "rigid").is_none(), "{dry}");
}

#[track_caller]
fn data(dry: &Outcome) {
    // One pod, several kinds of data: kubectl keeps only the last of them.
    expect(dry, "emptydir-data", "error", "scratch", "cache (disk), ram (memory, up to 1Gi)");
    expect(dry, "host-path-data", "warning", "scratch", "host (/var/lib/scratch)");
    expect(dry, "inline-volume", "info", "scratch", "inline (csi.example.invalid)");
    expect(dry, "ephemeral-volume-data", "error", "ephemeral", "its claim is deleted with the pod");
    expect(dry, "local-volume", "warning", "local", "disk (claim disk)");
}

#[track_caller]
fn budgets(dry: &Outcome) {
    expect(dry, "budget-blocked", "error", "rigid", "minAvailable 1 requires 1 healthy of 1");
    expect(dry, "budget-exhausted", "warning", "half", "needs 2 healthy, has 2 of 3");
    expect(dry, "budget-unhealthy-pods", "warning", "half", "half-unhealthy (CrashLoopBackOff");
    let several = expect(dry, "pod-in-several-budgets", "error", "twice", "is selected by 2 PDBs");
    for budget in ["twice-a", "twice-b"] {
        assert!(text(&several, "message").contains(budget), "{several:#}");
    }
    expect(dry, "budget-sync-failed", "error", "widget", "Widget");
    expect(dry, "budget-paces", "info", "paced", "allows 1 disruption at a time; 3 pods are evicted in turn");
}

#[track_caller]
fn services(dry: &Outcome, webhook: &str) {
    expect(
        dry,
        "last-ready-replica",
        "warning",
        "single",
        "its only ready pod is here and no PDB protects it",
    );
    assert!(found(&dry.report(), "last-ready-replica", "rigid").is_none(), "a budget protects it\n{dry}");
    expect(dry, "cluster-service-last-replica", "warning", "dns", "DNS is unavailable");
    let hook = dry.finding("webhook-backend-here");
    assert!(text(&hook, "subject").contains(webhook), "{hook:#}");
    assert!(text(&hook, "message").contains("CREATE pods/eviction"), "{hook:#}");
}

#[track_caller]
fn pods(dry: &Outcome) {
    expect(dry, "daemonset-pod", "info", "agent", "DaemonSet-managed pod");
    expect(dry, "mirror-pod", "info", "static", "static pod");
    expect(dry, "pod-terminating", "info", "leaving", "the drain waits for it");
    expect(dry, "long-grace-period", "info", "slow", "may take up to 10m to stop");
    let orphan = dry.pods().into_iter().find(|pod| pod["name"] == "orphan");
    assert_eq!(
        orphan.map(|pod| text(&pod, "reason").to_owned()),
        Some("controller not found: will not be recreated".into())
    );
    let kept = dry.pods().iter().filter(|pod| pod["action"] == "keep").count();
    assert_eq!(kept, 2, "the DaemonSet's pod and the static one\n{dry}");
}
