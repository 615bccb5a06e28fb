//! Which ReplicaSet or ControllerRevision has the expected template; its hash identifies its pods.

use std::collections::{HashMap, HashSet};

use cluster_model::rollout::{Candidate, Kind, Revision, choose, number, revisions, same};
use cluster_model::{PodExt, Raw};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::model::Expected;

/// The revision that is rolled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub name: String,
    pub uid: String,
    pub hash: String,
}

impl Target {
    fn of(revision: Revision) -> Self {
        Target { name: revision.name, uid: revision.uid, hash: revision.hash }
    }

    /// Was this pod made from it?
    pub fn made(&self, kind: Kind, pod: &Pod) -> bool {
        if kind.rules().revisions_own_pods() {
            return pod.is_controlled_by(&self.uid);
        }
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(kind.hash_label())).is_some_and(|hash| *hash == self.hash)
    }
}

/// Results of comparisons with the expected template, by UID of the ReplicaSet or ControllerRevision: neither side changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared(HashMap<String, bool>);

impl Compared {
    /// The live template is known to be the expected one; `observed`: its controller has seen it.
    pub fn find(
        &mut self,
        expected: &Expected,
        object: &Value,
        histories: &[Value],
        observed: bool,
    ) -> Option<Target> {
        let kind = expected.kind;
        let own: Vec<&Value> =
            histories.iter().filter(|history| history.is_controlled_by(&expected.uid)).collect();
        let rules = kind.rules();
        if let Some(field) = rules.update_revision() {
            // Before its controller has seen the template, the field names another revision.
            let name = object.text(field);
            let found = own.iter().find(|history| history.name() == name);
            return (observed && !name.is_empty()).then(|| Target {
                name: name.to_owned(),
                uid: found.map(|history| history.uid().to_owned()).unwrap_or_default(),
                hash: found.map_or(name, |history| rules.hash(history)).to_owned(),
            });
        }
        let mut own: Vec<(Candidate<'_>, &Value)> = own
            .into_iter()
            .filter_map(|history| {
                let equal = *self.0.entry(history.uid().to_owned()).or_insert_with(|| {
                    kept(kind, object, history).is_some_and(|kept| same(&kept.template, &expected.template))
                });
                let created = history.time("/metadata/creationTimestamp");
                let number = number(kind, history)?;
                Some((Candidate { number, created, name: history.name(), equal }, history))
            })
            .collect();
        own.sort_by_key(|(it, _)| (it.number, it.created, it.name));
        let candidates: Vec<Candidate<'_>> = own.iter().map(|(it, _)| *it).collect();
        let is_current = observed && rules.has_revision(object);
        let chosen = choose(kind, object, is_current, &candidates)?;
        kept(kind, object, own[chosen].1).map(Target::of)
    }
}

fn kept(kind: Kind, object: &Value, history: &Value) -> Option<Revision> {
    revisions(kind, object, std::slice::from_ref(history)).pop()
}

/// Whose pods are the workload's: its own, or those of its ReplicaSets.
pub(super) fn owners<'a>(expected: &'a Expected, histories: &'a [Value]) -> HashSet<&'a str> {
    if expected.kind.rules().revisions_own_pods() {
        return histories
            .iter()
            .filter(|history| history.is_controlled_by(&expected.uid))
            .map(Raw::uid)
            .collect();
    }
    HashSet::from([expected.uid.as_str()])
}
