//! Since when the API server has not answered, over all requests of one client. No I/O.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use http::Response;
use tower::BoxError;

use crate::mutex::lock;

/// Requests wait, or failed, and nothing has been answered since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// When the first of them was sent, or the last answer came.
    pub since: Instant,
    /// The last failure, in one line; `None` while the first requests still wait.
    pub message: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Pending>>);

#[derive(Default)]
struct Pending {
    waiting: usize,
    since: Option<Instant>,
    message: Option<String>,
}

/// One request under way.
pub(crate) struct PendingRequest(Answers);

impl Answers {
    pub(crate) fn unanswered(&self) -> Option<Unanswered> {
        let pending = lock(&self.0);
        pending.since.map(|since| Unanswered { since, message: pending.message.clone() })
    }

    pub(crate) fn request_sent(&self) -> PendingRequest {
        let mut pending = lock(&self.0);
        pending.waiting += 1;
        pending.since.get_or_insert_with(Instant::now);
        PendingRequest(self.clone())
    }
}

impl PendingRequest {
    /// The outcome of the request, or of one of its attempts. A refusal is an answer. A 5xx is none: the server,
    /// or a load balancer before it, could not serve the request.
    pub(crate) fn outcome<T>(&self, outcome: &Result<Response<T>, BoxError>) {
        let failed = match outcome {
            Ok(answer) if answer.status().is_server_error() => Some(answer.status().to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let mut pending = lock(&self.0.0);
        if failed.is_none() {
            // Other requests still wait, but the server has just answered one.
            pending.since = Some(Instant::now());
        }
        pending.message = failed;
    }
}

/// Also when a request is cancelled: that it had no answer proves nothing.
impl Drop for PendingRequest {
    fn drop(&mut self) {
        let mut pending = lock(&self.0.0);
        pending.waiting -= 1;
        if pending.waiting == 0 && pending.message.is_none() {
            pending.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16) -> Result<Response<()>, BoxError> {
        Ok(Response::builder().status(code).body(()).unwrap())
    }

    fn message(answers: &Answers) -> Option<String> {
        answers.unanswered().and_then(|unanswered| unanswered.message)
    }

    #[test]
    fn it_is_owed_from_the_first_request_to_any_answer() {
        let answers = Answers::default();
        assert_eq!(answers.unanswered(), None);
        let (first, second) = (answers.request_sent(), answers.request_sent());
        let since = answers.unanswered().unwrap().since;
        first.outcome(&Err::<Response<()>, _>("connection refused".into()));
        assert_eq!(
            answers.unanswered(),
            Some(Unanswered { since, message: Some("connection refused".into()) })
        );
        answers.request_sent().outcome(&answer(503));
        assert_eq!(answers.unanswered().unwrap().since, since, "still the first of them");
        assert_eq!(message(&answers).as_deref(), Some("503 Service Unavailable"));
        // A refusal is an answer; the other one still waits.
        answers.request_sent().outcome(&answer(403));
        assert!(answers.unanswered().unwrap().since > since && message(&answers).is_none());
        second.outcome(&answer(200));
        drop((first, second));
        assert_eq!(answers.unanswered(), None);
    }

    #[test]
    fn what_nobody_waits_for_any_more_proves_nothing() {
        let answers = Answers::default();
        drop(answers.request_sent());
        assert_eq!(answers.unanswered(), None);
        answers.request_sent().outcome(&Err::<Response<()>, _>("connection refused".into()));
        drop(answers.request_sent());
        assert!(answers.unanswered().is_some(), "the failure stands");
    }
}
