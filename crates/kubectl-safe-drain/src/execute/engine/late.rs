//! Pods bound to the node after the plan was made: by a scheduler that had not seen the cordon yet, or because they tolerate it.
//! They leave too, unless that needs a consent the user never gave.

use std::collections::BTreeMap;

use cluster_model::{PodExt, Snapshot};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use super::{Engine, NodePhase};
use crate::checks;
use crate::execute::event::Event;
use crate::plan::{Action, step};

pub const RETURNS: &str = "it tolerates the cordon and would come back each time";

impl Engine {
    pub(super) fn late(&mut self, node: &str, pod: Pod, now: Timestamp) {
        let Some(index) = self.nodes.iter().position(|n| n.name == node) else { return };
        if self.nodes[index].phase == NodePhase::Done {
            return; // The report is about the moment at which the node was found empty.
        }
        let alone = Snapshot { pods: vec![pod.clone()], owners: BTreeMap::new(), ..Snapshot::empty(now) };
        let mut step = step(&pod, &alone, &self.options);
        let mut kept = None;
        if step.leaves() {
            let mut findings = checks::check(&alone, &self.options);
            self.options.accept(&mut findings);
            kept = findings.iter().find(|f| f.blocks()).map(|f| f.message.clone());
            if kept.is_none() && self.returned(&pod) {
                kept = Some(RETURNS.to_owned());
            }
            if let Some(why) = &kept {
                step.action = Action::Keep;
                step.reason = format!("came after the plan and stays: {why}");
            }
        }
        // DaemonSet and static pods come and go as their owner pleases; no word about them.
        if step.leaves() {
            self.nodes[index].suspect = true;
        }
        if step.leaves() || kept.is_some() {
            self.events.push(Event::Late { pod: step.key(), kept });
        }
        self.add(step, index, pod, now);
    }

    /// A sibling was evicted here already and this one does not mind the cordon: evicting it again would never end.
    fn returned(&self, pod: &Pod) -> bool {
        let owner = pod.controller().map(|o| &o.uid);
        owner.is_some()
            && pod.tolerates_cordon()
            && self.pods.values().any(|p| p.accepted && p.pod.controller().map(|o| &o.uid) == owner)
    }

    /// Pods that came late and stay for want of consent: the node is not empty.
    pub fn kept_late(&self, node: &str) -> usize {
        self.pods_of(node).filter(|p| p.step.reason.starts_with("came after")).count()
    }
}
