//! One workload as the watches show it: itself, its revisions, its pods and the events about them. It shares the watches with others.

mod events;
mod store;
mod subject;

use cluster_model::rollout::{Id, Status};
use cluster_model::{PodExt, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Feed, RawObject};
use serde_json::Value;

use super::progress::model::View;
use crate::rollout_pod::RolloutPod;
use events::Events;
use store::Store;

pub use subject::{Subject, common_labels, labels_of_any};

/// What is watched in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Deployments, StatefulSets or DaemonSets.
    Workloads,
    /// ReplicaSets or ControllerRevisions.
    Histories,
    Pods,
}

pub struct WorkloadCache {
    subject: Subject,
    objects: Store<Value>,
    histories: Store<Value>,
    pods: Store<Pod>,
    events: Events,
    listed: [bool; 3],
}

impl WorkloadCache {
    pub fn new(id: &Id, object: &Value) -> Self {
        WorkloadCache {
            subject: Subject::new(id, object),
            objects: Store::new(Raw::uid),
            histories: Store::new(Raw::uid),
            pods: Store::new(PodExt::uid),
            events: Events::new(),
            listed: [false; 3],
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Another watch begins, with a list.
    pub fn forget(&mut self, resource: Resource) {
        self.listed[resource as usize] = false;
    }

    /// True if something of this workload changed. The same holds for the others.
    pub fn on_object(&mut self, resource: Resource, news: &Feed<RawObject>) -> bool {
        self.listed[resource as usize] |= matches!(news, Feed::Synced(_));
        let subject = &self.subject;
        match resource {
            // Another workload has its name: it was deleted.
            Resource::Workloads if matches!(news, Feed::Applied(object) if subject.is_another(&object.value)) =>
            {
                self.objects.replace([]);
                true
            }
            Resource::Workloads => {
                apply(&mut self.objects, news, |object| &object.value, |object| subject.is(object))
            }
            _ => apply(&mut self.histories, news, |object| &object.value, |object| subject.made(object)),
        }
    }

    pub fn on_pod(&mut self, news: &Feed<RolloutPod>) -> bool {
        self.listed[Resource::Pods as usize] |= matches!(news, Feed::Synced(_));
        let subject = &self.subject;
        if let Feed::Deleted(RolloutPod(pod)) = news {
            self.events.forget(pod.uid());
        }
        apply(&mut self.pods, news, |pod| &pod.0, |pod| subject.selects(pod))
    }

    /// Of all events in the namespace, those that may be about this workload: by name, because an event may come before its pod.
    pub fn on_event(&mut self, news: &Feed<RawObject>) -> bool {
        let subject = &self.subject;
        match news {
            Feed::Synced(all) => {
                let about = all.iter().map(|event| &event.value).filter(|event| subject.is_about(event));
                self.events.replace(about.cloned());
                true
            }
            Feed::Applied(event) if subject.is_about(&event.value) => {
                self.events.put(event.value.clone());
                true
            }
            // An event that expired still happened.
            Feed::Applied(_) | Feed::Deleted(_) | Feed::Interrupted(_) => false,
        }
    }

    /// `None` until all of it was listed.
    pub fn view(&self, now: Timestamp, monotonic_now: Timestamp) -> Option<View<'_>> {
        self.listed.iter().all(|listed| *listed).then(|| View {
            object: self.objects.all.first(),
            histories: &self.histories.all,
            pods: &self.pods.all,
            events: self.events.all(),
            now,
            monotonic_now,
        })
    }

    /// Is the rollout complete by its controller's status?
    pub fn is_final(&self) -> bool {
        let kind = self.subject.id.kind;
        self.objects.all.first().is_none_or(|object| Status { kind, object }.is_final())
    }

    pub fn events(&self) -> &[Value] {
        self.events.all()
    }

    pub fn histories(&self) -> &[Value] {
        &self.histories.all
    }
}

fn apply<K, T: Clone>(
    store: &mut Store<T>,
    news: &Feed<K>,
    of: impl Fn(&K) -> &T,
    is_own: impl Fn(&T) -> bool,
) -> bool {
    match news {
        Feed::Synced(all) => {
            store.replace(all.iter().map(of).filter(|object| is_own(object)).cloned());
            true
        }
        Feed::Applied(object) if is_own(of(object)) => {
            store.put(of(object).clone());
            true
        }
        // It may have belonged to this workload before.
        Feed::Applied(object) | Feed::Deleted(object) => store.remove(of(object)),
        Feed::Interrupted(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    fn cache(name: &str) -> WorkloadCache {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: name.into(), uid: name.into() };
        WorkloadCache::new(&id, &json!({"spec": {"selector": {"matchLabels": {"app": name}}}}))
    }

    fn read<T: DeserializeOwned>(object: Value) -> T {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn events_of_a_pod_go_with_it() {
        let mut cache = cache("web");
        for pod in ["a", "b"] {
            let event = json!({"metadata": {"name": format!("e-{pod}"), "uid": format!("e-{pod}")},
                "regarding": {"name": format!("web-{pod}"), "uid": pod}});
            assert!(cache.on_event(&Feed::Applied(read(event))));
        }
        cache.on_pod(&Feed::Deleted(read(json!({"metadata": {"name": "web-a", "uid": "a"}}))));
        let left: Vec<&str> = cache.events.all().iter().map(Raw::uid).collect();
        assert_eq!(left, ["e-b"]);
    }

    fn pod(name: &str, app: &str) -> RolloutPod {
        read(json!({"metadata": {"name": name, "uid": name, "labels": {"app": app}}}))
    }

    fn history(name: &str, owner: &str) -> RawObject {
        read(
            json!({"metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": owner, "controller": true}]}}),
        )
    }

