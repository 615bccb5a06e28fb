//! What the server said to dry runs (`--ask-server`). Of the templates that were sent nothing is kept.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct ServerAnswers {
    /// By the UID of the workload.
    pub evictions: BTreeMap<String, Eviction>,
    pub replacements: BTreeMap<String, Replacement>,
    /// Why the server did not say whether a pod can be evicted.
    pub unanswered: Vec<String>,
}

/// Of one pod, which stands for those under the same budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Its name and UID.
    pub pod: String,
    pub uid: String,
    pub verdict: EvictionVerdict,
}

/// In the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvictionVerdict {
    Accepted,
    Refused(String),
    SeveralBudgets,
    /// The budget's controller has not caught up.
    NotYet(String),
}

/// A pod of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    Admitted,
    Refused(String),
    /// With the workload, where it is about one.
    Unknown(String),
}
