//! A pod that is created as a dry run: Pod Security, quotas, limit ranges, service accounts, priority classes and most policies look at
//! pods only; on a workload they warn at best. It is sent as the user, the real pod is created by a controller: exemptions by user
//! name can differ.

use cluster_model::admission;
use cluster_model::new_pod::unblock;
use kube::api::PostParams;
use serde_json::Value;

use super::answer::{Answer, answer};
use crate::{Cluster, Failure};

#[derive(Debug, PartialEq)]
pub enum PodAnswer {
    Admitted,
    /// In the server's own words.
    Refused(String),
    /// The server cannot dry-run it; a real pod may still be admitted.
    DryRunUnsupported(String),
    /// You have no right to create pods there, which says nothing about the controller.
    Denied(String),
    /// The answer is not about the pod, or there was none.
    Unknown(Failure),
}

pub async fn create_pod(
    cluster: &Cluster,
    namespace: &str,
    mut pod: Value,
    field_manager: &str,
) -> PodAnswer {
    // Where OwnerReferencesPermissionEnforcement is on, only who may update the owner's finalizers may block its deletion
    // (plugin/pkg/admission/gc/gc_admission.go): the controller may, the user need not.
    match create(cluster, namespace, &pod, field_manager).await {
        PodAnswer::Refused(message) if message.contains("cannot set blockOwnerDeletion") => {
            unblock(&mut pod);
            create(cluster, namespace, &pod, field_manager).await
        }
        answered => answered,
    }
}

async fn create(cluster: &Cluster, namespace: &str, pod: &Value, field_manager: &str) -> PodAnswer {
    let answered = match request(namespace, pod, field_manager) {
        Ok(request) => cluster.client.request::<Value>(request).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(_) => PodAnswer::Admitted,
        Err(kube::Error::Api(status)) if is_denied(status.code, &status.message) => {
            PodAnswer::Denied(status.message)
        }
        Err(error) => match answer(&error) {
            Answer::Refused(message) => PodAnswer::Refused(message),
            Answer::DryRunUnsupported(message) => PodAnswer::DryRunUnsupported(message),
            Answer::Changed | Answer::Other => {
                PodAnswer::Unknown(Failure::from_kube("create a pod as a dry run", &error))
            }
        },
    }
}

/// The authoriser's own sentence; admission says 403 too, in other words.
fn is_denied(code: u16, message: &str) -> bool {
    code == 403 && message.contains("cannot create resource") && !admission::is_refusal(message)
}

/// A controller drops the fields that it does not know, as the server then does: they are neither refused nor warned of.
fn request(namespace: &str, pod: &Value, field_manager: &str) -> kube::Result<http::Request<Vec<u8>>> {
    let params = PostParams { dry_run: true, field_manager: Some(field_manager.to_owned()) };
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let mut request = kube::core::Request::new(path)
        .create(&params, pod.to_string().into_bytes())
        .map_err(kube::Error::BuildRequest)?;
    let uri = format!("{}&fieldValidation=Ignore", request.uri());
    *request.uri_mut() = uri.parse().map_err(|error: http::uri::InvalidUri| {
        kube::Error::BuildRequest(kube::core::request::Error::BuildRequest(error.into()))
    })?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dry_run_is_one_on_the_wire() {
        let request = request("shop", &json!({"kind": "Pod"}), "a plugin").unwrap();
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(
            request.uri(),
            "/api/v1/namespaces/shop/pods?&dryRun=All&fieldManager=a+plugin&fieldValidation=Ignore"
        );
    }

    #[test]
    fn a_right_that_is_missing_is_no_refusal_of_the_pod() {
        let denied = "pods is forbidden: User \"u\" cannot create resource \"pods\" in API group \"\" in the namespace \"shop\"";
        let hook = "admission webhook \"w\" denied the request: you cannot create resource pods";
        assert!(is_denied(403, denied));
        assert!(!is_denied(403, hook) && !is_denied(403, "pods \"x\" is forbidden: exceeded quota: q"));
        assert!(!is_denied(500, denied));
    }
}
