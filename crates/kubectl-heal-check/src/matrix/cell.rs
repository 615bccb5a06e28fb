//! One cell: what becomes of a workload in one case.

use cluster_model::text::{YEAR, span};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is nothing to heal.
    None,
    Heals,
    /// After more than a minute.
    Slow,
    Unknown,
    Wont,
}

impl Verdict {
    /// As text, in which nothing to heal is a dash.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::None => "-",
            Verdict::Heals => "heals",
            Verdict::Slow => "slow",
            Verdict::Unknown => "unknown",
            Verdict::Wont => "won't",
        }
    }
}

/// As text: it heals, and nothing of it serves until then.
pub const OUTAGE: &str = "outage";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// It was made to happen (`--prove`).
    Proven,
    /// It happened: a container or a pod of it came back.
    Observed,
    /// By the rules of Kubernetes, from the objects.
    Predicted,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    pub verdict: Verdict,
    /// Until it is as before, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<i64>,
    pub evidence: Evidence,
    pub reason: String,
    /// The node or zone whose loss is the worst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<String>,
    /// Of one that heals, whether no pod of it is ready until then, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<bool>,
    /// It will not heal because no node takes the next pod, if that is like one that runs.
    #[serde(skip)]
    pub has_no_place: bool,
}

/// From here on it is slow.
const SLOW: i64 = 60;

impl Cell {
    /// As text.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Heals | Verdict::Slow if self.outage == Some(true) => OUTAGE,
            verdict => verdict.word(),
        }
    }

    fn new(verdict: Verdict, evidence: Evidence, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Cell { verdict, eta_seconds: None, evidence, reason, worst: None, outage: None, has_no_place: false }
    }

    pub fn none(reason: impl Into<String>) -> Self {
        Cell::new(Verdict::None, Evidence::Predicted, reason)
    }

    pub fn unknown(reason: impl Into<String>) -> Self {
        Cell::new(Verdict::Unknown, Evidence::Unknown, reason)
    }

    pub fn wont(reason: impl Into<String>) -> Self {
        Cell::new(Verdict::Wont, Evidence::Predicted, reason)
    }

    pub fn no_place(reason: impl Into<String>) -> Self {
        Cell { has_no_place: true, ..Cell::wont(reason) }
    }

    /// `at_least`: seconds that pass in any case; `start_up`: those until a new pod is Ready, if that was ever seen.
    pub fn heals(at_least: i64, start_up: Option<i64>, reason: impl Into<String>) -> Self {
        let eta = start_up.map(|seconds| at_least.saturating_add(seconds));
        if eta.unwrap_or(at_least) > YEAR {
            // Nobody waits for that.
            return Cell::wont(format!("only after {}: {}", span(i64::MAX), reason.into()));
        }
        let verdict = if eta.unwrap_or(at_least) > SLOW { Verdict::Slow } else { Verdict::Heals };
        Cell { eta_seconds: eta, ..Cell::new(verdict, Evidence::Predicted, reason) }
    }

    /// Measured a moment ago.
    pub fn proven(seconds: i64, reason: String) -> Self {
        Cell { evidence: Evidence::Proven, ..Cell::heals(seconds, Some(0), reason) }
    }

    pub fn observed(mut self) -> Self {
        self.evidence = Evidence::Observed;
        self
    }

    /// `serving`: how many of its pods are ready meanwhile.
    pub fn while_serve(mut self, serving: usize) -> Self {
        self.outage = self.promises().then_some(serving == 0);
        self
    }

    pub fn at(mut self, worst: impl Into<String>) -> Self {
        self.worst = Some(worst.into());
        self
    }

    pub fn promises(&self) -> bool {
        matches!(self.verdict, Verdict::Heals | Verdict::Slow)
    }
}

/// The worst of several, by verdict and then by time; of those that are equal the one with the greatest of what is beside it, and only then the first.
pub fn worst_and<T: Ord>(cells: impl IntoIterator<Item = (Cell, T)>) -> Option<Cell> {
    let is_worse = |(a, of_a): &(Cell, T), (b, of_b): &(Cell, T)| {
        (a.verdict, a.eta_seconds, of_a) > (b.verdict, b.eta_seconds, of_b)
    };
    cells.into_iter().reduce(|a, b| if is_worse(&b, &a) { b } else { a }).map(|(cell, _)| cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_more_than_a_year_is_no_healing() {
        let of = |at_least: i64, start_up: Option<i64>| Cell::heals(at_least, start_up, "").verdict;
        assert_eq!(of(YEAR, None), Verdict::Slow);
        for cell in [of(YEAR, Some(1)), of(i64::MAX, None), of(i64::MAX, Some(i64::MAX))] {
            assert_eq!(cell, Verdict::Wont);
        }
    }

    #[test]
    fn what_is_worst() {
        let at = |name: &str, eta: i64, beside: u8| (Cell::heals(0, Some(eta), "").at(name), beside);
        for (cells, expected) in [
            (vec![at("a", 5, 9), at("b", 6, 0)], "b"),
            (vec![at("a", 5, 0), at("b", 5, 1)], "b"),
            (vec![at("a", 5, 1), at("b", 5, 1)], "a"),
            (vec![at("a", 90, 9), (Cell::wont("").at("b"), 0)], "b"),
        ] {
            assert_eq!(worst_and(cells).and_then(|it| it.worst).as_deref(), Some(expected));
        }
    }
}
