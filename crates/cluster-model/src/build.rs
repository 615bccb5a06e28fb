//! Builders of objects for table tests: a healthy object first, then the one edit a case is about.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::DisruptionBudget;

/// `edit` merged over `base`: objects by key, everything else replaced.
pub fn merge(base: &mut Value, edit: Value) {
    match (base, edit) {
        (Value::Object(base), Value::Object(edit)) => {
            for (key, value) in edit {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, edit) => *base = edit,
    }
}

#[expect(clippy::expect_used, reason = "a builder's input is the test's own literal")]
fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the edit makes an object of this kind")
}

#[expect(clippy::expect_used, reason = "a builder's input is the test's own literal")]
fn edited<T: Serialize + DeserializeOwned>(object: T, edit: Value) -> T {
    let mut value = serde_json::to_value(object).expect("objects serialise");
    merge(&mut value, edit);
    typed(value)
}

fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("default", key))
}

pub fn node(name: &str, edit: Value) -> Node {
    let mut value = json!({
        "metadata": {"name": name, "uid": format!("uid-{name}")},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
    });
    merge(&mut value, edit);
    typed(value)
}

/// A Running, Ready pod of ReplicaSet `rs` on `node`.
pub fn pod(key: &str, node: &str) -> Pod {
    let (namespace, name) = split(key);
    typed::<Pod>(json!({
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{name}"), "labels": {}},
        "spec": {"nodeName": node, "containers": [{"name": "main"}], "terminationGracePeriodSeconds": 30},
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:02Z"}]},
    }))
    .owned_by("apps/v1", "ReplicaSet", "rs")
}

/// A budget over app=web in good order. Without a rule of its own it gets the one that makes its status.
pub fn budget(key: &str, edit: Value) -> DisruptionBudget {
    let (namespace, name) = split(key);
    let mut value = json!({
        "metadata": {"namespace": namespace, "name": name, "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    });
    merge(&mut value, edit);
    if value["spec"]["minAvailable"].is_null() && value["spec"]["maxUnavailable"].is_null() {
        value["spec"]["minAvailable"] = value["status"]["desiredHealthy"].clone();
    }
    typed::<PodDisruptionBudget>(value).into()
}

/// In policy/v1 it selects nothing.
pub fn budget_without_selector(key: &str) -> DisruptionBudget {
    budget(key, json!({"spec": {"selector": null}}))
}

/// One edit each, chained.
pub trait PodBuild: Sized {
    fn edit(self, edit: Value) -> Self;
    fn owned_by(self, api_version: &str, kind: &str, name: &str) -> Self;
    fn unmanaged(self) -> Self;

    fn label(self, key: &str, value: &str) -> Self {
        self.edit(json!({"metadata": {"labels": {key: value}}}))
    }

    fn annotation(self, key: &str, value: &str) -> Self {
        self.edit(json!({"metadata": {"annotations": {key: value}}}))
    }

    fn priority(self, priority: i32) -> Self {
        self.edit(json!({"spec": {"priority": priority}}))
    }

    fn phase(self, phase: &str) -> Self {
        self.edit(json!({"status": {"phase": phase, "conditions": []}}))
    }

    fn deleted(self, at: &str) -> Self {
        self.edit(json!({"metadata": {"deletionTimestamp": at}}))
    }

    fn volume(self, volume: Value) -> Self {
        self.edit(json!({"spec": {"volumes": [volume]}}))
    }

    fn toleration(self, toleration: Value) -> Self {
        self.edit(json!({"spec": {"tolerations": [toleration]}}))
    }

    /// Not Ready, its container waiting for `reason`.
    fn waiting(self, reason: &str) -> Self {
        self.edit(json!({"status": {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                "state": {"waiting": {"reason": reason}}}]}}))
    }
}

impl PodBuild for Pod {
    fn edit(self, edit: Value) -> Self {
        edited(self, edit)
    }

    fn owned_by(mut self, api_version: &str, kind: &str, name: &str) -> Self {
        self.metadata.owner_references = Some(vec![OwnerReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            controller: Some(true),
            block_owner_deletion: None,
        }]);
        self
    }

    fn unmanaged(mut self) -> Self {
        self.metadata.owner_references = None;
        self
    }
}
