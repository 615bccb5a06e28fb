//! A test's own corner of a shared cluster: a namespace, and nodes that only its pods may use.

use std::sync::OnceLock;

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::nodes::{NODES, condition};
use crate::real_node;
use crate::wait::{PATIENCE, poll, wait};
use crate::workloads::{path_of, pod_spec_of};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/// Dropping it asks for everything in it to be deleted, and does not wait.
pub struct Room<'a> {
    cluster: &'a Cluster,
    id: String,
    /// The label and the taint of its nodes: the room's own, except for the real node, which all rooms on it share.
    room: String,
    nodes: Vec<String>,
    spare: OnceLock<()>,
}

impl Cluster {
    /// A room with that many Ready nodes.
    #[track_caller]
    pub fn room(&self, nodes: usize) -> Room<'_> {
        let id = format!("room-{}", self.next());
        self.room_named(&id, &format!("{id}-node"), nodes)
    }

    /// The same; `edit` changes each node, by its index, before it is made.
    #[track_caller]
    pub fn room_with(&self, nodes: usize, edit: impl Fn(usize, &mut Value)) -> Room<'_> {
        let id = format!("room-{}", self.next());
        self.furnished_room(&id, &format!("{id}-node"), nodes, edit)
    }

    /// A room whose namespace is `id` and whose nodes are `PREFIX-1`, `PREFIX-2`, … : for people to look at.
    #[track_caller]
    pub fn room_named(&self, id: &str, prefix: &str, nodes: usize) -> Room<'_> {
        self.furnished_room(id, prefix, nodes, |_, _| ())
    }

    #[track_caller]
    fn furnished_room(
        &self,
        id: &str,
        prefix: &str,
        nodes: usize,
        edit: impl Fn(usize, &mut Value),
    ) -> Room<'_> {
        self.make_namespace(id);
        let nodes = self.add_nodes(prefix, nodes, |index, node| {
            reserve(node, id);
            edit(index, node);
        });
        self.furnished_namespace(id, id, nodes)
    }

    /// A room on the real node of `Options::real_node`: a namespace of its own, on a node that all such rooms share.
    #[track_caller]
    pub fn real_room(&self) -> Room<'_> {
        let id = format!("room-{}", self.next());
        self.make_namespace(&id);
        self.furnished_namespace(&id, real_node::ROOM, vec![real_node::NODE.to_owned()])
    }

    #[track_caller]
    fn make_namespace(&self, id: &str) {
        self.create("/api/v1/namespaces", &json!({"metadata": {"name": id, "labels": {"room": id}}}));
    }

    #[track_caller]
    fn furnished_namespace(&self, id: &str, room: &str, nodes: Vec<String>) -> Room<'_> {
        let account = format!("/api/v1/namespaces/{id}/serviceaccounts/default");
        wait("the room's default service account", PATIENCE, || self.try_get(&account));
        Room { cluster: self, id: id.to_owned(), room: room.to_owned(), nodes, spare: OnceLock::new() }
    }
}

/// Only the room's pods may use it.
fn reserve(node: &mut Value, room: &str) {
    node["metadata"]["labels"]["room"] = json!(room);
    node["metadata"]["labels"]["spare"] = json!("no");
    node["spec"]["taints"] = json!([{"key": "room", "value": room, "effect": "NoSchedule"}]);
}

impl<'a> Room<'a> {
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    pub fn namespace(&self) -> &str {
        &self.id
    }

    /// The label selector of the room's nodes, without the spare one.
    pub fn node_selector(&self) -> String {
        format!("room={},spare=no", self.room)
    }

    /// One more node for the pods of nodes that are drained; it is not among [`Room::nodes`].
    #[track_caller]
    pub fn spare_node(&self) {
        self.spare.get_or_init(|| {
            self.cluster.add_nodes(&format!("{}-spare", self.id), 1, |_, node| {
                reserve(node, &self.room);
                node["metadata"]["labels"]["spare"] = json!("yes");
            });
        });
    }

    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The path of a namespaced resource of this room: `room.path("apps", "deployments/web")`; the group of
    /// pods and services is empty.
    pub fn path(&self, group: &str, rest: &str) -> String {
        let root = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
        format!("{root}/namespaces/{}/{rest}", self.id)
    }

