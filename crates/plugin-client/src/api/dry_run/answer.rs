//! What the server's answer to a dry run means. Pure.

use cluster_model::admission;
use cluster_model::text::shorten;
use kube::core::Status;

/// A webhook with side effects refuses dry runs only (apiserver/pkg/admission/plugin/webhook/errors, NewDryRunUnsupportedErr).
pub const DRY_RUN_UNSUPPORTED: &str = "does not support dry run";
/// The whole message of a failed `test` (apimachinery/pkg/api/errors, NewGenericServerResponse for 422).
const TEST_FAILED: &str = "rejected our request due to an error in our request";

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A `test` of the patch failed: the template, or the object, is another one by now.
    Changed,
    /// In the server's own words.
    Refused(String),
    /// The server cannot dry-run it; the real request may still be accepted.
    DryRunUnsupported(String),
    /// The answer is not about the template.
    Other,
}

pub fn answer(error: &kube::Error) -> Answer {
    match error {
        kube::Error::Api(status) => of_status(status),
        _ => Answer::Other,
    }
}

fn of_status(status: &Status) -> Answer {
    let message = || shorten(status.message.trim(), 600);
    let about =
        status.details.as_ref().is_some_and(|details| !details.kind.is_empty() || !details.causes.is_empty());
    match status.code {
        400 if status.message.contains(DRY_RUN_UNSUPPORTED) => Answer::DryRunUnsupported(message()),
        _ if admission::is_refusal(&status.message) => Answer::Refused(message()),
        422 if !about && status.message.contains(TEST_FAILED) => Answer::Changed,
        400 | 403 | 406 | 412 | 413 | 422 => Answer::Refused(message()),
        _ => Answer::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::response::StatusDetails;

    fn status(code: u16, message: &str, kind: &str) -> Status {
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: kind.to_owned(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        };
        Status { code, details: Some(details), ..Status::failure(message, "") }
    }

    #[test]
    fn a_lost_race_a_refusal_and_silence_are_distinguished() {
        let generic = "the server rejected our request due to an error in our request";
        let quota = "pods \"web-x\" is forbidden: exceeded quota: q";
        let refused = |message: &str| Answer::Refused(message.to_owned());
        let dry = "admission webhook \"w\" does not support dry run";
        let hook = "Internal error occurred: failed calling webhook \"w\": connection refused";
        let cases = [
            (status(422, generic, ""), Answer::Changed),
            (status(422, generic, "Deployment"), refused(generic)),
            (
                status(422, "admission webhook \"w\" denied the request: no", ""),
                refused("admission webhook \"w\" denied the request: no"),
            ),
            (status(403, quota, "pods"), refused(quota)),
            (status(400, dry, ""), Answer::DryRunUnsupported(dry.to_owned())),
            (
                status(400, "admission webhook \"w\" denied the request", ""),
                refused("admission webhook \"w\" denied the request"),
            ),
            (status(500, hook, ""), refused(hook)),
            (
                status(404, "admission webhook \"w\" denied the request", ""),
                refused("admission webhook \"w\" denied the request"),
            ),
            (status(500, "etcd", ""), Answer::Other),
            (status(429, "slow down", ""), Answer::Other),
            (status(404, "deployments.apps \"web\" not found", "deployments"), Answer::Other),
        ];
        for (status, expected) in cases {
            assert_eq!(of_status(&status), expected, "{status:?}");
        }
    }
}
