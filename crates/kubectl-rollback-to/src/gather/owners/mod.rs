//! Who else keeps the workloads as they are: recognised by what they leave on an object, then read, if that is allowed, to decide
//! whether and when they will undo a rollback.

mod judge;
mod progressive;
mod signs;
#[cfg(test)]
mod tests;
mod trigger;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use cluster_model::rollout::{Kind, Rollout};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use plugin_client::{Cluster, Failure, is_not_found};
use serde_json::Value;

use super::lists::{FAN_OUT, custom, is_absent, json, raw};
use crate::snapshot::Owner;
use judge::{Sources, judge};
use progressive::progressive;
pub use progressive::{ARGO_KINDS, FLAGGER_KINDS, KRUISE_KINDS};
pub use signs::{Sign, recognise};

const ARGO: (&str, &str) = ("argoproj.io", "v1alpha1");
const KRUISE: &str = "rollouts.kruise.io";
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
            owners.extend(progressive(rollout, &sources));
            (rollout.id.uid.clone(), owners)
        })
        .collect()
}

/// Only those that decide how far a rollout goes: whoever resumes the rollout depends on them.
pub async fn progress_owners(cluster: &Cluster, rollouts: &[&Rollout]) -> BTreeMap<String, Vec<Owner>> {
    let (argo, kruise) = futures::join!(served(cluster, ARGO), kruise_version(cluster));
    let mut sources = Sources::default();
    read_progressive(cluster, rollouts, installed(&argo, "rollouts"), kruise, &mut sources).await;
    let of = |rollout: &&Rollout| (rollout.id.uid.clone(), progressive(rollout, &sources));
    rollouts.iter().map(of).collect()
}

/// Every owner once, however many workloads it has.
async fn read(cluster: &Cluster, rollouts: &[&Rollout], signs: &[BTreeSet<Sign>]) -> Sources {
    let all: BTreeSet<&Sign> = signs.iter().flatten().collect();
    let (argo, flagger, kruise) =
        futures::join!(served(cluster, ARGO), served(cluster, FLAGGER), kruise_version(cluster));
    let argo_cd =
        all.iter().any(|sign| matches!(sign, Sign::ArgoCd { .. })) && installed(&argo, "applications");
    let triggered = all.iter().any(|sign| matches!(sign, Sign::ImageTrigger(_)));
    let canaries = namespaces(rollouts, FLAGGER_KINDS, installed(&flagger, "canaries"));
    let mut sources = Sources::default();
    let (objects, releases, applications, canaries, image_streams, ()) = futures::join!(
        collect(all.iter().copied(), |sign| object(cluster, sign)),
        collect(all.iter().copied(), |sign| release(cluster, sign)),
        async {
            let kind = custom(ARGO.0, ARGO.1, "Application", "applications");
            if argo_cd { Some(raw(cluster, &kind, None).await) } else { None }
        },
        in_each(cluster, canaries, custom(FLAGGER.0, FLAGGER.1, "Canary", "canaries")),
        async { if triggered { Some(image_streams(cluster).await) } else { None } },
        read_progressive(cluster, rollouts, installed(&argo, "rollouts"), kruise, &mut sources),
    );
    Sources { objects, releases, applications, canaries, image_streams, ..sources }
}

async fn read_progressive(
    cluster: &Cluster,
    rollouts: &[&Rollout],
    argo: bool,
    kruise: Option<String>,
    sources: &mut Sources,
) {
    let version = kruise.as_deref().unwrap_or_default();
    (sources.rollouts, sources.kruise) = futures::join!(
        in_each(
            cluster,
            namespaces(rollouts, ARGO_KINDS, argo),
            custom(ARGO.0, ARGO.1, "Rollout", "rollouts")
        ),
        in_each(
            cluster,
            namespaces(rollouts, KRUISE_KINDS, kruise.is_some()),
            custom(KRUISE, version, "Rollout", "rollouts")
        ),
    );
}

fn namespaces(rollouts: &[&Rollout], kinds: &[Kind], installed: bool) -> BTreeSet<String> {
    let affected = rollouts.iter().filter(|rollout| kinds.contains(&rollout.id.kind) && installed);
    affected.map(|rollout| rollout.id.namespace.clone()).collect()
}

fn installed(kinds: &Option<BTreeSet<String>>, kind: &str) -> bool {
    kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
}

/// The version in which OpenKruise's Rollouts are read; `None` if they are not installed.
async fn kruise_version(cluster: &Cluster) -> Option<String> {
    let newest = || "v1beta1".to_owned();
    let request = http::Request::get(format!("/apis/{KRUISE}")).body(Vec::new()).ok()?;
    match cluster.client.request::<APIGroup>(request).await {
        Ok(group) if group.versions.iter().any(|it| it.version == newest()) => Some(newest()),
        Ok(group) => group.versions.first().map(|it| it.version.clone()),
        Err(error) if is_not_found(&error) => None,
        // As for the others: then it is read, and a failure is reported.
        Err(_) => Some(newest()),
    }
}

async fn image_streams(cluster: &Cluster) -> Known<bool> {
    match cluster.client.list_api_group_resources("image.openshift.io/v1").await {
        Ok(_) => Known::Seen(true),
        Err(error) if is_not_found(&error) => Known::Seen(false),
        Err(error) => Known::Unknown(Failure::from_kube("look for image streams", &error).to_string()),
    }
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
    read: impl Fn(&'a Sign) -> F,
) -> BTreeMap<Sign, T> {
    stream::iter(signs.map(|sign| (sign, read(sign))))
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

/// The labels of Helm's release Secrets are enough; their data is not requested.
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
