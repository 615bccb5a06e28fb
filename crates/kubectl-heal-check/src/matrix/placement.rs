//! Where the pods of lost or drained nodes can go, by the model of the scheduler.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cluster_model::feasibility::rules::StaticFilters;
use cluster_model::feasibility::{
    Cluster, Judgement, NodeId, PodFacts, PodId, Requirements, Scenario, Verdict, has_sure_place, judge,
};
use cluster_model::healing::node_loss::{Replacement, is_out_of_service, may_return, replacement};
use cluster_model::pod::resources::Amounts;
use cluster_model::toleration::{cordon, tolerated};

use super::remaining::Remaining;
use super::said::{Leave, comes_back, not_there, place};
use crate::snapshot::Snapshot;
use crate::snapshot::places::{Place, Places, Refusal};

pub struct Placement<'s> {
    cluster: &'s Cluster,
    controllers: &'s BTreeMap<Arc<str>, Arc<str>>,
    /// By the UID of a pod: the position of its workload.
    owners: &'s BTreeMap<Arc<str>, usize>,
    pods: HashMap<&'s str, PodId>,
    /// Without a kubelet too.
    deleted_at_once: HashSet<PodId>,
    /// Those whose template names a node, with its name: no scheduler places the next one.
    pinned: HashMap<PodId, &'s str>,
    /// Every pod that is to be placed tolerates a cordon if it tolerates a lost node, and the other way round.
    is_cordon_like_loss: bool,
    /// The cluster as it is: nothing is lost or drained.
    now: Scenario<'s>,
}

/// Nodes that are lost or drained, the pods that leave them, and those of them that are made again.
#[derive(PartialEq, Eq)]
struct Departure {
    nodes: BTreeSet<NodeId>,
    evicted: BTreeSet<PodId>,
    recreated: Vec<PodId>,
    /// Those that are made again where their template says.
    pinned: Vec<PodId>,
}

impl<'s> Placement<'s> {
    pub fn of(snapshot: &'s Snapshot, cluster: &'s Cluster) -> Self {
        let pods = cluster.pod_ids().map(|id| (&*cluster.pod(id).uid, id)).collect();
        let now = Scenario::new(cluster, BTreeSet::new(), &BTreeSet::new(), &[]);
        let (controllers, owners) = (&snapshot.controllers, &snapshot.workload_of);
        let pods: HashMap<&str, PodId> = pods;
        let at_once =
            snapshot.workloads.iter().flat_map(|it| &it.pods).filter(|pod| pod.is_deleted_at_once());
        let deleted_at_once = at_once.filter_map(|pod| pods.get(&*pod.uid)).copied().collect();
        let pinned = snapshot.workloads.iter().filter_map(|it| Some((it.pinned_to()?, &it.pods)));
        let pinned = pinned.flat_map(|(node, of)| of.iter().map(move |pod| (node, pod)));
        let pinned = pinned.filter_map(|(node, pod)| Some((*pods.get(&*pod.uid)?, node))).collect();
        let is_cordon_like_loss = is_cordon_like_loss(cluster);
        Placement { cluster, controllers, owners, pods, deleted_at_once, pinned, is_cordon_like_loss, now }
    }

    pub fn lost(&self, nodes: &[&str]) -> Places {
        self.beside_remaining(nodes, self.places(&self.departure(nodes, Leave::Lost), Leave::Lost))
    }

    /// If the node is lost, and if it is drained. Most often the same pods leave it.
    pub fn lost_and_drained(&self, node: &str) -> (Places, Places) {
        let nodes = [node];
        let (lost, drained) = (self.departure(&nodes, Leave::Lost), self.departure(&nodes, Leave::Drained));
        let of_loss = self.places(&lost, Leave::Lost);
        let stays_away = |id: &PodId| tolerates(&self.cluster.pod(*id).requirements) == (false, false);
        let is_same = lost == drained && self.is_cordon_like_loss && lost.recreated.iter().all(stays_away);
        let of_drain = if is_same { of_loss.clone() } else { self.places(&drained, Leave::Drained) };
        (self.beside_remaining(&nodes, of_loss), of_drain)
    }

