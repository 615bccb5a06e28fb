//! A workload that is being deleted: its pods are there for some seconds after their owner, until the garbage collector deletes them. Pure.

use crate::report::HealReport;

/// The check of owners that do not exist.
const DANGLING_OWNER: &str = "HC102";

#[derive(Default)]
pub struct Deletions {
    is_awaited: bool,
}

impl Deletions {
    /// An owner is newly missing: the next look shows whether what it owned goes as well. Two looks in a row are never skipped.
    pub fn is_half_done(&mut self, last: &HealReport, now: &HealReport) -> bool {
        let dangling = |of: &HealReport| {
            let all = of.findings.iter().filter(|it| it.id == DANGLING_OWNER);
            all.map(|it| it.subject.clone()).collect::<Vec<_>>()
        };
        let known = dangling(last);
        let is_new = dangling(now).iter().any(|it| !known.contains(it));
        self.is_awaited = is_new && !self.is_awaited;
        self.is_awaited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Severity, Subject};
    use crate::formats::testing::{finding, report};

    fn with(findings: Vec<Finding>) -> HealReport {
        HealReport { findings, ..report() }
    }

    #[test]
    fn an_owner_that_is_newly_missing_is_looked_at_again_and_then_reported() {
        let missing =
            |name: &str| finding("HC102", Subject::new("ReplicaSet", "shop", name), Severity::Error);
        let (none, one) = (|| with(Vec::new()), || with(vec![missing("a")]));
        let mut deletions = Deletions::default();
        assert!(!deletions.is_half_done(&none(), &none()));
        assert!(deletions.is_half_done(&none(), &one()), "it may be a deletion");
        assert!(!deletions.is_half_done(&none(), &none()), "it was");
        assert!(deletions.is_half_done(&none(), &one()));
        assert!(!deletions.is_half_done(&none(), &one()), "it was none");
        assert!(!deletions.is_half_done(&one(), &one()), "it is known");
        assert!(deletions.is_half_done(&one(), &with(vec![missing("a"), missing("b")])));
        let other = with(vec![finding("HC101", Subject::new("Pod", "shop", "a"), Severity::Error)]);
        assert!(!Deletions::default().is_half_done(&none(), &other));
    }
}
