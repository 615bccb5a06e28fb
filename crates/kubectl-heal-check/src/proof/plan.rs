//! What a proof will do: which pods are evicted, in which order, and what has to be watched. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cluster_model::Raw;
use cluster_model::rollout::ordinal_of;

use super::kill::plan::KillPlan;
use super::member::Member;
use super::observed::Version;
use super::options::ProofOptions;
use super::preflight::budgets;
use crate::finding::Subject;
use crate::snapshot::{Kind, PodState, Read, Snapshot, Workload};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub subject: Subject,
    pub kind: Kind,
    /// The UID of what makes the pods: of a Deployment, its ReplicaSet.
    pub controller: String,
    /// Its pods, in the order in which they are evicted.
    pub members: Vec<Member>,
    pub rounds: usize,
    /// Services that select its pods, and budgets.
    pub services: Vec<String>,
    pub budgets: Vec<String>,
    /// Selects its pods, and perhaps others: the UID of the controller decides.
    pub labels: String,
    /// Of the workload, when the plan was made.
    pub version: Version,
    pub min_ready: Duration,
    pub grace_seconds: Option<i64>,
    /// Seconds that a victim may take to stop.
    pub grace: i64,
    pub max_unavailable: usize,
    /// Containers are killed, and no pod is evicted.
    pub kill: Option<KillPlan>,
}

/// Rounds without `--rounds`.
const ROUNDS: usize = 3;

impl Plan {
    /// `None`: it has no pod, or pods of several controllers, as in a rollout.
    pub fn of(snapshot: &Snapshot, workload: &Workload, options: &ProofOptions) -> Option<Plan> {
        let controllers: BTreeSet<&str> = workload
            .active()
            .map(|pod| pod.controller.as_ref().map(|it| it.uid.as_str()).unwrap_or_default())
            .collect();
        let [controller] = controllers.into_iter().collect::<Vec<_>>()[..] else { return None };
        let number = |at: &str| workload.object.number(at).unwrap_or(0);
        let labels = workload.object.map("/spec/selector/matchLabels").into_iter().flatten();
        let labels: Vec<String> =
            labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
        let own = workload.active().map(|pod| pod.grace).max().unwrap_or(30);
        Some(Plan {
            subject: workload.subject.clone(),
            kind: workload.kind,
            controller: controller.to_owned(),
            members: order(workload),
            rounds: options.rounds.unwrap_or(ROUNDS),
            services: workload.services.iter().map(|it| it.name.clone()).collect(),
            budgets: budgets(snapshot, workload).iter().map(|it| it.name().to_owned()).collect(),
            labels: labels.join(","),
            version: Version { uid: workload.uid.to_string(), generation: number("/metadata/generation") },
            min_ready: Duration::from_secs(u64::try_from(number("/spec/minReadySeconds")).unwrap_or(0)),
            grace_seconds: options.grace_seconds,
            grace: options.grace_seconds.unwrap_or(own),
            max_unavailable: options.max_unavailable,
            kill: None,
        })
    }

    pub fn read(&self) -> Read {
        match self.kind {
            Kind::StatefulSet => Read::StatefulSets,
            Kind::DaemonSet => Read::DaemonSets,
            Kind::ReplicaSet => Read::ReplicaSets,
            _ => Read::Deployments,
        }
    }

    /// What is not as it was agreed to, but for the pods, which each round changes.
    pub fn difference(&self, agreed: &Plan) -> Option<String> {
        let named =
            [("budget", &agreed.budgets, &self.budgets), ("Service", &agreed.services, &self.services)];
        let mut changes = Vec::new();
        for (kind, then, now) in named {
            let gone = then.iter().filter(|it| !now.contains(it));
            changes.extend(gone.map(|it| format!("{kind} {it} is gone")));
            let new = now.iter().filter(|it| !then.contains(it));
            changes.extend(new.map(|it| format!("{kind} {it} is new")));
        }
        let same_pods = Plan {
            members: agreed.members.clone(),
            rounds: agreed.rounds,
            kill: agreed.kill.clone(),
            ..self.clone()
        };
        if changes.is_empty() && same_pods != *agreed {
            changes.push("the workload was changed".to_owned());
        }
        (!changes.is_empty()).then(|| changes.join(", "))
    }

    /// Without its only pod nothing serves.
    pub fn is_outage(&self) -> bool {
        self.members.len() == 1
    }
}

/// A StatefulSet's from the highest ordinal down, as its controller would; else the newest on the node with the most of them.
fn order(workload: &Workload) -> Vec<Member> {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    workload.active().for_each(|pod| *on_node.entry(&*pod.node).or_default() += 1);
    let mut pods: Vec<&PodState> = workload.active().collect();
    let ordinal = |pod: &PodState| ordinal_of(&workload.subject.name, &pod.name);
    match workload.kind {
        Kind::StatefulSet => pods.sort_by_key(|pod| std::cmp::Reverse((ordinal(pod), pod.name.clone()))),
        _ => pods.sort_by_key(|pod| std::cmp::Reverse((on_node[&*pod.node], pod.created, pod.name.clone()))),
    }
    pods.into_iter().map(Member::from).collect()
}
