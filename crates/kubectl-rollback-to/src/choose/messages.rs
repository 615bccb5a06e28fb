//! Messages about revisions when one is chosen, or none can be.

use cluster_model::raw::Raw;

use super::target::Past;
use crate::health::{Health, Verdict};

/// `likely healthy: was active for 41h, while its predecessors were at 0`
pub fn health(health: &Health) -> String {
    let word = match health.verdict {
        Verdict::Healthy => "healthy",
        Verdict::Unhealthy => "unhealthy",
        Verdict::Likely => "likely healthy",
        Verdict::Unknown => "health unknown",
    };
    if health.evidence.is_empty() { word.to_owned() } else { format!("{word}: {}", health.evidence) }
}

/// `1, 2 and 4`
pub fn listed(items: &[String], and: &str) -> String {
    match items {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}

pub fn numbers(past: Past<'_>, indices: &[usize]) -> Vec<String> {
    indices.iter().map(|&index| number(past, index)).collect()
}

/// `2`; `2 (web-5c9f)` where another revision has the same number.
pub fn number(past: Past<'_>, index: usize) -> String {
    let revision = &past.rollout.revisions[index];
    match past.rollout.shares_number(index) {
        true => format!("{} ({})", revision.number, revision.name),
        false => revision.number.to_string(),
    }
}

/// `revision 3`, `revisions 3 and 4`
pub fn revisions(past: Past<'_>, indices: &[usize], and: &str) -> String {
    let noun = if indices.len() == 1 { "revision" } else { "revisions" };
    format!("{noun} {}", listed(&numbers(past, indices), and))
}

pub fn all(past: Past<'_>) -> Vec<usize> {
    (0..past.rollout.revisions.len()).collect()
}

/// What became of revisions with lower numbers than those that are kept, as in `older ones were pruned`; `None`: there were none.
pub fn older(past: Past<'_>) -> Option<String> {
    let revisions = &past.rollout.revisions;
    let numbers = revisions.iter().flat_map(|r| r.also_known_as.iter().copied().chain([r.number]));
    if numbers.filter(|&n| n > 0).min().is_none_or(|lowest| lowest == 1) {
        return None;
    }
    let limit = past.rollout.object.number("/spec/revisionHistoryLimit").unwrap_or(10);
    let superseded = revisions.len().saturating_sub(1);
    // Below the limit a controller prunes nothing.
    let is_full = i64::try_from(superseded).is_ok_and(|superseded| superseded >= limit);
    let pruned = format!("were pruned (revisionHistoryLimit {limit})");
    let renumbered = "took a new number when they were rolled back to";
    Some(match (past.rollout.id.kind.rules().keeps_numbers(), is_full) {
        (true, true) => pruned,
        (true, false) => "were deleted".to_owned(),
        (false, true) => format!("{pruned}, or {renumbered}"),
        (false, false) => format!("{renumbered}, or were deleted"),
    })
}
