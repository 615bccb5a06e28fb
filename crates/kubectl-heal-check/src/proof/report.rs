//! The proof for programs, as part of the report.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::outcome::{End, Round};
use super::statistics::statistics;
use crate::matrix::Matrix;
use crate::spans::exact;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofResult {
    Recovered,
    Slow,
    NotRecovered,
    Void,
    Aborted,
}

#[derive(Clone, Debug, Serialize)]
pub struct ProofReport {
    pub result: ProofResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub rounds: Vec<RoundReport>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundReport {
    pub victim: String,
    pub victim_uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement_uid: Option<String>,
    /// After the acceptance; a phase that was not seen is absent.
    pub seconds: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_endpoint_seconds: Option<f64>,
}

impl ProofReport {
    pub fn of(end: &End, rounds: &[Round], reason: Option<String>) -> Self {
        let result = match end {
            End::Recovered => ProofResult::Recovered,
            End::Slow { .. } => ProofResult::Slow,
            End::NotRecovered(_) => ProofResult::NotRecovered,
            End::Void(_) => ProofResult::Void,
            End::Aborted(_) | End::Interrupted | End::Timeout | End::Failed(_) => ProofResult::Aborted,
        };
        ProofReport { result, reason, rounds: rounds.iter().map(round).collect() }
    }
}

fn round(round: &Round) -> RoundReport {
    RoundReport {
        victim: round.victim.name.clone(),
        victim_uid: round.victim.uid.clone(),
        replacement: round.replacement.as_ref().map(|(name, _)| name.clone()),
        replacement_uid: round.replacement.as_ref().map(|(_, uid)| uid.clone()),
        seconds: round.phases.iter().map(|(phase, at)| (phase.word(), seconds(*at))).collect(),
        recovery_seconds: round.recovery.map(seconds),
        no_endpoint_seconds: round.no_endpoint.map(seconds),
    }
}

/// To the millisecond: more was not measured.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// What was proven is no prediction any more.
pub fn promote(matrix: &mut Matrix, end: &End, rounds: &[Round]) {
    let (End::Recovered, Some(measured)) = (end, statistics(rounds.iter().filter_map(|it| it.recovery)))
    else {
        return;
    };
    // Whole seconds, rounded up; less than one is 0, as where it was observed.
    let eta = match measured.median.as_millis() {
        ..1000 => 0,
        millis => i64::try_from(millis.div_ceil(1000)).unwrap_or(i64::MAX),
    };
    let reason = format!(
        "proven by {} just now: {} in the median, {} at most",
        cluster_model::text::count(measured.n, "eviction"),
        exact(measured.median),
        exact(measured.max)
    );
    for cell in [&mut matrix.pod_loss, &mut matrix.drain] {
        // That of a DaemonSet in a drain has nothing to heal.
        if cell.verdict != crate::matrix::Verdict::None {
            let is_outage = cell.is_outage;
            *cell = crate::matrix::Cell { is_outage, ..crate::matrix::Cell::proven(eta, reason.clone()) };
        }
    }
}
