//! What is told about revisions when one is chosen, or none can be.

use cluster_model::raw::Raw;
use cluster_model::rollout::images;
use cluster_model::text::span;
use plugin_client::{Failure, Line, table};

use super::Past;
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
    indices.iter().map(|&index| past.rollout.revisions[index].number.to_string()).collect()
}

/// `revision 3`, `revisions 3 and 4`
pub fn revisions(past: Past<'_>, indices: &[usize], and: &str) -> String {
    let noun = if indices.len() == 1 { "revision" } else { "revisions" };
    format!("{noun} {}", listed(&numbers(past, indices), and))
}

/// The table below a refusal: what there is to choose from, newest first.
pub fn choices(past: Past<'_>, indices: &[usize]) -> String {
    let head = ["REVISION", "AGE", "IMAGES", "HEALTHY"].map(Line::from).to_vec();
    let rows = indices.iter().rev().map(|&index| {
        let revision = &past.rollout.revisions[index];
        let age = revision.created.map(|at| span((past.now.as_second() - at.as_second()).max(0)));
        let images: Vec<String> =
            images(&revision.template).into_iter().map(|(c, i)| format!("{c}={i}")).collect();
        let cells = [
            revision.number.to_string(),
            age.unwrap_or_default(),
            images.join(","),
            health(&past.health[index]).trim_start_matches("health ").to_owned(),
        ];
        cells.map(Line::from).to_vec()
    });
    let lines: Vec<String> =
        table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()).iter().map(Line::text).collect();
    lines.join("\n")
}

pub fn all(past: Past<'_>) -> Vec<usize> {
    (0..past.rollout.revisions.len()).collect()
}

/// How many superseded revisions its controller keeps.
pub fn limit(past: Past<'_>) -> i64 {
    past.rollout.object.number("/spec/revisionHistoryLimit").unwrap_or(10)
}

/// Is anything older than what is kept gone?
pub fn pruned(past: Past<'_>) -> bool {
    let revisions = past.rollout.revisions.iter();
    revisions
        .flat_map(|r| r.also_known_as.iter().copied().chain([r.number]))
        .filter(|&n| n > 0)
        .min()
        .is_some_and(|n| n > 1)
}

pub trait Hints {
    fn history(self, past: Past<'_>) -> Self;
    /// One command for each.
    fn take(self, past: Past<'_>, indices: &[usize]) -> Self;
}

impl Hints for Failure {
    fn history(self, past: Past<'_>) -> Self {
        self.hint(format!("see what there is: kubectl rollback-to {} --history", past.rollout.id.typed()))
    }

    fn take(self, past: Past<'_>, indices: &[usize]) -> Self {
        indices.iter().fold(self, |failure, &index| {
            let number = past.rollout.revisions[index].number;
            failure.hint(format!("kubectl rollback-to {} --to-revision {number}", past.rollout.id.typed()))
        })
    }
}
