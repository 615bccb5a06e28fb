//! Who else keeps the workloads as they are: recognised by what they leave on an object, then read, if that is allowed, to tell
//! whether and when they will undo a rollback.

mod judge;
mod signs;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use cluster_model::rollout::{Kind, Rollout};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use plugin_client::{Cluster, Failure, is_not_found};
use serde_json::Value;

use super::lists::{FAN_OUT, custom, is_absent, json, raw};
use crate::snapshot::Owner;
use judge::{Sources, judge, progressive};
pub use signs::{Sign, recognise};

const ARGO: (&str, &str) = ("argoproj.io", "v1alpha1");
const FLAGGER: (&str, &str) = ("flagger.app", "v1beta1");

/// By UID of the workload; each has an entry, empty if nobody owns it.
pub async fn owners<R: Borrow<Rollout>>(cluster: &Cluster, rollouts: &[R]) -> BTreeMap<String, Vec<Owner>> {
    let rollouts: Vec<&Rollout> = rollouts.iter().map(Borrow::borrow).collect();
    let signs: Vec<BTreeSet<Sign>> = rollouts.iter().map(|rollout| recognise(rollout)).collect();
    let sources = read(cluster, &rollouts, &signs).await;
    rollouts
        .iter()
        .zip(&signs)
        .map(|(rollout, signs)| {
            let mut owners: Vec<Owner> =
                signs.iter().filter_map(|sign| judge(rollout, sign, &sources)).collect();
            owners.extend(progressive(&rollout.id, &sources));
            (rollout.id.uid.clone(), owners)
        })
        .collect()
}

/// Every owner once, however many workloads it has.
async fn read(cluster: &Cluster, rollouts: &[&Rollout], signs: &[BTreeSet<Sign>]) -> Sources {
    let all: BTreeSet<&Sign> = signs.iter().flatten().collect();
    let (argo, flagger) = futures::join!(served(cluster, ARGO), served(cluster, FLAGGER));
    let installed = |kinds: &Option<BTreeSet<String>>, kind: &str| {
        kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
    };
    let argo_cd =
        all.iter().any(|sign| matches!(sign, Sign::ArgoCd { .. })) && installed(&argo, "applications");
    // Each takes templates of these kinds only.
    let of_kind = |kinds: &[Kind], installed: bool| -> BTreeSet<String> {
        let theirs = rollouts.iter().filter(|rollout| kinds.contains(&rollout.id.kind) && installed);
        theirs.map(|rollout| rollout.id.namespace.clone()).collect()
    };
    let canaries = of_kind(&[Kind::Deployment, Kind::DaemonSet], installed(&flagger, "canaries"));
    let progressive = of_kind(&[Kind::Deployment], installed(&argo, "rollouts"));
    let (objects, releases, applications, canaries, rollouts) = futures::join!(
        collect(all.iter().copied(), |sign| object(cluster, sign)),
        collect(all.iter().copied(), |sign| release(cluster, sign)),
        async {
            let kind = custom(ARGO.0, ARGO.1, "Application", "applications");
            if argo_cd { Some(raw(cluster, &kind, None).await) } else { None }
        },
        in_each(cluster, canaries, custom(FLAGGER.0, FLAGGER.1, "Canary", "canaries")),
        in_each(cluster, progressive, custom(ARGO.0, ARGO.1, "Rollout", "rollouts")),
    );
    Sources { objects, releases, applications, canaries, rollouts }
}

/// The kinds of a group that are installed: Argo CD and Argo Rollouts share one, and need not both be there. Everybody may ask
/// (ClusterRole system:discovery); if it fails all the same, everything is looked for.
async fn served(cluster: &Cluster, (group, version): (&str, &str)) -> Option<BTreeSet<String>> {
    match cluster.client.list_api_group_resources(&format!("{group}/{version}")).await {
        Ok(list) => Some(list.resources.into_iter().map(|resource| resource.name).collect()),
        Err(error) => is_not_found(&error).then(BTreeSet::new),
    }
}

async fn collect<'a, T, F: Future<Output = Option<T>>>(
    signs: impl Iterator<Item = &'a Sign>,
    ask: impl Fn(&'a Sign) -> F,
) -> BTreeMap<Sign, T> {
    stream::iter(signs.map(|sign| (sign, ask(sign))))
        .map(|(sign, answer)| async move { Some((sign.clone(), answer.await?)) })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

async fn object(cluster: &Cluster, sign: &Sign) -> Option<Known<Option<Value>>> {
    let (kind, namespace, name) = match sign {
        Sign::FluxKustomization { namespace, name } => {
            (custom("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"), namespace, name)
        }
        Sign::FluxHelmRelease { namespace, name } => {
            (custom("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"), namespace, name)
        }
        _ => return None,
    };
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client.clone(), namespace, &kind);
    Some(match api.get(name).await {
        Ok(object) => Known::Seen(Some(json(&object))),
        Err(error) if is_absent(&error, name) => Known::Seen(None),
        Err(error) => {
            let doing = format!("read {} {namespace}/{name}", kind.kind);
            Known::Unknown(Failure::from_kube(&doing, &error).to_string())
        }
    })
}

/// The labels of Helm's release Secrets say enough; what is in them is not asked for.
async fn release(cluster: &Cluster, sign: &Sign) -> Option<Known<Vec<Value>>> {
    let Sign::Helm { namespace, release } = sign else { return None };
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let params = ListParams::default().labels(&format!("owner=helm,name={release}"));
    Some(match secrets.list_metadata(&params).await {
        Ok(list) => Known::Seen(list.items.iter().map(json).collect()),
        Err(error) => {
            Known::Unknown(Failure::from_kube(&format!("read Helm release {release}"), &error).to_string())
        }
    })
}

async fn in_each(
    cluster: &Cluster,
    namespaces: BTreeSet<String>,
    kind: ApiResource,
) -> BTreeMap<String, Known<Vec<Value>>> {
    let kind = &kind;
    stream::iter(namespaces)
        .map(|namespace| async move {
            let list = raw(cluster, kind, Some(&namespace)).await;
            (namespace, list)
        })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await
}
