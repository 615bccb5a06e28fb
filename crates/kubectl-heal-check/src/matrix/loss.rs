//! The loss of some nodes: when Kubernetes deletes their pods, and where the replacements can go.

use std::collections::BTreeMap;

use cluster_model::NodeExt;
use cluster_model::healing::node_loss::{
    Deletion, NODE_IS_GONE, NODE_IS_OUT_OF_SERVICE, is_out_of_service, not_tainted,
};
use cluster_model::healing::zone_disruption::{Pace, ZoneKey, paces};
use k8s_openapi::api::core::v1::Node;

use super::placement::Placement;
use crate::snapshot::places::{Loss, Lost, Places, Why};
use crate::snapshot::{Kind, PodState, Snapshot, Workload};

/// What becomes of a pod on a lost node.
pub enum Ending {
    /// Its replacement is made after so many seconds.
    After(i64),
    TolerationWithoutEnd,
    /// It is deleted, but stays as an object that a StatefulSet waits for.
    StaysTerminating,
    /// Kubernetes deletes no pods, and why.
    NotDeleted(String),
    MayNotBeDeleted(String),
}

impl Loss {
    /// `places`: of their pods.
    pub fn of(snapshot: &Snapshot, placement: &Placement<'_>, nodes: &[&str], mut places: Places) -> Self {
        let lost: Vec<&Node> = nodes.iter().filter_map(|name| snapshot.node(name)).collect();
        let is_lost = |node: &Node| lost.iter().any(|it| it.name() == node.name());
        let paces = paces(snapshot.nodes.iter(), is_lost);
        // They wait for one another.
        let mut waiting: BTreeMap<ZoneKey, i64> = BTreeMap::new();
        for node in lost.iter().filter(|node| not_tainted(node)) {
            *waiting.entry(ZoneKey::of(node)).or_default() += 1;
        }
        let of = |node: &&Node| {
            let zone = ZoneKey::of(node);
            let of_zone = match paces.get(&zone) {
                _ if !not_tainted(node) => Ok(0),
                Some(Pace::NothingIsReady) => Err(Why::NothingIsReady),
                Some(Pace::MostOfZone { lost, of }) => Err(Why::MostOfZone { lost: *lost, of: *of }),
                Some(Pace::OneIn(seconds)) => {
                    let before = waiting.get(&zone).map_or(0, |count| count - 1);
                    Ok(snapshot.detection() + before * seconds)
                }
                // It is not counted, and the others of its zone are not either.
                None => Ok(snapshot.detection()),
            };
            let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
            let lost = match of_zone {
                Ok(after) => Lost::Tainted { after, is_out_of_service: is_out_of_service(taints) },
                Err(why) => Lost::NotTainted(why),
            };
            (node.name().to_owned(), lost)
        };
        let mut found: BTreeMap<String, Lost> = lost.iter().map(of).collect();
        let gone: Vec<&str> = nodes.iter().copied().filter(|name| snapshot.is_gone(name)).collect();
        if !gone.is_empty() {
            let pods = snapshot.workloads.iter().flat_map(|it| it.active());
            let uids: Vec<&str> =
                pods.filter(|pod| gone.contains(&&*pod.node)).map(|pod| &*pod.uid).collect();
            places.extend(placement.of_gone_node(&uids));
            found.extend(gone.into_iter().map(|name| (name.to_owned(), Lost::Gone)));
        }
        Loss { places, nodes: found }
    }

    pub fn ending(&self, workload: &Workload, pod: &PodState) -> Ending {
        let is_one_of_a_name = workload.kind == Kind::StatefulSet;
        let lost = self.nodes.get(&*pod.node);
        let is_deleted_at_once = pod.is_deleted_at_once();
        let is_released = match lost {
            Some(Lost::Gone) => return Ending::After(NODE_IS_GONE),
            Some(Lost::Tainted { is_out_of_service, .. }) => *is_out_of_service,
            Some(Lost::NotTainted(_)) | None => false,
        };
        if is_one_of_a_name && !is_released && !is_deleted_at_once {
            return Ending::StaysTerminating;
        }
        let Deletion::After(tolerated) = pod.after_loss else { return Ending::TolerationWithoutEnd };
        match lost {
            Some(Lost::Tainted { after, .. }) => {
                let waits_for_object = is_one_of_a_name && !is_deleted_at_once;
                let collected = if waits_for_object { NODE_IS_OUT_OF_SERVICE } else { 0 };
                Ending::After(after.saturating_add(tolerated).saturating_add(collected))
            }
            Some(Lost::NotTainted(Why::NothingIsReady)) => Ending::NotDeleted(
                "no other node is Ready: Kubernetes deletes no pods until one is".to_owned(),
            ),
            Some(Lost::NotTainted(Why::MostOfZone { lost, of })) => {
                let why = format!(
                    "{lost} of the {of} nodes of its zone are lost: Kubernetes deletes no pods there until some are back"
                );
                // The first may be tainted before that many are noticed.
                if self.nodes.len() == 1 { Ending::NotDeleted(why) } else { Ending::MayNotBeDeleted(why) }
            }
            Some(Lost::Gone) | None => Ending::MayNotBeDeleted(format!("node {} was not read", pod.node)),
        }
    }
}
