//! The commands that a refusal names.

use std::cmp::Reverse;

use plugin_client::Failure;

use super::image_match;
use super::target::Past;
use crate::blocking::unstick_flag;
use crate::health::Verdict;
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

/// Enough to choose from; the table before it has all.
const SUGGESTED: usize = 3;

/// Those of `indices` that are worth going to: not the current one, of which nothing would be written, unless a pod blocks it; and none that
/// is known to be broken, if there is another. Those with the best evidence of health first, of equal ones the newest.
fn suggested(past: Past<'_>, indices: &[usize]) -> Vec<usize> {
    let helps = |index: &usize| {
        past.rollout.current() != Some(*index) || !unstick_flag(past.rollout, *index).is_empty()
    };
    let rank = |index: usize| match past.health[index].verdict {
        Verdict::Healthy => 0,
        Verdict::Likely => 1,
        Verdict::Unknown => 2,
        Verdict::Unhealthy => 3,
    };
    let mut all: Vec<usize> = indices.iter().copied().filter(helps).collect();
    all.sort_by_key(|&index| (rank(index), Reverse(index)));
    let is_broken = |index: &usize| past.health[*index].verdict == Verdict::Unhealthy;
    if !all.iter().all(is_broken) {
        all.retain(|index| !is_broken(index));
    }
    all.truncate(SUGGESTED);
    all
}

pub trait Hints {
    fn history(self, past: Past<'_>) -> Self;
    /// A command for each that is worth suggesting and that there is a command for.
    fn take(self, past: Past<'_>, indices: &[usize]) -> Self;
}

impl Hints for Failure {
    fn history(self, past: Past<'_>) -> Self {
        self.hint(format!("list the revisions: kubectl rollback-to {} --history", past.rollout.id.typed()))
    }

    fn take(self, past: Past<'_>, indices: &[usize]) -> Self {
        let flag = |&index: &usize| Some((flag(past, index)?, unstick_flag(past.rollout, index)));
        suggested(past, indices).iter().filter_map(flag).fold(self, |failure, (flag, unstick)| {
            failure.hint(format!("kubectl rollback-to {} {flag}{unstick}", past.rollout.id.typed()))
        })
    }
}