    /// The path of an object of this room by its kind: `room.path_of("Deployment", "web")`. Without a name, of all of that kind.
    #[track_caller]
    pub fn path_of(&self, kind: &str, name: &str) -> String {
        let all = path_of(kind, &self.id);
        if name.is_empty() { all } else { format!("{all}/{name}") }
    }

    /// Makes a namespaced object in this room; its pods may run on the room's nodes and nowhere else.
    #[track_caller]
    pub fn apply(&self, object: Value) -> Value {
        let object = self.furnished(object);
        self.cluster.create(&self.path_of(object["kind"].as_str().unwrap_or_default(), ""), &object)
    }

    /// The object with this room's namespace, and its pods restricted to the room's nodes.
    pub(crate) fn furnished(&self, mut object: Value) -> Value {
        object["metadata"]["namespace"] = json!(self.id);
        let object_kind = object["kind"].clone();
        if let Some(spec) = pod_spec_of(&mut object) {
            spec["nodeSelector"]["room"] = json!(self.room);
            if object_kind == "DaemonSet" {
                spec["nodeSelector"]["spare"] = json!("no");
            }
            let toleration = json!({"key": "room", "value": self.room, "effect": "NoSchedule"});
            match spec["tolerations"].as_array_mut() {
                Some(tolerations) if tolerations.contains(&toleration) => {}
                Some(tolerations) => tolerations.push(toleration),
                None => spec["tolerations"] = json!([toleration]),
            }
        }
        object
    }

    pub fn pods(&self) -> Vec<Value> {
        self.cluster.list(&self.path("", "pods"))
    }

    pub fn pods_on(&self, node: &str) -> Vec<Value> {
        self.cluster.list(&self.path("", &format!("pods?fieldSelector=spec.nodeName={node}")))
    }

    /// Waits until exactly `count` pods with the label `app=APP` are there, all Ready and none terminating.
    #[track_caller]
    pub fn ready(&self, app: &str, count: usize) -> Vec<Value> {
        let list = || self.cluster.list(&self.path("", &format!("pods?labelSelector=app={app}")));
        let settled = poll(PATIENCE, || {
            let pods = list();
            (pods.len() == count && pods.iter().all(is_healthy)).then_some(pods)
        });
        settled.unwrap_or_else(|| {
            let pods: Vec<String> = list().iter().map(describe).collect();
            panic!(
                "waited {PATIENCE:?} in vain for {count} ready pods of {app}; there are:\n{}",
                pods.join("\n")
            )
        })
    }

    /// Puts the pods of `app` on a node, past the scheduler, which waits for volumes that nobody provides.
    #[track_caller]
    pub fn bind(&self, app: &str, node: &str) {
        let path = self.path("", &format!("pods?labelSelector=app={app}"));
        wait(&format!("the pods of {app} to be bound"), PATIENCE, || {
            let pods = self.cluster.list(&path);
            let unbound = pods.iter().filter(|pod| pod["spec"]["nodeName"].is_null());
            let bind = |pod: &Value| {
                let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                let binding = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": node}});
                self.cluster.try_create(&self.path("", &format!("pods/{name}/binding")), &binding).is_ok()
            };
            (!pods.is_empty() && unbound.map(bind).fold(true, |all, bound| all & bound)).then_some(())
        });
    }

    /// Waits until the disruption controller has seen the pods: only then does the server allow evictions.
    #[track_caller]
    pub fn budget_allows(&self, budget: &str, disruptions: u64) {
        let path = self.path("policy", &format!("poddisruptionbudgets/{budget}"));
        wait(&format!("budget {budget} to allow {disruptions}"), PATIENCE, || {
            let budget = self.cluster.get(&path);
            let seen = budget["status"]["observedGeneration"] == budget["metadata"]["generation"];
            (seen && budget["status"]["disruptionsAllowed"] == disruptions).then_some(())
        });
    }

    /// The node reports that it is not ready.
    pub fn node_not_ready(&self, node: &str) {
        self.annotate_node(node, "testbed/node", json!("not-ready"));
        self.node_is(node, "False");
    }

