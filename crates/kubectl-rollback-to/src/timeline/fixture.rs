//! Workloads with a past, for tests: raw objects as a controller leaves them. Times are seconds after `BORN`.

use cluster_model::Known;
use cluster_model::build::{PodBuild, merge, pod};
use cluster_model::rollout::{Kind, Rollout};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{Timeline, timeline};
use crate::choose::Past;
use crate::health::{Health, health};

const BORN: i64 = 1_795_000_000;

pub const HOUR: i64 = 3600;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(BORN + second).unwrap()
}

pub fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

/// Starts as three replicas of nothing; every method is one fact.
#[derive(Clone, Debug)]
pub struct History {
    kind: Kind,
    object: Value,
    kept: Vec<Value>,
    pods: Vec<Pod>,
    events: Vec<Value>,
}

impl History {
    pub fn of(kind: Kind) -> Self {
        let object = json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "uid-web", "generation": 1, "creationTimestamp": at(0).to_string()},
            "spec": {"replicas": 3, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 3},
        });
        History { kind, object, kept: Vec::new(), pods: Vec::new(), events: Vec::new() }
    }

    /// Revision `number`, made at `created` from image `web:NAME`; the live template is its own from now on.
    pub fn revision(mut self, number: i64, name: &str, created: i64) -> Self {
        let template = template(&format!("web:{name}"));
        let owners = json!([{"apiVersion": "apps/v1", "kind": self.kind.name(), "name": "web", "uid": "uid-web", "controller": true}]);
        let metadata = json!({"name": format!("web-{name}"), "namespace": "shop", "uid": format!("uid-web-{name}"),
            "creationTimestamp": at(created).to_string(), "ownerReferences": owners});
        let mut object = json!({"metadata": metadata});
        let edit = match self.kind {
            Kind::Deployment => json!({
                "metadata": {"labels": {"pod-template-hash": name}, "annotations": {
                    "deployment.kubernetes.io/revision": number.to_string(), "deployment.kubernetes.io/desired-replicas": "3"}},
                "spec": {"replicas": 3, "template": template}}),
            Kind::StatefulSet | Kind::DaemonSet => json!({
                "metadata": {"labels": {"controller-revision-hash": name}},
                "revision": number, "data": {"spec": {"template": template}}}),
        };
        merge(&mut object, edit);
        self.kept.push(object);
        self.object["spec"]["template"] = template;
        self.controller_wrote(created)
    }

    fn newest(&mut self) -> &mut Value {
        self.kept.last_mut().unwrap()
    }

    /// An edit of the revision added last.
    pub fn kept(mut self, edit: Value) -> Self {
        merge(self.newest(), edit);
        self
    }

    /// The revision added last had these numbers before.
    pub fn was(self, numbers: &str) -> Self {
        self.kept(
            json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision-history": numbers}}}),
        )
    }

    /// Somebody else wrote its change cause, which the controller does only once.
    pub fn cause_written(mut self, manager: &str, time: i64) -> Self {
        let fields = json!({"f:metadata": {"f:annotations": {"f:kubernetes.io/change-cause": {}}}});
        let entry = json!({"manager": manager, "operation": "Update", "time": at(time).to_string(), "fieldsV1": fields});
        if let Some(entries) = self.newest()["metadata"]["managedFields"].as_array_mut() {
            entries.push(entry);
        }
        self
    }

    /// The controller wrote the revision added last, for the last time.
    pub fn controller_wrote(self, time: i64) -> Self {
        let fields = match self.kind {
            Kind::Deployment => json!({"f:spec": {"f:replicas": {}}}),
            Kind::StatefulSet | Kind::DaemonSet => json!({"f:revision": {}}),
        };
        self.kept(json!({"metadata": {"managedFields": [
            {"manager": "kube-controller-manager", "operation": "Update", "time": at(time).to_string(), "fieldsV1": fields}]}}))
    }

    /// A rollout took the last pods of the ReplicaSet added last.
    pub fn emptied(self, time: i64) -> Self {
        self.kept(json!({"spec": {"replicas": 0}, "status": {"replicas": 0}})).controller_wrote(time)
    }

    /// The ReplicaSet added last has this many pods, and so many are available.
    pub fn serves(self, available: i64, of: i64) -> Self {
        self.kept(
            json!({"spec": {"replicas": of}, "status": {"replicas": of, "availableReplicas": available}}),
        )
    }

    /// An edit of the workload.
    pub fn edit(mut self, edit: Value) -> Self {
        merge(&mut self.object, edit);
        self
    }

    pub fn live(mut self, name: &str) -> Self {
        self.object["spec"]["template"] = template(&format!("web:{name}"));
        self
    }

    /// `manager` wrote the live template, and manages more or nothing beside.
    pub fn written(self, manager: &str, time: i64, only_template: bool) -> Self {
        let mut spec = json!({"f:template": {"f:spec": {}}});
        if !only_template {
            spec["f:replicas"] = json!({});
        }
        self.edit(json!({"metadata": {"managedFields": [
            {"manager": manager, "operation": "Update", "time": at(time).to_string(), "fieldsV1": {"f:spec": spec}}]}}))
    }

    pub fn condition(self, kind: &str, status: &str, reason: &str, message: &str, time: i64) -> Self {
        self.edit(json!({"status": {"conditions": [
            {"type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": at(time).to_string()}]}}))
    }

    /// No managedFields anywhere.
    pub fn stripped(mut self) -> Self {
        for object in self.kept.iter_mut().chain([&mut self.object]) {
            object["metadata"]["managedFields"] = Value::Null;
        }
        self
    }

    /// A Ready pod of the revision added last.
    pub fn pod(self, name: &str) -> Self {
        self.pod_with(name, json!({}))
    }

    pub fn crashing_pod(self, name: &str) -> Self {
        self.pod_with(name, json!({"status": {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}))
    }

    pub fn pod_with(mut self, name: &str, edit: Value) -> Self {
        let kept = self.kept.last().unwrap();
        let (owner, kind, label) = match self.kind {
            Kind::Deployment => (kept["metadata"]["name"].as_str().unwrap().to_owned(), "ReplicaSet", None),
            Kind::StatefulSet => ("web".to_owned(), "StatefulSet", kept["metadata"]["name"].as_str()),
            Kind::DaemonSet => ("web".to_owned(), "DaemonSet", None),
        };
        let hash = label.or(kept["metadata"]["labels"][self.kind.hash_label()].as_str()).unwrap();
        let pod = pod(&format!("shop/{name}"), "node").label(self.kind.hash_label(), hash).edit(edit);
        self.pods.push(pod.owned_by("apps/v1", kind, &owner));
        self
    }

    /// `Scaled up replica set web-NAME from a to b`
    pub fn scaled(self, name: &str, from: i64, to: i64, time: i64) -> Self {
        let way = if to > from { "up" } else { "down" };
        self.event(&format!("Scaled {way} replica set web-{name} from {from} to {to}"), time)
    }

    pub fn event(mut self, message: &str, time: i64) -> Self {
        let time = at(time).to_string();
        self.events.push(
            json!({"reason": "ScalingReplicaSet", "message": message, "involvedObject": {"uid": "uid-web"},
            "firstTimestamp": time, "lastTimestamp": time}),
        );
        self
    }

    pub fn raw_event(mut self, event: Value) -> Self {
        self.events.push(event);
        self
    }

    pub fn rollout(&self) -> Rollout {
        Rollout::new(self.kind, self.object.clone(), &self.kept, self.pods.clone())
    }

    pub fn timeline(&self) -> Timeline {
        timeline(&self.rollout(), &Known::Seen(self.events.clone()))
    }

    /// Everything that is known at that second.
    pub fn seen(&self, now: i64) -> Seen {
        let (rollout, events) = (self.rollout(), Known::Seen(self.events.clone()));
        let timeline = timeline(&rollout, &events);
        let health = health(&rollout, &timeline, &events, at(now));
        Seen { rollout, timeline, health, now: at(now) }
    }
}

pub struct Seen {
    pub rollout: Rollout,
    pub timeline: Timeline,
    pub health: Vec<Health>,
    pub now: Timestamp,
}

impl Seen {
    pub fn past(&self) -> Past<'_> {
        Past { rollout: &self.rollout, timeline: &self.timeline, health: &self.health, now: self.now }
    }
}
