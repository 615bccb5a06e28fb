//! Events about the workloads, what they made, and what that made: one list a namespace.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cluster_model::rollout::Rollout;
use cluster_model::{Known, PodExt, Raw};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Event;
use plugin_client::Cluster;
use serde_json::Value;

use super::lists::{FAN_OUT, raw, resource};

/// By UID of the workload.
pub async fn events<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
) -> BTreeMap<String, Known<Vec<Value>>> {
    let rollouts: Vec<&Rollout> = rollouts.iter().map(Borrow::borrow).collect();
    let namespaces: BTreeSet<&str> = rollouts.iter().map(|rollout| rollout.id.namespace.as_str()).collect();
    let kind = resource::<Event>();
    let kind = &kind;
    let lists: BTreeMap<&str, Known<Vec<Value>>> = stream::iter(namespaces)
        .map(|namespace| async move { (namespace, raw(cluster, kind, Some(namespace)).await) })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await;
    rollouts
        .iter()
        .filter_map(|rollout| {
            let events = match lists.get(rollout.id.namespace.as_str())? {
                Known::Seen(all) => Known::Seen(about(rollout, all)),
                Known::Unknown(why) => Known::Unknown(why.clone()),
            };
            Some((rollout.id.uid.clone(), events))
        })
        .collect()
}

/// Pods that are gone already count too: they are told by their names.
fn about(rollout: &Rollout, events: &[Value]) -> Vec<Value> {
    let uids: BTreeSet<&str> = std::iter::once(rollout.id.uid.as_str())
        .chain(rollout.revisions.iter().map(|revision| revision.uid.as_str()))
        .chain(rollout.pods.iter().map(PodExt::uid))
        .collect();
    let is_about = |event: &&Value| {
        let object = &event["involvedObject"];
        uids.contains(object.text("/uid"))
            || object["kind"] == "Pod" && made_by(rollout, object.text("/name"))
    };
    events.iter().filter(is_about).cloned().collect()
}

fn made_by(rollout: &Rollout, pod: &str) -> bool {
    let histories: Vec<&str> = rollout.revisions.iter().map(|revision| revision.name.as_str()).collect();
    rollout.id.kind.rules().names_pod(pod, &rollout.id.name, &histories)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn rollout(kind: Kind) -> Rollout {
        let owner = json!([{"uid": "w", "controller": true}]);
        let set = json!({"metadata": {"name": "web-5c9f", "uid": "r", "ownerReferences": owner}, "spec": {"template": {}}});
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"}});
        Rollout::new(kind, object, &[set], Vec::new())
    }

    #[test]
    fn events_of_the_workload_of_what_it_made_and_of_pods_that_are_gone() {
        let cases = [
            (Kind::Deployment, "Deployment", "web", "w", true),
            (Kind::Deployment, "ReplicaSet", "web-5c9f", "r", true),
            (Kind::Deployment, "Pod", "web-5c9f-x2b4q", "gone", true),
            (Kind::Deployment, "Pod", "web-api-x2b4q", "gone", false),
            (Kind::Deployment, "Pod", "web-5c9f-x2b4q-1", "gone", false),
            (Kind::Deployment, "Deployment", "web", "an earlier one", false),
            (Kind::StatefulSet, "Pod", "web-0", "gone", true),
            (Kind::StatefulSet, "Pod", "web-canary-0", "gone", false),
            (Kind::DaemonSet, "Pod", "web-x2b4q", "gone", true),
            (Kind::DaemonSet, "Pod", "web-0", "gone", false),
        ];
        for (kind, object, name, uid, expected) in cases {
            let event = json!({"involvedObject": {"kind": object, "name": name, "uid": uid}});
            let found = about(&rollout(kind), &[event]);
            assert_eq!(found.len(), usize::from(expected), "{kind:?} {object} {name} {uid}");
        }
    }
}
