//! Which template to go back to: always with the evidence, refused when it is ambiguous.

mod healthy;
mod image;
mod messages;
mod number;
#[cfg(test)]
mod tests;
mod time;

use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::Failure;
use serde_json::Value;

pub use healthy::last_healthy;
pub use number::by_number;

use crate::health::Health;
use crate::options::Choice;
use crate::timeline::Timeline;

/// A template to go back to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Index into `Rollout::revisions`; `None` for a template from the journal that the cluster no longer keeps.
    pub revision: Option<usize>,
    pub template: Value,
    /// Its own change cause.
    pub change_cause: Option<String>,
    /// The flag, as in `--last-healthy`.
    pub chosen_by: String,
    /// Why this one, with its precision; one line.
    pub evidence: String,
}

#[derive(Clone, Debug)]
pub enum Chosen {
    Target(Target),
    /// `--time` before the workload existed: one that was selected stays as it is, one that was named is refused in these words.
    NotYetBorn(Failure),
}

/// Why these choices are no answer to what was asked for. A selector may cover workloads that did not exist at the time, and they
/// are skipped; skipping one that was named, or all of them, would look like success.
pub fn refusal(chosen: &[Chosen], named: bool) -> Option<Failure> {
    let mut skipped = chosen.iter().filter_map(|chosen| match chosen {
        Chosen::NotYetBorn(refusal) => Some(refusal),
        Chosen::Target(_) => None,
    });
    let all = skipped.clone().count() == chosen.len();
    skipped.next().filter(|_| named || all).cloned()
}

/// Everything known about one workload's past.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    pub rollout: &'a Rollout,
    pub timeline: &'a Timeline,
    /// As long as `rollout.revisions`.
    pub health: &'a [Health],
    pub now: Timestamp,
}

/// `zone` is the one that times are told in.
pub fn choose(past: Past<'_>, choice: &Choice, zone: &TimeZone) -> Result<Chosen, Failure> {
    if past.rollout.revisions.is_empty() {
        return Err(Failure::refused(format!(
            "{} has no revisions: there is nothing to go back to",
            past.rollout.id
        )));
    }
    match choice {
        Choice::Previous => number::previous(past),
        Choice::Revision(number) => number::revision(past, *number),
        Choice::Picked(name) => number::picked(past, name),
        Choice::Time { at, closest } => time::time(past, *at, *closest, zone),
        Choice::Image(pattern) => image::image(past, pattern),
        Choice::LastHealthy => healthy::healthy(past),
    }
}

fn target(past: Past<'_>, index: usize, chosen_by: &str, evidence: impl Into<String>) -> Chosen {
    let revision = &past.rollout.revisions[index];
    Chosen::Target(Target {
        revision: Some(index),
        template: revision.template.clone(),
        change_cause: revision.change_cause.clone(),
        chosen_by: chosen_by.to_owned(),
        evidence: evidence.into(),
    })
}
