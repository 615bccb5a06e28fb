//! The eviction of one pod, guarded by its UID, and what the server's answer means. Network I/O.

mod answer;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use kube::Api;
use kube::api::PostParams;
use kube::core::Status;

pub use answer::EvictionAnswer;

use crate::{Cluster, Failure};

#[derive(Clone, Debug)]
pub struct EvictionRequest {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// `None`: the pod's own.
    pub grace_seconds: Option<i64>,
    pub dry_run: bool,
}

/// The eviction is written by hand: kube's `Api::evict` puts the options under `delete_options`, which the server does not read,
/// so that UID, grace period and even a dry run are lost.
pub async fn evict(cluster: &Cluster, request: &EvictionRequest) -> EvictionAnswer {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
    let params = PostParams { dry_run: request.dry_run, field_manager: None };
    let answer =
        pods.create_subresource::<_, Status>("eviction", &request.name, &params, &eviction(request)).await;
    answer_of(answer.map(Some))
}

/// What the answer to an eviction, or to the deletion of a pod, means.
pub fn answer_of(answer: kube::Result<Option<Status>>) -> EvictionAnswer {
    match answer {
        // A failure may come with a code of success in front; the body decides.
        Ok(Some(status)) if status.is_failure() => answer::of_status(&status),
        Ok(_) => EvictionAnswer::Accepted,
        Err(kube::Error::Api(status)) => answer::of_status(&status),
        Err(error) => {
            // No answer of the server: whether it acted is not known, or (as when a credential plugin failed) the request was not even sent.
            // Either way the pod is read before anything is repeated.
            EvictionAnswer::Unknown { message: Failure::from_kube("evict", &error).to_string() }
        }
    }
}

fn eviction(request: &EvictionRequest) -> Eviction {
    Eviction {
        metadata: ObjectMeta {
            name: Some(request.name.clone()),
            namespace: Some(request.namespace.clone()),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            dry_run: request.dry_run.then(|| vec!["All".to_owned()]),
            grace_period_seconds: request.grace_seconds,
            preconditions: Some(Preconditions { uid: Some(request.uid.clone()), resource_version: None }),
            ..DeleteOptions::default()
        }),
    }
}
