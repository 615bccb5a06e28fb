//! A proof in the formats that list results: recovered, or not and why.

use crate::finding::Subject;
use crate::proof::report::ProofResult;
use crate::report::HealReport;

pub struct Proof<'r> {
    /// `proof by eviction`
    pub name: String,
    pub subject: Option<&'r Subject>,
    /// None: it recovered in time.
    pub failure: Option<Failure>,
}

pub struct Failure {
    /// As in JSON: `not-recovered`.
    pub result: &'static str,
    pub reason: String,
}

/// The proof of this run, if one was asked for. A proof is of one workload.
pub fn proof(report: &HealReport) -> Option<Proof<'_>> {
    let proof = report.proof.as_ref()?;
    let result = match proof.result {
        ProofResult::Recovered => None,
        ProofResult::Slow => Some("slow"),
        ProofResult::NotRecovered => Some("not-recovered"),
        ProofResult::Void => Some("void"),
        ProofResult::Aborted => Some("aborted"),
    };
    let reason = || proof.reason.clone().unwrap_or_else(|| "it did not recover".to_owned());
    Some(Proof {
        name: report.scope.harm.map_or("proof".to_owned(), |harm| format!("proof by {}", harm.noun())),
        subject: report.scope.workloads.first().map(|it| &it.subject),
        failure: result.map(|result| Failure { result, reason: reason() }),
    })
}
