//! The commands that a refusal names.

use plugin_client::Failure;

use super::image_match;
use super::target::Past;
use crate::blocking::now;
use crate::timeline::Stretch;

/// What leads to this revision and to no other: its number, or else its image, or a time when it was active.
pub fn flag(past: Past<'_>, index: usize) -> Option<String> {
    let number = past.rollout.revisions[index].number;
    // 0 is a ReplicaSet that has none yet, and another flag.
    if number > 0 && !past.rollout.shares_number(index) {
        return Some(format!("--to-revision {number}"));
    }
    image_match::flag(past, index).or_else(|| time_flag(past, index))
}

/// `--time 2026-11-23T10:00:00Z`, a moment at which only this revision can have been active.
fn time_flag(past: Past<'_>, index: usize) -> Option<String> {
    let sure = |(stretch, _): (usize, &Stretch)| {
        let reach = past.timeline.reach(stretch, past.now);
        // The first that is sure is taken.
        let at = reach.surely_from;
        let first =
            (0..past.timeline.stretches.len()).find(|&it| past.timeline.reach(it, past.now).surely(at));
        (first == Some(stretch) && at <= past.now).then(|| format!("--time {at}"))
    };
    past.timeline.of(index).rev().find_map(sure)
}

pub trait Hints {
    fn history(self, past: Past<'_>) -> Self;
    /// One command for each that there is one for.
    fn take(self, past: Past<'_>, indices: &[usize]) -> Self;
}

impl Hints for Failure {
    fn history(self, past: Past<'_>) -> Self {
        self.hint(format!("list the revisions: kubectl rollback-to {} --history", past.rollout.id.typed()))
    }

    fn take(self, past: Past<'_>, indices: &[usize]) -> Self {
        // Nothing would be written, and its pods would not come: what blocks them has to go.
        let is_blocked = |index: usize| past.rollout.current() == Some(index) && now(past.rollout).is_some();
        let flag =
            |&index: &usize| Some((flag(past, index)?, if is_blocked(index) { " --unstick" } else { "" }));
        indices.iter().filter_map(flag).fold(self, |failure, (flag, unstick)| {
            failure.hint(format!("kubectl rollback-to {} {flag}{unstick}", past.rollout.id.typed()))
        })
    }
}
