//! What is kept of a pod: its state, and of its spec only what decides about healing.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_model::PodExt;
use cluster_model::healing::node_loss::{Deletion, deletion};
use cluster_model::owner::OwnerKey;
use cluster_model::secret::clean;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::interner::Interner;
use super::packed::Packed;
use super::read::Read;
use super::{annotation_key, resources, strip};

#[derive(Clone, Debug)]
pub struct PodState {
    pub namespace: Arc<str>,
    pub name: String,
    pub uid: Arc<str>,
    pub node: Arc<str>,
    pub labels: Arc<BTreeMap<String, String>>,
    pub controller: Option<Arc<OwnerKey>>,
    pub created: Option<Timestamp>,
    pub phase: Phase,
    pub is_ready: bool,
    pub is_finished: bool,
    pub is_mirror: bool,
    /// The end of its grace period.
    pub deletion: Option<Timestamp>,
    pub finalizers: Box<[String]>,
    pub grace: i64,
    /// When it was bound to its node.
    pub scheduled: Option<Timestamp>,
    pub unscheduled: Option<Box<Unscheduled>>,
    /// Its condition Ready is False.
    pub unready: Option<Box<Unready>>,
    pub seconds_to_ready: Option<i64>,
    /// When it is deleted after its node was lost.
    pub after_loss: Deletion,
    /// The names of its PersistentVolumeClaims, without those that go with it.
    pub claims: Box<[String]>,
    pub reserves_memory: bool,
    pub reserves_nothing: bool,
    pub ready_since: Option<Timestamp>,
    pub containers: Box<[Container]>,
    /// Where no controller of Kubernetes has its template: labels and spec.
    pub template: Option<Box<Packed>>,
    /// Its annotation that leaves out findings.
    pub ignore: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    /// Also none.
    Unknown,
}

impl From<&str> for Phase {
    fn from(text: &str) -> Self {
        match text {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            _ => Phase::Unknown,
        }
    }
}

/// Its condition PodScheduled is False.
#[derive(Clone, Debug)]
pub struct Unscheduled {
    pub reason: String,
    pub message: String,
    pub since: Option<Timestamp>,
}

/// Its condition Ready is False.
#[derive(Clone, Debug)]
pub struct Unready {
    pub message: String,
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: Arc<str>,
    /// As the runtime names it, with its digest if it knows that.
    pub image: Arc<str>,
    pub image_id: Arc<str>,
    pub is_ready: bool,
    pub restarts: i32,
    pub waiting: Option<Box<Waiting>>,
    pub running_since: Option<Timestamp>,
    /// Its last run that has ended.
    pub ended: Option<Box<Ended>>,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    pub reason: String,
    pub message: String,
}

#[derive(Clone, Debug)]
pub struct Ended {
    pub code: i32,
    pub reason: String,
    pub finished: Option<Timestamp>,
}

impl PodState {
    /// Since when it is not Ready: one that never was, since it was made.
    pub fn not_ready_since(&self) -> Option<Timestamp> {
        if self.is_ready {
            return None;
        }
        self.unready.as_ref().and_then(|it| it.since).or(self.created)
    }

