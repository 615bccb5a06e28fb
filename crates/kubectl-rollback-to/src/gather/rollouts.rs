//! The workloads with their revisions and pods. All but the pods whole and raw: no field of a newer server is dropped.

use std::collections::{BTreeMap, HashMap, HashSet};

use cluster_model::rollout::{Id, Kind, ResourceType, Rollout, selector};
use cluster_model::{PodExt, Raw};
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::access_review::grant;
use plugin_client::api::{list, namespaces};
use plugin_client::{Cluster, Failure, RawObject, Right, is_not_found, nearest};
use serde_json::Value;

use crate::rollout_pod::{self, RolloutPod};
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
    with_pasts(cluster, objects).await
}

/// One workload with its revisions and without its pods: two requests.
pub async fn revisions(cluster: &Cluster, kind: Kind, name: &str) -> Result<Rollout, Failure> {
    let read = api(cluster, kind.resource()).get(name).await;
    let object = read.map_err(|error| missing_or(kind, name, &cluster.namespace, &error))?.value;
    let params = ListParams::default().labels(&selector(&object));
    let api = api(cluster, kind.revision_type());
    let histories =
        list::collect(&api, kind.revision_plural(), params, list::PAGE, |it| Some(it.value)).await?;
    Ok(Rollout::new(kind, object, &histories, Vec::new()))
}

/// What is listed for one workload is what its selector finds. For more of them everything is listed once and grouped by its owner.
async fn with_pasts(cluster: &Cluster, objects: Vec<(Kind, Value)>) -> Result<Vec<Rollout>, Failure> {
    let one = match objects.as_slice() {
        [(kind, object)] => Some((selector(object), Id::of(*kind, object).typed())),
        _ => None,
    };
    let params = || match &one {
        Some((selector, _)) => ListParams::default().labels(selector),
        None => ListParams::default(),
    };
    let explained = |failure: Failure, group: &str, what: &str| {
        let failure = cannot(failure, Right::new("list", group, what).namespace(&cluster.namespace));
        match &one {
            Some((_, typed)) => failure.object(typed),
            None => failure,
        }
    };
    let workload_uids: HashSet<&str> = objects.iter().map(|(_, object)| object.uid()).collect();
    let mut histories: HashMap<String, Vec<Value>> = HashMap::new();
    let kept: BTreeMap<&str, ResourceType> =
        objects.iter().map(|(kind, _)| (kind.revision_plural(), kind.revision_type())).collect();
    for (plural, resource) in kept {
        let api = api(cluster, resource);
        let owned = |RawObject { value: object, .. }: RawObject| {
            let owner = object.controller_ref()?.text("/uid").to_owned();
            workload_uids.contains(owner.as_str()).then_some((owner, object))
        };
        let found = list::collect(&api, plural, params(), list::PAGE, owned).await;
        for (owner, object) in found.map_err(|failure| explained(failure, resource.group, plural))? {
            histories.entry(owner).or_default().push(object);
        }
    }
    let made = histories.values().flatten().map(Raw::uid);
    let makers: HashSet<&str> = workload_uids.iter().copied().chain(made).collect();
    let owned = |RolloutPod(pod)| {
        let owner = pod.controller()?.uid.clone();
        makers.contains(owner.as_str()).then_some((owner, pod))
    };
    let api: Api<RolloutPod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let found = list::collect(&api, "pods", params(), rollout_pod::PAGE, owned).await;
    let mut pods: HashMap<String, Vec<Pod>> = HashMap::new();
    for (owner, pod) in found.map_err(|failure| explained(failure, "", "pods"))? {
        pods.entry(owner).or_default().push(pod);
    }
    Ok(objects.into_iter().map(|(kind, object)| with_past(kind, object, &mut histories, &mut pods)).collect())
}

fn with_past(
    kind: Kind,
    mut object: Value,
    histories: &mut HashMap<String, Vec<Value>>,
    pods: &mut HashMap<String, Vec<Pod>>,
) -> Rollout {
    // The items of a list have neither apiVersion nor kind.
    object["apiVersion"] = kind.resource().api_version().into();
    object["kind"] = kind.name().into();
    let histories = histories.remove(object.uid()).unwrap_or_default();
    let makers = histories.iter().map(Raw::uid).chain([object.uid()]);
    let mut pods: Vec<Pod> = makers.filter_map(|maker| pods.remove(maker)).flatten().collect();
    pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    Rollout::new(kind, object, &histories, pods)
}

