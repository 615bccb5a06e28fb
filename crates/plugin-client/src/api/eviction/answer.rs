//! What the server's answer to an eviction means (`pkg/registry/core/pod/storage/eviction.go`). One status code has several
//! meanings, so causes and texts decide.

use cluster_model::admission;
use k8s_openapi::jiff::SignedDuration;
use kube::core::Status;

/// The answer, reduced to what the engine does about it.
#[derive(Clone, Debug, PartialEq)]
pub enum EvictionAnswer {
    Accepted,
    /// The server reports no such pod. A code alone proves nothing: the pod is read again.
    NotFound,
    /// The budget is spent. Nothing to do before it changes.
    BudgetSpent {
        message: String,
    },
    /// The budget's controller has not caught up, or another eviction won a race: not a refusal.
    NotYet {
        message: String,
        retry_after: SignedDuration,
    },
    /// API priority and fairness (or a max-in-flight limit) pushed back.
    Busy {
        retry_after: SignedDuration,
    },
    /// A precondition failed: whether it is still the same pod has to be read. Never repeated blindly:
    /// an eviction with a stale UID still spends the budget.
    Conflict,
    /// More than one budget selects the pod.
    SeveralBudgets {
        message: String,
    },
    NamespaceTerminating,
    /// An admission webhook refused, or could not be called.
    Webhook {
        message: String,
    },
    /// Whether the eviction happened is not known: 5xx, cut connection, no answer in time.
    Unknown {
        message: String,
    },
    /// No right to evict: everything stops.
    Denied {
        message: String,
    },
    /// The server is older than policy/v1 evictions.
    NoEvictionApi {
        message: String,
    },
    /// The server will never accept this one.
    Refused {
        message: String,
    },
}

/// The cause that every refusal for the sake of a budget carries (policy/v1 `DisruptionBudgetCause`).
const BUDGET_CAUSE: &str = "DisruptionBudget";
const NO_EVICTION_API: [&str; 2] = ["could not find the requested resource", "page not found"];
/// What the server suggests when a budget's status has to be recomputed first (eviction.go, `RetryAfter`).
const BUDGET_RETRY: SignedDuration = SignedDuration::from_secs(10);

pub fn of_status(status: &Status) -> EvictionAnswer {
    let message = status.message.clone();
    let details = status.details.as_ref();
    let cause = |reason: &str| details.is_some_and(|d| d.causes.iter().any(|c| c.reason == reason));
    let retry_after = details
        .map(|d| d.retry_after_seconds)
        .filter(|s| *s > 0)
        .map(|s| SignedDuration::from_secs(i64::from(s)));
    match status.code {
        200..=299 => EvictionAnswer::Accepted,
        // Before the code: admission may choose any.
        _ if admission::is_refusal(&message) => EvictionAnswer::Webhook { message },
        // No such resource, rather than no such pod: the server is older than policy/v1 evictions (Kubernetes 1.22).
        404 if NO_EVICTION_API.iter().any(|words| message.contains(words)) => {
            EvictionAnswer::NoEvictionApi { message }
        }
        404 => EvictionAnswer::NotFound,
        409 => EvictionAnswer::Conflict,
        401 => EvictionAnswer::Denied { message: format!("{message}: log in again") },
        429 if cause(BUDGET_CAUSE) => match retry_after {
            Some(retry_after) => EvictionAnswer::NotYet { message, retry_after },
            None => EvictionAnswer::BudgetSpent { message: budget_words(status) },
        },
        429 => EvictionAnswer::Busy { retry_after: retry_after.unwrap_or(SignedDuration::from_secs(1)) },
        403 if cause("NamespaceTerminating") => EvictionAnswer::NamespaceTerminating,
        // Over-committed: a negative allowance, or more than 2000 evictions that its controller has not confirmed. Both pass.
        403 if cause(BUDGET_CAUSE) => {
            EvictionAnswer::NotYet { message: budget_words(status), retry_after: BUDGET_RETRY }
        }
        // The authoriser's own sentence.
        403 if message.contains("cannot create resource") || message.contains("cannot delete resource") => {
            EvictionAnswer::Denied { message }
        }
        // The only 500 that is an answer rather than an accident; it has neither reason nor cause to go by.
        500 if message.contains("more than one PodDisruptionBudget") => {
            EvictionAnswer::SeveralBudgets { message }
        }
        500..=599 => EvictionAnswer::Unknown { message },
        _ => EvictionAnswer::Refused { message },
    }
}

