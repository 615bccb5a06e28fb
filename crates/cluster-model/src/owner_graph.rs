//! Which controller made what: pod → ReplicaSet → Deployment, pod → Job → CronJob, or an operator's own kinds.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;

use crate::known::Known;
use crate::owner::{OwnerKey, Workload};

/// A controller that an object names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller<'a> {
    pub key: OwnerKey,
    pub state: ControllerState<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerState<'a> {
    Exists(&'a Workload),
    /// Being deleted: it makes no pods any more.
    Terminating(&'a Workload),
    /// Deleted, or replaced by another object of its name.
    Missing,
    /// It could not be read; why.
    Unknown(&'a str),
    /// No object of its kind is read.
    NotRead,
}

impl ControllerState<'_> {
    /// It is certain to make no more pods.
    pub fn makes_no_pods(self) -> bool {
        matches!(self, ControllerState::Missing | ControllerState::Terminating(_))
    }
}

/// The controllers that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerGraph(BTreeMap<OwnerKey, Known<Option<Workload>>>);

impl OwnerGraph {
    /// `Seen(None)`: there is no such object.
    pub fn insert(&mut self, key: OwnerKey, found: Known<Option<Workload>>) {
        self.0.insert(key, found);
    }

    pub fn state(&self, key: &OwnerKey) -> ControllerState<'_> {
        match self.0.get(key) {
            Some(Known::Seen(Some(workload))) if workload.is_terminating => {
                ControllerState::Terminating(workload)
            }
            Some(Known::Seen(Some(workload))) => ControllerState::Exists(workload),
            Some(Known::Seen(None)) => ControllerState::Missing,
            Some(Known::Unknown(why)) => ControllerState::Unknown(why),
            None => ControllerState::NotRead,
        }
    }

    /// The controllers of a pod, from its own upwards as far as they were read. Objects that own each other in a circle come once each.
    pub fn controllers(&self, pod: &Pod) -> impl Iterator<Item = Controller<'_>> {
        let mut next = OwnerKey::controller_of(&pod.metadata);
        let mut before = BTreeSet::new();
        std::iter::from_fn(move || {
            let key = next.take().filter(|key| before.insert(key.clone()))?;
            let state = self.state(&key);
            if let ControllerState::Exists(workload) | ControllerState::Terminating(workload) = state {
                next = workload.controller.clone();
            }
            Some(Controller { key, state })
        })
    }
}

impl FromIterator<(OwnerKey, Known<Option<Workload>>)> for OwnerGraph {
    fn from_iter<I: IntoIterator<Item = (OwnerKey, Known<Option<Workload>>)>>(read: I) -> Self {
        OwnerGraph(read.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, pod};

    fn key(api_version: &str, kind: &str, name: &str) -> OwnerKey {
        let of = pod("shop/p", "n").owned_by(api_version, kind, name);
        OwnerKey::controller_of(&of.metadata).unwrap()
    }

    fn owned_by(controller: Option<&OwnerKey>) -> Known<Option<Workload>> {
        Known::Seen(Some(Workload { controller: controller.cloned(), ..Workload::default() }))
    }

    /// As in `ReplicaSet web-5c9f exists`.
    fn chain(graph: &OwnerGraph, pod: &Pod) -> Vec<String> {
        let state = |state: ControllerState<'_>| match state {
            ControllerState::Exists(_) => "exists".to_owned(),
            ControllerState::Terminating(_) => "is being deleted".to_owned(),
            ControllerState::Missing => "missing".to_owned(),
            ControllerState::Unknown(why) => format!("unknown: {why}"),
            ControllerState::NotRead => "not read".to_owned(),
        };
        graph.controllers(pod).map(|c| format!("{} {}", c.key.short_label(), state(c.state))).collect()
    }

