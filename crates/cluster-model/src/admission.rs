//! Refusals by admission, recognised by their message: their code may be any.

/// How the API server words them. A webhook chooses the code of its denial freely, 404 and 401 included (apiserver
/// `pkg/admission/plugin/webhook/errors/statuserror.go`); one that cannot be called is a 500 ("failed calling webhook"); a
/// ValidatingAdmissionPolicy chooses a reason (`pkg/admission/plugin/policy/validating/dispatcher.go`).
const WORDS: [&str; 3] = ["admission webhook", "failed calling webhook", "' denied request: "];

/// Is this the message of a refusal by admission? To be checked before the code.
pub fn is_refusal(message: &str) -> bool {
    WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admission_is_recognised_by_its_message() {
        for message in [
            "admission webhook \"v.example\" denied the request: pods \"p\" not found",
            "admission webhook \"v.example\" denied the request without explanation",
            "Internal error occurred: failed calling webhook \"v.example\": connection refused",
            "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no",
            "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'x' denied request: no",
        ] {
            assert!(is_refusal(message), "{message}");
        }
        for message in [
            "pods \"p\" not found",
            "Unauthorized",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        ] {
            assert!(!is_refusal(message), "{message}");
        }
    }
}
