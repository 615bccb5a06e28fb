//! Lists as raw JSON, page by page.

use cluster_model::Known;
use kube::api::{ApiResource, ListParams};
use kube::{Api, Resource};
use plugin_client::api::list;
use plugin_client::{Cluster, Failure, RawObject};
use serde_json::Value;

/// Requests at a time.
pub const FAN_OUT: usize = 8;

/// A kind of k8s-openapi, read as it comes.
pub fn resource<K: Resource<DynamicType = ()>>() -> ApiResource {
    ApiResource::erase::<K>(&())
}

/// A kind that somebody installed.
pub fn custom(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Everything of a kind, in one namespace or in all; or why it could not be read.
pub async fn raw(cluster: &Cluster, resource: &ApiResource, namespace: Option<&str>) -> Known<Vec<Value>> {
    some(cluster, resource, namespace, |_| true).await
}

/// The same of those that `filter` keeps: of a page the others are dropped before the next one comes.
pub async fn some(
    cluster: &Cluster,
    resource: &ApiResource,
    namespace: Option<&str>,
    filter: impl Fn(&mut Value) -> bool,
) -> Known<Vec<Value>> {
    let api: Api<RawObject> = match namespace {
        Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, resource),
        None => Api::all_with(cluster.client.clone(), resource),
    };
    let keep = |RawObject { mut value, .. }: RawObject| filter(&mut value).then_some(value);
    known(list::collect(&api, &resource.plural, ListParams::default(), list::PAGE, keep).await)
}

pub fn json<T: serde::Serialize>(object: &T) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

pub fn known<T>(result: Result<T, Failure>) -> Known<T> {
    result.map_or_else(|failure| Known::Unknown(failure.to_string()), Known::Seen)
}

/// A server that does not serve the kind answers 404 as well, but names no object.
pub fn is_absent(error: &kube::Error, name: &str) -> bool {
    match error {
        kube::Error::Api(status) if status.code == 404 => {
            status.details.as_ref().is_some_and(|details| details.name == name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use k8s_openapi::api::core::v1::Service;
    use kube::core::Status;
    use serde_json::json;
    use testbed::fake::{Answer, Fake};

    #[test]
    fn only_a_named_404_is_an_absent_object() {
        let error = |code: u16, details: Value| {
            let status = json!({"status": "Failure", "code": code, "details": details});
            kube::Error::Api(serde_json::from_value::<Status>(status).unwrap().boxed())
        };
        assert!(is_absent(&error(404, json!({"name": "db", "kind": "secrets"})), "db"));
        assert!(!is_absent(&error(404, json!({})), "db"), "the kind is not served");
        assert!(!is_absent(&error(403, json!({"name": "db"})), "db"), "no right to see it is not absence");
    }

    const SERVICES: &str = "/api/v1/namespaces/shop/services";

    fn page(names: &[&str], token: &str) -> Answer {
        let items: Vec<Value> =
            names.iter().map(|name| json!({"metadata": {"name": name}, "spec": {"newField": 1}})).collect();
        Answer::json(
            json!({"kind": "ServiceList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items}),
        )
    }

    async fn services(fake: &Fake) -> Known<Vec<String>> {
        let found = raw(&connect(fake).await, &resource::<Service>(), Some("shop")).await;
        match found {
            Known::Seen(list) => {
                assert!(list.iter().all(|service| service["spec"]["newField"] == 1), "raw");
                Known::Seen(list.iter().map(|service| cluster_model::Raw::name(service).to_owned()).collect())
            }
            Known::Unknown(why) => Known::Unknown(why),
        }
    }

    #[tokio::test]
    async fn lists_come_in_pages_and_start_anew_when_they_expire() {
        let fake = Fake::start();
        fake.on("GET", SERVICES).once().answer(page(&["a"], "next"));
        fake.on("GET", SERVICES).once().answer(page(&["b"], ""));
        assert_eq!(services(&fake).await, Known::Seen(vec!["a".into(), "b".into()]));
        assert!(fake.requests()[1].query.contains("continue=next"), "{:?}", fake.requests()[1]);
        let fake = Fake::start();
        fake.on("GET", SERVICES).once().answer(page(&["a"], "next"));
        fake.on("GET", SERVICES).once().answer(Answer::status(410, "Expired", "too old"));
        fake.on("GET", SERVICES).once().answer(page(&["a", "b"], ""));
        assert_eq!(services(&fake).await, Known::Seen(vec!["a".into(), "b".into()]));
        assert!(!fake.requests()[2].query.contains("limit"), "{:?}", fake.requests()[2]);
    }

    #[tokio::test]
    async fn a_list_that_never_ends_is_unknown() {
        let fake = Fake::start();
        fake.on("GET", SERVICES).answer(page(&["a"], "next"));
        let Known::Unknown(why) = services(&fake).await else { panic!("seen") };
        assert!(why.contains("the same page is said to follow again"), "{why}");
        assert_eq!(fake.requests().len(), 2);
    }

    #[tokio::test]
    async fn no_right_is_unknown_in_the_servers_words() {
        let fake = Fake::start();
        fake.on("GET", SERVICES).answer(Answer::status(403, "Forbidden", "services is forbidden: no"));
        let found = services(&fake).await;
        assert!(
            matches!(&found, Known::Unknown(why) if why.contains("services is forbidden: no")),
            "{found:?}"
        );
    }
}
