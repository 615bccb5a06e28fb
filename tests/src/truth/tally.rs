//! The numbers of many seeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cluster_model::feasibility::Verdict;
use cluster_model::feasibility::rules::RULES;

use super::compare::{Class, Contradiction};
use super::message::fragment;

/// So often a rule has to pass and to decide, in as many seeds, before its agreement means something.
const ENOUGH: usize = 20;
const MANY_SEEDS: usize = 500;

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

    /// Rules that passed or decided too seldom, if there were seeds enough.
    pub fn shortages(&self) -> Vec<String> {
        if self.seeds < MANY_SEEDS {
            return Vec::new();
        }
        let numbers = |plugin: &str| self.rules.get(plugin).copied().unwrap_or_default();
        let short = RULES.iter().map(|rule| (rule.plugin, numbers(rule.plugin)));
        let short = short.filter(|(_, numbers)| numbers.iter().any(|number| *number < ENOUGH));
        short
            .map(|(plugin, [passed, decided])| {
                format!("{plugin} passed {passed} and decided {decided} times: fewer than {ENOUGH}")
            })
            .collect()
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

#[cfg(test)]
mod tests {
    use super::{ENOUGH, MANY_SEEDS, RULES, Tally};

    #[test]
    fn a_rule_that_was_hardly_exercised_is_named() {
        let rules = RULES.iter().map(|rule| (rule.plugin, [ENOUGH, ENOUGH])).collect();
        let mut tally = Tally { seeds: MANY_SEEDS, rules, ..Tally::default() };
        assert!(tally.shortages().is_empty());
        tally.rules.insert("NodePorts", [ENOUGH, ENOUGH - 1]);
        tally.rules.insert("VolumeZone", [ENOUGH - 1, ENOUGH]);
        tally.rules.remove("TaintToleration");
        let named = tally.shortages();
        for (shortage, plugin) in named.iter().zip(["TaintToleration", "NodePorts", "VolumeZone"]) {
            assert!(shortage.starts_with(plugin), "{named:?}");
        }
        assert_eq!(named.len(), 3, "{named:?}");
        tally.seeds = MANY_SEEDS - 1;
        assert!(tally.shortages().is_empty());
    }
}
