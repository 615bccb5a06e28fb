//! What the watches of a proof show now. Pure: what they send, folded.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{NodeExt, PodExt, Raw};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use plugin_client::{Feed, RawObject};

/// The label that names the Service of a slice.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// One message of a watch.
#[expect(clippy::large_enum_variant, reason = "applied at once, never kept")]
pub enum News {
    Pods(Feed<Pod>),
    Slices(Feed<EndpointSlice>),
    Nodes(Feed<Node>),
    Workload(Feed<RawObject>),
    /// Nodes cannot be watched: whether one fails meanwhile is not seen.
    NoNodes,
}

/// A pod of the workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub name: String,
    pub uid: String,
    pub node: String,
    /// Of a pod of a DaemonSet, the node that it is made for.
    pub meant_for: Option<String>,
    pub is_started: bool,
    pub is_ready: bool,
    /// It is being deleted, or has ended.
    pub is_leaving: bool,
    /// Init containers too, among which are sidecars, and ephemeral ones.
    pub containers: Vec<Ran>,
}

/// A container of a pod, as the kubelet reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    pub name: String,
    pub id: String,
    pub restarts: i32,
    pub is_running: bool,
    pub is_ready: bool,
    /// Why it does not run yet.
    pub waiting: Option<String>,
    /// Its last run that has ended.
    pub ended: Option<EndedRun>,
}

impl Ran {
    /// The kubelet tried to start it and could not, as when its image cannot be pulled; or it has ended.
    pub fn is_stuck(&self) -> bool {
        let is_first = |reason: &str| matches!(reason, "" | "ContainerCreating" | "PodInitializing");
        self.waiting.as_deref().is_some_and(|it| !is_first(it)) || self.ended.is_some()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedRun {
    pub id: String,
    pub code: i32,
    pub reason: String,
}

/// Which workload it is, and which of its specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub uid: String,
    pub generation: i64,
}

#[cfg(test)]
impl Version {
    pub fn at(generation: i64) -> Option<Version> {
        Some(Version { uid: "web".to_owned(), generation })
    }
}

#[derive(Default)]
pub struct Observed {
    controller: String,
    pub pods: BTreeMap<String, Seen>,
    /// Of each slice, its Service and the UIDs of the pods that serve.
    slices: BTreeMap<String, (String, BTreeSet<String>)>,
    down: BTreeSet<String>,
    /// Of the workload; `None`: it is gone.
    pub version: Option<Version>,
    synced: BTreeSet<&'static str>,
    /// A watch was broken: what happened meanwhile is seen later than it was.
    pub interruptions: usize,
}

impl Observed {
    pub fn new(controller: &str) -> Self {
        Observed { controller: controller.to_owned(), ..Observed::default() }
    }

    pub fn is_synced(&self, slices: bool) -> bool {
        self.synced.len() == if slices { 4 } else { 3 }
    }

    pub fn active(&self) -> impl Iterator<Item = &Seen> {
        self.pods.values().filter(|pod| !pod.is_leaving)
    }

    pub fn ready(&self) -> Vec<&Seen> {
        self.active().filter(|pod| pod.is_ready).collect()
    }

    /// The Services through which a pod is reached now.
    pub fn serving(&self, uid: &str) -> BTreeSet<&str> {
        let all = self.slices.values().filter(|(_, uids)| uids.contains(uid));
        all.map(|(service, _)| service.as_str()).collect()
    }

    /// How many pods of the workload a Service has.
    pub fn endpoints(&self, service: &str) -> usize {
        let of_service = self.slices.values().filter(|(name, _)| name == service);
        let uids: BTreeSet<&String> = of_service.flat_map(|(_, uids)| uids).collect();
        uids.into_iter().filter(|uid| self.pods.contains_key(*uid)).count()
    }

    pub fn down(&self) -> &BTreeSet<String> {
        &self.down
    }

