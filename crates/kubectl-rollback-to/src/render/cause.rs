//! The words for what keeps a rollout or a pod from being done: on the screen, in reports and in Events. Pure.

use cluster_model::rollout::Kind;
use cluster_model::text::{count, span};

use crate::execute::progress::model::{Progress, State};
use crate::outcome::cause::{
    Author, Cause, Counts, DeletionBlocker, KeptBy, KeptPods, PodCause, Problem, Waiting,
};

/// One line: what is happening, or what is waited for.
pub fn summary(progress: &Progress) -> String {
    match &progress.state {
        State::Done { kept: Some(kept) } => kept_pods(kept),
        State::Done { kept: None } | State::Moving => waiting(&progress.waiting),
        State::Failed { cause: why, .. } | State::Stalled { cause: why, .. } => cause(why),
        State::Stuck { pod, message, .. } => format!("blocked by pod {pod}: {message}"),
        State::Reverted { by } => format!("{} wrote the previous template again", author(by.as_ref())),
        State::Superseded { by, restart: true } => format!("restarted by {}", author(by.as_ref())),
        State::Superseded { by, restart: false } => format!("{} wrote another template", author(by.as_ref())),
        State::BeingDeleted(deletion) => deletion.to_string(),
        State::Deleted => "deleted".to_owned(),
    }
}

/// As [`summary`]; that it is complete is no evidence of anything if there are no pods.
pub fn status_summary(kind: Kind, progress: &Progress) -> String {
    match &progress.state {
        State::Done { kept: None } if progress.total == 0 => no_pods(kind, "this version works"),
        _ => summary(progress),
    }
}

pub fn no_pods(kind: Kind, what: &str) -> String {
    let why = if kind.rules().is_per_node() { "no node matches" } else { "0 replicas" };
    format!("{why}, so there are no pods to show whether {what}")
}

pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Paused(workload) => {
            let resume = format!("kubectl rollout resume {}", workload.typed());
            format!("{}: {resume}", waiting(&Waiting::Resume))
        }
        Cause::Problem(what) => problem(what),
        Cause::ProgressDeadline { seconds, waiting: what } => {
            let passed = format!("no progress within {} (progressDeadlineSeconds)", span(*seconds));
            match what {
                Waiting::Problem(what) => format!("{}; {passed}", problem(what)),
                what => format!("{passed}: {}", waiting(what)),
            }
        }
        Cause::Unchanged { seconds, waiting: what } => {
            let what = match what {
                Waiting::Controller => "its controller has not observed the change".to_owned(),
                what => waiting(what),
            };
            format!("nothing has changed for {}: {what}", span(*seconds))
        }
        Cause::KeptPod { pod, by } => {
            format!("blocked by {pod}, which is not Ready and keeps its template ({})", kept_by(*by))
        }
        Cause::Terminating { pod, blocker } => {
            format!("waiting for {pod} to terminate: {}", deletion_blocker(blocker))
        }
    }
}

fn waiting(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Controller => "waiting for the controller to observe the change".to_owned(),
        Waiting::Resume => "paused: no pods are updated until it is resumed".to_owned(),
        Waiting::KeptPod(pod) => format!("waiting for {pod} to be Ready, which is not updated"),
        Waiting::Problem(what) => problem(what),
        Waiting::Pods(what) => counts(what),
    }
}

fn problem(problem: &Problem) -> String {
    match problem {
        Problem::FailedCreate(message) => format!("FailedCreate: {message}"),
        Problem::Pod { name, message, more: 0, .. } => format!("{name}: {message}"),
        Problem::Pod { name, message, more, .. } => {
            format!("{name}: {message} (and {})", count(*more, "more pod"))
        }
    }
}

/// `2 of 3 updated pods available, 1 starting`
fn counts(counts: &Counts) -> String {
    let Counts { available, total, starting, ready, failing, old, terminating } = *counts;
    if terminating > 0 && starting + ready + failing + old == 0 && available < total {
        // Recreate and OrderedReady make no new pod before the old one is gone.
        return format!("waiting for old pods to terminate: {terminating} terminating");
    }
    let rest = [
        (starting, "starting"),
        (ready, "Ready for less than minReadySeconds"),
        (failing, "failing"),
        (old, "old"),
        (terminating, "terminating"),
    ];
    let rest = rest.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!(", {n} {word}"));
    format!("{}{}", updated_pods(available, total), rest.collect::<String>())
}

/// `1 of 3 updated pods available`; the noun is that of all there may be, also of one, as kubectl has it.
pub fn updated_pods(available: i64, total: i64) -> String {
    format!("{available} of {total} updated pods available")
}

pub fn kept_pods(kept: &KeptPods) -> String {
    let KeptPods { by, names, updated, desired } = kept;
    match (by, names.as_slice()) {
        (KeptBy::OnDelete, [name]) => format!("OnDelete: {name} still runs the old template"),
        (KeptBy::OnDelete, names) => format!("OnDelete: {} pods still run the old template", names.len()),
        (KeptBy::Partition, names) => {
            format!("{updated} of {desired}: the partition excludes {}", list(names))
        }
    }
}

fn kept_by(by: KeptBy) -> &'static str {
    match by {
        KeptBy::OnDelete => "OnDelete",
        KeptBy::Partition => "below the partition",
    }
}

/// `web-0`, `web-0 and web-1`, `web-0, web-1 and 3 more`
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

pub fn author(by: Option<&Author>) -> &str {
    by.map_or("someone", |by| &by.manager)
}

/// Why a pod is not ready.
pub fn pod(cause: &PodCause) -> String {
    match cause {
        PodCause::Message(message) => message.clone(),
        PodCause::MinReadySeconds => "minReadySeconds".to_owned(),
        PodCause::NotReadyYet => "not Ready yet".to_owned(),
        PodCause::Kept { by, is_ready: true } => kept_by(*by).to_owned(),
        PodCause::Kept { by, is_ready: false } => format!("{}, and not Ready", kept_by(*by)),
        PodCause::Terminating(blocker) => deletion_blocker(blocker),
    }
}

fn deletion_blocker(blocker: &DeletionBlocker) -> String {
    match blocker {
        DeletionBlocker::Issue(message) => message.clone(),
        DeletionBlocker::Finalizers(names) => format!("finalizers: {}", names.join(", ")),
        DeletionBlocker::Node(node) => format!("its grace period has passed; check node {node}"),
    }
}

#[cfg(test)]
mod tests;