    /// No kubelet ends the pods of lost nodes: while their objects are there, some of them keep others away.
    fn beside_remaining(&self, nodes: &[&str], mut places: Places) -> Places {
        let stay: Vec<PodId> =
            self.pods_on(nodes).into_iter().filter(|id| !self.deleted_at_once.contains(id)).collect();
        let remaining = Remaining::on(self.cluster, &stay);
        for (uid, place) in &mut places {
            if let Some(id) = self.pods.get(&**uid)
                && !self.pinned.contains_key(id)
                && let Some(other) = remaining.instead_of(place, *id)
            {
                *place = other;
            }
        }
        places
    }

    /// Of pods whose Node object is gone.
    pub fn of_gone_node(&self, uids: &[&str]) -> Places {
        let all = uids.iter().filter_map(|uid| self.pods.get(uid)).copied();
        let (pinned, ids): (Vec<PodId>, Vec<PodId>) = all.partition(|id| self.pinned.contains_key(id));
        let gone = ids.iter().copied().collect();
        let scenario = Scenario::new(self.cluster, BTreeSet::new(), &gone, &ids);
        let mut places = self.judged(&scenario, &ids, |_| None);
        places.extend(self.made_where_named(&pinned, &BTreeSet::new()));
        places
    }

    /// One pod alone is deleted; its own node is open to the replacement.
    pub fn deleted(&self, uid: &str) -> Place {
        let Some(id) = self.pods.get(uid) else { return not_there() };
        match self.where_named(*id, &BTreeSet::new()) {
            Some(place) => place,
            None if self.fits_in_its_own_place(*id) => Place::Fits,
            None => self.by_the_model(*id),
        }
    }

    /// Its replacement may find no place before it is gone: its room, its port or its domain is taken until then.
    pub fn waits_for_its_own_place(&self, uid: &str) -> bool {
        let Some(id) = self.pods.get(uid) else { return false };
        let pod = self.cluster.pod(*id);
        if self.pinned.contains_key(id) {
            return !pod.node.is_some_and(|node| self.has_room_beside(pod, node));
        }
        if !self.fits_in_its_own_place(*id) {
            let new =
                [PodFacts { node: None, labels: pod.template_labels.clone(), uid: "".into(), ..pod.clone() }];
            let scenario = Scenario::with_new_pods(self.cluster, &BTreeSet::new(), &new);
            let is_sure = |id| {
                has_sure_place(&scenario, id, None)
                    || judge(&scenario).iter().any(|it| it.pod == id && it.verdict == Verdict::Fits)
            };
            return !scenario.new_pods().next().is_some_and(is_sure);
        }
        let filters = StaticFilters::all(&self.now, self.now.existing(*id));
        !self.cluster.node_ids().any(|node| self.has_room_beside(pod, node) && filters.pass(node))
    }

    /// For another one like this pod.
    fn has_room_beside(&self, pod: &PodFacts, node: NodeId) -> bool {
        let (taken, all) = (self.now.taken(node), &self.now.node(node).allocatable);
        let amount = |of: &Amounts, resource: &str| of.get(resource).copied().unwrap_or_default();
        let mut wanted = pod.requirements.requests.iter();
        wanted.all(|(resource, wanted)| amount(taken, resource) + wanted <= amount(all, resource))
    }

    /// Of a pod whose template names a node: its replacement is made there, whatever is lost or drained.
    fn where_named(&self, id: PodId, left: &BTreeSet<NodeId>) -> Option<Place> {
        let name = self.pinned.get(&id)?;
        let why = format!("its template names node {name}");
        Some(match self.cluster.find_node(name) {
            Some(node) if left.contains(&node) => Place::Cannot(Refusal::new(why, false)),
            Some(node) if self.cluster.pod(id).node == Some(node) => Place::Fits,
            Some(_) => Place::Unknown(format!("{why}, which may not take it")),
            None => Place::Cannot(Refusal::new(why, false)),
        })
    }

    fn made_where_named(&self, pinned: &[PodId], left: &BTreeSet<NodeId>) -> Places {
        let place = |id: &PodId| Some((self.cluster.pod(*id).uid.clone(), self.where_named(*id, left)?));
        pinned.iter().filter_map(place).collect()
    }

