//! What the pure steps see besides the workloads themselves: everything around them that a rollback could meet.

use std::collections::BTreeMap;

use cluster_model::Known;
use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::references::Reference;
use cluster_model::rollout::Rollout;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// A reference that was looked up. Of Secrets and ConfigMaps only metadata is ever read: keys and times are in their managedFields.
#[derive(Clone, Debug)]
pub struct Found {
    /// The object; of Secrets and ConfigMaps its metadata alone.
    pub object: Value,
}

/// What is around one namespace's workloads, raw. `Unknown` holds why it could not be read.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub services: Known<Vec<Value>>,
    pub network_policies: Known<Vec<Value>>,
    pub budgets: Known<Vec<Value>>,
    pub autoscalers: Known<Vec<Value>>,
    pub quotas: Known<Vec<Value>>,
    /// Name, UID and labels; empty unless a workload would leave a Service.
    pub pods: Known<Vec<Pod>>,
}

/// Who else keeps a workload as it is, and whether it will undo what is done here.
#[derive(Clone, Debug)]
pub struct Owner {
    /// As in `Argo CD application shop`, `Helm release shop`, `operator Database/main`.
    pub who: String,
    pub reverts: Reverts,
    /// What to type instead, in the owner's own tool.
    pub instead: String,
    pub controls: Controls,
}

/// What an owner decides about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Controls {
    #[default]
    Template,
    /// The image of this container alone.
    Image(String),
    /// How far a new template is rolled out: it pauses the workload and moves its partition by itself.
    Progress,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reverts {
    /// It was read that it will, and when: `at its next reconciliation, every 10m`.
    Certainly(String),
    /// It may; why it is not known.
    Perhaps(String),
    /// Only when somebody acts: `at the next helm upgrade`.
    Later(String),
    /// Whether there is such an owner at all could not be seen; why.
    Unknown(String),
}

/// What the server answered to a dry_run.
#[derive(Clone, Debug)]
pub struct ServerDryRun {
    /// The workload as it would be after the write (`dryRun=All`); or the server's refusal.
    pub workload: Result<Value, String>,
    /// Would anything change? From the generation the server would give it, never from comparing here.
    pub changes: bool,
    /// Would a pod of the template be admitted now? `Unknown`: no right to create pods.
    pub pod: Known<Result<(), String>>,
}

/// Everything seen before the plan is made.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// By the API server's clock.
    pub taken_at: Timestamp,
    pub rollouts: Vec<Rollout>,
    /// By namespace.
    pub around: BTreeMap<String, Surroundings>,
    /// The nodes alone, as the scheduler reads them.
    pub nodes: Known<Scheduling>,
    /// The same with the pods of all namespaces, and with volumes and namespaces as far as the new pods need them; empty unless a rollout
    /// needs room.
    pub scheduling: Known<Scheduling>,
    /// `Seen(None)`: does not exist.
    pub references: BTreeMap<Reference, Known<Option<Found>>>,
    /// By UID of the workload.
    pub owners: BTreeMap<String, Vec<Owner>>,
    /// Events about each workload and its ReplicaSets, by UID of the workload.
    pub events: BTreeMap<String, Known<Vec<Value>>>,
}

impl Snapshot {
    pub fn empty(taken_at: Timestamp) -> Self {
        Snapshot {
            taken_at,
            rollouts: Vec::new(),
            around: BTreeMap::new(),
            nodes: Known::Seen(Scheduling::default()),
            scheduling: Known::Seen(Scheduling::default()),
            references: BTreeMap::new(),
            owners: BTreeMap::new(),
            events: BTreeMap::new(),
        }
    }
}

impl Surroundings {
    #[cfg(test)]
    pub fn empty() -> Self {
        let none = || Known::Seen(Vec::new());
        Surroundings {
            services: none(),
            network_policies: none(),
            budgets: none(),
            autoscalers: none(),
            quotas: none(),
            pods: Known::Seen(Vec::new()),
        }
    }
}
