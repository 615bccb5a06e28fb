//! What a template names and the cluster no longer has: hardly any of it is looked at when a workload is written.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{app, back, expect_finding, expect_no_finding, plan, refused, two_templates};

fn class(room: &Room<'_>) -> String {
    format!("{}-high", room.namespace())
}

/// A template that needs one of everything.
fn needing(room: &Room<'_>, template: &mut Value) {
    let secret = json!({"name": "db", "key": "password"});
    template["spec"]["containers"][0]["env"] =
        json!([{"name": "PASSWORD", "valueFrom": {"secretKeyRef": secret}}]);
    template["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "app-config"}}]);
    template["spec"]["serviceAccountName"] = json!("runner");
    template["spec"]["priorityClassName"] = json!(class(room));
    template["spec"]["imagePullSecrets"] = json!([{"name": "registry"}]);
    let scratch = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": format!("{}-disk", room.namespace()),
        "resources": {"requests": {"storage": "1Gi"}}});
    template["spec"]["volumes"] = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": scratch}}},
    ]);
}

fn claim(name: &str) -> Value {
    json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}})
}

/// A class is of no namespace; it goes with the test.
struct Class<'r>(&'r Room<'r>);

impl Drop for Class<'_> {
    fn drop(&mut self) {
        let _ = self.0.cluster().try_delete(&format!("{CLASSES}/{}", class(self.0)));
    }
}

const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";

#[test]
fn what_the_template_names_and_is_not_there_is_refused_until_it_is_made() {
    let room = shared().room(1);
    two_templates(&room, "web", |template| needing(&room, template));
    let outcome = refused(&room, "web", &[]);
    for (kind, name, why) in [
        ("ConfigMap", "app-config", "envFrom of container main"),
        ("Secret", "db", "env PASSWORD of container main"),
        ("ServiceAccount", "runner", "serviceAccountName"),
        ("PersistentVolumeClaim", "data", "volume data"),
        ("PriorityClass", &class(&room), "priorityClassName"),
    ] {
        let found = expect_finding(&outcome, "reference-missing", "error", &format!("{kind} {name}"));
        assert!(found["message"].as_str().is_some_and(|it| it.contains(why)), "{found:#}");
    }
    // The kubelet pulls without it, and the claim of an ephemeral volume can wait.
    expect_finding(&outcome, "pull-secret-missing", "warning", "Secret registry");
    expect_finding(&outcome, "storage-class-missing", "warning", &format!("{}-disk", room.namespace()));
    // The server's own message about a pod of that template.
    expect_finding(&outcome, "pod-not-admitted", "error", "\"runner\" not found");

    room.apply(json!({"kind": "ConfigMap", "metadata": {"name": "app-config"}, "data": {"LEVEL": "debug"}}));
    room.apply(json!({"kind": "Secret", "metadata": {"name": "db"}, "stringData": {"user": "app"}}));
    room.apply(json!({"kind": "ServiceAccount", "metadata": {"name": "runner"}}));
    room.apply(claim("data"));
    room.cluster().create(CLASSES, &json!({"metadata": {"name": class(&room)}, "value": 7}));
    let _class = Class(&room);
    let outcome = refused(&room, "web", &[]);
    expect_no_finding(&outcome, &["reference-missing", "pod-not-admitted"]);
    expect_finding(&outcome, "reference-key-missing", "error", "password");
    expect_finding(&outcome, "volume-claim-unbound", "warning", "data");

    let password = json!({"stringData": {"password": "hunter2"}});
    room.cluster().merge(&room.path_of("Secret", "db"), &password);
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_no_finding(&outcome, &["reference-key-missing", "reference-not-checked"]);
    assert!(!format!("{outcome}").contains("hunter2"), "{outcome}");
    // What the second revision never had, and its pull secret, are still reported.
    expect_finding(&outcome, "pull-secret-missing", "warning", "registry");

    // A claim that is being deleted is as good as gone.
    let hold = json!({"metadata": {"finalizers": ["example.invalid/hold"]}});
    room.cluster().merge(&room.path_of("PersistentVolumeClaim", "data"), &hold);
    room.cluster().delete(&room.path_of("PersistentVolumeClaim", "data"));
    let outcome = plan(&room, "web");
    outcome.expect("refused", 3);
    expect_finding(&outcome, "volume-claim-unusable", "error", "data");
    let free = json!({"metadata": {"finalizers": null}});
    room.cluster().merge(&room.path_of("PersistentVolumeClaim", "data"), &free);
}

#[test]
fn a_missing_reference_can_be_accepted_and_the_report_names_the_flag() {
    let room = shared().room(1);
    two_templates(&room, "web", |template| {
        template["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "app-config"}}]);
    });
    refused(&room, "web", &["--allow=paused"]);
    let outcome = back(&room, "web", &["--allow=paused,reference-missing"]);
    outcome.expect("done", 0);
    let accepted = expect_finding(&outcome, "reference-missing", "error", "app-config")["accepted"].take();
    assert_eq!(accepted, "--allow reference-missing", "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(1));
}

#[test]
fn optional_references_may_be_missing() {
    let room = shared().room(1);
    two_templates(&room, "web", |template| {
        let missing = json!([{"configMapRef": {"name": "app-config", "optional": true}}]);
        template["spec"]["containers"][0]["envFrom"] = missing;
    });
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    expect_no_finding(&outcome, &["reference-missing"]);
}

/// Data does not roll back with a template (kubernetes/kubernetes#22368).
#[test]
fn config_changed_after_the_revision_last_ran_is_named_with_its_writer() {
    let room = shared().room(1);
    for name in ["old", "new"] {
        room.apply(json!({"kind": "ConfigMap", "metadata": {"name": name}, "data": {"LEVEL": "debug"}}));
    }
    room.apply(json!({"kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter2"}}));
    two_templates(&room, "web", |template| {
        let from = ["old", "new"].map(|name| json!({"configMapRef": {"name": name}}));
        let secret = json!({"secretRef": {"name": "db"}});
        template["spec"]["containers"][0]["envFrom"] = json!([from[0], from[1], secret]);
    });
    room.rolled_out("Deployment", "web");
    room.tick("Deployment", "web");
    let silent_before = plan(&room, "web");
    expect_no_finding(&silent_before, &["config-changed-since"]);
    let change = json!({"data": {"LEVEL": "info"}});
    room.cluster().merge(&room.path_of("ConfigMap", "new"), &change);
    let change = json!({"stringData": {"password": "hunter3"}});
    room.cluster().merge(&format!("{}?fieldManager=some-pipeline", room.path_of("Secret", "db")), &change);
    // A label is no data.
    let label = json!({"metadata": {"labels": {"seen": "yes"}}});
    room.cluster().merge(&format!("{}?fieldManager=labeller", room.path_of("ConfigMap", "old")), &label);

    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    expect_finding(&outcome, "config-changed-since", "warning", "ConfigMap new");
    expect_finding(&outcome, "config-changed-since", "warning", "Secret db, which some-pipeline changed at");
    let all = outcome.findings().into_iter().filter(|id| id == "config-changed-since").count();
    assert_eq!(all, 2, "{outcome}");
    assert!(!format!("{outcome}").contains("hunter"), "{outcome}");
}
