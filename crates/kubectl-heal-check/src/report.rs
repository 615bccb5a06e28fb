//! The result for programs.

use std::collections::BTreeSet;

use plugin_client::Exit;
use serde::Serialize;

use crate::checks::Check;
use crate::dependencies::Impairment;
use crate::exempt::Exempt;
use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::half::Half;
use crate::matrix::Matrix;
use crate::options::Options;
use crate::proof::harm::Harm;
use crate::proof::report::ProofReport;
use crate::snapshot::{Kind, Read, Snapshot};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealResult {
    /// Everything was checked, and nothing is as bad as `--fail-on`.
    Ok,
    Findings,
    /// Something could not be checked, or nothing was there to check.
    Incomplete,
    /// A proof: too slow, or no recovery.
    Failed,
    /// A proof that stopped before anything was evicted.
    Refused,
    /// A proof that stopped after that.
    Partial,
    Timeout,
    Interrupted,
}

#[derive(Serialize)]
pub struct HealReport {
    pub kind: &'static str,
    pub result: HealResult,
    pub workloads: Vec<Row>,
    pub findings: Vec<Finding>,
    pub unchecked: Vec<Unchecked>,
    /// Findings that do not count, and why.
    #[serde(flatten)]
    pub exempt: Exempt,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofReport>,
    #[serde(skip)]
    pub scope: Checked,
    #[serde(skip)]
    pub seconds: f64,
}

/// What was asked, for the formats that list what is good too.
#[derive(Clone, Debug)]
pub struct Checked {
    pub half: Half,
    pub is_manifests: bool,
    pub fail_on: Severity,
    pub has_baseline: bool,
    /// Checks that could not run, and were left out.
    pub left_out: Vec<Unchecked>,
    /// Kinds that could not be read.
    pub unread: BTreeSet<Read>,
    /// What a proof did.
    pub harm: Option<Harm>,
    /// Workloads that were looked at, also those without a row of the matrix.
    pub workloads: Vec<CheckedWorkload>,
}

#[derive(Clone, Debug)]
pub struct CheckedWorkload {
    pub subject: Subject,
    pub kind: Kind,
    /// Of Kubernetes itself: only what is wrong now is asked.
    pub is_system: bool,
    pub is_scaled_to_zero: bool,
}

impl Default for Checked {
    fn default() -> Self {
        Checked {
            half: Half::Both,
            is_manifests: false,
            fail_on: Severity::Error,
            has_baseline: false,
            left_out: Vec::new(),
            unread: BTreeSet::new(),
            harm: None,
            workloads: Vec::new(),
        }
    }
}

impl Checked {
    /// Whether the run asked it at all.
    pub fn asks(&self, check: &Check) -> bool {
        self.half.asks(check, self.is_manifests)
    }

    pub fn of(snapshot: &Snapshot, options: &Options, left_out: Vec<Unchecked>) -> Self {
        let workloads = snapshot.selected().map(|workload| CheckedWorkload {
            subject: workload.subject.clone(),
            kind: workload.kind,
            is_system: workload.is_system,
            is_scaled_to_zero: workload.replicas == Some(0),
        });
        Checked {
            half: options.half,
            is_manifests: snapshot.origin.is_manifests(),
            fail_on: options.fail_on,
            has_baseline: options.baseline.is_some(),
            left_out,
            unread: snapshot.unknown.keys().copied().collect(),
            harm: None,
            workloads: workloads.collect(),
        }
    }
}

/// A workload, with its row of the matrix.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    #[serde(flatten)]
    pub subject: Subject,
    /// None with `--now`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
    pub impaired_by: Vec<Impairment>,
    /// A ReplicaSet whose Deployment could not be read: no workload of its own.
    #[serde(skip)]
    pub is_part: bool,
    /// `None`: they could not be read.
    #[serde(skip)]
    pub pods: Option<usize>,
}

impl HealResult {
    pub fn of(fails: bool, is_incomplete: bool) -> Self {
        match (fails, is_incomplete) {
            (true, _) => HealResult::Findings,
            (false, true) => HealResult::Incomplete,
            (false, false) => HealResult::Ok,
        }
    }

    pub fn exit(self) -> Exit {
        match self {
            HealResult::Ok => Exit::Done,
            HealResult::Findings => Exit::Failed,
            HealResult::Incomplete => Exit::Incomplete,
            HealResult::Failed => Exit::Failed,
            HealResult::Refused => Exit::Refused,
            HealResult::Partial => Exit::Partial,
            HealResult::Timeout => Exit::Timeout,
            HealResult::Interrupted => Exit::Interrupted,
        }
    }
}
