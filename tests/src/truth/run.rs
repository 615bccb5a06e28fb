//! One case on the test bed: made, predicted, drained, compared.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};
use testbed::{Cluster, PATIENCE, Room, wait};

use super::case::Case;
use super::compare::{Class, Contradiction, compare};
use super::prediction::{Snapshot, predict};
use super::quiet::{cordon_is_known, node_of, path_of, settled, tried, uid};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const VOLUMES: &str = "/api/v1/persistentvolumes";
const NAMESPACES: &str = "/api/v1/namespaces";
const CSI_NODES: &str = "/apis/storage.k8s.io/v1/csinodes";

pub struct Report {
    pub classes: Vec<Class>,
    before: Vec<Value>,
    after: Vec<Value>,
}

/// On a busy machine a node can be late with its lease, and is tainted for a moment: the whole is repeated.
const ATTEMPTS: usize = 5;

/// Evicts all pods of the drained nodes through the Eviction API: there are no budgets.
pub fn run(cluster: &Cluster, case: &Case) -> Report {
    for _ in 0..ATTEMPTS {
        if let Some(report) = run_once(cluster, case) {
            return report;
        }
    }
    panic!("the nodes are not steady");
}

fn run_once(cluster: &Cluster, case: &Case) -> Option<Report> {
    let room = cluster.room_with(case.nodes.len(), |index, node| furnish(node, &case.nodes[index]));
    let case = case.named(room.namespace());
    let _others = Others::make(&room, &case);
    case.objects.iter().for_each(|object| create(cluster, object));
    settled(&room, &case);
    let before = snapshot(&room, &case);
    let drained: Vec<String> = case.drained.iter().map(|index| room.nodes()[*index].clone()).collect();
    let predictions = predict(&before, &drained);
    drain(&room, &case, &before, &drained);
    let after = settled(&room, &case);
    if room.nodes().iter().zip(&before.nodes).any(|(node, before)| taints(&room.node(node)) != taints(before))
    {
        return None;
    }
    let classes = compare(&before, &drained, &predictions, &after);
    Some(Report { classes, before: before.pods, after })
}

/// Without those of a cordon.
fn taints(node: &Value) -> Vec<&Value> {
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.filter(|taint| taint["key"] != UNSCHEDULABLE).collect()
}

fn drain(room: &Room<'_>, case: &Case, before: &Snapshot, drained: &[String]) {
    let cluster = room.cluster();
    for node in drained {
        cluster.merge(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": true}}));
    }
    drained.iter().for_each(|node| cordon_is_known(room, node));
    let leaves = |pod: &&Value| drained.iter().any(|node| node == node_of(pod));
    let evicted: Vec<&Value> = before.pods.iter().filter(leaves).collect();
    for pod in &evicted {
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}});
        match cluster.try_create(&format!("{}/eviction", path_of(pod)), &eviction) {
            // It was preempted.
            Err(error) if error.code != 404 => panic!("{error}"),
            _ => {}
        }
    }
    let evicted: BTreeSet<String> = evicted.iter().map(|pod| uid(pod).to_owned()).collect();
    tried(room, case, &evicted);
}

fn snapshot(room: &Room<'_>, case: &Case) -> Snapshot {
    let cluster = room.cluster();
    let names = [room.namespace().to_owned(), other_namespace(room)];
    let namespaces = names.iter().filter_map(|name| cluster.try_get(&format!("{NAMESPACES}/{name}")));
    Snapshot {
        nodes: room.nodes().iter().map(|node| room.node(node)).collect(),
        pods: tried(room, case, &BTreeSet::new()),
        namespaces: namespaces.collect(),
        claims: names
            .iter()
            .flat_map(|name| cluster.list(&format!("{NAMESPACES}/{name}/persistentvolumeclaims")))
            .collect(),
        volumes: cluster.list(&format!("{VOLUMES}?labelSelector=room={}", room.namespace())),
        csi_nodes: room
            .nodes()
            .iter()
            .filter_map(|node| cluster.try_get(&format!("{CSI_NODES}/{node}")))
            .collect(),
    }
}

fn other_namespace(room: &Room<'_>) -> String {
    format!("{}-b", room.namespace())
}

