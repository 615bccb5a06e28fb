//! What the server's answer to a guarded write means. Pure.

use cluster_model::admission;
use std::time::Duration;

use plugin_client::api::access_review;
use plugin_client::{Right, lost, unreachable};
use serde_json::Value;

use super::wire::Refusal;

/// The answer, reduced to what is done about it, with its message.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Applied; the object as it is now.
    Applied(Value),
    /// A `test` of the patch failed, or others wrote first.
    Conflict(String),
    Gone(String),
    /// The server sheds load; nothing was applied.
    Busy {
        message: String,
        wait: Duration,
    },
    /// It is not known whether it was applied.
    Lost(String),
    /// The connection failed before it was sent: nothing was applied.
    NotSent(String),
    /// The user may not do it, or is not logged in. A server that is just starting refuses everybody like this.
    Denied(String),
    /// It will not be accepted.
    Refused(String),
}

/// The longest wait for a server that sheds load.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// `doing` completes "cannot …"; `right` is what it takes.
pub fn of(answer: Result<Value, Refusal>, doing: &str, right: &Right) -> Answer {
    let refusal = match answer {
        Ok(object) => return Answer::Applied(object),
        Err(refusal) => refusal,
    };
    let message = refusal.message(doing);
    // Before the code: admission may choose any.
    if matches!(&refusal.error, kube::Error::Api(status) if admission::is_refusal(&status.message)) {
        return Answer::Refused(message);
    }
    if unreachable(&refusal.error) {
        return Answer::NotSent(message);
    }
    if lost(&refusal.error) {
        return Answer::Lost(message);
    }
    let kube::Error::Api(status) = &refusal.error else { return Answer::Refused(message) };
    let details = status.details.as_ref();
    match status.code {
        404 => Answer::Gone(message),
        409 => Answer::Conflict(message),
        // A patch that cannot be applied is answered with a generic sentence and nothing else
        // (apiserver/pkg/endpoints/handlers/patch.go, applyJSPatch); an object that is invalid, with the fields that are.
        422 if details.is_none_or(|d| d.causes.is_empty()) => Answer::Conflict(message),
        429 => {
            let seconds = details.map(|d| d.retry_after_seconds).filter(|s| *s > 0).map(u64::from);
            let wait =
                refusal.retry_after.or(seconds.map(Duration::from_secs)).unwrap_or(Duration::from_secs(1));
            Answer::Busy { message, wait: wait.min(LONGEST_WAIT) }
        }
        // The message of the authorizer; admission plugins answer 403 as well.
        403 if status.message.contains(" cannot ") => {
            Answer::Denied(format!("{message}; {}", access_review::grant(right)))
        }
        401 => Answer::Denied(format!("{message}; log in again")),
        _ => Answer::Refused(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(code: u16, message: &str, details: Value, retry_after: Option<u64>) -> Answer {
        let status = json!({"status": "Failure", "code": code, "message": message, "details": details});
        let error = kube::Error::Api(serde_json::from_value(status).unwrap());
        let refusal = Refusal { error, retry_after: retry_after.map(Duration::from_secs) };
        of(Err(refusal), "roll back", &Right::new("patch", "apps", "deployments"))
    }

    fn busy(message: String, seconds: u64) -> Answer {
        Answer::Busy { message, wait: Duration::from_secs(seconds) }
    }

    #[test]
    fn answers_of_a_real_server() {
        type Case<'a> = (u16, &'a str, Value, Option<u64>, fn(String) -> Answer);
        let generic = "the server rejected our request due to an error in our request";
        let field =
            json!({"causes": [{"reason": "FieldValueRequired", "field": "spec.template.spec.containers"}]});
        let denied = "admission webhook \"v\" denied the request: no";
        let cases: [Case<'_>; 19] = [
            (404, "deployments \"web\" not found", json!(null), None, Answer::Gone),
            (422, generic, json!(null), None, Answer::Conflict),
            (422, generic, json!({}), None, Answer::Conflict),
            (422, "is invalid", field, None, Answer::Refused),
            (409, "has been modified", json!({}), None, Answer::Conflict),
            (422, denied, json!({}), None, Answer::Refused),
            (409, denied, json!({}), None, Answer::Refused),
            (404, denied, json!({}), None, Answer::Refused),
            (500, denied, json!({}), None, Answer::Refused),
            (429, "slow down", json!(null), Some(7), |message| busy(message, 7)),
            (429, "slow down", json!({"retryAfterSeconds": 3}), None, |message| busy(message, 3)),
            (429, "slow down", json!(null), None, |message| busy(message, 1)),
            (429, "slow down", json!(null), Some(4000), |message| busy(message, 30)),
            (500, "etcd", json!({}), None, Answer::Lost),
            (504, "late", json!({}), None, Answer::Lost),
            (403, "User \"me\" cannot patch resource \"deployments\"", json!({}), None, |message| {
                let grant = "{apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}";
                Answer::Denied(format!("{message}; grant {grant}"))
            }),
            (403, "exceeded quota", json!({}), None, Answer::Refused),
            (401, "Unauthorized", json!({}), None, |message| {
                Answer::Denied(format!("{message}; log in again"))
            }),
            (400, "bad", json!({}), None, Answer::Refused),
        ];
        for (code, text, details, retry_after, expected) in cases {
            let message = format!("cannot roll back: {text} ({code})");
            assert_eq!(answer(code, text, details, retry_after), expected(message), "{code} {text}");
        }
    }
}
