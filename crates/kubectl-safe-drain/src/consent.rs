//! What the user agreed to: the plan that was shown. Compared with a fresh plan before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{Finding, Severity};

use crate::plan::{Action, Plan, Step};

/// A fingerprint of a plan and its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Names of nodes, by UID.
    nodes: BTreeMap<String, String>,
    /// The pods that leave, by UID.
    pods: BTreeMap<String, Pod>,
    /// What was warned about, by id and subject.
    findings: BTreeSet<(&'static str, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pod {
    key: String,
    action: Action,
    /// The PDB that limits its eviction.
    budget: Option<String>,
}

impl Consent {
    pub fn to(plan: &Plan, findings: &[Finding]) -> Self {
        Consent {
            nodes: plan.nodes.iter().map(|n| (n.uid.clone(), n.name.clone())).collect(),
            pods: plan.steps().filter(|s| s.evicts()).map(|s| (s.uid.clone(), Pod::of(s))).collect(),
            findings: weighty(findings).map(|f| (f.id, f.subject.clone())).collect(),
        }
    }

    /// Nodes that were shown and are not in the plan any more, such as one that lost the label it was selected by. One in whose place is another of
    /// its name is not left out: [`Self::exceeded_by`] names it.
    pub fn left_out<'a>(&'a self, plan: &Plan) -> Vec<&'a str> {
        let is_left_out = |name: &&String| plan.nodes.iter().all(|node| node.name != **name);
        self.nodes.values().filter(is_left_out).map(String::as_str).collect()
    }

    /// What the plan would do, or risk, that was not shown; empty if the consent covers it. Doing less than was agreed to is covered,
    /// and so is a cordon, which every drain begins with.
    pub fn exceeded_by(&self, plan: &Plan, findings: &[Finding]) -> Vec<String> {
        let nodes = plan.nodes.iter().filter(|n| !self.nodes.contains_key(&n.uid));
        let nodes = nodes.map(|n| match self.nodes.values().any(|name| *name == n.name) {
            true => format!("node/{} is another node of that name", n.name),
            false => format!("node/{} would be drained too", n.name),
        });
        let pods = plan.steps().filter(|s| s.evicts()).filter_map(|s| match self.pods.get(&s.uid) {
            Some(agreed) if agreed.action == s.action => {
                let lost = agreed.budget.as_ref().filter(|_| s.budget.is_none())?;
                Some(format!("{} is no longer limited by PDB {lost}", s.key()))
            }
            _ if self.pods.values().any(|pod| pod.key == s.key()) => {
                Some(format!("{} is another pod of that name", s.key()))
            }
            _ => Some(format!("{} would be evicted too", s.key())),
        });
        let shown = |f: &&Finding| !self.findings.contains(&(f.id, f.subject.clone()));
        let findings = weighty(findings).filter(shown).map(|f| format!("{}: {}", f.subject, f.message));
        nodes.chain(pods).chain(findings).collect()
    }
}

impl Pod {
    fn of(step: &Step) -> Self {
        Pod { key: step.key(), action: step.action, budget: step.budget.clone() }
    }
}

fn weighty(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|f| f.severity != Severity::Info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use crate::checks::testing::{being_deleted, inventory_of};
    use crate::options::Options;
    use crate::plan::plan;
    use cluster_model::build::{PodBuild, node, pod};
    use serde_json::json;

    fn planned(names: &[&str]) -> Plan {
        plan(&inventory_of(names.iter().map(|name| pod(name, "n1")).collect()), &Options::default())
    }

    fn warning(subject: &str) -> Finding {
        Finding::new("budget-exhausted", Severity::Warning, subject, "allows 0 disruptions now")
    }

    #[test]
    fn the_same_plan_or_a_part_of_it_is_covered() {
        let consent = Consent::to(&planned(&["a/p", "a/q"]), &[warning("a/b")]);
        assert_eq!(consent.exceeded_by(&planned(&["a/p", "a/q"]), &[warning("a/b")]), [""; 0]);
        assert_eq!(consent.exceeded_by(&planned(&["a/q"]), &[]), [""; 0]);
        let mut uncordoned = planned(&["a/p"]);
        uncordoned.nodes[0].cordoned_before = false;
        assert_eq!(consent.exceeded_by(&uncordoned, &[]), [""; 0], "a cordon is what a drain begins with");
    }

    #[test]
    fn a_node_that_is_left_out_is_named() {
        let consent = Consent::to(&planned(&["a/p"]), &[]);
        assert_eq!(consent.left_out(&planned(&["a/q"])), [""; 0]);
        assert_eq!(consent.left_out(&Plan { nodes: Vec::new() }), ["n1"]);
    }

    #[test]
    fn whatever_was_not_shown_is_named() {
        let consent = Consent::to(&planned(&["a/p"]), &[]);
        assert_eq!(consent.exceeded_by(&planned(&["a/p", "a/q"]), &[]), ["a/q would be evicted too"]);
        assert_eq!(
            consent.exceeded_by(&planned(&["a/p"]), &[warning("a/b")]),
            ["a/b: allows 0 disruptions now"]
        );
        let mut limited = planned(&["a/p"]);
        limited.nodes[0].steps[0].budget = Some("a/b".into());
        let consent = Consent::to(&limited, &[]);
        assert_eq!(consent.exceeded_by(&limited, &[]), [""; 0]);
        assert_eq!(consent.exceeded_by(&planned(&["a/p"]), &[]), ["a/p is no longer limited by PDB a/b"]);
        let consent = Consent::to(&planned(&["a/p"]), &[]);
        assert_eq!(consent.exceeded_by(&limited, &[]), [""; 0], "more care than was agreed to");
        let mut other = inventory_of(vec![]);
        other.nodes[0] = node("n1", json!({"metadata": {"uid": "another"}}));
        let other = plan(&other, &Options::default());
        assert_eq!(consent.left_out(&other), [""; 0], "it is asked about");
        assert_eq!(consent.exceeded_by(&other, &[]), ["node/n1 is another node of that name"]);
        let kept = inventory_of(vec![pod("a/d", "n1").owned_by("apps/v1", "DaemonSet", "d")]);
        let consent = Consent::to(&plan(&kept, &Options::default()), &[]);
        let mut orphaned = kept.clone();
        let key = orphaned.controller_of(&orphaned.pods[0]).unwrap().key;
        orphaned.owners.insert(key, cluster_model::Known::Seen(None));
        let plan = plan(&orphaned, &Options::default());
        assert_eq!(consent.exceeded_by(&plan, &[]), ["a/d would be evicted too"], "it was to stay");
    }

    #[test]
    fn a_controller_that_begins_to_be_deleted_was_not_shown() {
        let shown = inventory_of(vec![pod("a/p", "n1")]);
        let now = being_deleted(shown.clone());
        let options = Options { force: true, ..Options::default() };
        let of = |inventory| {
            let mut findings = checks::check(inventory, &options);
            options.accept(&mut findings);
            (plan(inventory, &options), findings)
        };
        let ((shown, findings), (now, changed)) = (of(&shown), of(&now));
        let consent = Consent::to(&shown, &findings);
        assert_eq!(
            consent.exceeded_by(&now, &changed),
            ["a/p: the ReplicaSet a/rs that controls it is being deleted: the pod will not be recreated"]
        );
    }
}
