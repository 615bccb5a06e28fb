//! What is seen of one workload: itself, its revisions, its pods and what is told about them, kept up to date by feeds.

mod events;
mod store;

use cluster_model::rollout::{Id, Kind, selector};
use cluster_model::{PodExt, Raw};
use futures::stream::{AbortHandle, BoxStream, StreamExt, abortable};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, Feed, feed, feed_dynamic};
use serde_json::Value;

use super::progress::View;
use events::Events;
use store::Store;

/// From one of the feeds; `Err` is its end.
#[expect(clippy::large_enum_variant, reason = "each is taken apart as soon as it is there")]
pub enum Heard {
    Object(usize, Result<Feed<DynamicObject>, Failure>),
    History(usize, Result<Feed<DynamicObject>, Failure>),
    Pod(usize, Result<Feed<Pod>, Failure>),
    /// Of a whole namespace.
    Event(String, Result<Feed<DynamicObject>, Failure>),
}

pub type Feeds = futures::stream::SelectAll<BoxStream<'static, Heard>>;

/// What happened, for the server's health.
#[derive(Clone, Debug)]
pub enum News {
    Changed,
    /// Not about this workload.
    Nothing,
    Disturbed(Failure),
}

pub struct WorkloadCache {
    id: Id,
    object: Option<Value>,
    histories: Store<Value>,
    pods: Store<Pod>,
    events: Events,
    /// Object, histories, pods: were they listed?
    listed: [bool; 3],
    /// While it is open: tells its feeds from those of an earlier opening.
    number: Option<usize>,
    feeds: Vec<AbortHandle>,
}

impl WorkloadCache {
    pub fn new(id: &Id) -> Self {
        WorkloadCache {
            id: id.clone(),
            object: None,
            histories: Store::new(Raw::uid),
            pods: Store::new(PodExt::uid),
            events: Events::new(),
            listed: [false; 3],
            number: None,
            feeds: Vec::new(),
        }
    }

    /// Opens the feeds. Each lists first, so whatever happened before is seen too. `object` tells the selector.
    pub fn open(&mut self, cluster: &Cluster, object: &Value, number: usize, feeds: &mut Feeds) {
        self.close();
        self.number = Some(number);
        let Id { kind, namespace, name, .. } = self.id.clone();
        let selector = selector(object);
        let by_label = || Watched::default().labels(&selector);
        let api = |kind: &str, plural: &str| dynamic(cluster, &namespace, "apps", kind, plural);
        let by_name = Watched::default().fields(&format!("metadata.name={name}"));
        let own = feed_dynamic(api(kind.name(), kind.plural()), kind.plural(), by_name);
        let plural = kind.history_plural();
        let history = feed_dynamic(api(history_kind(kind), plural), plural, by_label());
        let pods = feed(Api::<Pod>::namespaced(cluster.client.clone(), &namespace), by_label());
        let all = [
            own.map(move |news| Heard::Object(number, news)).boxed(),
            history.map(move |news| Heard::History(number, news)).boxed(),
            pods.map(move |news| Heard::Pod(number, news)).boxed(),
        ];
        for stream in all {
            let (stream, handle) = abortable(stream);
            feeds.push(stream.boxed());
            self.feeds.push(handle);
        }
    }

    /// Forgets what it saw, but for what was told: that is no state.
    pub fn close(&mut self) {
        self.feeds.drain(..).for_each(|feed| feed.abort());
        self.number = None;
        self.listed = [false; 3];
        self.object = None;
        self.histories.replace([]);
        self.pods.replace([]);
    }

    pub fn is_open(&self) -> bool {
        self.number.is_some()
    }

    pub fn number(&self) -> Option<usize> {
        self.number
    }

    pub fn hear_object(&mut self, news: Feed<DynamicObject>) -> News {
        self.object = match news {
            Feed::Synced(all) => {
                self.listed[0] = true;
                all.first().and_then(raw)
            }
            Feed::Applied(object) => raw(&object),
            Feed::Deleted(_) => None,
            Feed::Disturbed(failure) => return News::Disturbed(failure),
        };
        News::Changed
    }

    pub fn hear_history(&mut self, news: Feed<DynamicObject>) -> News {
        self.listed[1] |= matches!(news, Feed::Synced(_));
        hear(&mut self.histories, news)
    }

    pub fn hear_pod(&mut self, news: Feed<Pod>) -> News {
        match news {
            Feed::Synced(all) => {
                self.listed[2] = true;
                self.pods.replace(all.into_iter().map(light));
            }
            Feed::Applied(pod) => self.pods.put(light(pod)),
            Feed::Deleted(pod) => {
                self.events.forget(pod.uid());
                self.pods.remove(&pod);
            }
            Feed::Disturbed(failure) => return News::Disturbed(failure),
        }
        News::Changed
    }

