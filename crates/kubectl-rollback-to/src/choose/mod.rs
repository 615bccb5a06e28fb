//! Which template to go back to: always with the evidence, refused when it is ambiguous.

mod change_cause;
mod hints;
mod image;
mod image_match;
mod last_healthy;
mod messages;
mod number;
mod refusal;
mod target;
#[cfg(test)]
mod tests;
mod time;

use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::Failure;

pub use change_cause::inherited;
pub use hints::flag;
pub use last_healthy::{last_healthy, to_last_healthy};
pub use number::by_number;
pub use refusal::Refusal;
pub use target::{Chosen, Past, Target};

use crate::options::Choice;

/// Why these choices do not match the request. A selector may cover workloads that did not exist at the time, and they
/// are skipped; skipping one that was named, or all of them, would look like success.
pub fn refusal(chosen: &[Chosen], named: bool) -> Option<Failure> {
    let mut skipped = chosen.iter().filter_map(|chosen| match chosen {
        Chosen::NotYetCreated(refusal) => Some(refusal),
        Chosen::Target(_) => None,
    });
    let all = skipped.clone().count() == chosen.len();
    skipped.next().filter(|_| named || all).cloned()
}

/// `zone` is the one that times are shown in.
pub fn choose(past: Past<'_>, choice: &Choice, zone: &TimeZone) -> Result<Chosen, Refusal> {
    if past.rollout.revisions.is_empty() {
        return Err(Failure::refused(format!(
            "{} has no revisions: there is nothing to go back to",
            past.rollout.id
        ))
        .into());
    }
    match choice {
        Choice::Previous => number::previous(past),
        Choice::Revision(number) => number::revision(past, *number),
        Choice::Picked(name) => Ok(number::picked(past, name)?),
        Choice::Time { at, closest } => Ok(time::time(past, *at, *closest, zone)?),
        Choice::Image(pattern) => image::image(past, pattern),
        Choice::LastHealthy => last_healthy::choose_last_healthy(past),
    }
}
