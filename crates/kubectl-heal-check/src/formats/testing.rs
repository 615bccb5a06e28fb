//! A report with one of everything.

use std::collections::BTreeSet;

use crate::baseline::Key;
use crate::exempt::Exempt;
use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::half::Half;
use crate::ignores::Ignored;
use crate::matrix::{Cell, Matrix};
use crate::proof::harm::Harm;
use crate::proof::report::{ProofReport, ProofResult};
use crate::report::{Checked, CheckedWorkload, HealReport, HealResult, Row};
use crate::snapshot::Kind;

pub const HOSTILE: &str = "\u{1b}[2J\u{0}\u{9b}1m\u{202e}\u{200b}\u{fffe}\u{ffff}\n\"'\\</failure>&]]>{}%#é";

pub fn finding(id: &'static str, subject: Subject, severity: Severity) -> Finding {
    let name = crate::checks::find(id).unwrap().name;
    Finding {
        id,
        name,
        severity,
        subject,
        message: "m".to_owned(),
        remedy: "r".to_owned(),
        location: None,
        offer: None,
    }
}

pub fn web() -> Subject {
    Subject::new("Deployment", "shop", "web")
}

/// The same after a proof of its workload.
pub fn proven(result: ProofResult, reason: Option<&str>) -> HealReport {
    let mut report = report();
    let reason = reason.map(str::to_owned);
    report.proof = Some(ProofReport { result, reason, rounds: Vec::new(), ephemeral_containers: Vec::new() });
    report.scope.harm = Some(Harm::Evict);
    report.unchecked.clear();
    report.result = match result {
        ProofResult::Recovered => HealResult::Ok,
        _ => HealResult::Failed,
    };
    report
}

pub fn report() -> HealReport {
    let matrix = Matrix {
        crash: Cell::heals(0, Some(5), "r").observed(),
        pod_loss: Cell::heals(0, None, "r").while_serve(2),
        node_loss: Cell::heals(80, Some(5), "r").while_serve(0).at("n1"),
        zone_loss: Cell::unknown("r"),
        drain: Cell::wont("r"),
    };
    let workload = CheckedWorkload {
        subject: web(),
        kind: Kind::Deployment,
        is_system: false,
        is_scaled_to_zero: false,
    };
    let low = Finding { message: "low".to_owned(), ..finding("HC402", web(), Severity::Info) };
    let unchecked = |id: &str| Unchecked { id: id.to_owned(), reason: "forbidden".to_owned() };
    HealReport {
        proof: None,
        kind: "HealReport",
        result: HealResult::Findings,
        workloads: vec![Row {
            subject: web(),
            matrix: Some(matrix),
            impaired_by: Vec::new(),
            is_part: false,
            pods: Some(3),
        }],
        findings: vec![
            finding("HC203", web(), Severity::Error),
            finding("HC801", Subject::new("Node", "", "n1"), Severity::Error),
            low,
        ],
        unchecked: vec![unchecked("HC601"), unchecked("placement")],
        exempt: Exempt {
            ignored: vec![Ignored {
                finding: finding("HC201", web(), Severity::Warning),
                by: "annotation",
                reason: Some("one tenant".to_owned()),
            }],
            known: vec![finding("HC301", web(), Severity::Info)],
            fixed: vec![Key::of(&finding("HC302", web(), Severity::Warning))],
        },
        scope: Checked {
            half: Half::Both,
            is_manifests: false,
            fail_on: Severity::Error,
            has_baseline: true,
            left_out: vec![unchecked("HC604")],
            unread: BTreeSet::new(),
            harm: None,
            workloads: vec![workload],
        },
        seconds: 1.25,
    }
}
