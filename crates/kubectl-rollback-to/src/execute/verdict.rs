//! What the server's answer to a guarded write means. Pure.

use cluster_model::admission;
use std::time::Duration;

use plugin_client::api::access_review;
use plugin_client::{Right, lost, unreachable};
use serde_json::Value;

use super::wire::Refusal;

/// The answer, reduced to what is done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Applied; the object as it is now.
    Applied(Value),
    /// A `test` of the patch failed, or others wrote first.
    Conflict {
        message: String,
    },
    Gone {
        message: String,
    },
    /// The server sheds load; nothing was applied.
    Busy {
        message: String,
        wait: Duration,
    },
    /// It is not known whether it was applied.
    Lost {
        message: String,
    },
    /// The connection failed before it was sent: nothing was applied.
    NotSent {
        message: String,
    },
    /// The user may not do it, or is not logged in. A server that is just starting refuses everybody like this.
    Denied {
        message: String,
    },
    /// It will not be accepted.
    Refused {
        message: String,
    },
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
        return Answer::Refused { message };
    }
    if unreachable(&refusal.error) {
        return Answer::NotSent { message };
    }
    if lost(&refusal.error) {
        return Answer::Lost { message };
    }
    let kube::Error::Api(status) = &refusal.error else { return Answer::Refused { message } };
    let details = status.details.as_ref();
    match status.code {
        404 => Answer::Gone { message },
        409 => Answer::Conflict { message },
        // A patch that cannot be applied is answered with a generic sentence and nothing else
        // (apiserver/pkg/endpoints/handlers/patch.go, applyJSPatch); an object that is invalid, with the fields that are.
        422 if details.is_none_or(|d| d.causes.is_empty()) => Answer::Conflict { message },
        429 => {
            let seconds = details.map(|d| d.retry_after_seconds).filter(|s| *s > 0).map(u64::from);
            let wait =
                refusal.retry_after.or(seconds.map(Duration::from_secs)).unwrap_or(Duration::from_secs(1));
            Answer::Busy { message, wait: wait.min(LONGEST_WAIT) }
        }
        // The message of the authorizer; admission plugins answer 403 as well.
        403 if status.message.contains(" cannot ") => {
            Answer::Denied { message: format!("{message}; {}", access_review::grant(right)) }
        }
        401 => Answer::Denied { message: format!("{message}; log in again") },
        _ => Answer::Refused { message },
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

    #[test]
    fn answers_of_a_real_server() {
        let generic = "the server rejected our request due to an error in our request";
        let field =
            json!({"causes": [{"reason": "FieldValueRequired", "field": "spec.template.spec.containers"}]});
        let says = |text: &str, code: u16| format!("cannot roll back: {text} ({code})");
        let busy = |text: &str, seconds| Answer::Busy {
            message: says(text, 429),
            wait: Duration::from_secs(seconds),
        };
        let cases = [
            (
                404,
                "deployments \"web\" not found",
                json!(null),
                None,
                Answer::Gone { message: says("deployments \"web\" not found", 404) },
            ),
            (422, generic, json!(null), None, Answer::Conflict { message: says(generic, 422) }),
            (422, generic, json!({}), None, Answer::Conflict { message: says(generic, 422) }),
            (422, "is invalid", field, None, Answer::Refused { message: says("is invalid", 422) }),
            (
                409,
                "has been modified",
                json!({}),
                None,
                Answer::Conflict { message: says("has been modified", 409) },
            ),
            (
                422,
                "admission webhook \"v\" denied the request: no",
                json!({}),
                None,
                Answer::Refused { message: says("admission webhook \"v\" denied the request: no", 422) },
            ),
            (
                409,
                "admission webhook \"v\" denied the request: no",
                json!({}),
                None,
                Answer::Refused { message: says("admission webhook \"v\" denied the request: no", 409) },
            ),
            (
                404,
                "admission webhook \"v\" denied the request: no",
                json!({}),
                None,
                Answer::Refused { message: says("admission webhook \"v\" denied the request: no", 404) },
            ),
            (
                500,
                "admission webhook \"v\" denied the request: no",
                json!({}),
                None,
                Answer::Refused { message: says("admission webhook \"v\" denied the request: no", 500) },
            ),
            (429, "slow down", json!(null), Some(7), busy("slow down", 7)),
            (429, "slow down", json!({"retryAfterSeconds": 3}), None, busy("slow down", 3)),
            (429, "slow down", json!(null), None, busy("slow down", 1)),
            (429, "slow down", json!(null), Some(4000), busy("slow down", 30)),
            (500, "etcd", json!({}), None, Answer::Lost { message: says("etcd", 500) }),
            (504, "late", json!({}), None, Answer::Lost { message: says("late", 504) }),
            (
                403,
                "User \"me\" cannot patch resource \"deployments\"",
                json!({}),
                None,
                Answer::Denied {
                    message: format!(
                        "{}; grant {{apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}}",
                        says("User \"me\" cannot patch resource \"deployments\"", 403)
                    ),
                },
            ),
            (
                403,
                "exceeded quota",
                json!({}),
                None,
                Answer::Refused { message: says("exceeded quota", 403) },
            ),
            (
                401,
                "Unauthorized",
                json!({}),
                None,
                Answer::Denied { message: format!("{}; log in again", says("Unauthorized", 401)) },
            ),
            (400, "bad", json!({}), None, Answer::Refused { message: says("bad", 400) }),
        ];
        for (code, message, details, retry_after, expected) in cases {
            assert_eq!(answer(code, message, details, retry_after), expected, "{code} {message}");
        }
    }
}
