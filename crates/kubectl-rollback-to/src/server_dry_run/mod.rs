//! Puts the rollback to the server as a dry run: would anything change, is the template taken, is a pod of it admitted? Nothing is written.

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cluster_model::new_pod::new_pod;
use cluster_model::rollout::{Rollout, same};
use cluster_model::{Known, Raw};
use plugin_client::api::dry_run::{Answer, DRY_RUN_UNSUPPORTED, PodAnswer, answer, create_pod};
use plugin_client::{Cluster, Failure, missing};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::options::Options;
use crate::patch;
use crate::rights::requirements::create_pods;
use crate::snapshot::ServerDryRun;

const CHANGED: &str = "modified after it was read";

/// May the user create pods in a namespace, as the dry run of one needs? Checked once, however many workloads it has.
#[derive(Default)]
pub struct MayCreatePods(Mutex<BTreeMap<String, Known<()>>>);

impl MayCreatePods {
    /// Concurrent callers wait for the same answer.
    async fn in_namespace(&self, cluster: &Cluster, namespace: &str) -> Known<()> {
        let mut known = self.0.lock().await;
        if let Some(answer) = known.get(namespace) {
            return answer.clone();
        }
        let right = create_pods(namespace);
        let answer = match missing(cluster, std::slice::from_ref(&right)).await {
            Ok(denied) if denied.is_empty() => Known::Seen(()),
            Ok(_) => Known::Unknown(format!("you have no permission to {right}, which this check needs")),
            Err(failure) => Known::Unknown(failure.to_string()),
        };
        known.insert(namespace.to_owned(), answer.clone());
        answer
    }
}

/// Workload and pod are sent at the same time.
pub async fn dry_run(
    cluster: &Cluster,
    rollout: &Rollout,
    template: &Value,
    options: &Options,
    pods: &MayCreatePods,
) -> Result<ServerDryRun, Failure> {
    let (workload, pod) = futures::join!(
        workload(cluster, rollout, template, options),
        pod_of(cluster, rollout, template, options, pods)
    );
    let workload = workload?;
    let changes = match &workload {
        // The two were read at different times: a generation that somebody scaled up meanwhile proves nothing while the server would
        // keep the very template that is there.
        Ok(object) => {
            object.number("/metadata/generation") != rollout.object.number("/metadata/generation")
                && object["spec"]["template"] != *rollout.template()
        }
        Err(_) => !same(rollout.template(), template),
    };
    // The client shows the server's `Warning:` headers itself, as they come.
    Ok(ServerDryRun { workload, changes, pod })
}

pub const CLIENT_DRY_RUN: &str = "--dry-run=client sends no dry-run requests";

/// Without the server: what a client alone can check, which is little.
pub fn client_dry_run(rollout: &Rollout, template: &Value) -> ServerDryRun {
    ServerDryRun {
        workload: Err(CLIENT_DRY_RUN.to_owned()),
        changes: !same(rollout.template(), template),
        pod: Known::Unknown(CLIENT_DRY_RUN.to_owned()),
    }
}

/// Is this message in `ServerDryRun::workload` about a dry run that could not be made, rather than about a refusal?
pub fn had_no_dry_run(message: &str) -> bool {
    message == CLIENT_DRY_RUN || message.contains(DRY_RUN_UNSUPPORTED)
}

/// The template alone: annotations count as a change too (pkg/registry/apps/deployment/strategy.go).
async fn workload(
    cluster: &Cluster,
    rollout: &Rollout,
    template: &Value,
    options: &Options,
) -> Result<Result<Value, String>, Failure> {
    let ops = patch::template_patch(rollout, template);
    let request = patch::request(&rollout.id, &ops, &options.field_manager, true)?;
    match cluster.client.request(request).await {
        Ok(object) => Ok(Ok(object)),
        Err(error) => match answer(&error) {
            Answer::Changed => Err(changed(&rollout.id.typed())),
            Answer::Refused(message) | Answer::DryRunUnsupported(message) => Ok(Err(message)),
            Answer::Other => {
                Err(Failure::from_kube("dry-run the rollback", &error).object(rollout.id.typed()))
            }
        },
    }
}

/// The server's objection to the pod, if it has one.
async fn pod_of(
    cluster: &Cluster,
    rollout: &Rollout,
    template: &Value,
    options: &Options,
    pods: &MayCreatePods,
) -> Known<Result<(), String>> {
    let namespace = &rollout.id.namespace;
    if let Known::Unknown(why) = pods.in_namespace(cluster, namespace).await {
        return Known::Unknown(why);
    }
    match create_pod(cluster, namespace, new_pod(rollout, template), &options.field_manager).await {
        PodAnswer::Admitted => Known::Seen(Ok(())),
        PodAnswer::Refused(message) => Known::Seen(Err(message)),
        PodAnswer::DryRunUnsupported(message) | PodAnswer::Denied(message) => Known::Unknown(message),
        PodAnswer::Unknown(failure) => Known::Unknown(failure.to_string()),
    }
}

/// The caller makes the plan again; see `is_changed`.
fn changed(object: &str) -> Failure {
    let mut failure = Failure::refused(CHANGED).object(object);
    failure.code = Some(422);
    failure
}

/// Did `dry_run` fail because the workload is no longer the one that was read?
pub fn is_changed(failure: &Failure) -> bool {
    failure.code == Some(422) && failure.message == CHANGED
}
