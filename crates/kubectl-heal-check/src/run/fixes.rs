//! `--fix`: what is offered for each finding. The server is asked only what it would say (`dryRun=All`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cluster_model::text::count;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use plugin_client::{Cluster, Failure, Line, Ui};

use crate::finding::{Change, Finding, Offer};
use crate::fix::{self, Workbench};
use crate::gather;
use crate::snapshot::Snapshot;

/// Adds to each finding what is offered for it. Without a cluster no server is asked.
pub async fn offer(
    bench: Workbench,
    snapshot: &Arc<Snapshot>,
    cluster: Option<&Cluster>,
    findings: &mut [Finding],
) -> Result<(), Failure> {
    let mut offers = offers(bench, snapshot.clone(), findings.to_vec()).await?;
    if let Some(cluster) = cluster {
        ask(cluster, &mut offers).await;
    }
    for (finding, offer) in findings.iter_mut().zip(offers) {
        finding.offer = Some(offer);
    }
    Ok(())
}

/// `--fix=DIR`; without a folder they are only shown.
pub fn write(folder: &str, findings: &mut [Finding], ui: &Ui) -> Result<(), Failure> {
    if !folder.is_empty() {
        let written = fix::files::write(Path::new(folder), findings)?;
        ui.status(&Line::new().plain(format!("wrote {} into ", count(written, "file"))).strong(folder));
    }
    Ok(())
}

/// On a thread of its own, so that Ctrl-C ends it: every candidate is tried on the whole snapshot.
async fn offers(
    bench: Workbench,
    snapshot: Arc<Snapshot>,
    findings: Vec<Finding>,
) -> Result<Vec<Offer>, Failure> {
    let work = move || {
        let offer = |finding: &Finding| match bench.fix(finding, &snapshot) {
            Ok(fix) => Offer::Fix(Box::new(fix)),
            Err(why) => Offer::Nothing(why),
        };
        findings.iter().map(offer).collect()
    };
    let cannot = |error: tokio::task::JoinError| Failure::failed("cannot try fixes").cause(error.to_string());
    tokio::task::spawn_blocking(work).await.map_err(cannot)
}

/// The server's own answer to each change.
async fn ask(cluster: &Cluster, offers: &mut [Offer]) {
    let mut answers: BTreeMap<String, Option<String>> = BTreeMap::new();
    for offer in offers {
        let Offer::Fix(fix) = offer else { continue };
        fix.is_by_server = true;
        let mut refused = None;
        for change in fix.changes() {
            let key = change.command();
            if !answers.contains_key(&key) {
                answers.insert(key.clone(), refusal(cluster, change).await);
            }
            refused = refused.or(answers.get(&key).cloned().flatten());
        }
        if let Some(why) = refused {
            fix.not_accepted(why);
        }
    }
}

async fn refusal(cluster: &Cluster, change: &Change) -> Option<String> {
    let read = change.read()?;
    let namespace = change.target.namespace.as_str();
    let answer = match change.creates {
        // Nothing but budgets is made.
        true => {
            let budget = serde_json::from_value::<PodDisruptionBudget>(change.patch.clone()).ok()?;
            let parameters = PostParams { dry_run: true, ..PostParams::default() };
            let api: Api<PodDisruptionBudget> = Api::namespaced(cluster.client.clone(), namespace);
            api.create(&parameters, &budget).await.map(drop)
        }
        false => {
            let parameters = PatchParams { dry_run: true, ..PatchParams::default() };
            let api = gather::objects::api(cluster, read, Some(namespace));
            api.patch(&change.target.name, &parameters, &Patch::Strategic(&change.patch)).await.map(drop)
        }
    };
    let failure = Failure::from_kube("try it on the server", &answer.err()?);
    Some(match failure.code {
        Some(403) => {
            format!("you have no right to try it on the server: {}", failure.cause.unwrap_or_default())
        }
        _ => failure.to_string(),
    })
}
