//! `--last-healthy`: the newest revision that there is evidence for.

use cluster_model::Raw;
use cluster_model::rollout::Rollout;
use plugin_client::Failure;

use super::hints::Hints;
use super::messages;
use super::refusal::Refusal;
use super::target::{Chosen, Past, target};
use crate::blocking::unstick_flag;
use crate::health::{Verdict, old_pods_wait};

const FLAG: &str = "--last-healthy";

enum Found {
    Healthy(usize),
    Inferred(usize),
    /// Each may have worked, and there is no evidence to choose between them.
    Tie(Vec<usize>),
    None,
}

/// Index of the revision that `--last-healthy` goes to.
pub fn last_healthy(past: Past<'_>) -> Option<usize> {
    match find(past) {
        Found::Healthy(index) | Found::Inferred(index) => Some(index),
        Found::Tie(_) | Found::None => None,
    }
}

/// The flags of the command that goes to it, which is revision `index`.
pub fn to_last_healthy(rollout: &Rollout, index: usize) -> String {
    format!("{FLAG}{}", unstick_flag(rollout, index))
}

fn find(past: Past<'_>) -> Found {
    let with = |verdict| {
        let all = past.health.iter().enumerate().filter(move |(_, health)| health.verdict == verdict);
        all.map(|(index, _)| index).collect::<Vec<usize>>()
    };
    let live = past.rollout.current();
    let healthy = with(Verdict::Healthy);
    // What runs well now is the last healthy one, whatever its number.
    if let Some(&newest) = live.filter(|live| healthy.contains(live)).as_ref().or(healthy.last()) {
        return Found::Healthy(newest);
    }
    let likely = with(Verdict::Likely);
    if let Some(named) = named_by_its_controller(past).filter(|named| likely.contains(named)) {
        return Found::Inferred(named);
    }
    match live.filter(|live| likely.contains(live)).as_ref().or(likely.last()) {
        None => Found::None,
        // How long each was active is all there is: the bad one that was looked at for an hour was active too.
        Some(newest) if likely.len() > 1 && !old_pods_wait(past.rollout) && live != Some(*newest) => {
            Found::Tie(likely)
        }
        Some(newest) => Found::Inferred(*newest),
    }
}

/// A StatefulSet's controller names the revision that it rolled out completely: more than how long others were active.
fn named_by_its_controller(past: Past<'_>) -> Option<usize> {
    let object = &past.rollout.object;
    let (current, update) = (object.text("/status/currentRevision"), object.text("/status/updateRevision"));
    past.rollout.revisions.iter().position(|revision| revision.name == current).filter(|_| current != update)
}

pub fn choose_last_healthy(past: Past<'_>) -> Result<Chosen, Refusal> {
    let id = &past.rollout.id;
    let number = |index: usize| messages::number(past, index);
    let evidence = |index: usize| &past.health[index].evidence;
    let is_live = |index: usize| past.rollout.current() == Some(index);
    match find(past) {
        Found::Healthy(index) if is_live(index) => {
            let evidence = format!("revision {} (current) is healthy: {}", number(index), evidence(index));
            Ok(target(past, index, FLAG, evidence))
        }
        Found::Healthy(index) => {
            let evidence =
                format!("revision {} is the newest healthy one: {}", number(index), evidence(index));
            Ok(target(past, index, FLAG, evidence))
        }
        Found::Inferred(index) => {
            let which = if is_live(index) { " (current)" } else { "" };
            let evidence = format!(
                "revision {}{which} was likely healthy (inferred, not observed): {}",
                number(index),
                evidence(index)
            );
            Ok(target(past, index, FLAG, evidence))
        }
        Found::Tie(indices) => {
            let all = messages::revisions(past, &indices, "and");
            let message = format!(
                "{all} of {id} may have been healthy, and there is no evidence to choose between them"
            );
            Err(Refusal::of_all(Failure::refused(message).take(past, &indices).history(past), past))
        }
        Found::None => {
            // One that is known to be broken is no suggestion.
            let may_work = |index: &usize| past.health[*index].verdict != Verdict::Unhealthy;
            let suggested: Vec<usize> = messages::all(past).into_iter().filter(may_work).collect();
            let message = format!("no revision of {id} is known to have been healthy");
            let failure = Failure::refused(message).take(past, &suggested).history(past);
            Err(Refusal::of_all(failure, past))
        }
    }
}
