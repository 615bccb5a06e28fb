//! What is known of the cluster while it is watched. Pure.

use std::collections::BTreeSet;

use crate::finding::{Finding, Severity, Subject};
use crate::report::HealReport;
use crate::snapshot::Read;

/// What is known of the cluster: the last report, and what was there when it could be read last.
pub struct LastKnown {
    pub report: HealReport,
    /// Findings whose check could not be repeated since: neither are they there, nor are they gone.
    unrepeated: Vec<Finding>,
    /// Workloads whose kind cannot be read any more.
    pub unread: BTreeSet<Subject>,
}

impl LastKnown {
    pub fn of(report: HealReport) -> Self {
        LastKnown { report, unrepeated: Vec::new(), unread: BTreeSet::new() }
    }

    /// Those of the report, and those that could not be looked for since.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.report.findings.iter().chain(&self.unrepeated)
    }

    /// With this report after it.
    #[must_use]
    pub fn followed_by(&self, report: HealReport) -> Self {
        let is_unchecked = |of: &HealReport, id: &str| of.unchecked.iter().any(|it| it.id == id);
        let is_unrepeated = |it: &Finding, was_already: bool| {
            let is_newly_so = !is_unchecked(&self.report, it.id) || was_already;
            is_unread(&it.subject, &report) || is_newly_so && is_unchecked(&report, it.id)
        };
        let is_gone_or_unrepeated =
            |it: &&Finding| !report.findings.iter().any(|other| key(other) == key(it));
        let before = self.report.findings.iter().filter(|it| is_unrepeated(it, false));
        let earlier = self.unrepeated.iter().filter(|it| is_unrepeated(it, true));
        let unrepeated = before.chain(earlier).filter(is_gone_or_unrepeated).cloned().collect();
        let is_there = |subject: &Subject| report.workloads.iter().any(|row| row.subject == *subject);
        let rows = self.report.workloads.iter().filter(|row| !row.is_part).map(|row| &row.subject);
        let unread = rows.chain(&self.unread).filter(|it| is_unread(it, &report) && !is_there(it));
        let unread = unread.cloned().collect();
        LastKnown { report, unrepeated, unread }
    }
}

fn is_unread(subject: &Subject, report: &HealReport) -> bool {
    Read::of_kind(&subject.kind).is_some_and(|read| report.scope.unread.contains(&read))
}

/// What makes it the same finding in another report.
pub fn key(finding: &Finding) -> (&'static str, Severity, &Subject) {
    (finding.id, finding.severity, &finding.subject)
}
