//! What the controllers keep of a workload's templates: ReplicaSets and ControllerRevisions.

use serde_json::Value;

use crate::rollouts::image_in;
use crate::room::Room;

impl Room<'_> {
    /// Number and object of every revision that the workload owns, the oldest first: ReplicaSets of a Deployment,
    /// ControllerRevisions of the others.
    #[track_caller]
    pub fn revisions(&self, kind: &str, name: &str) -> Vec<(i64, Value)> {
        let owner = self.workload(kind, name)["metadata"]["uid"].take();
        let revision = if kind == "Deployment" { "ReplicaSet" } else { "ControllerRevision" };
        let mut revisions: Vec<(i64, Value)> = self
            .cluster()
            .list(&self.path_of(revision, ""))
            .into_iter()
            .filter(|it| is_controlled_by(it, &owner))
            .map(|it| (number_of(&it), it))
            .collect();
        revisions.sort_by_key(|(number, _)| *number);
        revisions
    }

    /// Number and image of every revision, the oldest first: what most tests want to compare.
    #[track_caller]
    pub fn images(&self, kind: &str, name: &str) -> Vec<(i64, String)> {
        let revisions = self.revisions(kind, name);
        revisions.iter().map(|(number, revision)| (*number, image_in(&template_in(revision)))).collect()
    }
}

/// The template in a revision, as the workload had it.
pub fn template_in(revision: &Value) -> Value {
    let history = revision.pointer("/data/spec/template");
    let mut template = history.unwrap_or(&revision["spec"]["template"]).clone();
    let mut remove = |map: &str, key: &str| {
        template.pointer_mut(map).and_then(Value::as_object_mut).and_then(|map| map.remove(key))
    };
    remove("/metadata/labels", "pod-template-hash");
    // A ControllerRevision is a patch.
    remove("", "$patch");
    template
}

fn is_controlled_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|all| all.iter().any(|owner| owner["controller"] == true && owner["uid"] == *uid))
}

/// A ReplicaSet that has no number yet counts as 0, as it does for kubectl.
pub(crate) fn number_of(revision: &Value) -> i64 {
    let noted = &revision["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    let noted = || noted.as_str().and_then(|text| text.parse().ok());
    revision["revision"].as_i64().or_else(noted).unwrap_or_default()
}