    pub fn of(pod: &Pod, uid: Arc<str>, interner: &mut Interner) -> Self {
        let spec = pod.spec.as_ref();
        let status = pod.status.as_ref();
        let controller = OwnerKey::controller_of(&pod.metadata);
        let has_template = controller.as_ref().is_some_and(OwnerKey::has_known_template);
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let unscheduled = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
        let init = status.and_then(|it| it.init_container_statuses.as_deref()).unwrap_or_default();
        let main = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
        let tolerations = spec.and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
        PodState {
            namespace: interner.text(pod.namespace()),
            name: pod.name().to_owned(),
            uid,
            node: interner.text(pod.node()),
            labels: interner.labels(pod.metadata.labels.as_ref()),
            controller: controller.map(|owner| interner.owner(&owner)),
            created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            phase: Phase::from(pod.phase()),
            is_ready: pod.is_ready(),
            is_finished: pod.is_finished(),
            is_mirror: pod.is_mirror(),
            deletion: pod.deletion_timestamp(),
            finalizers: pod.finalizers().into(),
            grace: pod.grace_seconds(),
            scheduled: pod.condition_time("PodScheduled").filter(|_| unscheduled.is_none()),
            unscheduled: unscheduled.map(|c| {
                Box::new(Unscheduled {
                    reason: c.reason.clone().unwrap_or_default(),
                    message: clean(c.message.as_deref().unwrap_or_default()),
                    since: c.last_transition_time.as_ref().map(|time| time.0),
                })
            }),
            unready: conditions.iter().find(|c| c.type_ == "Ready" && c.status == "False").map(|c| {
                Box::new(Unready {
                    message: clean(c.message.as_deref().unwrap_or_default()),
                    since: c.last_transition_time.as_ref().map(|time| time.0),
                })
            }),
            seconds_to_ready: pod.seconds_to_ready(),
            after_loss: deletion(tolerations),
            claims: pod
                .volumes()
                .iter()
                .filter_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.clone()))
                .collect(),
            reserves_memory: spec.is_some_and(resources::reserves_memory),
            reserves_nothing: spec.is_some_and(resources::reserves_nothing),
            ready_since: pod.ready_since(),
            containers: init.iter().chain(main).map(|it| container(it, interner)).collect(),
            template: (!has_template).then(|| Box::new(Packed::of(Read::Pods, &template(pod)))),
            ignore: pod
                .metadata
                .annotations
                .as_ref()
                .and_then(|all| Some(all.get(annotation_key::KEY)?.as_str().into())),
        }
    }

    pub fn is_terminating(&self) -> bool {
        self.deletion.is_some()
    }

    /// Evictions of it need what the budgets that select it allow: they skip those of other pods
    /// (`pkg/registry/core/pod/storage/eviction.go`, canIgnorePDB).
    pub fn needs_budget(&self) -> bool {
        self.is_active() && self.phase != Phase::Pending
    }

    /// Its object goes as soon as its deletion is requested, whether a kubelet is there or not
    /// (`staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`, Delete; `pkg/registry/core/pod/strategy.go`, CheckGracefulDelete).
    pub fn is_deleted_at_once(&self) -> bool {
        self.grace == 0 && self.finalizers.is_empty()
    }

    /// It is meant to run: neither finished nor on its way out.
    pub fn is_active(&self) -> bool {
        !self.is_finished && !self.is_terminating()
    }
}

/// Without what may be secret in its containers.
fn template(pod: &Pod) -> Value {
    let mut spec = serde_json::to_value(&pod.spec).unwrap_or_default();
    let hosts = strip::containers(&mut spec);
    let mut template = json!({"metadata": {"labels": pod.metadata.labels}, "spec": spec});
    strip::keep_hosts(&mut template, &hosts);
    template
}

fn container(status: &ContainerStatus, interner: &mut Interner) -> Container {
    let state = status.state.as_ref();
    let ended = |state: Option<&ContainerState>| {
        let ended = state.and_then(|it| it.terminated.as_ref());
        ended.map(|it| {
            Box::new(Ended {
                code: it.exit_code,
                reason: it.reason.clone().unwrap_or_default(),
                finished: it.finished_at.as_ref().map(|time| time.0),
            })
        })
    };
    Container {
        name: interner.text(&clean(&status.name)),
        image: interner.text(&clean(&status.image)),
        image_id: interner.text(&status.image_id),
        is_ready: status.ready,
        restarts: status.restart_count,
        waiting: state.and_then(|it| it.waiting.as_ref()).map(|it| {
            Box::new(Waiting {
                reason: it.reason.clone().unwrap_or_default(),
                message: clean(it.message.as_deref().unwrap_or_default()),
            })
        }),
        running_since: state
            .and_then(|it| it.running.as_ref())
            .and_then(|it| it.started_at.as_ref())
            .map(|time| time.0),
        ended: ended(state).or_else(|| ended(status.last_state.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::healthy;

    #[test]
    fn pods_of_one_template_share_what_they_have_in_common() {
        let snapshot = healthy().snapshot();
        let pods = &snapshot.workloads[0].pods;
        let (one, other) = (&pods[0], &pods[1]);
        assert!(Arc::ptr_eq(&one.labels, &other.labels), "labels");
        assert!(Arc::ptr_eq(&one.namespace, &other.namespace), "namespace");
        let owners = one.controller.as_ref().zip(other.controller.as_ref());
        assert!(owners.is_some_and(|(one, other)| Arc::ptr_eq(one, other)), "owner");
        assert!(Arc::ptr_eq(&one.containers[0].name, &other.containers[0].name), "container");
        assert_ne!(one.node, other.node);
    }

    /// A cluster may have 50,000 of them, with two containers each.
    #[test]
    fn a_pod_is_small() {
        let size = size_of::<PodState>() + 2 * size_of::<Container>();
        assert!(size <= 544, "{size} bytes");
    }
}
