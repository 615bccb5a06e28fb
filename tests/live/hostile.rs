//! Text that a terminal would obey, wherever a cluster can put it: none of it reaches stdout or stderr, and none of it is lost.

use ::testbed::fake::{Answer, Fake};
use ::testbed::{PATIENCE, annotate, shared};
use serde_json::{Value, json};

use crate::evil::{EVIL, ascii, assert_clean, look_in_every_way, mentions};
use crate::plugin::{drain, safe_drain};

#[test]
fn hostile_objects_of_a_real_server_are_only_shown() {
    let room = shared().room(2);
    let (node, other) = (room.nodes()[0].as_str(), room.nodes()[1].as_str());
    let here = |pod: &mut Value, node: &str| pod["spec"]["nodeName"] = json!(node);

    // A pod whose owner and annotations are hostile; its budget's controller reports that it cannot find such an owner.
    room.pod_with("owned", |pod| {
        here(pod, node);
        annotate(pod, "example.invalid/note", EVIL);
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "example.invalid/v1", "kind": EVIL, "name": EVIL, "uid": "no-such-uid", "controller": true,
        }]);
    });
    room.budget("owned", "owned", json!({"maxUnavailable": 1}));
    // No kubelet, real or not, starts such an image: it stays Pending.
    room.pod_with("imaged", |pod| {
        here(pod, node);
        pod["spec"]["containers"][0]["image"] = json!(EVIL);
    });
    // A budget used up by a pod with hostile text in its status.
    room.pod_with("spent", |pod| here(pod, node));
    room.pod_with("unhealthy", |pod| {
        here(pod, other);
        pod["metadata"]["labels"]["app"] = json!("spent");
        annotate(pod, "testbed/failure", "never-ready");
    });
    room.budget("spent", "spent", json!({"minAvailable": 1}));
    room.ready("owned", 1);
    let unhealthy = room.path("", "pods/unhealthy");
    ::testbed::wait("the unhealthy pod to run", PATIENCE, || {
        (room.cluster().get(&unhealthy)["status"]["phase"] == "Running").then_some(())
    });
    let state = json!({"waiting": {"reason": EVIL, "message": EVIL}});
    room.cluster().merge_status(
        &unhealthy,
        &json!({"reason": EVIL, "message": EVIL, "containerStatuses": [{
            "name": "main", "image": EVIL, "imageID": EVIL, "ready": false, "restartCount": 0, "state": state,
        }]}),
    );
    for (budget, reason) in [("owned", "SyncFailed"), ("spent", "InsufficientPods")] {
        let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
        ::testbed::wait(&format!("budget {budget} to report {reason}"), PATIENCE, || {
            let status = room.cluster().get(&path)["status"].clone();
            status["conditions"]
                .as_array()?
                .iter()
                .any(|condition| condition["reason"] == reason)
                .then_some(())
        });
    }
    room.node_not_ready(other);
    room.cluster().merge_status(
        &format!("/api/v1/nodes/{other}"),
        &json!({"conditions": [{"type": "Ready", "status": "False", "reason": EVIL, "message": EVIL}]}),
    );

    let report = look_in_every_way(|more| safe_drain(&room, &[&[node, other, "--dry-run"], more].concat()));
    let occurrences = |id: &str| {
        let found = report["findings"].as_array().into_iter().flatten().filter(|finding| finding["id"] == id);
        found.filter(|finding| mentions(finding, EVIL)).count()
    };
    for id in ["budget-unhealthy-pods", "node-not-ready", "owner-not-checked"] {
        assert_eq!(occurrences(id), 1, "{id} does not carry the text: {:#}", report["findings"]);
    }

    // Here the controller has quoted the owner's kind before we could.
    assert!(mentions(&report["findings"], "\\u202e"), "{:#}", report["findings"]);

    // The drain itself, past everything that is in the way; blocked for ever by the budgets, so it has a deadline.
    let live = |output: &str| {
        safe_drain(&room, &[node, "--yes", "--allow=all", "--timeout=3s", "-o", output]).watched().0
    };
    assert_clean(&live("json"));
    assert_clean(&live("text"));
}

