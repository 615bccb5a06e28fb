//! Pods under their top owners: pod → ReplicaSet → Deployment, pod → Job → CronJob, or an owner that was not read.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cluster_model::json::Pool;
use cluster_model::{BeingDeleted, Json, Raw};
use serde_json::Value;

use super::packed::Packed;
use super::pod::PodState;
use super::read::Read;
use super::strip;
use super::template::Template;
use super::workload::{Kind, Recreated, Workload};
use crate::finding::Subject;

/// Kinds whose objects are workloads, from the top down.
const WORKLOADS: [(Read, Kind); 7] = [
    (Read::Deployments, Kind::Deployment),
    (Read::StatefulSets, Kind::StatefulSet),
    (Read::DaemonSets, Kind::DaemonSet),
    (Read::ReplicaSets, Kind::ReplicaSet),
    (Read::ReplicationControllers, Kind::ReplicaSet),
    (Read::CronJobs, Kind::Job),
    (Read::Jobs, Kind::Job),
];

/// Workloads, with an index of everything that may own pods.
pub struct Owners<'a, 'p> {
    pub workloads: Vec<Workload>,
    /// By the UID of a ReplicaSet, a Job or a workload itself: the position of the top owner.
    pub top: BTreeMap<Arc<str>, usize>,
    unknown: &'a BTreeMap<Read, String>,
    pool: &'p mut Pool,
}

impl<'a, 'p> Owners<'a, 'p> {
    /// Takes the objects that are workloads, or are below one. Of those below only Jobs are left: their conditions are read later.
    pub fn of(
        objects: &mut BTreeMap<Read, Vec<Packed>>,
        unknown: &'a BTreeMap<Read, String>,
        pool: &'p mut Pool,
    ) -> Self {
        let mut owners = Owners { workloads: Vec::new(), top: BTreeMap::new(), unknown, pool };
        let mut jobs = Vec::new();
        for (read, kind) in WORKLOADS {
            for packed in objects.remove(&read).into_iter().flatten() {
                let object = packed.value();
                let uid: Arc<str> = object.uid().into();
                let owner = object.controller_ref().map(|it| it.text("/uid"));
                let at = match owner.and_then(|uid| owners.top.get(uid)).copied() {
                    Some(at) => {
                        jobs.extend((read == Read::Jobs).then_some(packed));
                        at
                    }
                    None => owners.push(read, kind, object, uid.clone()),
                };
                owners.top.insert(uid, at);
            }
        }
        objects.insert(Read::Jobs, jobs);
        owners
    }

    fn push(&mut self, read: Read, kind: Kind, mut object: Value, uid: Arc<str>) -> usize {
        let template = read.template().and_then(|it| object.pointer_mut(it));
        let template = template.map(Value::take).unwrap_or_default();
        let is_scaled = matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet);
        // A ReplicaSet whose Deployment was not found, or could not be read.
        let recreated = match object.controller_ref() {
            // Of a Deployment the ReplicaSet goes on.
            _ if kind != Kind::Deployment && BeingDeleted::of(&object).is_some() => Recreated::OwnerGoing,
            Some(owner) if kind == Kind::ReplicaSet => {
                match self.owner_state(owner.text("/kind"), owner.text("/apiVersion")) {
                    // Whatever made the ReplicaSet, as a Rollout of Argo: it keeps its pods itself.
                    Recreated::ByOperator => Recreated::ByController,
                    other => other,
                }
            }
            _ => Recreated::ByController,
        };
        let kind = if recreated == Recreated::ByController { kind } else { Kind::Other };
        self.workloads.push(Workload {
            subject: Subject::new(read.api().0, object.text("/metadata/namespace"), object.name()),
            uid,
            kind,
            recreated,
            template: Template::of(&template, self.pool),
            hosts: strip::hosts(&object),
            replicas: (is_scaled && kind != Kind::Other)
                .then(|| object.number("/spec/replicas").unwrap_or(1)),
            object: self.pool.json(&object),
            autoscaler: None,
            pods: Vec::new(),
            budgets: Vec::new(),
            services: Vec::new(),
            is_selected: false,
            is_system: false,
            wanted: OnceLock::new(),
        });
        self.workloads.len() - 1
    }

    /// Of an owner that is not among those that were read.
    fn owner_state(&self, kind: &str, api_version: &str) -> Recreated {
        let read = Read::of_kind(kind).filter(|read| {
            let (_, group, _, _) = read.api();
            api_version.split_once('/').map_or("", |(group, _)| group) == group
        });
        match read {
            None => Recreated::ByOperator,
            Some(read) => match self.unknown.get(&read) {
                Some(why) => Recreated::Unknown(why.clone()),
                None => Recreated::OwnerMissing,
            },
        }
    }

    pub fn add(&mut self, pod: Arc<PodState>) {
        // The kubelet runs it from a file.
        if pod.is_mirror || pod.controller.as_ref().is_some_and(|it| it.kind == "Node") {
            return;
        }
        let at = match &pod.controller {
            Some(owner) => match self.top.get(owner.uid.as_str()) {
                Some(at) => *at,
                None => {
                    let recreated = self.owner_state(&owner.kind, &owner.api_version);
                    let uid: Arc<str> = owner.uid.as_str().into();
                    let subject = Subject::new(&owner.kind, &pod.namespace, &owner.name);
                    let at = self.push_without_object(subject, uid.clone(), Kind::Other, recreated, &pod);
                    self.top.insert(uid, at);
                    at
                }
            },
            None => {
                let subject = Subject::new("Pod", &pod.namespace, &pod.name);
                self.push_without_object(subject, pod.uid.clone(), Kind::Pod, Recreated::Never, &pod)
            }
        };
        self.workloads[at].pods.push(pod);
    }

    fn push_without_object(
        &mut self,
        subject: Subject,
        uid: Arc<str>,
        kind: Kind,
        recreated: Recreated,
        pod: &PodState,
    ) -> usize {
        let template = pod.template.as_deref().map(Packed::value).unwrap_or_default();
        self.workloads.push(Workload {
            subject,
            uid,
            kind,
            recreated,
            object: Json::Null,
            hosts: strip::hosts(&template),
            template: Template::of(&template, self.pool),
            replicas: None,
            autoscaler: None,
            pods: Vec::new(),
            budgets: Vec::new(),
            services: Vec::new(),
            is_selected: false,
            is_system: false,
            wanted: OnceLock::new(),
        });
        self.workloads.len() - 1
    }
}
