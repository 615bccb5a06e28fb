//! The watches of a run: one for each kind and namespace, however many workloads it is about. Network I/O.

use std::pin::Pin;
use std::task::{Context, Poll};

use cluster_model::rollout::{Kind, ResourceType};
use futures::stream::{BoxStream, SelectAll, Stream, StreamExt};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ApiResource;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, Feed, RawObject, feed_of};

use super::workload_cache::{Resource, Subject, common_labels};
use crate::rollout_pod::{self, RolloutPod};

/// Without those that every pod has and that report no problem: most events in a rollout of many pods.
const RELEVANT_EVENTS: &str = "reason!=Scheduled,reason!=SuccessfulCreate,reason!=SuccessfulDelete,reason!=Killing,reason!=ScalingReplicaSet";

/// From the watch of this number; `Err` is its end.
pub struct WatchEvent {
    pub watch: usize,
    pub news: Result<News, Failure>,
}

#[expect(clippy::large_enum_variant, reason = "each is taken apart as soon as it is there")]
pub enum News {
    Object(Resource, Feed<RawObject>),
    Pod(Feed<RolloutPod>),
    Event(Feed<RawObject>),
}

pub struct Watches {
    /// Of each step, in their order; `None`: it is not watched.
    subjects: Vec<Option<Subject>>,
    all: Vec<Watch>,
    feeds: SelectAll<BoxStream<'static, WatchEvent>>,
}

/// One kind in one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    namespace: String,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Workloads(Kind),
    /// StatefulSets and DaemonSets share theirs.
    Histories(ResourceType),
    Pods,
    Events,
}

struct Watch {
    place: Place,
    steps: Vec<usize>,
    has_ended: bool,
}

impl Stream for Watches {
    type Item = WatchEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchEvent>> {
        self.feeds.poll_next_unpin(context)
    }
}

impl Watches {
    pub fn new(subjects: Vec<Option<Subject>>) -> Self {
        Watches { subjects, all: Vec::new(), feeds: SelectAll::new() }
    }

    /// What it takes to follow this step, as far as it is not watched already. Each lists first, so whatever happened before is seen too.
    /// Returns what is new.
    pub fn open(&mut self, cluster: &Cluster, step: usize) -> Vec<(Resource, Vec<usize>)> {
        let Some(Subject { id, .. }) = &self.subjects[step] else { return Vec::new() };
        let (kind, namespace) = (id.kind, id.namespace.clone());
        let mut opened = Vec::new();
        for what in [What::Workloads(kind), What::Histories(kind.revision_type()), What::Pods, What::Events] {
            let place = Place { namespace: namespace.clone(), what };
            let is_it = |watch: &&Watch| watch.place == place && watch.steps.contains(&step);
            // Events only help to explain: that they cannot be watched was reported.
            if self.all.iter().filter(is_it).any(|watch| !watch.has_ended || what == What::Events) {
                continue;
            }
            let steps = self.steps_at(&place);
            opened.extend(what.resource().map(|resource| (resource, steps.clone())));
            self.start(cluster, place, steps);
        }
        opened
    }

    /// Whose news come from it.
    pub fn steps(&self, watch: usize) -> &[usize] {
        &self.all[watch].steps
    }

    pub fn is_of_events(&self, watch: usize) -> bool {
        self.all[watch].place.what == What::Events
    }

    /// It was refused. A role may allow to watch only named workloads: then each is watched by its name. False if that is not possible.
    pub fn replace(&mut self, cluster: &Cluster, watch: usize, failure: &Failure) -> bool {
        self.all[watch].has_ended = true;
        let (place, steps) = (self.all[watch].place.clone(), self.all[watch].steps.clone());
        if failure.code != Some(403) || !matches!(place.what, What::Workloads(_)) || steps.len() < 2 {
            return false;
        }
        for step in steps {
            self.start(cluster, place.clone(), vec![step]);
        }
        true
    }

    /// All steps that are about something there.
    fn steps_at(&self, place: &Place) -> Vec<usize> {
        let is_there = |subject: &Subject| {
            let kind = subject.id.kind;
            subject.id.namespace == place.namespace
                && match place.what {
                    What::Workloads(of) => of == kind,
                    What::Histories(of) => of == kind.revision_type(),
                    What::Pods | What::Events => true,
                }
        };
        let all = self.subjects.iter().enumerate();
        all.filter(|(_, it)| it.as_ref().is_some_and(is_there)).map(|(step, _)| step).collect()
    }

    fn start(&mut self, cluster: &Cluster, place: Place, steps: Vec<usize>) {
        let watch = self.all.len();
        let subjects: Vec<Subject> = steps.iter().filter_map(|step| self.subjects[*step].clone()).collect();
        let by_label = match common_labels(&subjects) {
            none if none.is_empty() => Watched::default(),
            labels => Watched::default().labels(&labels),
        };
        let namespace = place.namespace.as_str();
        let feed = match place.what {
            What::Workloads(kind) => {
                let watched = match subjects.as_slice() {
                    [one] => Watched::default().fields(&format!("metadata.name={}", one.id.name)),
                    _ => Watched::default(),
                };
                let api = raw(cluster, namespace, kind.resource());
                // managedFields have who wrote what.
                let keep = move |object: &mut RawObject| subjects.iter().any(|it| it.is(&object.value));
                feed_of(api, kind.plural(), watched, keep)
                    .map(|news| news.map(|news| News::Object(Resource::Workloads, news)))
                    .boxed()
            }
            What::Histories(resource) => {
                let api = raw(cluster, namespace, resource);
                let keep = move |object: &mut RawObject| {
                    strip(object);
                    subjects.iter().any(|it| it.made(&object.value))
                };
                feed_of(api, resource.plural, by_label, keep)
                    .map(|news| news.map(|news| News::Object(Resource::Histories, news)))
                    .boxed()
            }
            What::Pods => {
                let api = Api::<RolloutPod>::namespaced(cluster.client.clone(), namespace);
                let keep = move |pod: &mut RolloutPod| subjects.iter().any(|it| it.selects(&pod.0));
                let in_pages = by_label.page_size(rollout_pod::PAGE);
                feed_of(api, "pods", in_pages, keep).map(|news| news.map(News::Pod)).boxed()
            }
            What::Events => {
                let api = raw(cluster, namespace, ApiResource::erase::<Event>(&()));
                let keep = move |event: &mut RawObject| {
                    strip(event);
                    subjects.iter().any(|it| it.is_about(&event.value))
                };
                feed_of(api, "events.events.k8s.io", Watched::default().fields(RELEVANT_EVENTS), keep)
                    .map(|news| news.map(News::Event))
                    .boxed()
            }
        };
        self.feeds.push(feed.map(move |news| WatchEvent { watch, news }).boxed());
        self.all.push(Watch { place, steps, has_ended: false });
    }
}

impl What {
    fn resource(self) -> Option<Resource> {
        match self {
            What::Workloads(_) => Some(Resource::Workloads),
            What::Histories(_) => Some(Resource::Histories),
            What::Pods => Some(Resource::Pods),
            What::Events => None,
        }
    }
}

fn raw(cluster: &Cluster, namespace: &str, resource: impl Into<ApiResource>) -> Api<RawObject> {
    Api::namespaced_with(cluster.client.clone(), namespace, &resource.into())
}

/// They are half of an object, and only the workload's own are used.
fn strip(object: &mut RawObject) {
    if let Some(metadata) = object.value["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
}
