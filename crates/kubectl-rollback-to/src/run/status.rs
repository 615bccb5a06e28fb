//! `--status`: how the current rollout is doing, and why it does not get on. Looks once and ends.

use plugin_client::{Cluster, Exit, Failure, Line, publish};
use serde_json::Value;

use super::Run;
use crate::execute::progress::{State, diagnose};
use crate::render;
use crate::report::{RolloutStatus, StatusOf, StatusVerdict};
use crate::subjects::Subjects;

impl Run<'_> {
    pub(super) async fn status(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Exit, Failure> {
        let looked = self.bounds.before_changes(self.look(cluster, subjects)).await?;
        let (mut workloads, mut lines) = (Vec::new(), Vec::new());
        let wide = self.args.output == plugin_client::Output::Wide;
        for rollout in &looked.snapshot.rollouts {
            let events = looked.snapshot.events[&rollout.id.uid].seen().map(Vec::as_slice);
            let events: &[Value] = events.unwrap_or_default();
            let progress = diagnose(rollout, events, looked.snapshot.taken_at, self.options.fail_after);
            if !lines.is_empty() {
                lines.push(Line::new());
            }
            lines.extend(render::status(&rollout.id, &rollout.object, &progress, wide));
            workloads.push(StatusOf::new(rollout, &progress));
        }
        let report = RolloutStatus { kind: "RolloutStatus", workloads };
        publish(&self.bounds.ui, self.args.output, &report, || lines);
        let worst = report.workloads.iter().map(|w| w.result).max();
        Ok(worst.map_or(Exit::Done, StatusVerdict::exit))
    }
}

impl StatusVerdict {
    pub fn of(state: &State) -> Self {
        match state {
            State::Moving => StatusVerdict::Progressing,
            State::Done { .. } => StatusVerdict::Complete,
            State::Stuck { .. } | State::Failed { .. } | State::Reverted { .. } | State::Deleted => {
                StatusVerdict::Failing
            }
        }
    }

    fn exit(self) -> Exit {
        match self {
            StatusVerdict::Complete => Exit::Done,
            StatusVerdict::Progressing => Exit::Partial,
            StatusVerdict::Failing => Exit::Failed,
        }
    }
}