/// Nothing that a real server would check first stands in its way here: names, managers, its own error texts.
#[test]
fn a_hostile_server_is_only_shown() {
    let room = shared().room(0);
    let fake = Fake::start();
    let node = json!({
        "metadata": {"name": "n1", "uid": "u1", "resourceVersion": "1", "managedFields": [{
            "manager": EVIL, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:unschedulable": {}}},
        }]},
        "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    let pod = json!({
        "metadata": {"name": EVIL, "namespace": EVIL, "uid": "p1", "resourceVersion": "2", "labels": {"app": EVIL},
            "finalizers": [EVIL]},
        "spec": {"nodeName": "n1", "containers": [{"name": EVIL, "image": EVIL}], "priorityClassName": EVIL,
            "volumes": [{"name": EVIL, "hostPath": {"path": EVIL}}, {"name": EVIL, "emptyDir": {"sizeLimit": EVIL}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let list = |kind: &str, version: &str, items: Value| {
        Answer::json(json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "9"}, "items": items}))
            .header("Warning", &format!("299 - \"{}\"", "\\u001b[31m old \u{9b}2J"))
    };
    let hooks = "/apis/admissionregistration.k8s.io/v1";
    fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(node));
    fake.on("GET", "/api/v1/pods").lists().answer(list("PodList", "v1", json!([pod])));
    fake.on("GET", "/apis/policy/v1/poddisruptionbudgets").lists().answer(list(
        "PodDisruptionBudgetList",
        "policy/v1",
        json!([]),
    ));
    fake.on("*", "*").watches().answer(Answer::silence());
    for kind in ["Validating", "Mutating"] {
        let path = format!("{hooks}/{}webhookconfigurations", kind.to_lowercase());
        fake.on("GET", &path).answer(Answer::status(500, EVIL, EVIL));
    }
    fake.on("POST", "*selfsubjectaccessreviews")
        .answer(Answer::json(json!({"spec": {}, "status": {"allowed": true}})));
    fake.on("POST", "*/eviction").answer(Answer::status(403, EVIL, EVIL));

    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = fake.kubeconfig(folder.path());
    let report = look_in_every_way(|more| {
        safe_drain(&room, &[&["n1", "--dry-run"], more].concat()).kubeconfig(&kubeconfig)
    });
    for id in ["node-cordoned-before", "bare-pod", "emptydir-data", "host-path-data", "webhooks-not-checked"]
    {
        let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == id);
        let found = found.unwrap_or_else(|| panic!("no {id} in {report:#}"));
        assert!(mentions(found, "forged"), "{id} does not carry the text: {found:#}");
    }

    for output in ["text", "wide", "json", "yaml"] {
        let args = ["n1", "--yes", "--allow=all", "--timeout=5s", "-o", output];
        let outcome = safe_drain(&room, &args).kubeconfig(&kubeconfig).run();
        assert_clean(&outcome);
        assert!(outcome.err.contains("forged"), "the server's refusal is not shown:\n{outcome}");
        assert_ne!(outcome.code, 0, "{outcome}");
    }
}

#[test]
fn hostile_names_in_a_kubeconfig_and_on_the_command_line_are_only_shown() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let mut config: Value =
        serde_json::from_str(&std::fs::read_to_string(room.cluster().kubeconfig()).unwrap()).unwrap();
    config["contexts"][0]["name"] = json!(EVIL);
    config["current-context"] = json!("none");
    // YAML takes such characters only when they are spelled out.
    std::fs::write(&path, ascii(&config.to_string())).unwrap();

    let listed = safe_drain(&room, &[node]).kubeconfig(&path).run();
    assert_clean(&listed);
    assert!(listed.err.contains("contexts there: \\u{1b}"), "{listed}");
    for args in [
        &[node, "--context", EVIL][..],
        &[EVIL],
        &["-l", EVIL],
        &[node, "--allow", EVIL],
        &[node, "--timeout", EVIL],
        &[node, "--user", EVIL],
    ] {
        for output in ["text", "json"] {
            let outcome = safe_drain(&room, &[args, &["-o", output]].concat()).run();
            assert_clean(&outcome);
            assert!([1, 2, 3].contains(&outcome.code), "{outcome}");
        }
    }
    // By its hostile name the context works as any other.
    let outcome = drain(&room, &[node, "--context", EVIL, "--dry-run"]).kubeconfig(&path).run();
    assert_clean(&outcome);
    outcome.expect("planned", 0);
}
