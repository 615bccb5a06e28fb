//! The change cause of a revision, where it is that of another one.

use cluster_model::managed_fields::cause_written;
use cluster_model::rollout::{Rollout, images, restart_only};
use serde_json::Value;

use crate::timeline::Timeline;

/// Is the cause that of another rollout? Only where it is certain; a pipeline may well write the same text twice.
pub fn inherited(rollout: &Rollout, timeline: &Timeline, index: usize) -> bool {
    let revision = &rollout.revisions[index];
    let Some(cause) = &revision.change_cause else { return false };
    // A ControllerRevision keeps the annotations of its creation (`controller_history.go`, UpdateControllerRevision).
    let returned = timeline.of(index).count() > 1;
    if returned && !rollout.id.kind.rules().copies_change_cause() {
        // Unless it was written since it came back, as with `--reason`.
        let last = timeline.of(index).next_back().map(|(_, stretch)| stretch.from);
        let from = last.and_then(|from| from.earliest().or(from.latest()));
        return cause_written(revision).is_none_or(|at| from.is_some_and(|from| at < from));
    }
    let before = index.checked_sub(1).map(|before| &rollout.revisions[before]);
    before.is_some_and(|before| {
        // `kubectl rollout restart` never writes a cause, so it left the one that was there.
        let restarted = restart_only(&before.template, &revision.template) && !returned;
        before.change_cause.as_ref() == Some(cause)
            && (restarted || names_another_image(cause, &revision.template))
    })
}

/// `kubectl set image deployment/web web=shop:1.4 --record=true`, on a template whose container `web` has another image.
fn names_another_image(cause: &str, template: &Value) -> bool {
    let images = images(template);
    cause.starts_with("kubectl set image ")
        && cause
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .any(|(container, image)| images.iter().any(|(name, has)| name == container && has != image))
}
