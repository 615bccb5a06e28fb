//! `--status`: how the current rollout is doing, and why it is stuck. Looks once and ends.

use std::collections::BTreeMap;

use cluster_model::rollout::Rollout;
use cluster_model::rollout::update_strategy::Moves;
use plugin_client::{Cluster, Exit, Failure, Line, publish};
use serde_json::Value;

use super::Run;
use crate::choose::{flag, last_healthy, to_last_healthy};
use crate::execute::progress::diagnose::diagnose;
use crate::execute::progress::model::State;
use crate::gather;
use crate::render;
use crate::report::status::{RolloutStatus, StatusOf, StatusResult, StatusVerdict};
use crate::resume_command::go_on;
use crate::workload_selector::Subjects;

impl Run<'_> {
    pub(super) async fn status(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Exit, Failure> {
        let looked = self.reading(cluster, Box::pin(self.look(cluster, subjects))).await?;
        self.warn_of_unread_events(&looked);
        let held: Vec<&Rollout> =
            looked.snapshot.rollouts.iter().filter(|rollout| is_held_back(rollout)).collect();
        let owners = match held.is_empty() {
            true => BTreeMap::new(),
            false => {
                let owners = Box::pin(gather::progress_owners(cluster, &held));
                self.reading(cluster, async { Ok(owners.await) }).await?
            }
        };
        let (mut workloads, mut lines) = (Vec::new(), Vec::new());
        let wide = self.args.output == plugin_client::Output::Wide;
        for past in looked.pasts() {
            let rollout = past.rollout;
            let events = looked.snapshot.events[&rollout.id.uid].seen().map(Vec::as_slice);
            let events: &[Value] = events.unwrap_or_default();
            let progress = diagnose(rollout, events, looked.snapshot.taken_at, self.options.fail_after);
            if !lines.is_empty() {
                lines.push(Line::new());
            }
            let go_on = go_on(owners.get(&rollout.id.uid).map(Vec::as_slice));
            let healthy = last_healthy(past).filter(|index| rollout.current() != Some(*index));
            let to_healthy = healthy.map(|index| to_last_healthy(rollout, index));
            let current = rollout.current().and_then(|index| flag(past, index));
            let seen = render::Seen { progress: &progress, go_on, to_healthy, current };
            lines.extend(render::status(&rollout.id, &rollout.object, &seen, wide));
            workloads.push(StatusOf::new(rollout, &progress));
        }
        // There is at least one.
        let worst = workloads.iter().map(|w| w.result).max().unwrap_or(StatusVerdict::Complete);
        let report = RolloutStatus {
            kind: "RolloutStatus",
            result: StatusResult::Seen(worst),
            workloads,
            error: None,
        };
        publish(&self.bounds.ui, self.args.output, &report, || lines);
        Ok(worst.exit())
    }
}

/// Do its own settings keep pods on an older template? Who set them decides what to type next.
fn is_held_back(rollout: &Rollout) -> bool {
    let strategy = rollout.strategy();
    strategy.paused
        || match strategy.moves {
            Moves::OnDelete => true,
            Moves::Descending { kept, .. } => kept > 0,
            Moves::Rolling { .. } | Moves::Recreate | Moves::Unknown(_) => false,
        }
}

impl StatusVerdict {
    pub fn of(state: &State) -> Self {
        match state {
            State::Moving => StatusVerdict::Progressing,
            State::Done { .. } => StatusVerdict::Complete,
            State::Stuck { .. }
            | State::Failed { .. }
            | State::Stalled { .. }
            | State::Reverted { .. }
            | State::Superseded { .. }
            | State::BeingDeleted(_)
            | State::Deleted => StatusVerdict::Failing,
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
