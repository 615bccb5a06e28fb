//! What counts: which checks, from which severity on a run fails, and what is left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Key;
use crate::checks::{CHECKS, hc508_replacement_refused, hc804_healer_dead, hc805_flapping};
use crate::finding::{Finding, Severity};
use crate::half::Half;
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
    /// The metadata of Secrets is read too.
    pub secrets: bool,
    /// `--ask-server`
    pub asks_server: bool,
    /// `--watch`
    pub watches: bool,
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

impl Options {
    /// A whole check is left out: then it need not be possible either.
    pub fn skips(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_of_whole_check(id))
    }

    /// A check of what the command line does not ask.
    pub fn is_not_asked(&self, id: &str) -> bool {
        (id == hc508_replacement_refused::CHECK.id && !self.asks_server)
            || (id == hc805_flapping::CHECK.id && !self.watches)
    }

    /// HC805 is asked: what nodes do over time.
    pub fn observes_nodes(&self) -> bool {
        self.watches && self.half.wants(&hc805_flapping::CHECK) && !self.skips(hc805_flapping::CHECK.id)
    }

    /// What the checks that run read, and the matrix; nothing else has to be.
    pub fn reads(&self) -> BTreeSet<Read> {
        let of_checks = CHECKS.iter().filter(|check| self.half.wants(check) && !self.skips(check.id));
        let mut reads: BTreeSet<Read> = of_checks.flat_map(|check| check.reads).copied().collect();
        reads.extend(WORKLOADS);
        if self.half.has_matrix() {
            reads.extend(Read::ALL.into_iter().filter(|read| read.is_always_read()));
        }
        // The matrix reads them for what HC804 says.
        if self.skips(hc804_healer_dead::CHECK.id) {
            reads.remove(&Read::Leases);
        }
        if self.secrets {
            reads.insert(Read::Secrets);
        }
        reads
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

/// Those of a command line without flags.
impl Default for Options {
    fn default() -> Self {
        Options {
            fail_on: Severity::Error,
            rules: Vec::new(),
            severity: BTreeMap::new(),
            baseline: None,
            half: Half::Both,
            domain: Domain::default(),
            secrets: false,
            asks_server: false,
            watches: false,
        }
    }
}

#[cfg(test)]
pub fn fail_on(fail_on: Severity) -> Options {
    Options { fail_on, ..Options::default() }
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
        let reads = |half: Half| Options { half, ..fail_on(Severity::Error) }.reads();
        for check in CHECKS.iter().filter(|check| Half::Now.wants(check)) {
            assert!(check.reads.iter().all(|read| reads(Half::Now).contains(read)), "{}", check.id);
        }
        let rules = vec![Rule::new(vec!["HC804"], crate::ignores::Source::CommandLine)];
        assert!(!Options { rules, ..fail_on(Severity::Error) }.reads().contains(&Read::Leases));
        assert!(reads(Half::Posture).contains(&Read::Leases), "for the matrix");
        let left_out = |read: Read| !reads(Half::Now).contains(&read) && reads(Half::Posture).contains(&read);
        assert!(left_out(Read::Autoscalers) && left_out(Read::Volumes));
        let secrets = Options { secrets: true, ..fail_on(Severity::Error) };
        assert!(secrets.reads().contains(&Read::Secrets) && !reads(Half::Both).contains(&Read::Secrets));
    }
}
