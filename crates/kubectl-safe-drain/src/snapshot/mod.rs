//! `--snapshot`: what a plan reads of the cluster, in a file. One list after another, each page by page.

mod file;
mod strip;

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, ReplicationController, Service,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::gather::offline::header::Header;
use crate::gather::offline::kind::Kind;
use file::{Items, ListFile};
use strip::Strip;

/// What was written.
pub struct Written {
    pub nodes: usize,
    pub pods: usize,
    /// Why a kind is not in it.
    pub missing: BTreeMap<Kind, String>,
}

/// # Errors
///
/// Nodes or pods cannot be listed, the server gives no answer, or the file cannot be written.
pub async fn write(cluster: &Cluster, path: &Path, page: u32) -> Result<Written, Failure> {
    let mut file = ListFile::create(path)?;
    let mut counts = BTreeMap::new();
    let mut missing = BTreeMap::new();
    for kind in Kind::ALL {
        match listed(cluster, *kind, page).await {
            Ok(items) => {
                counts.insert(*kind, file.append(items)?);
            }
            Err(failure) if failure.code.is_none() || matches!(kind, Kind::Node | Kind::Pod) => {
                return Err(failure);
            }
            Err(failure) => {
                missing.insert(*kind, failure.to_string());
            }
        }
    }
    let named = counts.keys().map(|kind| kind.plural().to_owned()).collect();
    let reasons = missing.iter().map(|(kind, why)| (kind.plural().to_owned(), why.clone())).collect();
    file.add(&Header::new(Time(cluster.now()), named, reasons))?;
    file.finish()?;
    let count = |kind| counts.get(&kind).copied().unwrap_or_default();
    Ok(Written { nodes: count(Kind::Node), pods: count(Kind::Pod), missing })
}

async fn listed(cluster: &Cluster, kind: Kind, page: u32) -> Result<Items, Failure> {
    match kind {
        Kind::Node => all::<Node>(cluster, kind, page).await,
        Kind::Pod => all::<Pod>(cluster, kind, page).await,
        Kind::PodDisruptionBudget => all::<PodDisruptionBudget>(cluster, kind, page).await,
        Kind::ReplicaSet => all::<ReplicaSet>(cluster, kind, page).await,
        Kind::StatefulSet => all::<StatefulSet>(cluster, kind, page).await,
        Kind::DaemonSet => all::<DaemonSet>(cluster, kind, page).await,
        Kind::Job => all::<Job>(cluster, kind, page).await,
        Kind::ReplicationController => all::<ReplicationController>(cluster, kind, page).await,
        Kind::PersistentVolumeClaim => all::<PersistentVolumeClaim>(cluster, kind, page).await,
        Kind::PersistentVolume => all::<PersistentVolume>(cluster, kind, page).await,
        Kind::StorageClass => all::<StorageClass>(cluster, kind, page).await,
        Kind::CSINode => all::<CSINode>(cluster, kind, page).await,
        Kind::CSIDriver => all::<CSIDriver>(cluster, kind, page).await,
        Kind::VolumeAttachment => all::<VolumeAttachment>(cluster, kind, page).await,
        Kind::Namespace => all::<Namespace>(cluster, kind, page).await,
        Kind::ValidatingWebhookConfiguration => {
            all::<ValidatingWebhookConfiguration>(cluster, kind, page).await
        }
        Kind::MutatingWebhookConfiguration => all::<MutatingWebhookConfiguration>(cluster, kind, page).await,
        Kind::Service => all::<Service>(cluster, kind, page).await,
    }
}

async fn all<K>(cluster: &Cluster, kind: Kind, page: u32) -> Result<Items, Failure>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Strip + Send + 'static,
{
    let api: Api<K> = Api::all(cluster.client.clone());
    let add = |items: &mut Items, object: K| items.add(&object.stripped());
    let items = list::fold(&api, kind.plural(), ListParams::default(), page, Items::new, add).await?;
    match items.is_broken() {
        true => Err(Failure { local: true, ..Failure::failed(format!("cannot store {}", kind.plural())) }),
        false => Ok(items),
    }
}