    /// A watch is shared: it shows everything in the namespace.
    #[test]
    fn what_belongs_to_other_workloads_is_dropped() {
        let mut cache = cache("web");
        let (now, workload) =
            (Timestamp::UNIX_EPOCH, |uid: &str| read(json!({"metadata": {"name": uid, "uid": uid}})));
        assert!(cache.on_object(Resource::Workloads, &Feed::Synced(vec![workload("api"), workload("web")])));
        assert!(cache.on_object(
            Resource::Histories,
            &Feed::Synced(vec![history("api-1", "api"), history("web-1", "web")])
        ));
        assert!(cache.view(now, now).is_none(), "pods were not listed yet");
        assert!(cache.on_pod(&Feed::Synced(vec![pod("web-1-x", "web"), pod("api-1-x", "api")])));
        assert!(!cache.on_object(Resource::Workloads, &Feed::Applied(workload("api"))));
        assert!(!cache.on_object(Resource::Histories, &Feed::Applied(history("api-2", "api"))));
        assert!(!cache.on_pod(&Feed::Applied(pod("api-2-x", "api"))));
        assert!(!cache.on_pod(&Feed::Deleted(pod("api-2-x", "api"))));
        let about =
            |name: &str| read(json!({"metadata": {"uid": name}, "regarding": {"name": name, "uid": name}}));
        assert!(!cache.on_event(&Feed::Applied(about("api-1-x"))));
        let names = |cache: &WorkloadCache| {
            let view = cache.view(now, now).unwrap();
            let raw = view.object.into_iter().chain(view.histories).map(|it| it.name().to_owned());
            raw.chain(view.pods.iter().map(|pod| pod.name().to_owned())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&cache), "web web-1 web-1-x");
        assert!(cache.events().is_empty());
        // Somebody took it out of the workload: the watch still shows it.
        assert!(cache.on_pod(&Feed::Applied(pod("web-1-x", "debug"))));
        assert!(cache.on_object(Resource::Histories, &Feed::Applied(history("web-1", "adopter"))));
        assert_eq!(names(&cache), "web");
        cache.forget(Resource::Pods);
        assert!(cache.view(now, now).is_none(), "another watch begins");
    }
}
