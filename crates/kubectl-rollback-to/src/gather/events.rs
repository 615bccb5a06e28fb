//! Events about the workloads, what they made, and what that made: one list a namespace.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cluster_model::rollout::{Id, Rollout};
use cluster_model::{Known, PodExt, Raw};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Event;
use plugin_client::Cluster;
use serde_json::Value;

use super::lists::{FAN_OUT, resource, some};

/// By UID of the workload.
pub async fn events<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
) -> BTreeMap<String, Known<Vec<Value>>> {
    let rollouts: Vec<&Rollout> = rollouts.iter().map(Borrow::borrow).collect();
    let namespaces: BTreeSet<&str> = rollouts.iter().map(|rollout| rollout.id.namespace.as_str()).collect();
    let kind = resource::<Event>();
    let kind = &kind;
    let all: Vec<Subject<'_>> = rollouts.iter().map(|rollout| Subject::of(rollout)).collect();
    let all = &all;
    let lists: BTreeMap<&str, Known<Vec<Value>>> = stream::iter(namespaces)
        .map(|namespace| async move {
            let here: Vec<&Subject<'_>> =
                all.iter().filter(|subject| subject.rollout.id.namespace == namespace).collect();
            let concerns = |event: &mut Value| {
                if let Some(metadata) = event["metadata"].as_object_mut() {
                    metadata.remove("managedFields");
                }
                here.iter().any(|subject| subject.is_meant_by(event))
            };
            (namespace, some(cluster, kind, Some(namespace), concerns).await)
        })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await;
    let about = |subject: &Subject<'_>| {
        let Id { namespace, uid, .. } = &subject.rollout.id;
        let events = match lists.get(namespace.as_str())? {
            Known::Seen(all) => {
                Known::Seen(all.iter().filter(|event| subject.is_meant_by(event)).cloned().collect())
            }
            Known::Unknown(why) => Known::Unknown(why.clone()),
        };
        Some((uid.clone(), events))
    };
    all.iter().filter_map(about).collect()
}

/// A workload, with the UIDs of itself and of what it made.
struct Subject<'a> {
    rollout: &'a Rollout,
    uids: BTreeSet<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(rollout: &'a Rollout) -> Self {
        let uids = std::iter::once(rollout.id.uid.as_str())
            .chain(rollout.revisions.iter().map(|revision| revision.uid.as_str()))
            .chain(rollout.pods.iter().map(PodExt::uid))
            .collect();
        Subject { rollout, uids }
    }

    /// Pods that are gone already count too: they are recognised by their names.
    fn is_meant_by(&self, event: &Value) -> bool {
        let object = &event["involvedObject"];
        self.uids.contains(object.text("/uid"))
            || object["kind"] == "Pod" && made_by(self.rollout, object.text("/name"))
    }
}

fn made_by(rollout: &Rollout, pod: &str) -> bool {
    let histories: Vec<&str> = rollout.revisions.iter().map(|revision| revision.name.as_str()).collect();
    rollout.id.kind.rules().names_pod(pod, &rollout.id.name, &histories)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use cluster_model::rollout::Kind;
    use serde_json::json;
    use testbed::fake::{Answer, Fake};

    #[tokio::test]
    async fn of_an_event_no_more_is_kept_than_is_read() {
        let fake = Fake::start();
        let event = |uid: &str| json!({"metadata": {"name": uid, "managedFields": [{}]}, "involvedObject": {"kind": "Deployment", "uid": uid}});
        let list = json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [event("w"), event("x")]});
        fake.on("GET", "/api/v1/namespaces/shop/events").answer(Answer::json(list));
        let found = events(&connect(&fake).await, &[rollout(Kind::Deployment)]).await;
        let expected =
            json!({"metadata": {"name": "w"}, "involvedObject": {"kind": "Deployment", "uid": "w"}});
        assert_eq!(found["w"], Known::Seen(vec![expected]));
    }

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
            let found = Subject::of(&rollout(kind)).is_meant_by(&event);
            assert_eq!(found, expected, "{kind:?} {object} {name} {uid}");
        }
    }
}
