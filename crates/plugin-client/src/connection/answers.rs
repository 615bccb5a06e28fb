//! Since when the API server owes an answer: told by all requests of one client together. No I/O.

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
    pub says: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Owed>>);

#[derive(Default)]
struct Owed {
    waiting: usize,
    since: Option<Instant>,
    says: Option<String>,
}

/// One request under way.
pub(crate) struct Asked(Answers);

impl Answers {
    pub(crate) fn unanswered(&self) -> Option<Unanswered> {
        let owed = lock(&self.0);
        owed.since.map(|since| Unanswered { since, says: owed.says.clone() })
    }

    pub(crate) fn asked(&self) -> Asked {
        let mut owed = lock(&self.0);
        owed.waiting += 1;
        owed.since.get_or_insert_with(Instant::now);
        Asked(self.clone())
    }
}

impl Asked {
    /// What came of it, or of one of its tries. Whatever the server refuses, it answers. With a 5xx it, or what stands before it, says
    /// that it cannot.
    pub(crate) fn had<T>(&self, outcome: &Result<Response<T>, BoxError>) {
        let failed = match outcome {
            Ok(answer) if answer.status().is_server_error() => Some(answer.status().to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let mut owed = lock(&self.0.0);
        if failed.is_none() {
            // The others still wait, but not longer than from now on for any answer at all.
            owed.since = Some(Instant::now());
        }
        owed.says = failed;
    }
}

/// Also of a request that nobody waits for any more: that it had no answer says nothing.
impl Drop for Asked {
    fn drop(&mut self) {
        let mut owed = lock(&self.0.0);
        owed.waiting -= 1;
        if owed.waiting == 0 && owed.says.is_none() {
            owed.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16) -> Result<Response<()>, BoxError> {
        Ok(Response::builder().status(code).body(()).unwrap())
    }

    fn says(answers: &Answers) -> Option<String> {
        answers.unanswered().and_then(|unanswered| unanswered.says)
    }

    #[test]
    fn it_is_owed_from_the_first_request_to_any_answer() {
        let answers = Answers::default();
        assert_eq!(answers.unanswered(), None);
        let (first, second) = (answers.asked(), answers.asked());
        let since = answers.unanswered().unwrap().since;
        first.had(&Err::<Response<()>, _>("connection refused".into()));
        assert_eq!(answers.unanswered(), Some(Unanswered { since, says: Some("connection refused".into()) }));
        answers.asked().had(&answer(503));
        assert_eq!(answers.unanswered().unwrap().since, since, "still the first of them");
        assert_eq!(says(&answers).as_deref(), Some("503 Service Unavailable"));
        // A refusal is an answer; the other one still waits.
        answers.asked().had(&answer(403));
        assert!(answers.unanswered().unwrap().since > since && says(&answers).is_none());
        second.had(&answer(200));
        drop((first, second));
        assert_eq!(answers.unanswered(), None);
    }

    #[test]
    fn what_nobody_waits_for_any_more_proves_nothing() {
        let answers = Answers::default();
        drop(answers.asked());
        assert_eq!(answers.unanswered(), None);
        answers.asked().had(&Err::<Response<()>, _>("connection refused".into()));
        drop(answers.asked());
        assert!(answers.unanswered().is_some(), "the failure stands");
    }
}
