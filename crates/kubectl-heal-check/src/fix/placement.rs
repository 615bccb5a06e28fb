//! Where the pods of a changed workload are, once the change has been rolled out.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster_model::feasibility::{Cluster, Judgement, MOST_PODS, PodFacts, PodId, Scenario, Verdict, judge};
use cluster_model::text::count;
use cluster_model::{NodeExt, Raw};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use super::spread::Spread;
use crate::checks::eligible::eligible;
use crate::checks::shared_volume::waits_for_the_new_pod;
use crate::snapshot::{PodState, Snapshot, Workload, admission};

/// A workload after a change: the pods that stay as they are, and how many are made anew.
pub struct RollOut<'w> {
    pub workload: &'w Workload,
    pub kept: Vec<PodState>,
    pub new: usize,
}

impl<'w> RollOut<'w> {
    /// `moves`: the change is about where pods may be, so that all of them are placed again.
    pub fn of(workload: &'w Workload, moves: bool) -> Self {
        let active: Vec<PodState> = workload.active().cloned().collect();
        let wanted = match workload.replicas {
            Some(replicas) => usize::try_from(replicas.max(workload.least())).unwrap_or_default(),
            // A pod on each of its nodes.
            None => active.len(),
        };
        let kept = if moves { Vec::new() } else { active.into_iter().take(wanted).collect() };
        let new = wanted.saturating_sub(kept.len());
        RollOut { workload, kept, new }
    }

    /// Why it is not certain that the new pods find a place once those that do not stay are gone.
    pub fn misfit(&self, snapshot: &Snapshot, cluster: &Cluster) -> Result<Option<String>, String> {
        match self.new {
            0 => return Ok(None),
            MOST_PODS.. => {
                return Ok(Some(format!("{} are more than a cluster can have", count(self.new, "new pod"))));
            }
            _ => {}
        }
        let workload = self.workload;
        let pod = self.pod(snapshot)?;
        let stays = |pod: &PodState| self.kept.iter().any(|kept| kept.uid == pod.uid);
        let leaving = workload.pods.iter().filter(|pod| !stays(pod));
        let uids: BTreeSet<&str> = leaving.map(|pod| &*pod.uid).collect();
        let gone: BTreeSet<PodId> = cluster.find_pods(&uids).into_values().collect();
        let new = vec![PodFacts::of_new(&pod); self.new];
        Ok(misplaced(cluster, &gone, &new).map(|it| match (&it.verdict, &it.shortage) {
            (Verdict::Unknown(why), _) => {
                format!("whether its pods find a place is not known: {}", why.join("; "))
            }
            (_, Some(shortage)) => {
                format!("only {} of {} new pods find a place", shortage.placed, shortage.of)
            }
            (Verdict::Cannot, None) => "no node takes its new pods".to_owned(),
            (Verdict::Fits | Verdict::Tight(_), None) => {
                "whether its new pods find a place depends on where the scheduler places others".to_owned()
            }
        }))
    }

    /// Why the first pod of the next revision does not find a place beside those that are there, where an update waits for it.
    pub fn first_step(&self, snapshot: &Snapshot, cluster: &Cluster) -> Result<Option<String>, String> {
        if !waits_for_the_new_pod(self.workload) || self.workload.active().next().is_none() {
            return Ok(None);
        }
        let bad = misplaced(cluster, &BTreeSet::new(), &[PodFacts::of_new(&self.pod(snapshot)?)]);
        let why = "its update makes a new pod before it stops one, and it is not certain that this one finds a place";
        Ok(bad.map(|_| why.to_owned()))
    }

    /// As the server will admit it.
    fn pod(&self, snapshot: &Snapshot) -> Result<Pod, String> {
        let workload = self.workload;
        let spec = admission::completed(workload, snapshot).unwrap_or_else(|| workload.spec().to_value());
        let metadata =
            json!({"namespace": workload.subject.namespace, "name": "new", "labels": workload.labels()});
        let object = json!({"metadata": metadata, "spec": spec});
        serde_json::from_value(object).map_err(|error| format!("its template: {error}"))
    }

    /// Its pods then: the new ones where they are the least spread that its own hard constraints allow.
    pub fn pods(&self, snapshot: &Snapshot) -> Vec<PodState> {
        let workload = self.workload;
        let Some(like) = workload.ready().next().or_else(|| workload.active().next()) else {
            return Vec::new();
        };
        let keys: Vec<&str> = workload
            .spec()
            .list("/topologySpreadConstraints")
            .iter()
            .filter(|it| it["whenUnsatisfiable"] == "DoNotSchedule" && it.number("/maxSkew") == Some(1))
            .map(|it| it.text("/topologyKey"))
            .collect();
        let nodes: Vec<&Node> = eligible(snapshot, workload).collect();
        let kept = self.kept.iter().filter_map(|pod| snapshot.node(&pod.node));
        let mut spread = Spread::of(&nodes, &keys, snapshot, kept);
        // They have no place anyway.
        let new = if self.new < MOST_PODS { self.new } else { 0 };
        let places = (0..new).map_while(|_| spread.place());
        let after_loss = Workload { pods: Vec::new(), ..workload.clone() }.after_loss();
        let labels = Arc::new(workload.labels());
        let changed = |pod: &PodState| PodState {
            labels: labels.clone(),
            grace: workload.grace(),
            after_loss,
            ..pod.clone()
        };
        let new = places.enumerate().map(|(number, node)| PodState {
            name: format!("{}-new-{number}", workload.subject.name),
            uid: format!("{}-new-{number}", workload.uid).into(),
            node: node.name().into(),
            is_ready: true,
            ..changed(like)
        });
        self.kept.iter().map(changed).chain(new).collect()
    }
}

/// The first of the new pods that is not certain to find a place.
fn misplaced(cluster: &Cluster, gone: &BTreeSet<PodId>, new: &[PodFacts]) -> Option<Judgement> {
    let scenario = Scenario::with_new_pods(cluster, gone, new);
    let meant: BTreeSet<PodId> = scenario.new_pods().collect();
    judge(&scenario).into_iter().filter(|it| meant.contains(&it.pod)).find(|it| it.verdict != Verdict::Fits)
}
