//! The words for how a workload ended, and for the prompts and notes meanwhile. Pure.

use cluster_model::rollout::Id;
use cluster_model::text::{count, span};
use k8s_openapi::jiff::Timestamp;

use super::cause::{author, cause, kept_pods, no_pods, updated_pods};
use crate::execute::engine::model::Question;
use crate::execute::event::Note;
use crate::outcome::cause::Author;
use crate::outcome::reason::{
    Already, BlockedByPod, Change, End, EndedAt, ImageChange, NotRestored, Reason, Unobserved,
};

/// One line about the workload `id`.
pub fn reasons(id: &Id, reasons: &[Reason]) -> String {
    let mut text = String::new();
    for (at, reason) in reasons.iter().enumerate() {
        text.push_str(match at.checked_sub(1).map(|before| &reasons[before]) {
            None => "",
            Some(before) if is_introduction(before) => " ",
            Some(_) => "; ",
        });
        text.push_str(&one(id, reason));
    }
    text
}

/// Does the next one complete its sentence?
fn is_introduction(reason: &Reason) -> bool {
    matches!(reason, Reason::AlreadyBut { .. } | Reason::Ended { at: EndedAt::Undecided, .. })
}

/// Without the commands to check progress and to undo it: `render::outcome` has them on lines of their own.
fn one(id: &Id, reason: &Reason) -> String {
    match reason {
        Reason::Already(there) => already(there),
        Reason::AlreadyBut { already: there, pods: None } => format!("{}, but", already(there)),
        Reason::AlreadyBut { already: there, pods: Some((done, total)) } => {
            format!("{}, but {done} of {total} pods run it:", already(there))
        }
        Reason::NotWatched => "not watched (--no-wait)".to_owned(),
        Reason::PodsNotChecked => "its pods were not checked (--no-wait)".to_owned(),
        Reason::NoPods(kind) => no_pods(*kind, "it works"),
        Reason::Kept(kept) => kept_pods(kept),
        Reason::Rollout(why) => cause(why),
        Reason::BlockedByPod { pod, why } => blocked_by_pod(pod, why),
        Reason::ChangedAfterPlanning(what) => format!("{} after planning", change(what)),
        Reason::DeletedAfterPlanning => "deleted after planning".to_owned(),
        Reason::DidNotExist => "did not exist then; unchanged".to_owned(),
        Reason::NoTarget => "there is no target for it".to_owned(),
        Reason::NotStarted(Some(failed)) => format!("not started, because {failed} did not succeed"),
        Reason::NotStarted(None) => "not started".to_owned(),
        Reason::NothingWritten => "nothing was written".to_owned(),
        Reason::Message(message) => message.clone(),
        Reason::UpdateUnknown => "unknown whether it was updated".to_owned(),
        Reason::BeingDeleted(deletion) => format!("it {deletion}"),
        Reason::Deleted => "it was deleted meanwhile".to_owned(),
        Reason::Reverted(by) => format!("reverted by {}{}", author(by.as_ref()), time(by.as_ref())),
        Reason::Superseded { by, pods } => {
            let when = time(by.as_ref());
            let by = author(by.as_ref());
            let far = match pods {
                (_, 0) => String::new(),
                (done, total) => format!(", when {done} of {total} pods ran this one"),
            };
            format!("{by} wrote another template{when}{far}; it is not overwritten")
        }
        Reason::Unobserved { why, restored } => {
            let restored = if *restored { "restored, but " } else { "" };
            format!("{restored}{}; the rollout continues unobserved", unobserved(why))
        }
        Reason::OtherFailed(failed) => format!("{failed} failed"),
        Reason::Restored => "previous template restored".to_owned(),
        Reason::HadPreviousTemplate => "it already has its previous template".to_owned(),
        Reason::NotRestored(why @ NotRestored::Unhealthy(_)) => not_restored(id, why),
        Reason::NotRestored(why @ (NotRestored::Changed(_) | NotRestored::Restarted(_))) => {
            format!("not restored: {}, which is not overwritten", not_restored(id, why))
        }
        Reason::NotRestored(why) => format!("not restored: {}", not_restored(id, why)),
        Reason::RestoredAndReplaced(by) => {
            let by = author(by.as_ref());
            format!("restored, and then {by} wrote another template, which is not overwritten")
        }
        Reason::Overdue { pods } => format!("--timeout passed{}", how_far(*pods)),
        Reason::Ended { by: End::Silent { since, seconds, message }, at, pods } => {
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            let (since, silent) = (since.strftime("%H:%M:%S"), span(*seconds));
            let left = left_unseen(*at, *pods);
            format!("the API server has not responded since {since} ({silent}){message}; {left}")
        }
        Reason::Ended { by: End::Timeout, at, pods } => left("--timeout passed", *at, *pods),
        Reason::Ended { by: End::Interrupted, at, pods } => left("interrupted", *at, *pods),
    }
}

