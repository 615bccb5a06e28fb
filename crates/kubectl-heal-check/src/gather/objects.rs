//! Lists of one kind, page by page, of which only what is read later is kept.

use cluster_model::Known;
use futures::future::try_join_all;
use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicResourceScope, PartialObjectMeta};
use kube::{Api, Resource};
use plugin_client::api::listed_object::{ListedObject, ListedOwned};
use plugin_client::api::{access_review, list};
use plugin_client::{Cluster, Failure, RawObject, is_not_found};
use serde_json::json;

use crate::snapshot::{Packed, Read, Reason, event, strip};

/// Fewer than of pods: those with a template are larger, and several kinds are read at the same time.
const PAGE: u32 = 200;

/// `namespace`: `None` is all.
pub async fn of_kind(
    cluster: &Cluster,
    read: Read,
    namespace: Option<&str>,
) -> Result<Known<Vec<Packed>>, Failure> {
    let place = namespace.filter(|_| !read.is_cluster_wide());
    let listed = match read {
        Read::Events => events(cluster, namespace).await,
        _ if read.is_metadata() => metadata(cluster, read, namespace).await,
        Read::Namespaces if namespace.is_some() => {
            namespace_alone(cluster, namespace.unwrap_or_default()).await
        }
        _ => whole(cluster, read, place, ListParams::default()).await,
    };
    known(read, place, listed)
}

/// What cannot be read is unknown. Without valid credentials nothing can be read at all: then there is nothing to report. Of a kind that
/// the server does not have there are no objects.
pub fn known<T: Default>(
    read: Read,
    namespace: Option<&str>,
    listed: Result<T, Failure>,
) -> Result<Known<T>, Failure> {
    match listed {
        Ok(found) => Ok(Known::Seen(found)),
        Err(failure) if failure.code == Some(401) => Err(failure),
        Err(failure) if failure.code == Some(404) && !read.is_always_read() => Ok(Known::Seen(T::default())),
        Err(failure) => Ok(Known::Unknown(why(read, namespace, &failure))),
    }
}

pub async fn whole(
    cluster: &Cluster,
    read: Read,
    namespace: Option<&str>,
    params: ListParams,
) -> Result<Vec<Packed>, Failure> {
    let plural = read.api().3;
    match read {
        Read::ReplicaSets | Read::Jobs => {
            let keep = |object: ListedOwned| Some(kept(read, object.0.0));
            list::collect(&api_of(cluster, read, namespace), plural, params, PAGE, keep).await
        }
        _ => {
            let keep = |object: ListedObject| Some(kept(read, object.0));
            list::collect(&api_of(cluster, read, namespace), plural, params, PAGE, keep).await
        }
    }
}

fn kept(read: Read, object: RawObject) -> Packed {
    let mut object = object.value;
    // The items of a list do not say what they are.
    object["kind"] = read.api().0.into();
    strip::object(&mut object);
    Packed::of(read, &object)
}

async fn metadata(cluster: &Cluster, read: Read, namespace: Option<&str>) -> Result<Vec<Packed>, Failure> {
    let kind = read.api().0;
    let api = api(cluster, read, namespace);
    let keep = |object: PartialObjectMeta<RawObject>| {
        let mut object = json!({"kind": kind, "metadata": object.metadata});
        strip::object(&mut object);
        Some(Packed::of(read, &object))
    };
    list::metadata(&api, read.api().3, list::PAGE, keep).await
}

/// Those of the reasons that are read: the server selects them.
async fn events(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Packed>, Failure> {
    let api: &Api<ListedObject> = &api_of(cluster, Read::Events, namespace);
    let lists = Reason::ALL.map(|reason| async move {
        let params = ListParams::default().fields(&format!("reason={}", reason.word()));
        let keep = |object: ListedObject| Some(Packed::of(Read::Events, &event::shortened(&object.0.value)?));
        list::collect(api, Read::Events.api().3, params, list::PAGE, keep).await
    });
    Ok(try_join_all(lists).await?.concat())
}

/// Of one namespace itself it is read alone, which a role in it can grant.
async fn namespace_alone(cluster: &Cluster, name: &str) -> Result<Vec<Packed>, Failure> {
    match api(cluster, Read::Namespaces, None).get(name).await {
        Ok(found) => Ok(vec![kept(Read::Namespaces, found)]),
        Err(error) if is_not_found(&error) => Ok(Vec::new()),
        // A role for all namespaces grants that they are listed.
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let own = ListParams::default().fields(&format!("metadata.name={name}"));
            whole(cluster, Read::Namespaces, None, own).await
        }
        Err(error) => Err(Failure::from_kube("read the namespace", &error)),
    }
}

pub fn api(cluster: &Cluster, read: Read, namespace: Option<&str>) -> Api<RawObject> {
    api_of(cluster, read, namespace)
}

fn api_of<K>(cluster: &Cluster, read: Read, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    let (kind, group, version, plural) = read.api();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    match namespace.filter(|_| !read.is_cluster_wide()) {
        Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
        None => Api::all_with(cluster.client.clone(), &resource),
    }
}

/// With the rule that would grant it.
pub fn why(read: Read, namespace: Option<&str>, failure: &Failure) -> String {
    let right = read.right(namespace);
    match failure.code {
        Some(403) => format!("you have no right to {right}; {}", access_review::grant(&right)),
        _ => failure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use plugin_client::Exit;

    fn answered(code: u16, read: Read) -> Result<Known<Vec<Packed>>, Failure> {
        let status = Status { code, message: "no".to_owned(), ..Status::default() };
        let failure = Failure::from_kube("list configmaps", &kube::Error::Api(Box::new(status)));
        known(read, Some("shop"), Err(failure))
    }

    #[test]
    fn without_valid_credentials_there_is_nothing_to_report() {
        let failure = answered(401, Read::ConfigMaps).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.hints.iter().any(|hint| hint.contains("log in again")), "{failure:?}");
    }

    #[test]
    fn a_right_that_is_missing_is_named() {
        let Known::Unknown(why) = answered(403, Read::ConfigMaps).unwrap() else { panic!("G1: known") };
        for part in ["list", "configmaps", "shop"] {
            assert!(why.contains(part), "G1: {part} in {why}");
        }
    }

    #[test]
    fn a_kind_that_the_server_does_not_have_has_no_objects() {
        let of = |code, read| matches!(answered(code, read), Ok(Known::Seen(_)));
        assert!(of(404, Read::RuntimeClasses), "G8: absent");
        assert!(!of(404, Read::Deployments), "G8: every server has it");
        assert!(!of(503, Read::RuntimeClasses), "not absent");
    }
}
