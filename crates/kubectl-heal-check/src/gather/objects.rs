//! Lists of one kind, page by page, of which only what is read later is kept.

use cluster_model::Known;
use kube::Api;
use kube::api::{ApiResource, ListParams};
use plugin_client::api::{access_review, list};
use plugin_client::{Cluster, Failure, RawObject, is_not_found};
use serde_json::Value;

use crate::snapshot::{Read, strip};

/// `namespace`: `None` is all.
pub async fn of_kind(cluster: &Cluster, read: Read, namespace: Option<&str>) -> Known<Vec<Value>> {
    let kind = read.api().0;
    let api = api(cluster, read, namespace);
    let keep = |object: RawObject| {
        let mut object = object.value;
        // The items of a list do not say what they are.
        object["kind"] = kind.into();
        strip::object(&mut object);
        Some(object)
    };
    let listed = list::collect(&api, read.api().3, ListParams::default(), list::PAGE, keep);
    listed.await.map_or_else(|failure| Known::Unknown(why(read, namespace, &failure)), Known::Seen)
}

/// Of one namespace itself it is read alone, which a role in it can grant.
pub async fn namespaces(cluster: &Cluster, namespace: Option<&str>) -> Known<Vec<Value>> {
    let Some(name) = namespace else { return of_kind(cluster, Read::Namespaces, None).await };
    match api(cluster, Read::Namespaces, None).get(name).await {
        Ok(found) => {
            let mut object = found.value;
            object["kind"] = Read::Namespaces.api().0.into();
            strip::object(&mut object);
            Known::Seen(vec![object])
        }
        Err(error) if is_not_found(&error) => Known::Seen(Vec::new()),
        Err(error) => Known::Unknown(Failure::from_kube("read the namespace", &error).to_string()),
    }
}

pub fn api(cluster: &Cluster, read: Read, namespace: Option<&str>) -> Api<RawObject> {
    let (kind, group, version, plural) = read.api();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    match namespace {
        Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
        None => Api::all_with(cluster.client.clone(), &resource),
    }
}

/// With the rule that would grant it.
pub fn why(read: Read, namespace: Option<&str>, failure: &Failure) -> String {
    let right = read.right();
    let right = namespace.map_or(right.clone(), |namespace| right.namespace(namespace));
    match failure.code {
        Some(403) => format!("you have no right to {right}; {}", access_review::grant(&right)),
        _ => failure.to_string(),
    }
}
