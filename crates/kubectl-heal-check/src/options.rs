//! What counts: which checks, from which severity on a run fails, and what is left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Key;
use crate::checks::{About, CHECKS, Check, hc001_ignore};
use crate::finding::{Finding, Severity};
use crate::ignores::Rule;
use crate::snapshot::{Domain, Read};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub fail_on: Severity,
    /// Of `--config` and `--ignore`; annotations are in the snapshot.
    pub rules: Vec<Rule>,
    /// Of `--config`, by the id of the check.
    pub severity: BTreeMap<&'static str, Severity>,
    pub baseline: Option<BTreeSet<Key>>,
    pub half: Half,
    pub domain: Domain,
}

/// Which checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Half {
    #[default]
    Both,
    /// `--now`: is it healing?
    Now,
    /// `--posture`: would it heal?
    Posture,
}

/// Whatever is checked: they are the workloads, and what is written about them.
const WORKLOADS: [Read; 8] = [
    Read::Pods,
    Read::Deployments,
    Read::ReplicaSets,
    Read::StatefulSets,
    Read::DaemonSets,
    Read::Jobs,
    Read::CronJobs,
    Read::Namespaces,
];

impl Half {
    pub fn wants(self, check: &Check) -> bool {
        let is_asked = match check.about {
            About::Posture => self != Half::Now,
            About::Now => self != Half::Posture,
        };
        // What is left out concerns both.
        is_asked || check.id == hc001_ignore::CHECK.id
    }

    /// The matrix says what would become of a workload.
    pub fn has_matrix(self) -> bool {
        self != Half::Now
    }

    pub fn reads(self) -> BTreeSet<Read> {
        if self.has_matrix() {
            // The matrix reads nearly everything.
            return Read::ALL.into_iter().collect();
        }
        let of_checks = CHECKS.iter().filter(|check| self.wants(check)).flat_map(|check| check.reads);
        WORKLOADS.iter().chain(of_checks).copied().collect()
    }
}

impl Options {
    /// A whole check is left out: then it need not be possible either.
    pub fn skips(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_of_whole_check(id))
    }

    /// As `--config` says. What is critical remains critical: that it is nothing takes a reason.
    pub fn rate(&self, finding: Finding) -> Finding {
        match self.severity.get(finding.id) {
            Some(severity) if finding.severity < Severity::Critical => {
                Finding { severity: *severity, ..finding }
            }
            _ => finding,
        }
    }

    pub fn fails(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|finding| finding.severity >= self.fail_on)
    }
}

#[cfg(test)]
pub fn fail_on(fail_on: Severity) -> Options {
    Options {
        fail_on,
        rules: Vec::new(),
        severity: BTreeMap::new(),
        baseline: None,
        half: Half::Both,
        domain: Domain::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_reads_and_checks_what_it_asks() {
        let of = |half: Half| CHECKS.iter().filter(|check| half.wants(check)).count();
        // HC001 is in both.
        assert_eq!(of(Half::Now) + of(Half::Posture), of(Half::Both) + 1);
        assert!(of(Half::Now) > 5 && of(Half::Posture) > 5);
        for check in CHECKS.iter().filter(|check| Half::Now.wants(check)) {
            assert!(check.reads.iter().all(|read| Half::Now.reads().contains(read)), "{}", check.id);
        }
        let left_out =
            |read: Read| !Half::Now.reads().contains(&read) && Half::Posture.reads().contains(&read);
        assert!(left_out(Read::Services) && left_out(Read::Autoscalers));
    }
}
