//! The last line of a report: what decided about the exit code.

use cluster_model::text::count;
use plugin_client::Line;

use super::counts;
use super::once::once;
use crate::finding::{Finding, Severity};
use crate::matrix::{Matrix, Verdict};
use crate::report::{HealReport, HealResult, Row};

pub fn line(report: &HealReport, fail_on: Severity) -> Line {
    let above = match fail_on {
        Severity::Critical => "critical".to_owned(),
        severity => format!("{} or worse", severity.word()),
    };
    let line = Line::new();
    let line = match report.result {
        HealResult::Findings => {
            let counted: Vec<&Finding> =
                once(&report.findings).into_iter().filter(|it| it.severity >= fail_on).collect();
            let more = if report.unchecked.is_empty() { "" } else { "; not everything could be checked" };
            line.bad("failed").plain(format!(": {}{more} (exit code 1)", counts(&counted)))
        }
        HealResult::Incomplete if report.workloads.is_empty() && report.findings.is_empty() => {
            line.warn("incomplete").plain(": nothing was checked (exit code 5)")
        }
        HealResult::Incomplete => line
            .warn("incomplete")
            .plain(format!(": not everything could be checked; no finding is {above} (exit code 5)")),
        _ => line.good("passed").plain(format!(": no finding is {above}{}", unknown(&report.workloads))),
    };
    line.hanging(2)
}

/// Nothing may be found because nothing can be told yet, as in an update that has just begun.
fn unknown(rows: &[Row]) -> String {
    let is_unknown =
        |matrix: &Matrix| matrix.cells().iter().all(|(_, cell)| cell.verdict == Verdict::Unknown);
    let rows = rows.iter().filter(|row| row.matrix.as_ref().is_some_and(is_unknown)).count();
    if rows == 0 {
        String::new()
    } else {
        format!("; whether {} would heal is unknown", count(rows, "workload"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exempt::Exempt;
    use crate::finding::{Subject, Unchecked};
    use crate::report::Checked;

    #[test]
    fn what_decided_about_the_exit_code() {
        let of = |severities: &[Severity], has_unchecked: bool, fail_on: Severity| {
            let finding = |severity: &Severity| Finding {
                id: "HC203",
                name: "n",
                severity: *severity,
                subject: Subject::new("Deployment", "shop", "web"),
                message: String::new(),
                remedy: String::new(),
                location: None,
                offer: None,
            };
            let unchecked = Unchecked { id: "HC804".to_owned(), reason: "r".to_owned() };
            let fails = severities.iter().any(|it| *it >= fail_on);
            let report = HealReport {
                kind: "HealReport",
                result: HealResult::of(fails, has_unchecked),
                workloads: Vec::new(),
                findings: severities.iter().map(finding).collect(),
                unchecked: if has_unchecked { vec![unchecked] } else { Vec::new() },
                proof: None,
                exempt: Exempt::default(),
                scope: Checked::default(),
                seconds: 0.0,
            };
            line(&report, fail_on).text()
        };
        use Severity::{Critical, Error, Info, Warning};
        assert_eq!(of(&[], false, Error), "passed: no finding is error or worse");
        assert_eq!(of(&[Warning, Info], false, Critical), "passed: no finding is critical");
        assert_eq!(of(&[Error, Error, Warning], false, Error), "failed: 2 errors (exit code 1)");
        assert_eq!(
            of(&[Error, Warning, Info], true, Warning),
            "failed: 1 error, 1 warning; not everything could be checked (exit code 1)"
        );
        assert_eq!(of(&[], true, Error), "incomplete: nothing was checked (exit code 5)");
        assert_eq!(
            of(&[Warning], true, Error),
            "incomplete: not everything could be checked; no finding is error or worse (exit code 5)"
        );
    }

    /// As in an update whose image cannot be pulled, before that is certain enough for a finding.
    #[test]
    fn of_what_nothing_is_known_nothing_good_is_said() {
        let mut report = HealReport { result: HealResult::Ok, ..crate::formats::testing::report() };
        assert_eq!(line(&report, Severity::Error).text(), "passed: no finding is error or worse");
        let matrix = report.workloads[0].matrix.as_mut().unwrap();
        for cell in [&mut matrix.crash, &mut matrix.pod_loss, &mut matrix.node_loss, &mut matrix.drain] {
            *cell = crate::matrix::Cell::unknown("r");
        }
        assert_eq!(
            line(&report, Severity::Error).text(),
            "passed: no finding is error or worse; whether 1 workload would heal is unknown"
        );
    }
}
