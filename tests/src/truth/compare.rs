//! A workload's prediction beside what the scheduler did.

use std::collections::BTreeSet;

use cluster_model::feasibility::Verdict;
use serde_json::Value;

use super::message::fragment;
use super::prediction::{Prediction, Predictions, Snapshot};
use super::quiet::{is_bound, message, node_of, uid, workload_of};

#[derive(Clone, Debug)]
pub struct Class {
    pub workload: String,
    pub prediction: Prediction,
    /// Pods that found a node, among those that were not there before.
    pub bound: usize,
    /// Pods on nodes that were not drained and that the scheduler removed for others: their replacements are among the new pods.
    pub preempted: usize,
    /// The scheduler's, of each pod that found none.
    pub messages: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// All were to fit, and not all did.
    FalseFits,
    /// None could fit, and one did.
    FalseCannot,
    /// It did not fit, and the scheduler gives none of the model's reasons.
    OtherReason,
}

impl Class {
    pub fn contradiction(&self) -> Option<Contradiction> {
        let is_given = |message: &String| {
            self.prediction.misses.iter().any(|(_, miss)| message.contains(&*fragment(miss)))
        };
        match self.prediction.verdict {
            Verdict::Fits if self.bound < self.prediction.pods => Some(Contradiction::FalseFits),
            // The pods that were preempted were placed once and may be placed again.
            Verdict::Cannot if self.bound > self.preempted => Some(Contradiction::FalseCannot),
            Verdict::Cannot if !self.messages.iter().all(is_given) => Some(Contradiction::OtherReason),
            _ => None,
        }
    }
}

/// `after`: all pods, when the scheduler has placed what it can.
pub fn compare(
    before: &Snapshot,
    drained: &[String],
    predictions: &Predictions,
    after: &[Value],
) -> Vec<Class> {
    let stays = |pod: &&Value| is_bound(pod) && !drained.iter().any(|node| node == node_of(pod));
    let staying: Vec<&Value> = before.pods.iter().filter(stays).collect();
    let old: BTreeSet<&str> = staying.iter().map(|pod| uid(pod)).collect();
    let left: BTreeSet<&str> = after.iter().map(uid).collect();
    let class = |(workload, prediction): (&String, &Prediction)| {
        let of_it = |pod: &&&Value| workload_of(pod) == *workload;
        let after: Vec<&Value> = after.iter().collect();
        let new = after.iter().filter(of_it).filter(|pod| !old.contains(uid(pod)));
        let (bound, pending): (Vec<&Value>, Vec<&Value>) = new.copied().partition(|pod| is_bound(pod));
        let preempted = staying.iter().filter(of_it).filter(|pod| !left.contains(uid(pod))).count();
        assert_eq!(bound.len() + pending.len(), prediction.pods + preempted, "the pods of {workload}");
        Class {
            workload: workload.clone(),
            prediction: prediction.clone(),
            bound: bound.len(),
            preempted,
            messages: pending.into_iter().map(|pod| message(pod).to_owned()).collect(),
        }
    };
    predictions.iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    use cluster_model::feasibility::{Miss, Verdict};

    use super::{Class, Contradiction, Prediction};

    fn class(verdict: Verdict, bound: usize, preempted: usize, message: &str) -> Class {
        let prediction =
            Prediction { pods: 2, verdict, misses: vec![(1, Miss::NodeAffinity)], rules: Vec::new() };
        let pending = 2 + preempted - bound;
        let messages = vec![message.to_owned(); pending];
        Class { workload: "a/web".to_owned(), prediction, bound, preempted, messages }
    }

    #[test]
    fn what_contradicts_a_prediction() {
        let given = "1 node(s) didn't match Pod's node affinity/selector";
        let cases = [
            (class(Verdict::Fits, 2, 0, ""), None),
            (class(Verdict::Fits, 1, 0, given), Some(Contradiction::FalseFits)),
            (class(Verdict::Fits, 2, 1, given), None),
            (class(Verdict::Cannot, 0, 0, given), None),
            (class(Verdict::Cannot, 1, 0, given), Some(Contradiction::FalseCannot)),
            (class(Verdict::Cannot, 1, 1, given), None),
            (class(Verdict::Cannot, 0, 0, "Insufficient cpu"), Some(Contradiction::OtherReason)),
        ];
        for (class, expected) in cases {
            assert_eq!(class.contradiction(), expected, "{class:?}");
        }
    }
}
