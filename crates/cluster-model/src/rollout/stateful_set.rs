//! StatefulSet: its revisions are ControllerRevisions, and its pods have ordinals.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use super::blocking_pod;
use super::ordinals;
use super::resource_type::ResourceType;
use super::revision_object::ControllerRevisions;
use super::update_strategy::Moves;
use super::workload_kind::{Candidate, CompletionRecord, Counts, WorkloadKind, suffix};
use crate::Raw;

pub(super) struct StatefulSet;

impl ControllerRevisions for StatefulSet {}

impl WorkloadKind for StatefulSet {
    fn resource(&self) -> ResourceType {
        ResourceType::apps("StatefulSet", "statefulsets")
    }

    fn word(&self) -> &'static str {
        "statefulset"
    }

    fn short(&self) -> &'static str {
        "sts"
    }

    /// It labels its pods with the revision's name, not with its hash alone.
    fn hash<'a>(&self, history: &'a Value) -> &'a str {
        history.name()
    }

    /// It compares by meaning (StatefulSetSemanticRevisionComparison).
    fn update_revision(&self) -> Option<&'static str> {
        Some("/status/updateRevision")
    }

    fn named_by_controller(&self, object: &Value, candidates: &[Candidate<'_>]) -> Option<usize> {
        let name = object.text(self.update_revision()?);
        candidates.iter().position(|it| it.name == name)
    }

    /// The newest (`stateful_set_control.go`, getStatefulSetRevisions).
    fn reused(&self, _candidates: &[Candidate<'_>], equal: &[usize]) -> Option<usize> {
        equal.last().copied()
    }

    fn completion_record(&self) -> CompletionRecord {
        CompletionRecord::CurrentRevision
    }

    fn desired(&self, object: &Value) -> i64 {
        ordinals::replicas(object)
    }

    fn moves(&self, object: &Value, desired: i64) -> Moves {
        ordinals::moves(object, desired)
    }

    fn counts(&self) -> Counts {
        Counts {
            all: "/status/replicas",
            updated: "/status/updatedReplicas",
            available: "/status/availableReplicas",
        }
    }

    fn is_complete(&self, object: &Value, desired: i64, updated: i64) -> bool {
        let (counts, n) = (self.counts(), |pointer| object.number(pointer).unwrap_or_default());
        n(counts.all) == desired
            && n("/status/readyReplicas") >= desired
            && n(counts.available) >= desired
            && n(counts.updated) >= updated
    }

    fn has_ordinals(&self) -> bool {
        true
    }

    fn pod_can_block(&self) -> bool {
        true
    }

    fn blocking_pod<'a>(&self, object: &Value, pods: &'a [Pod]) -> Option<&'a Pod> {
        blocking_pod::blocker(object, pods)
    }

    fn stalling_pod<'a>(&self, object: &Value, pods: &'a [Pod]) -> Option<&'a Pod> {
        blocking_pod::stalled(object, pods)
    }

    /// `web-0`
    fn names_pod(&self, pod: &str, workload: &str, _histories: &[&str]) -> bool {
        let is_ordinal = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
        suffix(pod, workload).is_some_and(is_ordinal)
    }

    /// Its claims as volumes, in place of those of the same name, and an identity (pkg/controller/statefulset/stateful_set_utils.go,
    /// updateStorage and initIdentity). Without them a mount has no volume.
    fn complete_pod(&self, pod: &mut Value, object: &Value, ordinal: i64) {
        let name = format!("{}-{ordinal}", object.name());
        let claims: Vec<Value> = object
            .list("/spec/volumeClaimTemplates")
            .iter()
            .map(|claim| {
                let claimed = format!("{}-{name}", claim.name());
                json!({"name": claim.name(), "persistentVolumeClaim": {"claimName": claimed}})
            })
            .collect();
        let replaced = |volume: &&Value| !claims.iter().any(|claim| claim["name"] == volume["name"]);
        let kept: Vec<Value> = pod.list("/spec/volumes").iter().filter(replaced).cloned().collect();
        let volumes: Vec<Value> = kept.into_iter().chain(claims).collect();
        if pod["spec"].is_null() {
            pod["spec"] = Value::Object(Map::new());
        }
        pod["spec"]["volumes"] = json!(volumes);
        pod["spec"]["hostname"] = json!(name);
        pod["spec"]["subdomain"] = json!(object.text("/spec/serviceName"));
        pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(name);
        pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
    }
}