fn already(already: &Already) -> String {
    match already {
        Already::Live(Some(number)) => format!("the live template already is revision {number}"),
        Already::Live(None) => "the live template already is an earlier template".to_owned(),
        Already::WrittenBySomebody => "somebody else wrote the same template meanwhile".to_owned(),
    }
}

/// What deletes the pod that blocks it, if that is why it ended. The restored template has no known number: `--status` then has it.
pub fn unstick_command(id: &Id, reasons: &[Reason]) -> Option<String> {
    reasons.iter().find_map(|reason| match reason {
        Reason::BlockedByPod { why: BlockedByPod::UntilDeleted { revision: Some(revision), .. }, .. } => {
            Some(format!("kubectl rollback-to {} --to-revision {revision} --unstick", id.typed()))
        }
        _ => None,
    })
}

fn blocked_by_pod(pod: &str, why: &BlockedByPod) -> String {
    match why {
        BlockedByPod::UntilDeleted { message, .. } => {
            format!("blocked by pod {pod} ({message}) until it is deleted")
        }
        BlockedByPod::KeepsChanging => format!("blocked by pod {pod}, which keeps changing"),
        BlockedByPod::NotDeleted(message) => {
            format!("blocked by pod {pod}, which could not be deleted: {message}")
        }
    }
}

fn unobserved(why: &Unobserved) -> String {
    match why {
        Unobserved::Message(message) => message.clone(),
        Unobserved::WatchesDiffer => "the watched state differs from the state on the server".to_owned(),
        Unobserved::NotListed => "it could not be seen for 10 minutes".to_owned(),
        Unobserved::UnreadablePod(pod) => {
            format!("pod {pod} could not be read: its fields are not as expected")
        }
    }
}

pub fn not_restored(id: &Id, why: &NotRestored) -> String {
    match why {
        NotRestored::Changed(what) => format!("{} meanwhile", change(what)),
        NotRestored::Restarted(by) => {
            format!("restarted by {}{} meanwhile", author(by.as_ref()), time(by.as_ref()))
        }
        NotRestored::Deleted => "it was deleted meanwhile".to_owned(),
        NotRestored::Failed(message) => message.clone(),
        NotRestored::Unknown(message) => format!("{message}; unknown whether it was"),
        NotRestored::Unobserved(why) => unobserved(why),
        NotRestored::Unhealthy(why) if why.contains(&Reason::Deleted) => {
            "its template was restored, and then it was deleted".to_owned()
        }
        NotRestored::Unhealthy(why) if matches!(why[..], [Reason::BeingDeleted(_)]) => {
            format!("its template was restored, but {}", reasons(id, why))
        }
        NotRestored::Unhealthy(why) => {
            format!("template restored; its pods are not healthy yet: {}", reasons(id, why))
        }
    }
}

/// `changed by helm at 2026-01-01T00:00:00Z (web: shop:1.4 → shop:1.5)`
pub fn change(change: &Change) -> String {
    let (by, images) = match change {
        Change::Annotation(key) => return format!("its annotation {key} was changed"),
        Change::Template { by, images } => (by, images),
    };
    let by = by.as_ref().map_or("somebody".to_owned(), |by| format!("{} at {}", by.manager, by.at));
    let image = |ImageChange { container, from, to }: &ImageChange| {
        let or_none = |image: &Option<String>| image.clone().unwrap_or_else(|| "none".to_owned());
        format!("{container}: {} → {}", or_none(from), or_none(to))
    };
    let images = match images.as_slice() {
        [] => "the same images".to_owned(),
        images => images.iter().map(image).collect::<Vec<_>>().join(", "),
    };
    format!("changed by {by} ({images})")
}

