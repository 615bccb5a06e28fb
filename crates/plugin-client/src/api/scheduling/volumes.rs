//! Claims, volumes and what attaches them, as the scheduler's filters for volumes read them: of all pods, because nodes can attach only so
//! many.

use crate::api::list;
use crate::{Cluster, Failure};
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::{Known, PodExt};
use k8s_openapi::Resource;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Volume};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

/// Has it a volume that decides about nodes?
pub fn matter(pod: &Pod) -> bool {
    let is_data_in_the_api = |volume: &Volume| {
        volume.config_map.is_some()
            || volume.secret.is_some()
            || volume.projected.is_some()
            || volume.downward_api.is_some()
            || volume.empty_dir.is_some()
            || volume.host_path.is_some()
    };
    !pod.volumes().iter().all(is_data_in_the_api)
}

pub async fn gather(cluster: &Cluster, page: u32) -> Volumes {
    let (claims, volumes, classes, nodes, attachments, drivers) = futures::join!(
        all::<PersistentVolumeClaim>(cluster, "persistentvolumeclaims", page, Volumes::add_claim),
        all::<PersistentVolume>(cluster, "persistentvolumes", page, Volumes::add_volume),
        all::<StorageClass>(cluster, "storageclasses", page, Volumes::add_storage_class),
        all::<CSINode>(cluster, "csinodes", page, Volumes::add_csi_node),
        all::<VolumeAttachment>(cluster, "volumeattachments", page, Volumes::add_attachment),
        all::<CSIDriver>(cluster, "csidrivers", page, Volumes::add_driver),
    );
    Volumes {
        claims: known(claims, |it| it.claims),
        persistent_volumes: known(volumes, |it| it.persistent_volumes),
        classes: known(classes, |it| it.classes),
        csi_nodes: known(nodes, |it| it.csi_nodes),
        attachments: known(attachments, |it| it.attachments),
        drivers: known(drivers, |it| it.drivers),
    }
}

/// All objects of one kind, page by page, and nothing but what `add` keeps of them.
async fn all<K>(
    cluster: &Cluster,
    plural: &str,
    page: u32,
    add: fn(&mut Volumes, &K),
) -> Result<Volumes, Failure>
where
    K: kube::Resource<DynamicType = ()> + Resource + Clone + DeserializeOwned + Send + 'static,
{
    let api: Api<K> = Api::all(cluster.client.clone());
    list::fold(&api, plural, ListParams::default(), page, Volumes::read, |found, object| add(found, &object))
        .await
}

fn known<T>(read: Result<Volumes, Failure>, of: fn(Volumes) -> Known<T>) -> Known<T> {
    read.map_or_else(|failure| Known::Unknown(failure.to_string()), of)
}
