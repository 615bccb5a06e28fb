//! What the filters read of a pod. Pods and nodes are known by their position in the cluster.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::node::Labels;
use super::requirements::Requirements;
use crate::PodExt;
use crate::pod::resources::Amounts;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

#[derive(Clone, Debug)]
pub struct PodFacts {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub uid: Arc<str>,
    /// `None`: not bound yet.
    pub node: Option<NodeId>,
    pub labels: Arc<Labels>,
    /// Without the topology labels that the API server copied from its node when it was bound (`plugin/pkg/admission/podtopologylabels`,
    /// since 1.35): a new pod of the same template does not have them.
    pub template_labels: Arc<Labels>,
    pub requirements: Arc<Requirements>,
    /// What it takes on its node where that is not what its spec requests: it was resized in place.
    pub occupies: Option<Arc<Amounts>>,
    pub is_terminating: bool,
}

impl PodFacts {
    /// Of a pod that does not exist yet: [`super::Scenario::with_new_pods`] asks where it can be placed.
    pub fn of_new(pod: &Pod) -> Self {
        let labels = Arc::new(pod.metadata.labels.clone().unwrap_or_default());
        PodFacts {
            namespace: pod.namespace().into(),
            name: pod.name().into(),
            uid: "".into(),
            node: None,
            template_labels: labels.clone(),
            labels,
            requirements: Arc::new(Requirements::of(pod)),
            occupies: None,
            is_terminating: false,
        }
    }

    /// What it takes on its node.
    pub fn taken(&self) -> &Amounts {
        self.occupies.as_deref().unwrap_or(&self.requirements.requests)
    }
}