/// How a run that was ended from outside leaves it.
fn left(what: &str, at: EndedAt, pods: (i64, i64)) -> String {
    let far = how_far(pods);
    match at {
        EndedAt::NotStarted => format!("{what} before it was started; nothing was written"),
        EndedAt::Writing => format!("{what} during the write; unknown whether it was updated"),
        EndedAt::Undecided => format!("{what} before the decision whether to restore it:"),
        EndedAt::ToRestore => format!("{what} before it was restored"),
        EndedAt::Restoring => format!("{what} while it was restored; unknown whether it was"),
        EndedAt::RestoreWatching => format!("restored; {what}{far}, the rollout continues"),
        EndedAt::Watching { .. } => format!("{what}{far}; the rollout continues"),
    }
}

/// The same where the server is silent: it is not known whether the rollout continues.
fn left_unseen(at: EndedAt, pods: (i64, i64)) -> String {
    let seen = match pods {
        (_, 0) => String::new(),
        (done, total) => format!("{} when last seen, ", updated_pods(done, total)),
    };
    match at {
        EndedAt::NotStarted => "nothing was written".to_owned(),
        EndedAt::Writing => "unknown whether it was updated".to_owned(),
        EndedAt::Undecided | EndedAt::ToRestore => "not restored".to_owned(),
        EndedAt::Restoring => "unknown whether it was restored".to_owned(),
        EndedAt::RestoreWatching => format!("it was restored, {seen}its current state is unknown"),
        EndedAt::Watching { written } => {
            let written = if written { "it was updated, " } else { "" };
            format!("{written}{seen}its current state is unknown")
        }
    }
}

/// ` with 1 of 3 updated pods available`
fn how_far(pods: (i64, i64)) -> String {
    match pods {
        (_, 0) => String::new(),
        (done, total) => format!(" with {}", updated_pods(done, total)),
    }
}

/// Do the words have how many pods run the template?
pub fn say_how_far(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| match reason {
        Reason::AlreadyBut { pods, .. } => pods.is_some(),
        Reason::Superseded { pods, .. } | Reason::Overdue { pods } => pods.1 > 0,
        Reason::Ended { at: EndedAt::Watching { .. } | EndedAt::RestoreWatching, pods, .. } => pods.1 > 0,
        _ => false,
    })
}

fn time(by: Option<&Author>) -> String {
    let at: Option<Timestamp> = by.map(|by| by.at);
    at.map(|at| format!(" at {at}")).unwrap_or_default()
}

pub fn question(question: &Question) -> String {
    match question {
        Question::Restore { workloads } => match workloads.as_slice() {
            [one] => format!("Restore {one}?"),
            all => format!("Restore {} of this run?", count(all.len(), "workload")),
        },
        Question::Unstick { workload, pod, message, .. } => {
            format!("{workload} is blocked by pod {pod} ({message}). Delete pod {pod}?")
        }
    }
}

pub fn note(id: &Id, note: &Note) -> String {
    match note {
        Note::NotWritten(why) => reasons(id, why),
        Note::Healthy => "it became healthy meanwhile and is not restored".to_owned(),
        Note::Restarted(by) => format!("restarted by {}; waiting for its new pods", author(by.as_ref())),
        Note::OwnershipReturned(managers) => {
            let one =
                |(manager, fields): &(String, usize)| format!("{manager} ({})", count(*fields, "field"));
            let managers = managers.iter().map(one).collect::<Vec<_>>().join(", ");
            format!("field ownership returned to {managers}")
        }
        Note::OwnershipKept { manager, message } => {
            format!("field ownership was not returned by {manager}: {message}")
        }
        Note::ChangeCauseKept(message) => {
            format!("the change cause of its revision was not updated: {message}")
        }
        Note::NotRecorded(message) | Note::JournalElsewhere(message) => message.clone(),
        Note::JournalNotWritten(message) => {
            format!("the journal could not be written, so --last will not know: {message}")
        }
        Note::EventsUnavailable(message) => {
            format!("{message}; causes that only events report are missing")
        }
    }
}

#[cfg(test)]
mod tests;
