//! The numbers of many seeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cluster_model::feasibility::Verdict;
use cluster_model::feasibility::rules::RULES;

use super::compare::{Class, Contradiction};
use super::message::fragment;

#[derive(Default)]
pub struct Tally {
    pub seeds: usize,
    /// Seeds that did not come to an end.
    pub broken: usize,
    pods: usize,
    fits: usize,
    cannot: usize,
    tight: usize,
    unknown: usize,
    false_cannot: usize,
    false_fits: usize,
    other_reasons: usize,
    /// Pods whose verdict was tight and that found a node.
    tight_bound: usize,
    /// By plugin: workloads whose pods were placed with this rule passed, and pods that were not placed because of it.
    rules: BTreeMap<&'static str, [usize; 2]>,
}

impl Tally {
    pub fn add(&mut self, class: &Class) {
        let Class { prediction, bound, .. } = class;
        let pods = prediction.pods;
        self.pods += pods;
        match prediction.verdict {
            Verdict::Fits => self.fits += pods,
            Verdict::Cannot => self.cannot += pods,
            Verdict::Unknown(_) => self.unknown += pods,
            Verdict::Tight(_) => {
                self.tight += pods;
                self.tight_bound += bound.min(&pods);
            }
        }
        match class.contradiction() {
            Some(Contradiction::FalseCannot) => self.false_cannot += 1,
            Some(Contradiction::FalseFits) => self.false_fits += 1,
            Some(Contradiction::OtherReason) => self.other_reasons += 1,
            None => self.count_rules(class),
        }
    }

    fn count_rules(&mut self, class: &Class) {
        for rule in &class.prediction.rules {
            let [passed, decided] = self.rules.entry(rule.plugin).or_default();
            let is_given = |message: &String| {
                rule.decides.as_ref().is_some_and(|miss| message.contains(&*fragment(miss)))
            };
            match class.prediction.verdict {
                Verdict::Fits if rule.passes => *passed += 1,
                Verdict::Cannot if class.messages.iter().any(is_given) => *decided += 1,
                _ => {}
            }
        }
    }

    pub fn contradictions(&self) -> usize {
        self.false_cannot + self.false_fits + self.other_reasons
    }

    pub fn shown(&self) -> String {
        let mut text = format!(
            "seeds {} (broken {})   pods judged {}: fits {}, cannot {}, tight {} (bound {}), unknown {}\n",
            self.seeds,
            self.broken,
            self.pods,
            self.fits,
            self.cannot,
            self.tight,
            self.tight_bound,
            self.unknown
        );
        let _ = writeln!(
            text,
            "workloads contradicted: false cannot {}, false fits {}, other reason {}\n\n{:<24}{:>10}{:>10}",
            self.false_cannot, self.false_fits, self.other_reasons, "rule", "passed", "decided"
        );
        for rule in RULES {
            let [passed, decided] = self.rules.get(rule.plugin).copied().unwrap_or_default();
            let _ = writeln!(text, "{:<24}{passed:>10}{decided:>10}", rule.plugin);
        }
        text
    }
}
