//! The note of the Event that records a rollback. Pure.

use cluster_model::rollout::{Rollout, images};

use super::reason::reasons;
use crate::choose::Target;
use crate::outcome::Outcome;

pub fn recorded(rollout: &Rollout, target: &Target, reason: Option<&str>, outcome: &Outcome) -> String {
    let back = format!("from {} to {}", from(rollout), to(rollout, target));
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let cause = match reasons(&rollout.id, &outcome.reasons) {
        cause if cause.is_empty() => cause,
        cause => format!("; {cause}"),
    };
    if outcome.result.is_failure() {
        format!("rollback {back}{because} failed{cause}")
    } else {
        format!("rolled back {back}{because}{cause}")
    }
}

/// `revision 7`
fn from(rollout: &Rollout) -> String {
    match rollout.current() {
        Some(current) => format!("revision {}", rollout.revisions[current].number),
        None => "a template without a revision".to_owned(),
    }
}

/// `revision 3 (web=shop:1.4)`
fn to(rollout: &Rollout, target: &Target) -> String {
    let images: Vec<String> =
        images(&target.template).into_iter().map(|(name, image)| format!("{name}={image}")).collect();
    let revision = target.revision.and_then(|index| rollout.revisions.get(index));
    let name =
        revision.map_or_else(|| "an earlier template".to_owned(), |r| format!("revision {}", r.number));
    format!("{name} ({})", images.join(", "))
}