    /// The node falls silent, and its pods stay as they are; returns when Kubernetes has noticed.
    pub fn node_silent(&self, node: &str) {
        self.nodes_silent(&[node]);
    }

    /// The same for several at the same time.
    pub fn nodes_silent(&self, nodes: &[&str]) {
        nodes.iter().for_each(|node| self.silence(node));
        nodes.iter().for_each(|node| self.node_is(node, "Unknown"));
    }

    /// Returns before Kubernetes has noticed.
    pub fn silence(&self, node: &str) {
        // Somebody else takes the node's lease and never renews it: kwok keeps its hands off for that long.
        // The taking must count as a renewal, or the node controller assumes for ever that its view of the
        // lease is stale; and nothing may come between reading and writing.
        wait("the lease to change hands", PATIENCE, || {
            let lease = self.cluster.get(&format!("{LEASES}/{node}"));
            let renewed = lease["spec"]["renewTime"].as_str()?.split('.').next()?.to_owned() + ".999999Z";
            let taken = json!({
                "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
                "spec": {"holderIdentity": "nobody", "leaseDurationSeconds": 1_000_000, "renewTime": renewed},
            });
            self.cluster.try_merge(&format!("{LEASES}/{node}"), &taken).ok()
        });
    }

    /// Undoes both.
    pub fn node_ready(&self, node: &str) {
        self.annotate_node(node, "testbed/node", Value::Null);
        // A lease that changes while its renewTime stands still trips the node controller's circuit breaker
        // (gate NodeControllerLeaseCircuitBreaker): it would stop looking after every node.
        let now = format!("{:.6}", k8s_openapi::jiff::Timestamp::now());
        let expired = json!({"spec": {"leaseDurationSeconds": 1, "renewTime": now}});
        self.cluster.merge(&format!("{LEASES}/{node}"), &expired);
        self.node_is(node, "True");
        // kwok may have passed over the pods while it still took the lease for somebody else's.
        let awake = json!({"metadata": {"annotations": {"testbed/awake": self.cluster.next().to_string()}}});
        for pod in self.pods_on(node) {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let _ = self.cluster.try_merge(&self.path("", &format!("pods/{name}")), &awake);
        }
    }

    pub fn node(&self, node: &str) -> Value {
        self.cluster.get(&format!("{NODES}/{node}"))
    }

    fn annotate_node(&self, node: &str, key: &str, value: Value) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        self.cluster.merge(&format!("{NODES}/{node}"), &patch);
    }

    #[track_caller]
    fn node_is(&self, node: &str, ready: &str) {
        let reached = || (condition(&self.node(node), "Ready") == Some(ready)).then_some(());
        if poll(PATIENCE, reached).is_none() {
            let lease = self.cluster.get(&format!("{LEASES}/{node}"));
            panic!(
                "waited in vain for {node} to have Ready={ready}: {:#}\n{lease:#}",
                self.node(node)["status"]
            );
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // The namespace first, so that nothing is made again; then the pods without grace, because nobody
        // ends them once their nodes are gone. What fails here ends with the cluster.
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        let delete = |path: &str| {
            let _ = self.cluster.request(Method::DELETE, path, Some(("application/json", &now)));
        };
        delete(&format!("/api/v1/namespaces/{}", self.id));
        delete(&self.path("", "pods"));
        delete(&format!("{NODES}?labelSelector=room={}", self.id));
        if self.spare.get().is_some() {
            delete(&format!("{NODES}/{}-spare-1", self.id));
        }
    }
}

/// As the disruption controller counts.
pub(crate) fn is_healthy(pod: &Value) -> bool {
    condition(pod, "Ready") == Some("True") && pod["metadata"]["deletionTimestamp"].is_null()
}

pub(crate) fn describe(pod: &Value) -> String {
    let terminating = if pod["metadata"]["deletionTimestamp"].is_null() { "" } else { " terminating" };
    format!(
        "  {} on {} phase {} ready {}{terminating}",
        pod["metadata"]["name"],
        pod["spec"]["nodeName"],
        pod["status"]["phase"],
        condition(pod, "Ready").unwrap_or("none"),
    )
}
