//! `--previous` and `--to-revision`: by number, superseded ones included.

use cluster_model::rollout::restart_only;
use cluster_model::rollout::same;
use plugin_client::Failure;

use super::hints::Hints;
use super::messages;
use super::refusal::Refusal;
use super::target::{Chosen, Past, target};

/// kubectl's rule: the second-highest number, whatever it was (`polymorphichelpers/rollback.go`).
pub fn previous(past: Past<'_>) -> Result<Chosen, Refusal> {
    let rollout = past.rollout;
    // A ReplicaSet without a number counts as 0 and is never the previous one.
    let numbered: Vec<usize> = messages::all(past)
        .into_iter()
        .filter(|&index| rollout.revisions[index].number > 0 && rollout.original(index).is_none())
        .collect();
    let [.., index, _] = numbered[..] else {
        let only = messages::revisions(past, &numbered, "and");
        let message = format!("{} has only {only}: there is nothing to go back to", rollout.id);
        let failure = Failure::refused(match messages::older(past) {
            Some(gone) => format!("{message}; older ones {gone}"),
            None => message,
        });
        return Err(failure.history(past).into());
    };
    if let Some(failure) = ambiguous(past, rollout.revisions[index].number) {
        return Err(failure);
    }
    let revision = &rollout.revisions[index];
    let mut evidence = format!(
        "revision {} has the second-highest number, as kubectl rollout undo takes it",
        revision.number
    );
    if same(&revision.template, rollout.template()) {
        evidence.push_str("; it is already rolled out");
    } else if restart_only(&revision.template, rollout.template()) {
        evidence.push_str("; only a restart separates the two revisions: images and settings are the same");
    }
    evidence.push_str(&format!("; {}", messages::health(&past.health[index])));
    Ok(target(past, index, "--previous", evidence))
}

pub fn revision(past: Past<'_>, number: i64) -> Result<Chosen, Refusal> {
    let (indices, superseded) = by_number(past, number)?;
    if let Some(failure) = ambiguous(past, number) {
        return Err(failure);
    }
    let index = indices.last().copied().unwrap_or_default();
    // Of a copy it would be claimed that it never ran.
    let index = past.rollout.original(index).unwrap_or(index);
    let evidence = match past.rollout.revisions[index].number {
        now if superseded || now != number => format!("revision {number} is now {now}"),
        _ => format!("revision {number}, as requested"),
    };
    Ok(requested(past, index, "--to-revision", evidence))
}

/// The one that was picked from the list: by its name, since numbers need not be unique.
pub fn picked(past: Past<'_>, name: &str) -> Result<Chosen, Failure> {
    let Some(index) = past.rollout.revisions.iter().position(|revision| revision.name == name) else {
        let message = format!("the revision that was selected is gone ({name} of {})", past.rollout.id);
        return Err(Failure::refused(message).history(past));
    };
    Ok(requested(past, index, "interactive selection", format!("revision {}", messages::number(past, index))))
}

fn requested(past: Past<'_>, index: usize, chosen_by: &str, mut evidence: String) -> Chosen {
    if past.rollout.current() == Some(index) {
        evidence.push_str("; it is the current one");
    }
    evidence.push_str(&format!("; {}", messages::health(&past.health[index])));
    target(past, index, chosen_by, evidence)
}

/// Different templates by one number. Of equal ones it does not matter which is taken.
fn ambiguous(past: Past<'_>, number: i64) -> Option<Refusal> {
    let revisions = &past.rollout.revisions;
    let (indices, superseded) = past.rollout.by_number(number);
    let (&first, others) = indices.split_first()?;
    if others.iter().all(|&other| same(&revisions[other].template, &revisions[first].template)) {
        return None;
    }
    let what = past.rollout.id.kind.revision_type().kind;
    let names: Vec<String> = indices.iter().map(|&index| revisions[index].name.clone()).collect();
    let names = messages::listed(&names, "and");
    let have = if superseded { "had" } else { "have" };
    let message =
        format!("revision {number} of {} is ambiguous: {what}s {names} {have} this number", past.rollout.id);
    Some(Refusal::of(Failure::refused(message).take(past, &indices).history(past), &indices))
}

/// Indices of the revisions, at least one; `true` if they go by another number now.
pub fn by_number(past: Past<'_>, number: i64) -> Result<(Vec<usize>, bool), Refusal> {
    if number < 1 {
        let failure = Failure::usage(format!("revision {number}: revisions are positive numbers"));
        return Err(failure.history(past).into());
    }
    let found = past.rollout.by_number(number);
    if found.0.is_empty() { Err(unknown(past, number)) } else { Ok(found) }
}

fn unknown(past: Past<'_>, number: i64) -> Refusal {
    let rollout = past.rollout;
    let all = messages::all(past);
    if all.is_empty() {
        return Failure::refused(format!("{} has no revisions", rollout.id)).into();
    }
    let oldest = rollout.revisions.first().map_or(0, |revision| revision.number);
    let has = messages::listed(&messages::numbers(past, &all), "and");
    let only = if all.len() == 1 { "only " } else { "" };
    let mut message = format!("{} has no revision {number}; it has {only}{has}", rollout.id);
    if let Some(gone) = messages::older(past).filter(|_| number < oldest) {
        message.push_str(&format!("; older ones {gone}"));
    }
    let mut failure = Failure::refused(message).history(past);
    let newest = rollout.revisions.last().map_or(0, |revision| revision.number);
    if !rollout.id.kind.rules().keeps_numbers() && number < newest {
        failure = failure.hint(format!(
            "a {}'s revision takes a new number when it is rolled back to, and its old one is not kept",
            rollout.id.kind.name()
        ));
    }
    Refusal::of(failure, &all)
}