    fn by_the_model(&self, id: PodId) -> Place {
        let scenario = Scenario::new(self.cluster, BTreeSet::new(), &BTreeSet::from([id]), &[id]);
        if has_sure_place(&scenario, id, self.cluster.pod(id).node) {
            return Place::Fits;
        }
        let judged = judge(&scenario).into_iter().find(|it| it.pod == id);
        judged.map_or_else(not_there, |it| place(it, 1))
    }

    /// So plain a pod, on a node that is open to it, that only its own place counts, and nobody waits who could take that. Most pods are:
    /// a scenario for each would read all other pods every time.
    fn fits_in_its_own_place(&self, id: PodId) -> bool {
        let pod = self.cluster.pod(id);
        let Some(node) = pod.node else { return false };
        let wanted = &pod.requirements;
        let is_plain = wanted.spread.is_empty()
            && wanted.affinity.is_empty()
            && wanted.anti_affinity.is_empty()
            && wanted.volumes.is_empty()
            && wanted.not_covered.is_empty();
        let (taken, all) = (self.now.taken(node), &self.now.node(node).allocatable);
        let has_room = |resource: &String| {
            taken.get(resource).copied().unwrap_or_default() <= all.get(resource).copied().unwrap_or_default()
        };
        self.now.to_place().is_empty()
            && is_plain
            && wanted.requests.keys().all(has_room)
            && self.now.keeping_away_from(&pod.namespace).next().is_none()
            && StaticFilters::all(&self.now, self.now.existing(id)).pass(node)
    }

    /// As far as admission leaves alone: what it requests of what the template requests, and which nodes it selects.
    pub fn is_like(&self, uid: &str, template: &Requirements) -> bool {
        let Some(id) = self.pods.get(uid) else { return true };
        let own = &self.cluster.pod(*id).requirements;
        let is_same = |(resource, amount): (&String, &i128)| own.requests.get(resource) == Some(amount);
        template.requests.iter().all(is_same)
            && template.node_selector.iter().all(|it| own.node_selector.contains(it))
            && template.node_affinity == own.node_affinity
    }

    fn pods_on(&self, nodes: &[&str]) -> Vec<PodId> {
        let nodes = nodes.iter().filter_map(|name| self.cluster.find_node(name));
        nodes.flat_map(|node| self.now.staying(node)).copied().collect()
    }

    fn departure(&self, nodes: &[&str], leave: Leave) -> Departure {
        let gone: BTreeSet<NodeId> = nodes.iter().filter_map(|name| self.cluster.find_node(name)).collect();
        let on = self.pods_on(nodes).into_iter();
        let kind = |id: &PodId| self.controllers.get(&self.cluster.pod(*id).uid).map(|kind| &**kind);
        // A drain leaves the pods of DaemonSets and static pods where they are; on a lost node they do not run.
        let leaves = |id: &PodId| leave == Leave::Lost || replacement(kind(id)) != Replacement::StaysWithNode;
        let evicted: BTreeSet<PodId> = on.filter(leaves).collect();
        let is_recreated = |id: &&PodId| {
            let by_kind = match (replacement(kind(id)), leave) {
                (Replacement::Elsewhere, _) => true,
                (Replacement::AfterTheNodeIsBackOrGone, Leave::Drained) => true,
                (Replacement::AfterTheNodeIsBackOrGone, Leave::Lost) => self.is_released(**id),
                (Replacement::StaysWithNode | Replacement::Nothing, _) => false,
            };
            by_kind && !self.cluster.pod(**id).is_terminating
        };
        let recreated = evicted.iter().filter(is_recreated).copied();
        let (pinned, recreated) = recreated.partition(|id| self.pinned.contains_key(id));
        Departure { nodes: gone, evicted, recreated, pinned }
    }

    fn places(&self, of: &Departure, leave: Leave) -> Places {
        let (drained, lost) = match leave {
            Leave::Lost => (BTreeSet::new(), of.nodes.clone()),
            Leave::Drained => (of.nodes.clone(), BTreeSet::new()),
        };
        let scenario = Scenario::new(self.cluster, drained, &of.evicted, &of.recreated).with_lost(lost);
        let mut places =
            self.judged(&scenario, &of.recreated, |judgement| comes_back(judgement, &of.nodes, leave));
        places.extend(self.made_where_named(&of.pinned, &of.nodes));
        places
    }