    /// Of all that is told in the namespace, what may be about this workload: by name, because a pod may be told about before it is seen.
    pub fn hear_event(&mut self, news: &Feed<DynamicObject>) -> News {
        let is_about = |event: &&DynamicObject| is_about(&self.id, &event.data);
        match news {
            Feed::Synced(all) => self.events.replace(all.iter().filter(is_about).filter_map(raw_light)),
            Feed::Applied(event) if is_about(&event) => {
                raw_light(event).into_iter().for_each(|event| self.events.put(event));
            }
            // An event that expired still happened.
            Feed::Applied(_) | Feed::Deleted(_) => return News::Nothing,
            Feed::Disturbed(failure) => return News::Disturbed(failure.clone()),
        }
        News::Changed
    }

    /// `None` until all of it was listed: before that, what is missing may only be late.
    pub fn view(&self, now: Timestamp, ours: Timestamp) -> Option<View<'_>> {
        self.listed.iter().all(|listed| *listed).then(|| View {
            object: self.object.as_ref().filter(|object| object.uid() == self.id.uid),
            histories: &self.histories.all,
            pods: &self.pods.all,
            events: self.events.all(),
            now,
            ours,
        })
    }

    pub fn events(&self) -> &[Value] {
        self.events.all()
    }

    pub fn histories(&self) -> &[Value] {
        &self.histories.all
    }
}

/// All that is told in a namespace.
pub fn open_events(cluster: &Cluster, namespace: &str, feeds: &mut Feeds) {
    let api = dynamic(cluster, namespace, "events.k8s.io", "Event", "events");
    let namespace = namespace.to_owned();
    let events = feed_dynamic(api, "events.events.k8s.io", Watched::default());
    feeds.push(events.map(move |news| Heard::Event(namespace.clone(), news)).boxed());
}

fn dynamic(cluster: &Cluster, namespace: &str, group: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural);
    Api::namespaced_with(cluster.client.clone(), namespace, &resource)
}

fn history_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Deployment => "ReplicaSet",
        Kind::StatefulSet | Kind::DaemonSet => "ControllerRevision",
    }
}

fn hear(store: &mut Store<Value>, news: Feed<DynamicObject>) -> News {
    match news {
        Feed::Synced(all) => store.replace(all.iter().filter_map(raw_light)),
        Feed::Applied(object) => raw_light(&object).into_iter().for_each(|object| store.put(object)),
        Feed::Deleted(object) => raw(&object).into_iter().for_each(|object| store.remove(&object)),
        Feed::Disturbed(failure) => return News::Disturbed(failure),
    }
    News::Changed
}

/// Nothing that came as JSON cannot go back to it.
fn raw(object: &DynamicObject) -> Option<Value> {
    serde_json::to_value(object).ok()
}

/// Without managedFields: half of it, and only the workload's own tell anything.
fn raw_light(object: &DynamicObject) -> Option<Value> {
    let mut value = raw(object)?;
    value["metadata"].as_object_mut()?.remove("managedFields");
    Some(value)
}

/// Two thousand pods' worth of what nobody looks at.
fn light(mut pod: Pod) -> Pod {
    pod.metadata.annotations = None;
    if let Some(spec) = &mut pod.spec {
        spec.volumes = None;
        spec.tolerations = None;
        spec.affinity = None;
        let init = spec.init_containers.iter_mut().flatten();
        for container in spec.containers.iter_mut().chain(init) {
            container.env = None;
            container.env_from = None;
            container.volume_mounts = None;
            container.command = None;
            container.args = None;
        }
    }
    pod
}

fn is_about(id: &Id, event: &Value) -> bool {
    let name = event.text("/regarding/name");
    let rest = name.strip_prefix(&id.name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_told_of_a_pod_goes_with_it() {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        let mut cache = WorkloadCache::new(&id);
        let told = |pod: &str| {
            let event = json!({"metadata": {"name": format!("e-{pod}"), "uid": format!("e-{pod}")},
                "regarding": {"name": format!("web-{pod}"), "uid": pod}});
            Feed::Applied(serde_json::from_value(event).unwrap())
        };
        for pod in ["a", "b"] {
            cache.hear_event(&told(pod));
        }
        let gone = json!({"metadata": {"name": "web-a", "uid": "a"}});
        cache.hear_pod(Feed::Deleted(serde_json::from_value(gone).unwrap()));
        let left: Vec<&str> = cache.events.all().iter().map(Raw::uid).collect();
        assert_eq!(left, ["e-b"]);
    }

    #[test]
    fn events_about_it_and_what_it_made() {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        for (name, expected) in
            [("web", true), ("web-5c9f", true), ("web-5c9f-x", true), ("webshop", false), ("api", false)]
        {
            assert_eq!(is_about(&id, &json!({"regarding": {"name": name}})), expected, "{name}");
        }
    }
}
