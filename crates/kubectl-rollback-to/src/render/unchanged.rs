//! What a rollback does not touch, and what does not protect from it.

use cluster_model::autoscaler::{is_disabled, scales};
use cluster_model::rollout::Rollout;
use cluster_model::text::count;
use cluster_model::{DisruptionBudget, Known, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use plugin_client::Line;
use serde_json::Value;

use crate::snapshot::Snapshot;

/// How many there are, and who decides that.
pub fn replicas(snapshot: &Snapshot, rollout: &Rollout) -> Option<Line> {
    if rollout.id.kind.rules().is_per_node() {
        return None;
    }
    let replicas = count(usize::try_from(rollout.desired()).unwrap_or_default(), "replica");
    let autoscalers = &snapshot.around.get(&rollout.id.namespace)?.autoscalers;
    let parts = match autoscalers {
        Known::Unknown(why) => format!("{replicas}; unknown whether an autoscaler sets them: {why}"),
        Known::Seen(all) => match all.iter().find(|autoscaler| scales(autoscaler, &rollout.id)) {
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

/// Budgets over these pods: evictions ask them, controllers that roll out a template do not.
pub fn unprotected(snapshot: &Snapshot, rollout: &Rollout, template: &Value) -> Option<Line> {
    let budgets = snapshot.around.get(&rollout.id.namespace)?.budgets.seen()?;
    let mut pod = Pod::default();
    pod.metadata.namespace = Some(rollout.id.namespace.clone());
    pod.metadata.labels = serde_json::from_value(template["metadata"]["labels"].clone()).ok();
    let typed = budgets.iter().filter_map(|b| serde_json::from_value::<PodDisruptionBudget>(b.clone()).ok());
    let selecting = typed.map(DisruptionBudget::from).filter(|budget| budget.selects(&pod));
    let names: Vec<String> = selecting.map(|budget| budget.name().to_owned()).collect();
    (!names.is_empty()).then(|| {
        let (noun, verb) = if names.len() == 1 { ("PDB", "limits") } else { ("PDBs", "limit") };
        format!("{noun} {} {verb} evictions, not rollouts", names.join(", ")).into()
    })
}
