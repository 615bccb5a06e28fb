//! The result for programs.

use plugin_client::Exit;
use serde::Serialize;

use crate::finding::{Finding, Subject, Unchecked};
use crate::matrix::Matrix;
use crate::proof::report::ProofReport;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofReport>,
    /// Findings that `--ignore` left out.
    #[serde(skip)]
    pub ignored: usize,
    #[serde(skip)]
    pub seconds: f64,
}

/// A workload of the matrix.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    #[serde(flatten)]
    pub subject: Subject,
    pub matrix: Matrix,
    pub impaired_by: [(); 0],
    #[serde(skip)]
    pub pods: usize,
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
