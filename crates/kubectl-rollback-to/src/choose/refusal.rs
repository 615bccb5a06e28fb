//! Why no revision is chosen, and which there are to choose from.

use plugin_client::Failure;

use super::messages;
use super::target::Past;

#[derive(Clone, Debug)]
pub struct Refusal {
    pub failure: Box<Failure>,
    /// Shown as the history shows them, before the failure; none if a list would not help.
    pub listed: Vec<usize>,
}

impl Refusal {
    pub(super) fn of_all(failure: Failure, past: Past<'_>) -> Self {
        Refusal::of(failure, &messages::all(past))
    }

    pub(super) fn of(failure: Failure, listed: &[usize]) -> Self {
        Refusal { failure: Box::new(failure), listed: listed.to_vec() }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::of(failure, &[])
    }
}
