//! Looks up what templates refer to. Of ConfigMaps and Secrets only metadata is requested: their values are never read.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use cluster_model::references::Reference;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, ServiceAccount};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use plugin_client::{Cluster, Failure};
use serde_json::Value;

use super::lists::{FAN_OUT, is_absent, json, resource};
use crate::snapshot::Found;
pub use cluster_model::references::references_of;

/// Of each template with its namespace; each object once, however many templates need it.
pub async fn references(
    cluster: &Cluster,
    templates: &[(&str, &Value)],
) -> BTreeMap<Reference, Known<Option<Found>>> {
    let needed = templates.iter().flat_map(|(namespace, template)| references_of(template, namespace));
    let references: BTreeSet<Reference> = needed.map(|needed| needed.reference).collect();
    stream::iter(references)
        .map(|reference| async move {
            let found = look_up(cluster, &reference).await;
            (reference, found)
        })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await
}

async fn look_up(cluster: &Cluster, reference: &Reference) -> Known<Option<Found>> {
    let Some(resource) = resource_of(reference.kind) else {
        return Known::Unknown(format!("{} is not a kind this tool knows", reference.kind));
    };
    let api: Api<DynamicObject> = match reference.namespace.as_str() {
        "" => Api::all_with(cluster.client.clone(), &resource),
        namespace => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
    };
    let found = match reference.kind {
        "ConfigMap" | "Secret" => api.get_metadata(&reference.name).await.map(|object| json(&object)),
        _ => api.get(&reference.name).await.map(|object| json(&object)),
    };
    match found {
        Ok(object) => Known::Seen(Some(Found { object })),
        Err(error) if is_absent(&error, &reference.name) => Known::Seen(None),
        Err(error) => {
            let doing = format!("read {} {}", reference.kind, reference.name);
            Known::Unknown(Failure::from_kube(&doing, &error).to_string())
        }
    }
}

fn resource_of(kind: &str) -> Option<ApiResource> {
    Some(match kind {
        "ConfigMap" => resource::<ConfigMap>(),
        "Secret" => resource::<Secret>(),
        "PersistentVolumeClaim" => resource::<PersistentVolumeClaim>(),
        "ServiceAccount" => resource::<ServiceAccount>(),
        "PriorityClass" => resource::<PriorityClass>(),
        "RuntimeClass" => resource::<RuntimeClass>(),
        "StorageClass" => resource::<StorageClass>(),
        "ResourceClaim" => resource::<ResourceClaim>(),
        "ResourceClaimTemplate" => resource::<ResourceClaimTemplate>(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use serde_json::json;
    use testbed::fake::{Answer, Fake};

    #[test]
    fn every_kind_that_is_needed_can_be_looked_up() {
        let template = json!({"spec": {
            "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}]}],
            "volumes": [{"persistentVolumeClaim": {"claimName": "c"}},
                {"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "d"}}}}],
            "serviceAccountName": "e", "priorityClassName": "f", "runtimeClassName": "g",
            "resourceClaims": [{"resourceClaimName": "h"}, {"resourceClaimTemplateName": "i"}]}});
        let needed = references_of(&template, "shop");
        assert_eq!(needed.len(), 9);
        for needed in needed {
            let resource = resource_of(needed.reference.kind).unwrap();
            assert_eq!(resource.kind, needed.reference.kind);
        }
    }

    #[tokio::test]
    async fn of_secrets_only_metadata_is_read() {
        let fake = Fake::start();
        let at = |kind: &str, name: &str| format!("/api/v1/namespaces/shop/{kind}/{name}");
        let metadata = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"name": "db", "managedFields": [{"manager": "x", "fieldsV1": {"f:data": {"f:host": {}}}}]}});
        fake.on("GET", &at("secrets", "db")).answer(Answer::json(metadata));
        let absent = Answer::status_with(404, "NotFound", "not found", json!({"name": "gone"}));
        fake.on("GET", &at("configmaps", "gone")).answer(absent);
        fake.on("GET", &at("configmaps", "walled")).answer(Answer::status(403, "Forbidden", "no"));
        let from = |kind: &str, name: &str| json!({kind: {"name": name}});
        let env = [from("secretRef", "db"), from("configMapRef", "gone"), from("configMapRef", "walled")];
        let template = json!({"spec": {"containers": [{"name": "web", "envFrom": env}, {"name": "side", "envFrom": env}]}});
        let found = references(&connect(&fake).await, &[("shop", &template)]).await;
        let of = |kind, name: &str| {
            let reference = Reference { kind, namespace: "shop".into(), name: name.into() };
            found.get(&reference).unwrap()
        };
        assert!(
            matches!(of("Secret", "db"), Known::Seen(Some(found)) if cluster_model::managed_fields::keys(&found.object).is_some())
        );
        assert!(matches!(of("ConfigMap", "gone"), Known::Seen(None)));
        assert!(matches!(of("ConfigMap", "walled"), Known::Unknown(_)), "not absent");
        let requests = fake.requests();
        assert_eq!(requests.len(), 3, "each once");
        for request in requests {
            assert!(request.headers["accept"].contains("as=PartialObjectMetadata;"), "{request:?}");
        }
    }
}