/// The cause names the budget and its numbers; the message does not.
fn budget_words(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    let words: Vec<&str> = causes.filter(|c| c.reason == BUDGET_CAUSE).map(|c| c.message.as_str()).collect();
    if words.is_empty() { status.message.clone() } else { words.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn verdict(code: u16, message: &str, details: Value) -> EvictionAnswer {
        of_status(&serde_json::from_value(json!({"status": "Failure", "code": code, "message": message, "reason": "", "details": details})).unwrap())
    }

    #[test]
    fn answers_of_a_real_server() {
        let budget = |retry: u32| json!({"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods and has 2 currently"}], "retryAfterSeconds": retry});
        let text = |s: &str| s.to_owned();
        let denied = "admission webhook \"v.example\" denied the request: pods \"p\" not found in the fleet";
        let overcommitted =
            "poddisruptionbudget.policy \"web\" is forbidden: pdb disruptions allowed is negative";
        let policy = "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no evictions today";
        let none = json!({});
        let cases = [
            (201, "", none.clone(), EvictionAnswer::Accepted),
            (404, "pods \"p\" not found", none.clone(), EvictionAnswer::NotFound),
            (
                404,
                "the server could not find the requested resource",
                none.clone(),
                EvictionAnswer::NoEvictionApi {
                    message: text("the server could not find the requested resource"),
                },
            ),
            (
                429,
                "Cannot evict pod as it would violate the pod's disruption budget.",
                budget(0),
                EvictionAnswer::BudgetSpent {
                    message: text("The disruption budget web needs 2 healthy pods and has 2 currently"),
                },
            ),
            (
                429,
                "still being processed",
                budget(10),
                EvictionAnswer::NotYet {
                    message: text("still being processed"),
                    retry_after: SignedDuration::from_secs(10),
                },
            ),
            (
                429,
                "Too many requests, please try again later.",
                json!({"retryAfterSeconds": 3}),
                EvictionAnswer::Busy { retry_after: SignedDuration::from_secs(3) },
            ),
            (
                429,
                "Too many requests, please try again later.",
                none.clone(),
                EvictionAnswer::Busy { retry_after: SignedDuration::from_secs(1) },
            ),
            (409, "the UID in the precondition does not match", none.clone(), EvictionAnswer::Conflict),
            // A webhook may deny with any code (apiserver/pkg/admission/plugin/webhook/errors/statuserror.go).
            (404, denied, none.clone(), EvictionAnswer::Webhook { message: text(denied) }),
            (401, denied, none.clone(), EvictionAnswer::Webhook { message: text(denied) }),
            (409, denied, none.clone(), EvictionAnswer::Webhook { message: text(denied) }),
            (500, denied, none.clone(), EvictionAnswer::Webhook { message: text(denied) }),
            (401, policy, none.clone(), EvictionAnswer::Webhook { message: text(policy) }),
            (422, policy, none.clone(), EvictionAnswer::Webhook { message: text(policy) }),
            (
                403,
                overcommitted,
                budget(0),
                EvictionAnswer::NotYet {
                    message: text("The disruption budget web needs 2 healthy pods and has 2 currently"),
                    retry_after: SignedDuration::from_secs(10),
                },
            ),
            (
                500,
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                none.clone(),
                EvictionAnswer::SeveralBudgets {
                    message: text(
                        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                    ),
                },
            ),
            (
                500,
                "Internal error occurred: failed calling webhook \"v.example\": connection refused",
                none.clone(),
                EvictionAnswer::Webhook {
                    message: text(
                        "Internal error occurred: failed calling webhook \"v.example\": connection refused",
                    ),
                },
            ),
            (
                403,
                "admission webhook \"v.example\" denied the request: live migration first",
                none.clone(),
                EvictionAnswer::Webhook {
                    message: text("admission webhook \"v.example\" denied the request: live migration first"),
                },
            ),
            (
                429,
                "admission webhook \"kubevirt\" denied the request: evacuating",
                none.clone(),
                EvictionAnswer::Webhook {
                    message: text("admission webhook \"kubevirt\" denied the request: evacuating"),
                },
            ),
            (
                403,
                "cannot create resource in namespace because it is being terminated",
                json!({"causes": [{"reason": "NamespaceTerminating"}]}),
                EvictionAnswer::NamespaceTerminating,
            ),
            (
                403,
                "pods \"p\" is forbidden: User \"u\" cannot create resource \"pods/eviction\"",
                none.clone(),
                EvictionAnswer::Denied {
                    message: text(
                        "pods \"p\" is forbidden: User \"u\" cannot create resource \"pods/eviction\"",
                    ),
                },
            ),
            (
                401,
                "Unauthorized",
                none.clone(),
                EvictionAnswer::Denied { message: text("Unauthorized: log in again") },
            ),
            (
                504,
                "couldn't update PodDisruptionBudget due to conflicts",
                none.clone(),
                EvictionAnswer::Unknown {
                    message: text("couldn't update PodDisruptionBudget due to conflicts"),
                },
            ),
            (422, "invalid", none, EvictionAnswer::Refused { message: text("invalid") }),
        ];
        for (code, message, details, expected) in cases {
            assert_eq!(verdict(code, message, details), expected, "{code} {message}");
        }
    }
}
