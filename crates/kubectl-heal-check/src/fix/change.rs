//! One change of one object: a strategic merge patch, as `kubectl patch` sends it, or a new object.

use cluster_model::{Known, Raw};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::ReplicationController;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use plugin_client::shell;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::finding::{Change, Subject};
use crate::refused::refused;
use crate::snapshot::{Gathered, Origin, Packed, Read};

/// Lists that are merged by the key of their elements (`patchMergeKey` in k8s.io/api/core/v1/types.go). Other lists are replaced.
const MERGED: [(&str, &str); 3] =
    [("containers", "name"), ("initContainers", "name"), ("topologySpreadConstraints", "topologyKey")];

impl Change {
    pub fn patch(target: &Subject, patch: Value) -> Self {
        Change { creates: false, target: target.clone(), patch, location: None }
    }

    pub fn create(object: Value) -> Self {
        let target = Subject::new(object.text("/kind"), object.text("/metadata/namespace"), object.name());
        Change { creates: true, target, patch: object, location: None }
    }

    /// As it is made in the manifests of `origin`, for an object in them.
    pub fn in_files(mut self, origin: &Origin, about: &Subject) -> Self {
        let like = if self.creates { about } else { &self.target };
        self.location = origin.locations.get(like).cloned();
        let leaves_namespace = self.creates && origin.without_namespace.contains(like);
        // An index that is not there would be made by looking for it.
        let metadata = self.patch.get_mut("metadata").and_then(Value::as_object_mut);
        if let Some(metadata) = metadata.filter(|_| leaves_namespace) {
            metadata.remove("namespace");
        }
        self
    }

    pub fn read(&self) -> Option<Read> {
        Read::of_kind(&self.target.kind)
    }

    /// More pods, or a change of what decides where they may be.
    pub fn moves_pods(&self) -> bool {
        let spec = &self.patch["spec"];
        self.places_anew()
            || !spec["replicas"].is_null() && self.read() != Some(Read::Budgets)
            || !spec["minReplicas"].is_null()
    }

    /// A change of the template about where its pods may be: all of them are placed again.
    pub fn places_anew(&self) -> bool {
        let spec = &self.patch["spec"]["template"]["spec"];
        ["topologySpreadConstraints", "affinity", "nodeSelector"].iter().any(|field| !spec[field].is_null())
    }

    /// It makes another revision of the pods.
    pub fn is_of_template(&self) -> bool {
        !self.creates && !self.patch["spec"]["template"].is_null()
    }

    /// In the objects that were gathered; nothing is sent to a server.
    pub fn apply(&self, gathered: &mut Gathered) -> Result<(), String> {
        let read = self.read().ok_or("objects of this kind are not read")?;
        let Some(Known::Seen(objects)) = gathered.objects.get_mut(&read) else {
            return Err(format!("{read} are not known"));
        };
        let is_it = |it: &Value| {
            it.text("/metadata/namespace") == self.target.namespace && it.name() == self.target.name
        };
        let found = objects.iter_mut().find_map(|packed| {
            let object = packed.value();
            is_it(&object).then_some((packed, object))
        });
        match (self.creates, found) {
            (true, Some(_)) => Err(format!("{} exists already", self.target)),
            (false, None) => Err(format!("{} was not read", self.target)),
            (true, None) => {
                let mut object = self.patch.clone();
                object["metadata"]["uid"] = json!(format!("new {}", self.target));
                accepted(read, &Value::Null, &object, &self.patch)?;
                objects.push(Packed::of(read, &object));
                Ok(())
            }
            (false, Some((packed, mut object))) => {
                let before = object.clone();
                merge(&mut object, &self.patch);
                *packed = Packed::of(read, &object);
                accepted(read, &before, &object, &self.patch)
            }
        }
    }

    /// What makes it, for a shell.
    pub fn command(&self) -> String {
        let patch = shell::word(&self.patch.to_string());
        if self.creates {
            return format!("echo {patch} | kubectl create -f -");
        }
        format!("{} -p {patch}", self.kubectl_patch())
    }

    pub fn kubectl_patch(&self) -> String {
        let Subject { namespace, name, kind } = &self.target;
        format!(
            "kubectl patch {} {}{}",
            kind.to_lowercase(),
            shell::word(name),
            shell::flag("namespace", namespace)
        )
    }
}

/// As the server does it: `null` removes a field, lists in `MERGED` are merged, others are replaced.
pub fn merge(base: &mut Value, patch: &Value) {
    merged("", base, patch, true);
}

/// Two patches of one object as one.
pub fn joined(first: &mut Value, second: &Value) {
    merged("", first, second, false);
}

fn merged(field: &str, base: &mut Value, patch: &Value, removes: bool) {
    match patch {
        Value::Object(fields) => {
            if !base.is_object() {
                *base = json!({});
            }
            for (name, value) in fields {
                let Some(object) = base.as_object_mut() else { return };
                match value {
                    Value::Null if removes => drop(object.remove(name)),
                    value => merged(name, object.entry(name).or_insert(Value::Null), value, removes),
                }
            }
        }
        Value::Array(items) => {
            let key = MERGED.iter().find(|(name, _)| *name == field).map(|(_, key)| *key);
            let (Some(key), Some(known)) = (key, base.as_array_mut()) else {
                *base = patch.clone();
                return;
            };
            for item in items {
                match known.iter_mut().find(|it| it[key] == item[key]) {
                    Some(found) => merged("", found, item, removes),
                    None => known.push(item.clone()),
                }
            }
        }
        value => *base = value.clone(),
    }
}

/// By the schema: the object has the types of its kind, and no field of the patch is unknown to it. And nothing in it is refused by every
/// server, unless that was so before, which a server of another version may take.
fn accepted(read: Read, before: &Value, object: &Value, patch: &Value) -> Result<(), String> {
    fn round<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
        let typed: K = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
        serde_json::to_value(typed).map_err(|error| error.to_string())
    }
    let known = match read {
        Read::Deployments => round::<Deployment>(object),
        Read::StatefulSets => round::<StatefulSet>(object),
        Read::DaemonSets => round::<DaemonSet>(object),
        Read::ReplicaSets => round::<ReplicaSet>(object),
        Read::ReplicationControllers => round::<ReplicationController>(object),
        Read::Budgets => round::<PodDisruptionBudget>(object),
        Read::Autoscalers => round::<HorizontalPodAutoscaler>(object),
        _ => Err("objects of this kind are not changed".to_owned()),
    }?;
    if let Some(field) = lost(patch, &known) {
        return Err(format!("the schema does not know {field}"));
    }
    match refused(read, object).filter(|_| refused(read, before).is_none() || before.is_null()) {
        Some(refused) => Err(format!("every server would refuse the change: {}", refused.why)),
        None => Ok(()),
    }
}

/// The first field of the patch that is not there.
fn lost(patch: &Value, known: &Value) -> Option<String> {
    match (patch, known) {
        (Value::Object(fields), known) => {
            fields.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
                match known.get(name) {
                    Some(known) => lost(value, known),
                    None => Some(name.clone()),
                }
            })
        }
        (Value::Array(items), Value::Array(known)) => items.iter().find_map(|item| {
            let tries: Vec<_> = known.iter().map(|it| lost(item, it)).collect();
            if tries.iter().any(Option::is_none) { None } else { tries.into_iter().flatten().next() }
        }),
        _ => None,
    }
}