    pub fn apply(&mut self, news: News) {
        match news {
            News::Pods(feed) => {
                let controller = self.controller.clone();
                let is_own = |pod: &Pod| pod.is_controlled_by(&controller);
                match feed {
                    Feed::Synced(pods) => {
                        self.synced.insert("pods");
                        self.pods = pods
                            .iter()
                            .filter(|it| is_own(it))
                            .map(|it| (it.uid().to_owned(), seen(it)))
                            .collect();
                    }
                    Feed::Applied(pod) if is_own(&pod) => {
                        self.pods.insert(pod.uid().to_owned(), seen(&pod));
                    }
                    Feed::Applied(_) => {}
                    Feed::Deleted(pod) => {
                        self.pods.remove(pod.uid());
                    }
                    Feed::Interrupted(_) => self.interruptions += 1,
                }
            }
            News::Slices(feed) => match feed {
                Feed::Synced(slices) => {
                    self.synced.insert("slices");
                    self.slices = slices.iter().map(slice).collect();
                }
                Feed::Applied(one) => self.slices.extend([slice(&one)]),
                Feed::Deleted(one) => drop(self.slices.remove(&slice(&one).0)),
                Feed::Interrupted(_) => self.interruptions += 1,
            },
            News::Nodes(feed) => match feed {
                Feed::Synced(nodes) => {
                    self.synced.insert("nodes");
                    let down = nodes.iter().filter(|it| it.not_ready().is_some());
                    self.down = down.map(|it| it.name().to_owned()).collect();
                }
                Feed::Applied(node) if node.not_ready().is_some() => {
                    self.down.insert(node.name().to_owned());
                }
                Feed::Applied(node) | Feed::Deleted(node) => {
                    self.down.remove(node.name());
                }
                Feed::Interrupted(_) => {}
            },
            News::NoNodes => {
                self.synced.insert("nodes");
            }
            News::Workload(feed) => {
                let version = |it: &RawObject| {
                    let generation = it.value.number("/metadata/generation").unwrap_or(0);
                    Version { uid: it.value.uid().to_owned(), generation }
                };
                match feed {
                    Feed::Synced(found) => {
                        self.synced.insert("workload");
                        self.version = found.first().map(version);
                    }
                    Feed::Applied(object) => self.version = Some(version(&object)),
                    Feed::Deleted(_) => self.version = None,
                    Feed::Interrupted(_) => {}
                }
            }
        }
    }
}

fn seen(pod: &Pod) -> Seen {
    let status = pod.status.as_ref();
    let containers = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
    let init = status.and_then(|it| it.init_container_statuses.as_deref()).unwrap_or_default();
    let ephemeral = status.and_then(|it| it.ephemeral_container_statuses.as_deref()).unwrap_or_default();
    let is_running = |it: &ContainerStatus| it.state.as_ref().is_some_and(|it| it.running.is_some());
    Seen {
        name: pod.name().to_owned(),
        uid: pod.uid().to_owned(),
        node: pod.node().to_owned(),
        meant_for: meant_for(pod),
        is_started: !containers.is_empty() && containers.iter().all(is_running),
        is_ready: pod.is_ready(),
        is_leaving: pod.is_terminating() || pod.is_finished(),
        containers: containers.iter().chain(init).chain(ephemeral).map(ran).collect(),
    }
}

fn ran(status: &ContainerStatus) -> Ran {
    let ended = |state: Option<&ContainerState>| {
        state.and_then(|it| it.terminated.as_ref()).map(|it| EndedRun {
            id: it.container_id.clone().unwrap_or_default(),
            code: it.exit_code,
            reason: it.reason.clone().unwrap_or_default(),
        })
    };
    Ran {
        name: status.name.clone(),
        id: status.container_id.clone().unwrap_or_default(),
        restarts: status.restart_count,
        is_running: status.state.as_ref().is_some_and(|it| it.running.is_some()),
        is_ready: status.ready,
        waiting: status
            .state
            .as_ref()
            .and_then(|it| it.waiting.as_ref())
            .map(|it| it.reason.clone().unwrap_or_default()),
        ended: ended(status.state.as_ref()).or_else(|| ended(status.last_state.as_ref())),
    }
}

/// A DaemonSet's controller binds each pod to its node by the node's name (pkg/controller/daemon/util/daemonset_util.go,
/// `ReplaceDaemonSetPodNodeNameNodeAffinity`).
fn meant_for(pod: &Pod) -> Option<String> {
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let fields = required.node_selector_terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    fields.filter(|it| it.key == "metadata.name").find_map(|it| it.values.as_ref()?.first().cloned())
}

/// An endpoint that does not say whether it is ready is (discovery/v1 `EndpointConditions`).
fn slice(slice: &EndpointSlice) -> (String, (String, BTreeSet<String>)) {
    let serves = slice
        .endpoints
        .iter()
        .flatten()
        .filter(|it| it.conditions.as_ref().and_then(|it| it.ready).unwrap_or(true));
    let uids = serves.filter_map(|it| it.target_ref.as_ref()?.uid.clone()).collect();
    let label = slice.metadata.labels.as_ref().and_then(|it| it.get(SERVICE_NAME));
    let name = slice.metadata.name.clone().unwrap_or_default();
    (name, (label.cloned().unwrap_or_default(), uids))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Of sidecars and ephemeral containers what runs is followed too; whether a pod is started is a matter of its main containers.
    #[test]
    fn all_containers_of_a_pod_are_followed() {
        let status = |name: &str, state: Value| json!([{"name": name, "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state}]);
        let waits = |reason: &str| json!({"waiting": {"reason": reason}});
        let pod = json!({"metadata": {"name": "web-a"}, "status": {
            "initContainerStatuses": status("proxy", waits("CrashLoopBackOff")),
            "containerStatuses": status("main", json!({"running": {}})),
            "ephemeralContainerStatuses": status("heal-check-1", waits("ContainerCreating"))}});
        let seen = seen(&serde_json::from_value(pod).unwrap());
        assert!(seen.is_started);
        let all: Vec<_> =
            seen.containers.iter().map(|it| (it.name.as_str(), it.is_running, it.is_stuck())).collect();
        assert_eq!(all, [("main", true, false), ("proxy", false, true), ("heal-check-1", false, false)]);
    }
}