async fn one(cluster: &Cluster, kind: Kind, name: &str) -> Result<Value, Failure> {
    let api = api(cluster, kind.resource());
    match api.get(name).await {
        Ok(object) => Ok(object.value),
        Err(error) => {
            let failure = missing_or(kind, name, &cluster.namespace, &error);
            if !is_not_found(&error) {
                return Err(failure);
            }
            let there = api.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
            let names: Vec<&str> = there.iter().map(|it| it.value.name()).collect();
            if let Some(meant) = nearest::question(name, names.iter().copied()) {
                return Err(failure.hint(meant));
            }
            if !names.is_empty() {
                let first: Vec<&str> = names.into_iter().take(10).collect();
                return Err(failure.hint(format!("there are: {}", first.join(", "))));
            }
            let failure = match namespaces::absent(cluster, &cluster.namespace).await {
                Some(absent) => failure.cause(absent),
                None => failure,
            };
            Err(failure.hint(format!("kubectl get {} -A", kind.plural())))
        }
    }
}

fn missing_or(kind: Kind, name: &str, namespace: &str, error: &kube::Error) -> Failure {
    let object = format!("{}/{name} -n {namespace}", kind.word());
    if is_not_found(error) {
        return Failure::refused("there is no such workload").object(object);
    }
    let right = right("get", kind, namespace).name(name);
    cannot(Failure::from_kube("read the workload", error), right).object(object)
}

/// Without these reads there is nothing to plan, so the rule is shown here and not among the findings.
fn cannot(failure: Failure, right: Right) -> Failure {
    if failure.code != Some(403) {
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
        let list = api(cluster, kind.resource()).list(&params).await.map_err(|error| {
            let right = right("list", *kind, &cluster.namespace);
            let failure = Failure::from_kube(&format!("list {}", kind.plural()), &error);
            let failure = cannot(failure, right);
            match (failure.code, selector) {
                // Only the server parses the whole grammar.
                (Some(400), Some(selector)) => {
                    Failure::usage(format!("--selector {selector}: the server does not understand it"))
                        .cause(failure.cause.unwrap_or_default())
                        .hint("write it as in app=web,tier!=cache")
                }
                _ => failure,
            }
        })?;
        found.extend(list.items.into_iter().map(|object| (*kind, object.value)));
    }
    found.sort_by(|a, b| (a.0, a.1.name()).cmp(&(b.0, b.1.name())));
    Ok(found)
}

fn right(verb: &str, kind: Kind, namespace: &str) -> Right {
    let ResourceType { group, plural, .. } = kind.resource();
    Right::new(verb, group, plural).namespace(namespace)
}

fn api(cluster: &Cluster, resource: ResourceType) -> Api<RawObject> {
    Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &resource.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use serde_json::json;
    use testbed::fake::{Answer, Fake};

    const APPS: &str = "/apis/apps/v1/namespaces/shop";

    fn list(items: Vec<Value>) -> Answer {
        Answer::json(json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
    }

    fn made(name: &str, owner: &str) -> Value {
        json!({"metadata": {"name": name, "uid": name, "ownerReferences":
                [{"apiVersion": "v1", "kind": "X", "name": owner, "uid": owner, "controller": true}]},
            "spec": {"containers": [], "template": {}}})
    }

    #[tokio::test]
    async fn what_several_workloads_made_is_listed_once() {
        let fake = Fake::start();
        let names = ["a", "b", "c"];
        let web = |name: &&str| {
            json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": {}}})
        };
        fake.on("GET", &format!("{APPS}/deployments")).answer(list(names.iter().map(web).collect()));
        let mut sets: Vec<Value> = names.iter().map(|name| made(&format!("{name}-1"), name)).collect();
        sets.push(made("other-1", "other"));
        fake.on("GET", &format!("{APPS}/replicasets")).answer(list(sets));
        let mut pods: Vec<Value> =
            names.iter().map(|name| made(&format!("{name}-1-x"), &format!("{name}-1"))).collect();
        pods.push(made("other-1-x", "other-1"));
        fake.on("GET", "/api/v1/namespaces/shop/pods").answer(list(pods));
        let mut cluster = connect(&fake).await;
        cluster.namespace = "shop".into();
        let all = rollouts(&cluster, &Subjects::All { kinds: vec![Kind::Deployment] }).await.unwrap();
        let found: Vec<String> = all
            .iter()
            .map(|it| format!("{} {} {}", it.id.name, it.revisions[0].name, it.pods[0].name()))
            .collect();
        assert_eq!(found, ["a a-1 a-1-x", "b b-1 b-1-x", "c c-1 c-1-x"]);
        assert!(all.iter().all(|it| it.pods.len() == 1 && it.revisions.len() == 1));
        assert_eq!(fake.requests().len(), 3, "workloads, ReplicaSets, pods");
    }
}
