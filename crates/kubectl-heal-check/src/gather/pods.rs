//! The pods of the cluster, folded page by page into what the scheduler's model keeps of all and what the checks keep of some.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::{Known, PodExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use plugin_client::api::list;
use plugin_client::api::listed_pod::ListedPod;
use plugin_client::api::scheduling::{Needs, volumes_matter};
use plugin_client::{Cluster, Failure, Line, Ui};

use super::objects::{known, why};
use crate::half::Half;
use crate::snapshot::{Gathered, Interner, PodState, Read};

#[derive(Default)]
pub struct Pods {
    pub own: Vec<Arc<PodState>>,
    pub scheduling: Scheduling,
    pub controllers: BTreeMap<Arc<str>, Arc<str>>,
    /// What has to be read to place them again.
    pub needs: Needs,
    interner: Interner,
}

/// Of all namespaces if possible; else of the one in question, and the rest of the cluster stays unknown.
pub async fn gather(
    cluster: &Cluster,
    namespace: Option<&str>,
    half: Half,
    ui: &Ui,
) -> (Result<Known<Pods>, Failure>, Option<String>) {
    if !half.has_matrix() {
        let api = namespace.map_or_else(
            || Api::all(cluster.client.clone()),
            |own| Api::namespaced(cluster.client.clone(), own),
        );
        let pods = known(Read::Pods, namespace, read(api, namespace, ui).await);
        return (pods, Some("where pods can go is not asked".to_owned()));
    }
    match read(Api::all(cluster.client.clone()), namespace, ui).await {
        Ok(pods) => (Ok(Known::Seen(pods)), None),
        Err(failure) if failure.code == Some(401) => (Err(failure), None),
        Err(failure) => {
            let all = why(Read::Pods, None, &failure);
            let Some(own) = namespace.filter(|_| failure.code == Some(403)) else {
                return (Ok(Known::Unknown(all.clone())), Some(all));
            };
            let own = read(Api::namespaced(cluster.client.clone(), own), namespace, ui).await;
            (known(Read::Pods, namespace, own), Some(all))
        }
    }
}

async fn read(api: Api<ListedPod>, namespace: Option<&str>, ui: &Ui) -> Result<Pods, Failure> {
    let mut live = None;
    // One page is there at once; and a proof draws what it waits for.
    let tell = |read, all| {
        if live.is_none() && read < all && !ui.is_drawing() {
            live = ui.live();
        }
        if let Some(live) = &live {
            live.show(read, all, &Line::new().plain("pods read"), &[]);
        }
    };
    list::fold_all(&api, "pods", Pods::default, |pods, pod| pods.add(&pod.0, namespace), tell).await
}

impl Pods {
    pub fn add(&mut self, pod: &Pod, namespace: Option<&str>) {
        self.scheduling.add_pod(pod);
        let uid: Arc<str> = pod.uid().into();
        Gathered::note_controller(&mut self.controllers, &uid, pod, &mut self.interner);
        if namespace.is_none_or(|own| pod.metadata.namespace.as_deref() == Some(own)) {
            // Pods with terms that select namespaces are all in the model already.
            self.needs.volumes |= volumes_matter(pod);
            self.own.push(Arc::new(PodState::of(pod, uid, &mut self.interner)));
        }
    }
}