    /// Once its node is lost, the pod goes without a kubelet: the node is declared out of service, or nothing waits for its end.
    fn is_released(&self, id: PodId) -> bool {
        self.deleted_at_once.contains(&id) || self.is_out_of_service(id)
    }

    fn is_out_of_service(&self, id: PodId) -> bool {
        self.cluster.pod(id).node.is_some_and(|node| is_out_of_service(&self.cluster.node(node).taints))
    }

    /// `otherwise`: what is said instead of what the verdict says.
    fn judged(
        &self,
        scenario: &Scenario<'_>,
        meant: &[PodId],
        otherwise: impl Fn(&Judgement) -> Option<Place>,
    ) -> Places {
        let meant: BTreeSet<PodId> = meant.iter().copied().collect();
        let judged = judge(scenario);
        // Pods that are alike share the list of their nodes.
        let mut alike: HashMap<(Option<usize>, *const NodeId), usize> = HashMap::new();
        let key =
            |it: &Judgement| (self.owners.get(&*self.cluster.pod(it.pod).uid).copied(), it.nodes.as_ptr());
        for it in judged.iter().filter(|it| it.shortage.is_some()) {
            *alike.entry(key(it)).or_default() += 1;
        }
        let judged = judged.into_iter().filter(|it| meant.contains(&it.pod));
        let placed = judged.map(|it| {
            let own = alike.get(&key(&it)).copied().unwrap_or_default();
            (self.cluster.pod(it.pod).uid.clone(), otherwise(&it).unwrap_or_else(|| place(it, own)))
        });
        placed.collect()
    }
}

/// A cordon, and a lost node.
fn tolerates(pod: &Requirements) -> (bool, bool) {
    (tolerated(&pod.tolerations, &cordon()), may_return(&pod.tolerations))
}

fn is_cordon_like_loss(cluster: &Cluster) -> bool {
    let mut seen = HashSet::new();
    let pods = cluster.pod_ids().map(|id| cluster.pod(id));
    // What a DaemonSet has placed is not placed elsewhere.
    let mut placed = pods.filter(|pod| pod.node.is_none() || !pod.requirements.is_meant_for_one_node());
    placed.all(|pod| {
        let (cordon, loss) = match seen.insert(Arc::as_ptr(&pod.requirements)) {
            true => tolerates(&pod.requirements),
            false => (false, false),
        };
        cordon == loss
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{healthy, pod};
    use serde_json::json;

    /// Every combination of what may keep a pod from its own place.
    #[test]
    fn what_fits_in_its_own_place_fits_by_the_model() {
        let edits = [
            ("Node/n1", json!({"spec": {"unschedulable": true}})),
            ("Node/n1", json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}})),
            ("Node/n1", json!({"status": {"allocatable": {"cpu": "1"}}})),
            ("Pod/web-a", json!({"spec": {"nodeSelector": {"disk": "ssd"}}})),
            ("Pod/wide", json!({"spec": {"nodeName": null}})),
            (
                "Pod/wide",
                json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}}}),
            ),
        ];
        let (mut quick, mut slow) = (0, 0);
        for combination in 0..1 << edits.len() {
            let mut world = healthy()
                .with(pod("wide", "wide", "n1"))
                .edit("Pod/wide", json!({"spec": {"priority": 10, "containers": [{"name": "main", "resources": {"requests": {"cpu": "6"}}}]}}))
                .edit("Pod/web-a", json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}]}}));
            for (at, (key, edit)) in edits.iter().enumerate() {
                if combination & (1 << at) != 0 {
                    world = world.edit(key, edit.clone());
                }
            }
            let snapshot = world.snapshot();
            let placement = Placement::of(&snapshot, snapshot.scheduling.seen().unwrap());
            let id = placement.pods["pod-web-a"];
            if placement.fits_in_its_own_place(id) {
                assert_eq!(placement.by_the_model(id), Place::Fits, "combination {combination}");
                quick += 1;
            } else {
                slow += 1;
            }
        }
        assert_eq!((quick, slow), (1, 63), "only where nothing is in the way");
    }
}
