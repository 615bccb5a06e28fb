//! The proof for programs, as part of the report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cluster_model::text::count;
use serde::Serialize;

use super::outcome::{Added, End, Killed, Round};
use super::statistics::statistics;
use crate::matrix::{Cell, Matrix};
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
#[serde(rename_all = "camelCase")]
pub struct ProofReport {
    pub result: ProofResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub rounds: Vec<RoundReport>,
    /// In pods now, until these are replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ephemeral_containers: Vec<AddedReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AddedReport {
    pub pod: String,
    pub container: String,
    /// False: whether it was added is not known.
    pub certain: bool,
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
    #[serde(flatten)]
    pub killed: Option<KilledReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_endpoint_seconds: Option<f64>,
}

/// Of `--prove=kill`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KilledReport {
    pub container: String,
    pub signal: String,
    /// With which the container ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl ProofReport {
    pub fn of(end: &End, rounds: &[Round], added: &[Added], reason: Option<String>) -> Self {
        let result = match end {
            End::Recovered => ProofResult::Recovered,
            End::Slow { .. } => ProofResult::Slow,
            End::NotRecovered(_) => ProofResult::NotRecovered,
            End::Void(_) => ProofResult::Void,
            End::Refused(_) | End::Aborted(_) | End::Interrupted | End::Timeout | End::Failed(_) => {
                ProofResult::Aborted
            }
        };
        let added = added.iter().map(|it| AddedReport {
            pod: it.pod.clone(),
            container: it.container.clone(),
            certain: it.is_certain,
        });
        let rounds = rounds.iter().map(round).collect();
        ProofReport { result, reason, rounds, ephemeral_containers: added.collect() }
    }
}

fn round(round: &Round) -> RoundReport {
    RoundReport {
        victim: round.victim.name.clone(),
        victim_uid: round.victim.uid.clone(),
        replacement: round.replacement.as_ref().map(|it| it.name.clone()),
        replacement_uid: round.replacement.as_ref().map(|it| it.uid.clone()),
        seconds: round.phases.iter().map(|(phase, at)| (phase.word(), seconds(*at))).collect(),
        killed: round.killed.as_ref().map(|it| KilledReport {
            container: it.container.clone(),
            signal: it.signal.to_string(),
            exit_code: it.ended.as_ref().map(|it| it.code),
        }),
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
    let kills: Vec<&Killed> = rounds.iter().filter_map(|it| it.killed.as_ref()).collect();
    let what = match kills.first() {
        Some(kill) => {
            format!("{} of container {} ({})", count(measured.n, "kill"), kill.container, ends(&kills))
        }
        None => count(measured.n, "eviction"),
    };
    let reason = format!(
        "proven by {what} just now: {} in the median, {} at most",
        exact(measured.median),
        exact(measured.max)
    );
    if !kills.is_empty() {
        matrix.crash = Cell { outage: matrix.crash.outage, ..Cell::proven(eta, reason) };
        return;
    }
    // Not the drain: there the node takes no replacement, and all its pods have to move.
    let outage = matrix.pod_loss.outage;
    matrix.pod_loss = Cell { outage, ..Cell::proven(eta, reason) };
}

/// `SIGTERM, exit code 143`: what was proven is a restart after these.
fn ends(kills: &[&Killed]) -> String {
    let codes: BTreeSet<i32> = kills.iter().filter_map(|it| Some(it.ended.as_ref()?.code)).collect();
    let codes: Vec<String> = codes.into_iter().map(|it| it.to_string()).collect();
    let signal = kills.first().map_or(String::new(), |it| it.signal.to_string());
    if codes.is_empty() { signal } else { format!("{signal}, exit code {}", codes.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::healthy;
    use crate::matrix::matrices;
    use crate::proof::kill::signal::Signal;
    use crate::proof::member::Member;
    use crate::proof::observed::EndedRun;

    fn round(seconds: u64, killed: Option<Killed>) -> Round {
        Round {
            victim: Member { name: String::new(), uid: String::new(), node: String::new() },
            replacement: None,
            phases: BTreeMap::new(),
            recovery: Some(Duration::from_secs(seconds)),
            no_endpoint: None,
            is_uncertain: false,
            killed,
        }
    }

    #[test]
    fn what_was_done_is_proven_and_nothing_else() {
        let snapshot = healthy().snapshot();
        let before = matrices(&snapshot).remove(0).1;
        let kill = |code: Option<i32>| {
            let ended = code.map(|code| EndedRun { code, ..EndedRun::default() });
            Some(Killed { container: "main".to_owned(), signal: Signal::TERM, ended })
        };
        let after = |end: &End, rounds: &[Round]| {
            let mut matrix = before.clone();
            promote(&mut matrix, end, rounds);
            matrix
        };
        let killed = after(&End::Recovered, &[round(1, kill(Some(143))), round(3, kill(Some(0)))]);
        assert_eq!((&killed.pod_loss, &killed.drain), (&before.pod_loss, &before.drain));
        assert_eq!(
            (killed.crash.eta_seconds, killed.crash.reason.as_str()),
            (
                Some(2),
                "proven by 2 kills of container main (SIGTERM, exit code 0 or 143) just now: 2.0s in the median, 3.0s at most"
            )
        );
        let evicted = after(&End::Recovered, &[round(4, None)]);
        assert_eq!((&evicted.crash, evicted.pod_loss.eta_seconds), (&before.crash, Some(4)));
        assert_eq!(after(&End::Void(String::new()), &[round(1, kill(None))]).crash, before.crash);
    }
}
