//! `--diff=full`: whole templates against each other, by the user's own program if there is one.

use plugin_client::{Failure, Line, to_yaml};
use serde_json::Value;

use crate::diff::{masked_pair, unified};
use crate::diff_program;
use crate::options::Options;
use crate::plan::{Action, Plan, Step};
use crate::snapshot::Snapshot;

/// What is left to show: nothing when an external program has shown it.
pub fn full_diffs(snapshot: &Snapshot, plan: &Plan, options: &Options) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for step in plan.steps.iter().filter(|step| matches!(step.action, Action::RollBack)) {
        let rollout = &snapshot.rollouts[step.rollout];
        let Some(to) = target(step) else { continue };
        let from = rollout.template();
        if diff_program::is_set() {
            let (left, right) = masked_pair(from, to, options.show_values);
            diff_program::external(&to_yaml(&left), &to_yaml(&right))?;
            continue;
        }
        let number =
            step.target.as_ref().and_then(|t| t.revision).map(|index| rollout.revisions[index].number);
        let live = rollout
            .current()
            .map_or("live".to_owned(), |index| format!("revision {}, live", rollout.revisions[index].number));
        let back = number.map_or("earlier".to_owned(), |number| format!("revision {number}"));
        let names = (format!("{} ({live})", rollout.id), format!("{} ({back})", rollout.id));
        lines.push(Line::new());
        lines.extend(unified(from, to, options.show_values, (&names.0, &names.1)));
    }
    Ok(lines)
}

/// As the server would store it, if there was a dry run.
fn target(step: &Step) -> Option<&Value> {
    let stored = step
        .dry_run
        .as_ref()
        .and_then(|r| r.workload.as_ref().ok())
        .map(|object| &object["spec"]["template"]);
    stored.filter(|template| template.is_object()).or(step.target.as_ref().map(|t| &t.template))
}
