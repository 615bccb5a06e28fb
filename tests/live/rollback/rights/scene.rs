//! Users with parts of the published roles, single verbs of them, and a room with something for each.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use crate::rbac::{Printed, User, Verb, marker};

/// What has two templates and pods.
pub const KINDS: [(&str, &str); 3] = [("Deployment", "web"), ("StatefulSet", "db"), ("DaemonSet", "agent")];

pub fn app(version: usize) -> String {
    format!("example.invalid/app:{version}")
}

fn is(it: &Verb, group: &str, resource: &str) -> bool {
    it.group == group && it.resource == resource
}

/// In a test of its own.
pub fn is_apart(it: &Verb) -> bool {
    let unsticks = it.resource == "pods" && ["get", "delete"].contains(&it.verb.as_str());
    unsticks || only_writes(it) || (it.resource == "secrets" && it.verb == "list") || is_of_owner(it)
}

/// A kind that has to be installed first.
pub fn is_of_owner(it: &Verb) -> bool {
    ["argoproj.io", "kruise.io", "flagger.app", "fluxcd.io"].iter().any(|group| it.group.ends_with(group))
}

/// Asked for by nothing but a rollback that is carried out.
pub fn only_writes(it: &Verb) -> bool {
    is(it, "events.k8s.io", "events")
        || is(it, "", "pods/log")
        || (it.resource == "controllerrevisions" && it.verb == "patch")
}

/// Id and severity of the finding that names it.
pub fn reported_by(it: &Verb) -> (&'static str, &'static str) {
    match (it.resource.as_str(), it.verb.as_str()) {
        ("pods", "create") => ("admission-not-checked", "unknown"),
        ("nodes" | "pods", _) => ("capacity-not-checked", "unknown"),
        ("events", _) => ("rights-limited", "info"),
        ("services" | "resourcequotas" | "networkpolicies", _)
        | ("poddisruptionbudgets" | "horizontalpodautoscalers", _) => ("surroundings-not-checked", "unknown"),
        _ => ("reference-not-checked", "unknown"),
    }
}

/// Read only for templates with volumes, or if a pod selects namespaces.
pub fn is_for_volumes(it: &Verb) -> bool {
    it.verb == "list"
        && ["namespaces", "storageclasses", "csidrivers", "csinodes", "volumeattachments"]
            .iter()
            .chain(&["persistentvolumeclaims", "persistentvolumes"])
            .any(|resource| it.resource == *resource)
}

const ALL_FLAGS: [&str; 5] = ["--all", "--unstick", "--reason=too slow", "-n", "shop"];

/// What is needed in a namespace with all flags, and outside of any.
pub fn published() -> (Vec<Value>, Vec<Value>) {
    let printed = Printed::of("rollback-to", &ALL_FLAGS);
    (printed.here(), printed.everywhere())
}

/// What no rollback can do without.
pub fn required() -> Vec<Value> {
    Printed::of("rollback-to", &["--all", "-n", "shop"]).required()
}

/// Somebody with these rights in this room, as the file's head says, and with those everywhere.
pub fn somebody<'r>(room: &'r Furnished, name: &str, here: &[Value], everywhere: &[Value]) -> User<'r> {
    let room = &room.0;
    let marker = marker();
    let user = User::new(room, name, &[std::slice::from_ref(&marker), everywhere].concat());
    let name = user.name.as_str();
    // The authoriser sees a role and its binding a moment later, and of all its rules at once.
    let mut mark = marker;
    mark["resources"] = json!(["markers-here"]);
    let rules = [here, &[mark]].concat();
    let metadata = json!({"name": name});
    let api = "rbac.authorization.k8s.io";
    room.apply(
        json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata, "rules": rules}),
    );
    room.apply(json!({"apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"apiGroup": api, "kind": "User", "name": name}]}));
    user.may("get", "markers-here", Some(room.namespace()));
    user
}

/// Three kinds with two templates each, and `needy`.
pub fn furnished() -> Furnished {
    let room = Furnished(shared().room(1));
    let cluster = room.cluster();
    // Classes have no namespace, and borrow the room's name.
    let class = room.namespace().to_owned();
    for (path, rest) in CLASSES {
        let mut object: Value = serde_json::from_str(rest).unwrap();
        object["metadata"] = json!({"name": class});
        cluster.create(path, &object);
    }
    let metadata = json!({"name": "needy"});
    room.apply(json!({"kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}));
    room.apply(json!({"kind": "Secret", "metadata": metadata, "stringData": {"a": "1"}}));
    room.apply(json!({"kind": "ServiceAccount", "metadata": metadata}));
    room.apply(json!({"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}}));
    let devices = json!({"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.invalid"}}]}});
    let claims = room.path("resource.k8s.io", "resourceclaims");
    cluster.create(&claims, &json!({"metadata": {"name": "needy"}, "spec": devices}));
    let templates = room.path("resource.k8s.io", "resourceclaimtemplates");
    cluster.create(&templates, &json!({"metadata": {"name": "needy"}, "spec": {"spec": devices}}));
    room.deployment("web", 1);
    room.statefulset("db", 1);
    room.daemonset("agent");
    room.deployment_with("needy", 0, |needy| {
        needs_everything(&mut needy["spec"]["template"]["spec"], &class)
    });
    let all = [&KINDS[..], &[("Deployment", "needy")]].concat();
    for (kind, name) in &all {
        room.observed(kind, name);
        room.update(kind, name, &app(2), None);
    }
    for (kind, name) in all {
        room.observed(kind, name);
        room.rolled_out(kind, name);
    }
    room
}

fn needs_everything(spec: &mut Value, class: &str) {
    let from = json!([{"configMapRef": {"name": "needy"}}, {"secretRef": {"name": "needy"}}]);
    spec["containers"][0]["envFrom"] = from;
    spec["serviceAccountName"] = json!("needy");
    spec["priorityClassName"] = json!(class);
    spec["runtimeClassName"] = json!(class);
    let scratch = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "resources": {"requests": {"storage": "1Gi"}}});
    spec["volumes"] = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": "needy"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": scratch}}},
    ]);
    spec["resourceClaims"] = json!([
        {"name": "one", "resourceClaimName": "needy"},
        {"name": "each", "resourceClaimTemplateName": "needy"},
    ]);
}

const CLASSES: [(&str, &str); 3] = [
    ("/apis/scheduling.k8s.io/v1/priorityclasses", r#"{"value": 7}"#),
    ("/apis/node.k8s.io/v1/runtimeclasses", r#"{"handler": "none"}"#),
    ("/apis/storage.k8s.io/v1/storageclasses", r#"{"provisioner": "example.invalid/none"}"#),
];

pub struct Furnished(Room<'static>);

impl std::ops::Deref for Furnished {
    type Target = Room<'static>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Furnished {
    fn drop(&mut self) {
        for (path, _) in CLASSES {
            let _ = shared().try_delete(&format!("{path}/{}", self.0.namespace()));
        }
    }
}
