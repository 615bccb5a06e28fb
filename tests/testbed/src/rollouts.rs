//! Rollouts of a room's workloads: a user's edits of the pod template, and the controllers' own word on how far they are.
//!
//! Judges rollbacks from status and revisions alone, without any code of the plugins.

use http::Method;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::revisions::{number_of, template_in};
use crate::room::{Room, describe};
use crate::wait::{PATIENCE, poll, wait};

/// The field manager of edits by the API if a test names none.
const USER: &str = "testbed-user";

const JSON_PATCH: &str = "application/json-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

impl Room<'_> {
    #[track_caller]
    pub fn workload(&self, kind: &str, name: &str) -> Value {
        self.cluster().get(&self.path_of(kind, name))
    }

    #[track_caller]
    pub fn template(&self, kind: &str, name: &str) -> Value {
        self.workload(kind, name)["spec"]["template"].take()
    }

    /// The image of the template's first container.
    #[track_caller]
    pub fn image(&self, kind: &str, name: &str) -> String {
        image_in(&self.template(kind, name))
    }

    /// Edits the pod template, as a user's editor does, and returns the new generation. Panics if somebody else edits it meanwhile.
    #[track_caller]
    pub fn set_template(&self, kind: &str, name: &str, edit: impl FnOnce(&mut Value)) -> i64 {
        self.set_template_as(USER, kind, name, edit)
    }

    /// The same under another field manager's name.
    #[track_caller]
    pub fn set_template_as(
        &self,
        manager: &str,
        kind: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) -> i64 {
        let seen = self.workload(kind, name);
        let mut template = seen["spec"]["template"].clone();
        edit(&mut template);
        // Not a merge patch: what the edit removes must go. Not a resourceVersion: every status write moves it.
        let patch = json!([
            {"op": "test", "path": "/metadata/uid", "value": seen["metadata"]["uid"]},
            {"op": "test", "path": "/spec/template", "value": seen["spec"]["template"]},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]);
        let path = format!("{}?fieldManager={manager}", self.path_of(kind, name));
        match self.cluster().request(Method::PATCH, &path, Some((JSON_PATCH, &patch))) {
            Ok(now) => now["metadata"]["generation"].as_i64().unwrap_or_default(),
            Err(error) => panic!("{error}"),
        }
    }

    /// An update of the first container's image; `failure` is how its pods fail, e.g. `Some("crash-loop")`. Without one, they
    /// live: a failure from before goes.
    #[track_caller]
    pub fn update(&self, kind: &str, name: &str, image: &str, failure: Option<&str>) -> i64 {
        self.set_template(kind, name, |template| {
            template["spec"]["containers"][0]["image"] = json!(image);
            match failure {
                Some(failure) => template["metadata"]["annotations"]["testbed/failure"] = json!(failure),
                None => {
                    let notes = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
                    notes.and_then(|notes| notes.remove("testbed/failure"));
                }
            }
        })
    }

    /// Server-side apply, as Helm 4, Flux and Argo CD do it. `Err` is a conflict with another manager, or a refusal.
    pub fn apply_as(&self, manager: &str, object: &Value, force: bool) -> Result<Value, ApiError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = self.path_of(&text(&object["kind"]), &text(&object["metadata"]["name"]));
        let path = format!("{path}?fieldManager={manager}&force={force}");
        self.cluster().request(Method::PATCH, &path, Some((APPLY_PATCH, object)))
    }

    /// Waits until the controller reports that the current generation is rolled out completely: all that a partition of a StatefulSet
    /// lets through. Old pods may still be terminating.
    #[track_caller]
    pub fn rolled_out(&self, kind: &str, name: &str) -> Value {
        let complete = poll(PATIENCE, || Some(self.workload(kind, name)).filter(|it| is_complete(kind, it)));
        complete.unwrap_or_else(|| {
            let status = &self.workload(kind, name)["status"];
            let pods: Vec<String> = self.pods().iter().map(describe).collect();
            panic!("waited {PATIENCE:?} in vain for the rollout of {name}: {status:#}\n{}", pods.join("\n"))
        })
    }

    /// Whether it reports that now.
    #[track_caller]
    pub fn is_rolled_out(&self, kind: &str, name: &str) -> bool {
        is_complete(kind, &self.workload(kind, name))
    }

    /// Waits until the controller has seen the current generation and its template is the newest revision: (number, object).
    #[track_caller]
    pub fn observed(&self, kind: &str, name: &str) -> (i64, Value) {
        wait(&format!("the revision of the newest template of {kind} {name}"), PATIENCE, || {
            let workload = self.workload(kind, name);
            let newest = self.revisions(kind, name).pop()?;
            (is_observed(&workload) && is_current(kind, &workload, &newest)).then_some(newest)
        })
    }
}

fn is_observed(workload: &Value) -> bool {
    workload["status"]["observedGeneration"] == workload["metadata"]["generation"]
}

/// The revision is the one that the controller brings the pods to, as far as it reports one.
fn is_current(kind: &str, workload: &Value, (number, revision): &(i64, Value)) -> bool {
    let named = match kind {
        "StatefulSet" => workload["status"]["updateRevision"] == revision["metadata"]["name"],
        // Which carries its number as its ReplicaSets do.
        "Deployment" => number_of(workload) == *number,
        _ => true,
    };
    named && template_in(revision) == workload["spec"]["template"]
}

/// As the status fields are defined: every pod is there, new and available, and no old one is left.
pub fn is_complete(kind: &str, workload: &Value) -> bool {
    let count = |field: &str| workload["status"][field].as_i64().unwrap_or_default();
    let all_are = |fields: &[&str], wanted: i64| fields.iter().all(|field| count(field) == wanted);
    let replicas = workload["spec"]["replicas"].as_i64().unwrap_or_default();
    let complete = match kind {
        "Deployment" => all_are(&["replicas", "updatedReplicas", "availableReplicas"], replicas),
        "DaemonSet" => {
            all_are(&["updatedNumberScheduled", "numberAvailable"], count("desiredNumberScheduled"))
        }
        "StatefulSet" => {
            let kept = workload["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
            let updated = (replicas - kept).max(0);
            // Only the end of a whole rolling update makes the new revision the current one.
            let is_whole = kept == 0 && workload["spec"]["updateStrategy"]["type"] == "RollingUpdate";
            let same = workload["status"]["currentRevision"] == workload["status"]["updateRevision"];
            all_are(&["replicas", "readyReplicas", "availableReplicas"], replicas)
                && count("updatedReplicas") >= updated
                && (same || !is_whole)
        }
        _ => panic!("a {kind} has no rollout"),
    };
    is_observed(workload) && complete
}

/// The image of the first container of a template.
pub(crate) fn image_in(template: &Value) -> String {
    template["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()
}
