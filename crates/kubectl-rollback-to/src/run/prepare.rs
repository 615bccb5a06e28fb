//! From chosen targets to a plan: dry-run on the server, checked against everything around.

use std::collections::BTreeSet;

use cluster_model::Finding;
use cluster_model::finding;
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use plugin_client::{Cluster, DryRun, Failure};
use serde_json::Value;

use super::Run;
use super::load::Loaded;
use crate::blocking;
use crate::checks::capacity::pod_that_needs_room;
use crate::checks::services::leaves;
use crate::checks::{self, Case};
use crate::choose::{Chosen, refusal};
use crate::diff::{Diff, diff};
use crate::gather;
use crate::plan::{Action, Plan, Step};
use crate::rights;
use crate::server_dry_run::{MayCreatePods, client_dry_run, dry_run};
use crate::snapshot::ServerDryRun;

/// Workloads whose dry runs are sent concurrently.
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
        looked: &mut Loaded,
        chosen: Vec<Chosen>,
    ) -> Result<Prepared, Failure> {
        if let Some(refusal) = refusal(&chosen, looked.named) {
            return Err(refusal);
        }
        let writes = self.args.dry_run != DryRun::Client;
        let rollouts = &looked.snapshot.rollouts;
        let rights = rights::found(cluster, rollouts, &self.options, self.args.mode()).await;
        let pods = &MayCreatePods::default();
        let dry_runs: Vec<Option<ServerDryRun>> = stream::iter(rollouts.iter().zip(&chosen))
            .map(|(rollout, chosen)| async move {
                Ok::<_, Failure>(match chosen {
                    Chosen::NotYetCreated(_) => None,
                    Chosen::Target(target) if writes => {
                        // On the heap, as the others below: several at once are most of a stack.
                        let answer =
                            Box::pin(dry_run(cluster, rollout, &target.template, &self.options, pods));
                        Some(answer.await?)
                    }
                    Chosen::Target(target) => Some(client_dry_run(rollout, &target.template)),
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.look_around(cluster, looked, &chosen, &dry_runs).await;
        let mut findings = rights;
        let mut steps = Vec::new();
        for (index, (chosen, dry_run)) in chosen.into_iter().zip(dry_runs).enumerate() {
            let past = looked.past(index);
            let (Chosen::Target(target), Some(dry_run)) = (chosen, dry_run) else {
                steps.push(Step {
                    rollout: index,
                    action: Action::NotYetCreated,
                    target: None,
                    dry_run: None,
                    diff: Diff::default(),
                    deletes: None,
                });
                continue;
            };
            let action = if dry_run.changes { Action::RollBack } else { Action::Nothing };
            let case = Case {
                snapshot: &looked.snapshot,
                past,
                target: &target,
                dry_run: &dry_run,
                options: &self.options,
            };
            findings.extend(match dry_run.changes {
                true => checks::check(&case),
                false => checks::check_unchanged(&case),
            });
            let to: &Value = match &dry_run.workload {
                Ok(object) => &object["spec"]["template"],
                Err(_) => &target.template,
            };
            let diff = diff(past.rollout.template(), to, self.options.show_values);
            let deletes = match action {
                _ if !self.options.unstick => None,
                Action::RollBack => blocking::replaceable_after_rollback(past.rollout, target.revision),
                Action::Nothing | Action::NotYetCreated => blocking::now(past.rollout),
            };
            let (target, dry_run) = (Some(target), Some(dry_run));
            steps.push(Step { rollout: index, action, target, dry_run, diff, deletes });
        }
        finding::sort(&mut findings);
        self.options.allow.accept(&mut findings);
        Ok(Prepared { plan: Plan { steps }, findings })
    }

    async fn look_around(
        &self,
        cluster: &Cluster,
        looked: &mut Loaded,
        chosen: &[Chosen],
        dry_runs: &[Option<ServerDryRun>],
    ) {
        let rollouts: Vec<_> = looked.snapshot.rollouts.iter().collect();
        let namespaces: BTreeSet<String> = rollouts.iter().map(|r| r.id.namespace.clone()).collect();
        let templates: Vec<(&str, &Value)> = rollouts
            .iter()
            .zip(chosen)
            .filter_map(|(rollout, chosen)| match chosen {
                Chosen::Target(target) => Some((rollout.id.namespace.as_str(), &target.template)),
                Chosen::NotYetCreated(_) => None,
            })
            .collect();
        let changing = || {
            let all = rollouts.iter().zip(chosen).zip(dry_runs);
            all.filter_map(|((rollout, chosen), dry_run)| match (chosen, dry_run) {
                (Chosen::Target(target), Some(dry_run)) if dry_run.changes => {
                    let kept = dry_run.workload.as_ref().map(|object| &object["spec"]["template"]);
                    Some((*rollout, kept.unwrap_or(&target.template)))
                }
                _ => None,
            })
        };
        // Both are read only if a check of a workload needs them: of a large cluster they are most of what is read.
        let to_place: Vec<Pod> =
            changing().filter_map(|(rollout, then)| pod_that_needs_room(rollout, then)).collect();
        let (mut around, room, references, owners) = futures::join!(
            gather::surroundings(cluster, &namespaces),
            Box::pin(gather::room(cluster, &to_place, gather::PATIENCE)),
            gather::references(cluster, &templates),
            gather::owners(cluster, &rollouts),
        );
        for (namespace, around) in &mut around {
            let services = around.services.seen().map(Vec::as_slice).unwrap_or_default();
            let mut here = changing().filter(|(rollout, _)| rollout.id.namespace == *namespace);
            if here.any(|(rollout, then)| leaves(services, rollout.template(), then)) {
                around.pods = gather::pods(cluster, namespace).await;
            }
        }
        let snapshot = &mut looked.snapshot;
        (snapshot.around, snapshot.references, snapshot.owners) = (around, references, owners);
        (snapshot.nodes, snapshot.scheduling) = room;
    }
}