/// A node of the room as the case has it.
fn furnish(node: &mut Value, patch: &Value) {
    let room = node["metadata"]["labels"]["room"].as_str().unwrap_or_default().to_owned();
    let text = patch.to_string().replace(super::case::ROOM, &room);
    let mut patch: Value = serde_json::from_str(&text).unwrap();
    if let (Some(taints), Some(more)) =
        (node["spec"]["taints"].as_array_mut(), patch["spec"]["taints"].as_array())
    {
        taints.extend(more.iter().cloned());
    }
    patch["spec"]["taints"] = node["spec"]["taints"].clone();
    if let Some(fields) = patch.as_object_mut() {
        fields.remove("volumeLimit");
    }
    merge(node, &patch);
}

/// A JSON merge patch (RFC 7386).
fn merge(into: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    for (name, value) in fields {
        match value {
            Value::Null => {
                into.as_object_mut().and_then(|fields| fields.remove(name));
            }
            value => merge(&mut into[name.as_str()], value),
        }
    }
}

fn create(cluster: &Cluster, object: &Value) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    match object["kind"].as_str() {
        Some("PersistentVolume") => {
            cluster.create(VOLUMES, object);
        }
        Some("PersistentVolumeClaim") => {
            let all = format!("{NAMESPACES}/{namespace}/persistentvolumeclaims");
            cluster.create(&all, object);
            wait(&format!("{name} to be bound"), PATIENCE, || {
                let claim = cluster.get(&format!("{all}/{name}"));
                (claim["status"]["phase"] == "Bound").then_some(())
            });
        }
        _ => {
            cluster.create(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"), object);
        }
    }
}

/// What the case needs beside its room, until this is dropped.
struct Others<'a> {
    cluster: &'a Cluster,
    namespace: String,
    room: String,
    csi_nodes: Vec<String>,
}

impl<'a> Others<'a> {
    fn make(room: &Room<'a>, case: &Case) -> Self {
        let cluster = room.cluster();
        let namespace = other_namespace(room);
        // A namespace costs the control plane more than a node.
        let is_used = case.objects.iter().any(|object| object["metadata"]["namespace"] == *namespace);
        if is_used {
            let labels = json!({"room": room.namespace(), "side": "b"});
            cluster.create(NAMESPACES, &json!({"metadata": {"name": namespace, "labels": labels}}));
            let account = format!("{NAMESPACES}/{namespace}/serviceaccounts/default");
            wait("the default service account", PATIENCE, || cluster.try_get(&account));
        }
        let mut others =
            Others { cluster, namespace, room: room.namespace().to_owned(), csi_nodes: Vec::new() };
        for (name, node) in room.nodes().iter().zip(&case.nodes) {
            if let Some(count) = node["volumeLimit"].as_u64() {
                let driver =
                    json!({"name": "disks.example.com", "nodeID": name, "allocatable": {"count": count}});
                let csi_node = json!({"metadata": {"name": name}, "spec": {"drivers": [driver]}});
                cluster.create(CSI_NODES, &csi_node);
                others.csi_nodes.push(name.clone());
            }
        }
        others
    }
}

impl Drop for Others<'_> {
    fn drop(&mut self) {
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        let mut paths = vec![
            format!("{NAMESPACES}/{}", self.namespace),
            format!("{NAMESPACES}/{}/pods", self.namespace),
            format!("{VOLUMES}?labelSelector=room={}", self.room),
        ];
        paths.extend(self.csi_nodes.iter().map(|name| format!("{CSI_NODES}/{name}")));
        for path in paths {
            let _ = self.cluster.request(Method::DELETE, &path, Some(("application/json", &now)));
        }
    }
}

impl Report {
    pub fn contradictions(&self) -> impl Iterator<Item = (&Class, Contradiction)> {
        self.classes.iter().filter_map(|class| Some((class, class.contradiction()?)))
    }

    /// For people, of a case with contradictions: the objects, what was predicted and what came.
    pub fn shown(&self, case: &Case) -> String {
        let mut text = format!("{}\n", case.shown());
        for (when, pods) in [("before", &self.before), ("after", &self.after)] {
            let _ = writeln!(text, "{when}:");
            for pod in pods.iter() {
                let _ = writeln!(text, "  {} on {:?}", pod["metadata"]["name"], node_of(pod));
            }
        }
        for class in &self.classes {
            let verdict = class.contradiction().map_or("as predicted".to_owned(), |it| format!("{it:?}"));
            let _ = writeln!(
                text,
                "{}: {:?} for {} pods; {} bound, {} preempted: {verdict}\n  predicted reasons: {:?}\n  messages: {:#?}",
                class.workload,
                class.prediction.verdict,
                class.prediction.pods,
                class.bound,
                class.preempted,
                class.prediction.misses,
                class.messages,
            );
        }
        text
    }
}
