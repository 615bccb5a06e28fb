//! The pods of lost nodes remain as objects that nobody ends: what they keep other pods from meanwhile.

use std::collections::HashSet;
use std::sync::Arc;

use cluster_model::feasibility::volumes::Lookup;
use cluster_model::feasibility::{Cluster, PodFacts, PodId, PodTerm, VolumeUse};
use cluster_model::healing::node_loss::{Deletion, deletion};
use cluster_model::selector;
use k8s_openapi::api::core::v1::TopologySpreadConstraint;

use crate::snapshot::places::{Place, Refusal};

const HOSTNAME: &str = "kubernetes.io/hostname";

pub struct Remaining<'c> {
    cluster: &'c Cluster,
    /// One of those that have the same namespace, labels and requirements.
    kinds: Vec<&'c PodFacts>,
    /// Those of them that keep others away from more than their node.
    keeping_away: Vec<&'c PodFacts>,
}

impl<'c> Remaining<'c> {
    pub fn on(cluster: &'c Cluster, pods: &[PodId]) -> Self {
        let mut seen = HashSet::new();
        let mut is_new = |pod: &&PodFacts| {
            let (labels, requirements) = (Arc::as_ptr(&pod.labels), Arc::as_ptr(&pod.requirements));
            seen.insert((Arc::as_ptr(&pod.namespace), labels, requirements))
        };
        let pods = pods.iter().map(|id| cluster.pod(*id));
        let kinds: Vec<&PodFacts> = pods.filter(|pod| is_new(pod)).collect();
        let is_keeping_away = |pod: &&PodFacts| wide(&pod.requirements.anti_affinity).next().is_some();
        let keeping_away = kinds.iter().copied().filter(is_keeping_away).collect();
        Remaining { cluster, kinds, keeping_away }
    }

    /// What holds for the replacement of this pod instead of what would hold if all of them were gone.
    pub fn instead_of(&self, place: &Place, id: PodId) -> Option<Place> {
        let pod = self.cluster.pod(id);
        let wanted = &pod.requirements;
        if let Some(volume) = wanted.volumes.iter().find_map(|volume| self.holds(pod, volume)) {
            return Some(volume);
        }
        // Those terms are about pods that are being deleted, too (pkg/scheduler/framework/plugins/interpodaffinity).
        let is_counted = |term: &PodTerm| self.kinds.iter().any(|it| is_meant(term, pod, it));
        if wanted.affinity.iter().any(is_counted) {
            return unknown("its affinity counts pods of a lost node until their objects are gone");
        }
        let keeps_out = |other: &&PodFacts| {
            wide(&other.requirements.anti_affinity).any(|term| is_meant(term, other, pod))
        };
        // More pods that keep it away do not open a node.
        let may_fit = !matches!(place, Place::Cannot(_));
        if may_fit && (wide(&wanted.anti_affinity).any(is_counted) || self.keeping_away.iter().any(keeps_out))
        {
            return unknown("anti-affinity counts pods of a lost node until their objects are gone");
        }
        // Pods that are being deleted do not count there (pkg/scheduler/framework/plugins/podtopologyspread, countPodsMatchSelector).
        let is_counted = |constraint: &TopologySpreadConstraint| {
            let selector = selector::parse(constraint.label_selector.clone());
            let mut others = self.kinds.iter().filter(|it| it.namespace == pod.namespace);
            others.any(|it| {
                selector::selects(selector.as_ref(), Some(&it.labels))
                    && deletion(&it.requirements.tolerations) == Deletion::Never
            })
        };
        if wanted.spread.iter().any(is_counted) {
            return unknown("its spread constraints may count pods that stay on a lost node");
        }
        None
    }

    /// A volume stays attached to the node of a pod that runs as far as anybody knows, until the pod's object is gone
    /// (`pkg/controller/volume/attachdetach/util/util.go`, DetermineVolumeAction); then six minutes more, unless the node is out of service
    /// (`attachdetach/reconciler/reconciler.go`, maxWaitForUnmountDuration).
    fn holds(&self, pod: &PodFacts, volume: &VolumeUse) -> Option<Place> {
        let VolumeUse::Claim(name) = volume else {
            // The claim of an ephemeral volume is made anew.
            return matches!(volume, VolumeUse::Disk(_)).then(|| no_detach("a disk"));
        };
        let all = &self.cluster.volumes;
        let claim = match all.claim(&pod.namespace, name) {
            Lookup::Found(claim) => claim,
            // The model of the scheduler says that no node takes it.
            Lookup::Missing => return None,
            Lookup::Unknown(_) => return Some(no_detach(&format!("claim {name}"))),
        };
        if claim.is_for_one_pod {
            let why = format!(
                "claim {name} is ReadWriteOncePod, and the pod of the lost node has it until its object is gone"
            );
            return Some(Place::Cannot(Refusal::new(why, true)));
        }
        let bound = claim.volume.as_deref()?;
        let is_for_one_node = match all.persistent_volume(bound) {
            Lookup::Found(volume) => volume.is_for_one_node,
            Lookup::Missing | Lookup::Unknown(_) => return Some(no_detach(bound)),
        };
        let node = &self.cluster.node(pod.node?).name;
        let is_attached = match all.attachments(node) {
            Lookup::Found(attached) => attached.iter().any(|it| &*it.volume == bound),
            Lookup::Missing => false,
            Lookup::Unknown(_) => return Some(no_detach(bound)),
        };
        (is_attached && is_for_one_node).then(|| {
            let why =
                format!("volume {bound} stays attached to the lost node until the pod's object is gone");
            Place::Cannot(Refusal::new(why, true))
        })
    }
}

/// The terms that reach further than a node.
fn wide(terms: &[PodTerm]) -> impl Iterator<Item = &PodTerm> {
    terms.iter().filter(|it| it.topology_key != HOSTNAME)
}

/// May the term of pod `of` be about this one?
fn is_meant(term: &PodTerm, of: &PodFacts, pod: &PodFacts) -> bool {
    let is_in = match () {
        () if term.is_about_own_namespace() => pod.namespace == of.namespace,
        () => term.namespace_selector.is_some() || term.namespaces.iter().any(|it| **it == *pod.namespace),
    };
    is_in && selector::selects(term.selector.as_ref(), Some(&pod.labels))
}

fn no_detach(volume: &str) -> Place {
    Place::Unknown(format!(
        "whether {volume} can be used on another node while the lost one has it is not known"
    ))
}

fn unknown(why: &str) -> Option<Place> {
    Some(Place::Unknown(why.to_owned()))
}
