//! The workloads with their revisions and pods. Whole and raw: nothing a newer server knows is dropped.

use cluster_model::Raw;
use cluster_model::rollout::{Id, Kind, Rollout};
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use plugin_client::api::access_review::grant;
use plugin_client::{Cluster, Failure, Right, is_forbidden, is_not_found};
use serde_json::Value;

use crate::workload_selector::Subjects;

/// Workloads read side by side.
const AT_ONCE: usize = 8;

/// At least one, in the order in which they were named; otherwise by kind and name. Without a name of its own, `Journal` has been resolved before.
pub async fn rollouts(cluster: &Cluster, subjects: &Subjects) -> Result<Vec<Rollout>, Failure> {
    let objects: Vec<(Kind, Value)> =
        match subjects {
            Subjects::Named(named) => stream::iter(named.clone())
                .map(|(kind, name)| async move { Ok::<_, Failure>((kind, one(cluster, kind, &name).await?)) })
                .buffered(AT_ONCE)
                .try_collect()
                .await?,
            Subjects::Selected { kinds, selector } => many(cluster, kinds, Some(selector)).await?,
            Subjects::All { kinds } => many(cluster, kinds, None).await?,
            Subjects::Journal => Vec::new(),
        };
    if objects.is_empty() {
        let what = match subjects {
            Subjects::Selected { selector, .. } => format!("no workload matches {selector}"),
            _ => "there are no workloads".to_owned(),
        };
        return Err(Failure::refused(format!("{what} in namespace {}", cluster.namespace)).hint(format!(
            "kubectl get deployments,statefulsets,daemonsets -n {} --show-labels",
            cluster.namespace
        )));
    }
    stream::iter(objects)
        .map(|(kind, object)| with_past(cluster, kind, object))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn one(cluster: &Cluster, kind: Kind, name: &str) -> Result<Value, Failure> {
    let api = api(cluster, kind, kind.plural(), &cluster.namespace);
    match api.get(name).await {
        Ok(object) => Ok(raw(object)),
        Err(error) => {
            let failure = missing_or(kind, name, &cluster.namespace, &error);
            if !is_not_found(&error) {
                return Err(failure);
            }
            let there = api.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
            let names: Vec<String> = there.into_iter().filter_map(|o| o.metadata.name).take(10).collect();
            Err(if names.is_empty() {
                failure.hint(format!("kubectl get {} -A", kind.plural()))
            } else {
                failure.hint(format!("there are: {}", names.join(", ")))
            })
        }
    }
}

fn missing_or(kind: Kind, name: &str, namespace: &str, error: &kube::Error) -> Failure {
    let object = format!("{}/{name} -n {namespace}", kind.word());
    if is_not_found(error) {
        return Failure::refused("there is no such workload").object(object);
    }
    let right = Right::new("get", "apps", kind.plural()).namespace(namespace).name(name);
    cannot("read the workload", right, error).object(object)
}

/// Without these reads there is nothing to plan, so the rule is told here and not among the findings.
fn cannot(doing: &str, right: Right, error: &kube::Error) -> Failure {
    let failure = Failure::from_kube(doing, error);
    if !is_forbidden(error) {
        return failure;
    }
    let refused = Failure::refused(format!("you have no right to {right}; nothing was changed"));
    refused.cause(failure.cause.unwrap_or_default()).hint(grant(&right))
}

async fn many(
    cluster: &Cluster,
    kinds: &[Kind],
    selector: Option<&str>,
) -> Result<Vec<(Kind, Value)>, Failure> {
    let mut found = Vec::new();
    for kind in kinds {
        let mut params = ListParams::default();
        if let Some(selector) = selector {
            params = params.labels(selector);
        }
        let list =
            api(cluster, *kind, kind.plural(), &cluster.namespace).list(&params).await.map_err(|error| {
                let right = Right::new("list", "apps", kind.plural()).namespace(&cluster.namespace);
                let failure = cannot(&format!("list {}", kind.plural()), right, &error);
                match (failure.code, selector) {
                    // Only the server knows the whole grammar.
                    (Some(400), Some(selector)) => {
                        Failure::usage(format!("--selector {selector}: the server does not understand it"))
                            .cause(failure.cause.unwrap_or_default())
                            .hint("write it as in app=web,tier!=cache")
                    }
                    _ => failure,
                }
            })?;
        found.extend(list.items.into_iter().map(|object| (*kind, raw(object))));
    }
    found.sort_by(|a, b| (a.0, a.1.name()).cmp(&(b.0, b.1.name())));
    Ok(found)
}

async fn with_past(cluster: &Cluster, kind: Kind, mut object: Value) -> Result<Rollout, Failure> {
    // A list's items do not say what they are.
    object["apiVersion"] = "apps/v1".into();
    object["kind"] = kind.name().into();
    let id = Id::of(kind, &object);
    let params = ListParams::default().labels(&cluster_model::rollout::selector(&object));
    let histories = api(cluster, kind, kind.history_plural(), &id.namespace);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let (histories, pods) = futures::join!(histories.list(&params), pods.list(&params));
    let cannot = |group: &str, what: &str, error: &kube::Error| {
        let right = Right::new("list", group, what).namespace(&id.namespace);
        cannot(&format!("list {what}"), right, error).object(id.typed())
    };
    let histories = histories.map_err(|error| cannot("apps", kind.history_plural(), &error))?;
    let pods = pods.map_err(|error| cannot("", "pods", &error))?;
    let histories: Vec<Value> = histories.items.into_iter().map(raw).collect();
    Ok(Rollout::new(kind, object, &histories, pods.items))
}

fn api(cluster: &Cluster, kind: Kind, plural: &str, namespace: &str) -> Api<DynamicObject> {
    let name = match plural {
        "replicasets" => "ReplicaSet",
        "controllerrevisions" => "ControllerRevision",
        _ => kind.name(),
    };
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("apps", "v1", name), plural);
    Api::namespaced_with(cluster.client.clone(), namespace, &resource)
}

fn raw(object: DynamicObject) -> Value {
    // Came out of JSON a moment ago.
    serde_json::to_value(object).unwrap_or_default()
}