    #[test]
    fn a_chain_ends_with_what_was_read() {
        let (set, deployment) =
            (key("apps/v1", "ReplicaSet", "web-5c9f"), key("apps/v1", "Deployment", "web"));
        let (job, cron) = (key("batch/v1", "Job", "report-1"), key("batch/v1", "CronJob", "report"));
        let operator = key("db.example.com/v1", "Database", "main");
        let of = |key: &OwnerKey| pod("shop/p", "n").owned_by(&key.api_version, &key.kind, &key.name);
        let graph = |read: &[(&OwnerKey, Known<Option<Workload>>)]| {
            read.iter().map(|(key, found)| ((*key).clone(), found.clone())).collect::<OwnerGraph>()
        };
        let deployed = [(&set, owned_by(Some(&deployment)))];
        let terminating =
            Workload { controller: Some(deployment.clone()), is_terminating: true, ..Workload::default() };
        let whole = [(&set, owned_by(Some(&deployment))), (&deployment, owned_by(Some(&operator)))];
        let cases: [(&str, OwnerGraph, Pod, &[&str]); 10] = [
            ("no controller", graph(&deployed), pod("shop/p", "n").unmanaged(), &[]),
            ("nothing read", graph(&[]), of(&set), &["ReplicaSet web-5c9f not read"]),
            (
                "a Deployment",
                graph(&deployed),
                of(&set),
                &["ReplicaSet web-5c9f exists", "Deployment web not read"],
            ),
            (
                "an operator's Deployment",
                graph(&whole),
                of(&set),
                &["ReplicaSet web-5c9f exists", "Deployment web exists", "Database main not read"],
            ),
            (
                "a CronJob",
                graph(&[(&job, owned_by(Some(&cron)))]),
                of(&job),
                &["Job report-1 exists", "CronJob report not read"],
            ),
            ("no owner above", graph(&[(&set, owned_by(None))]), of(&set), &["ReplicaSet web-5c9f exists"]),
            ("an operator's pod", graph(&deployed), of(&operator), &["Database main not read"]),
            (
                "being deleted",
                graph(&[(&set, Known::Seen(Some(terminating)))]),
                of(&set),
                &["ReplicaSet web-5c9f is being deleted", "Deployment web not read"],
            ),
            ("deleted", graph(&[(&set, Known::Seen(None))]), of(&set), &["ReplicaSet web-5c9f missing"]),
            (
                "no right",
                graph(&[(&set, Known::Unknown("forbidden".into()))]),
                of(&set),
                &["ReplicaSet web-5c9f unknown: forbidden"],
            ),
        ];
        for (case, graph, pod, expected) in cases {
            assert_eq!(chain(&graph, &pod), expected, "{case}");
        }
    }

    #[test]
    fn another_object_of_the_name_is_another_owner() {
        let set = key("apps/v1", "ReplicaSet", "web");
        let graph: OwnerGraph = [(set.clone(), owned_by(None))].into_iter().collect();
        for other in [
            OwnerKey { uid: "another".into(), ..set.clone() },
            OwnerKey { namespace: "other".into(), ..set.clone() },
            OwnerKey { api_version: "apps.example.com/v1".into(), ..set },
        ] {
            assert_eq!(graph.state(&other), ControllerState::NotRead, "{other:?}");
        }
    }

    #[test]
    fn circles_end() {
        let [a, b] = ["a", "b"].map(|name| key("example.com/v1", "Thing", name));
        let of = |key: &OwnerKey| pod("shop/p", "n").owned_by(&key.api_version, &key.kind, &key.name);
        let itself: OwnerGraph = [(a.clone(), owned_by(Some(&a)))].into_iter().collect();
        assert_eq!(chain(&itself, &of(&a)), ["Thing a exists"]);
        let both: OwnerGraph =
            [(a.clone(), owned_by(Some(&b))), (b.clone(), owned_by(Some(&a)))].into_iter().collect();
        assert_eq!(chain(&both, &of(&b)), ["Thing b exists", "Thing a exists"]);
    }
}
