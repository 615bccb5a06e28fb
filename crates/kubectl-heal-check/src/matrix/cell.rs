//! One cell: what becomes of a workload in one case.

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
}

/// From here on it is slow.
const SLOW: i64 = 60;

impl Cell {
    fn new(verdict: Verdict, evidence: Evidence, reason: impl Into<String>) -> Self {
        Cell { verdict, eta_seconds: None, evidence, reason: reason.into(), worst: None }
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

    /// `at_least`: seconds that pass in any case; `start_up`: those until a new pod is Ready, if that was ever seen.
    pub fn heals(at_least: i64, start_up: Option<i64>, reason: impl Into<String>) -> Self {
        let eta = start_up.map(|seconds| at_least + seconds);
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

    pub fn at(mut self, worst: impl Into<String>) -> Self {
        self.worst = Some(worst.into());
        self
    }

    pub fn promises(&self) -> bool {
        matches!(self.verdict, Verdict::Heals | Verdict::Slow)
    }
}

/// The worst of several, by verdict and then by time; the first of equals.
pub fn worst(cells: impl IntoIterator<Item = Cell>) -> Option<Cell> {
    let rank = |cell: &Cell| (cell.verdict, cell.eta_seconds);
    cells.into_iter().reduce(|a, b| if rank(&b) > rank(&a) { b } else { a })
}
