//! Each time that a revision became the template of the workload, in order.

use cluster_model::managed_fields::written_by_controller;
use cluster_model::raw::Raw;
use cluster_model::rollout::{Revision, Rollout};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Index into `Rollout::revisions`.
    pub revision: usize,
    /// `None`: the number is forgotten, or not given yet.
    pub number: Option<i64>,
    /// To the second, where that was written down for good.
    pub at: Option<Timestamp>,
    /// Where it was not: not before this.
    pub since: Option<Timestamp>,
    /// A number between this one and the next belongs to nothing that is kept.
    pub lost_after: bool,
}

impl Activation {
    fn new(revision: usize, number: Option<i64>, at: Option<Timestamp>) -> Self {
        Activation { revision, number, at, since: None, lost_after: false }
    }
}

pub fn activations(rollout: &Rollout) -> Vec<Activation> {
    let keeps_numbers = rollout.id.kind.rules().keeps_numbers();
    let mut list = if keeps_numbers { numbered(rollout) } else { in_place(rollout) };
    mark_lost(&mut list);
    // The template was written a moment ago and its controller has not given the number yet.
    if let Some(current) = rollout.current()
        && list.last().is_none_or(|last| last.revision != current)
    {
        let new = list.iter().all(|activation| activation.revision != current);
        list.push(Activation::new(current, None, rollout.revisions[current].created.filter(|_| new)));
    }
    list
}

/// Takes one out; what was lost after it was lost after the one before.
pub fn forget(list: &mut Vec<Activation>, index: usize) {
    let forgotten = list.remove(index);
    if let Some(before) = index.checked_sub(1) {
        list[before].lost_after |= forgotten.lost_after;
    }
}

/// A ReplicaSet keeps every number it had, but no time other than that of its creation.
fn numbered(rollout: &Rollout) -> Vec<Activation> {
    let mut list = Vec::new();
    for (index, revision) in rollout.revisions.iter().enumerate() {
        // Its numbers are those of the one it was copied from.
        if rollout.original(index).is_some() {
            continue;
        }
        let before = revision.also_known_as.iter().copied().filter(|&number| number < revision.number);
        let mut numbers: Vec<i64> = before.chain([revision.number]).filter(|&number| number > 0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for (nth, number) in numbers.into_iter().enumerate() {
            list.push(Activation::new(index, Some(number), revision.created.filter(|_| nth == 0)));
        }
    }
    // Equal numbers stay in the order of the revisions: the older first.
    list.sort_by_key(|activation| activation.number);
    list
}

/// A ControllerRevision gets its new number in place: the old one is forgotten, the time of the bump stays in its managedFields
/// (`pkg/controller/history/controller_history.go`, UpdateControllerRevision).
fn in_place(rollout: &Rollout) -> Vec<Activation> {
    let revisions = || rollout.revisions.iter().enumerate().filter(|(_, revision)| revision.number > 0);
    let mut back: Vec<usize> =
        revisions().filter(|(_, revision)| came_back(rollout, revision)).map(|(index, _)| index).collect();
    loop {
        let mut list: Vec<Activation> = revisions()
            .map(|(index, revision)| latest(rollout, index, revision, back.contains(&index)))
            .collect();
        // Stripped of managedFields, and numbers are missing: first activations cannot be put in order, so only the numbers are known.
        if list.iter().any(|activation| activation.since.is_some()) {
            for unsure in list.iter_mut().filter(|activation| activation.at.is_none()) {
                unsure.since = rollout.revisions[unsure.revision].created;
            }
            return list;
        }
        let mut forgotten: Vec<Activation> = back
            .iter()
            .map(|&index| Activation::new(index, None, rollout.revisions[index].created))
            .collect();
        forgotten.sort_by_key(|activation| activation.at);
        for first in forgotten {
            let own = |a: &Activation| a.revision == first.revision;
            // Times are whole seconds: within one, the first number that nobody has is its own.
            let free = |at: usize| runs(&list).iter().any(|run| run.end == at && run.missing > run.forgotten);
            let later = |at: usize, a: &Activation| {
                let time = a.at.or(a.since);
                time > first.at || (time == first.at && free(at))
            };
            let place =
                list.iter().enumerate().position(|(at, a)| own(a) || (a.number.is_some() && later(at, a)));
            let place = place.unwrap_or(list.len());
            list.insert(place, first);
        }
        // More first activations after one than there are numbers for: then its own number is not its first either.
        match runs(&list)
            .into_iter()
            .find(|run| run.missing < run.forgotten && !back.contains(&list[run.start].revision))
        {
            Some(run) if list[run.start].number.is_some() => back.push(list[run.start].revision),
            _ => return list,
        }
    }
}

/// How it got the number that it has.
fn latest(rollout: &Rollout, index: usize, revision: &Revision, back: bool) -> Activation {
    let bumped = written_by_controller(rollout, revision);
    if back {
        return Activation::new(index, Some(revision.number), bumped);
    }
    // Without managedFields only a number that leaves no room for an earlier one is surely its first.
    let first = bumped.is_some() || revision.number <= place_by_age(rollout, revision);
    let since = revision.created.filter(|_| !first);
    Activation { since, ..Activation::new(index, Some(revision.number), revision.created.filter(|_| first)) }
}

/// The number it would have if it and all older ones had been rolled out once.
fn place_by_age(rollout: &Rollout, revision: &Revision) -> i64 {
    let older =
        rollout.revisions.iter().filter(|other| other.number > 0 && other.created < revision.created).count();
    i64::try_from(older).unwrap_or(i64::MAX - 1) + 1
}

/// Was this ControllerRevision rolled back to, so that its number is not that of its creation?
fn came_back(rollout: &Rollout, revision: &Revision) -> bool {
    let Some(created) = revision.created.filter(|_| revision.number > place_by_age(rollout, revision)) else {
        return false;
    };
    // Its first number was lower than that of a younger one; and there is none below 1.
    let overtook = rollout.revisions.iter().any(|other| {
        other.number > 1 && other.number < revision.number && other.created.is_some_and(|at| at > created)
    });
    // Adopted from a workload that was deleted without its pods: that writes it, too (AdoptControllerRevision).
    let adopted = rollout
        .object
        .time("/metadata/creationTimestamp")
        .is_some_and(|workload_created| created < workload_created);
    match written_by_controller(rollout, revision) {
        // Written once, when it was made: then a younger one with a lower number is a matter of clocks.
        Some(bumped) => bumped > created + SignedDuration::from_secs(1) && (overtook || !adopted),
        None => overtook,
    }
}

/// From one numbered activation to the next; the first from the beginning.
struct Run {
    start: usize,
    end: usize,
    /// Numbers between the two that belong to nothing kept.
    missing: i64,
    /// Activations between the two that have forgotten their number.
    forgotten: i64,
}

fn runs(list: &[Activation]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut before: Option<(usize, i64)> = None;
    for (end, activation) in list.iter().enumerate() {
        let Some(number) = activation.number else { continue };
        let (start, forgotten) = before.map_or((0, end), |(start, _)| (start, end - start - 1));
        let missing = number - before.map_or(0, |(_, number)| number) - 1;
        found.push(Run { start, end, missing, forgotten: i64::try_from(forgotten).unwrap_or(i64::MAX) });
        before = Some((end, number));
    }
    found
}

/// Numbers rise by one with each activation: those that are missing were activations of something that is gone.
fn mark_lost(list: &mut [Activation]) {
    for run in runs(list) {
        if run.missing > run.forgotten {
            list[run.start..run.end].iter_mut().for_each(|activation| activation.lost_after = true);
        }
    }
}
