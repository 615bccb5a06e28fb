//! How many replicas a workload has, which a rollback does not change, and what sets them.

use cluster_model::autoscaler::{is_disabled, scales};
use cluster_model::rollout::Rollout;
use cluster_model::text::count;
use cluster_model::{Known, Raw};
use plugin_client::Line;

use crate::snapshot::Snapshot;

pub fn replicas(snapshot: &Snapshot, rollout: &Rollout) -> Option<Line> {
    if rollout.id.kind.rules().is_per_node() {
        return None;
    }
    let replicas = count(usize::try_from(rollout.desired()).unwrap_or_default(), "replica");
    let autoscalers = &snapshot.around.get(&rollout.id.namespace)?.autoscalers;
    let parts = match autoscalers {
        Known::Unknown(why) => format!("{replicas}; unknown whether an autoscaler sets them: {why}"),
        Known::Seen(all) => match all.iter().find(|autoscaler| scales(*autoscaler, &rollout.id)) {
            None => replicas,
            Some(autoscaler) if is_disabled(autoscaler, rollout.desired()) => {
                format!("{replicas}; autoscaler {} is disabled by that", autoscaler.name())
            }
            Some(autoscaler) => {
                let least = autoscaler.number("/spec/minReplicas").unwrap_or(1);
                let most = autoscaler.number("/spec/maxReplicas").unwrap_or(least);
                format!("{replicas}, set by autoscaler {} ({least} to {most})", autoscaler.name())
            }
        },
    };
    Some(parts.into())
}
