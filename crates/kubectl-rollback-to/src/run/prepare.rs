//! From chosen targets to a plan: rehearsed on the server, checked against everything around.

use std::collections::BTreeSet;

use cluster_model::Finding;
use cluster_model::finding;
use futures::stream::{self, StreamExt, TryStreamExt};
use plugin_client::{Cluster, DryRun, Failure};
use serde_json::Value;

use super::Run;
use super::look::Looked;
use crate::checks::{self, Case};
use crate::choose::{Chosen, refusal};
use crate::diff::{Diff, diff};
use crate::gather;
use crate::plan::{Action, Plan, Step};
use crate::rehearse::{imagined, rehearse};
use crate::rights;
use crate::snapshot::Rehearsal;

/// Workloads rehearsed side by side.
const AT_ONCE: usize = 8;

#[derive(Clone)]
pub(super) struct Prepared {
    pub plan: Plan,
    pub findings: Vec<Finding>,
}

impl Run<'_> {
    /// `chosen` has one entry for each workload that was looked at.
    pub(super) async fn prepare(
        &self,
        cluster: &Cluster,
        looked: &mut Looked,
        chosen: Vec<Chosen>,
    ) -> Result<Prepared, Failure> {
        if let Some(refusal) = refusal(&chosen, looked.named) {
            return Err(refusal);
        }
        let writes = self.args.dry_run != DryRun::Client;
        let rollouts = &looked.snapshot.rollouts;
        let rights = rights::found(cluster, rollouts, &self.options, writes).await;
        let rehearsals: Vec<Option<Rehearsal>> = stream::iter(rollouts.iter().zip(&chosen))
            .map(|(rollout, chosen)| async move {
                Ok::<_, Failure>(match chosen {
                    Chosen::NotYetBorn(_) => None,
                    Chosen::Target(target) if writes => {
                        Some(rehearse(cluster, rollout, &target.template, &self.options).await?)
                    }
                    Chosen::Target(target) => Some(imagined(rollout, &target.template)),
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.look_around(cluster, looked, &chosen).await;
        let mut findings = rights;
        let mut steps = Vec::new();
        for (index, (chosen, rehearsal)) in chosen.into_iter().zip(rehearsals).enumerate() {
            let past = looked.past(index);
            let (Chosen::Target(target), Some(rehearsal)) = (chosen, rehearsal) else {
                steps.push(Step {
                    rollout: index,
                    action: Action::NotYetBorn,
                    target: None,
                    rehearsal: None,
                    diff: Diff::default(),
                });
                continue;
            };
            let action = if rehearsal.changes { Action::RollBack } else { Action::Nothing };
            if rehearsal.changes {
                let case = Case {
                    snapshot: &looked.snapshot,
                    past,
                    target: &target,
                    rehearsal: &rehearsal,
                    options: &self.options,
                };
                findings.extend(checks::check(&case));
            }
            let to: &Value = match &rehearsal.workload {
                Ok(object) => &object["spec"]["template"],
                Err(_) => &target.template,
            };
            let diff = diff(past.rollout.template(), to, self.options.show_values);
            steps.push(Step {
                rollout: index,
                action,
                target: Some(target),
                rehearsal: Some(rehearsal),
                diff,
            });
        }
        finding::sort(&mut findings);
        self.options.allow.accept(&mut findings);
        Ok(Prepared { plan: Plan { steps }, findings })
    }

    async fn look_around(&self, cluster: &Cluster, looked: &mut Looked, chosen: &[Chosen]) {
        let rollouts: Vec<_> = looked.snapshot.rollouts.iter().collect();
        let namespaces: BTreeSet<String> = rollouts.iter().map(|r| r.id.namespace.clone()).collect();
        let templates: Vec<(&str, &Value)> = rollouts
            .iter()
            .zip(chosen)
            .filter_map(|(rollout, chosen)| match chosen {
                Chosen::Target(target) => Some((rollout.id.namespace.as_str(), &target.template)),
                Chosen::NotYetBorn(_) => None,
            })
            .collect();
        let (around, room, references, owners) = futures::join!(
            gather::around(cluster, &namespaces),
            gather::room(cluster),
            gather::references(cluster, &templates),
            gather::owners(cluster, &rollouts),
        );
        let snapshot = &mut looked.snapshot;
        (snapshot.around, snapshot.references, snapshot.owners) = (around, references, owners);
        (snapshot.nodes, snapshot.node_pods) = room;
    }
}
