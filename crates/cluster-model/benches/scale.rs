//! How long it takes to judge where the pods of drained nodes fit, and how much memory the snapshot takes: clusters of 1,000, 10,000 and
//! 150,000 pods (5,000 nodes, the limits that Kubernetes is tested with), drains of 1, 10 and 50 nodes.
//!
//! The pods are of many Deployments, as in a cluster of many teams: a third without any rule, the others spread over zones, apart from
//! each other, or kept to one pool of nodes, and three DaemonSets. Nodes are four fifths full, so that verdicts are not all alike.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on panics, and tells of memory"
)]

use std::collections::BTreeSet;
use std::hint::black_box;

use cluster_model::feasibility::{Cluster, NodeId, PodId, Scenario, judge};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

const PODS_PER_NODE: usize = 30;
const DAEMONS: usize = 3;
const REPLICAS: usize = 25;
const POOLS: usize = 5;
const SIZES: [usize; 3] = [1_000, 10_000, 150_000];
const DRAINS: [u32; 3] = [1, 10, 50];

fn cluster(pods: usize) -> Cluster {
    let nodes = pods / PODS_PER_NODE;
    let mut cluster = Cluster::default();
    (0..nodes).for_each(|n| cluster.add_node(&node(n)));
    (0..pods).for_each(|n| cluster.add_pod(&pod(n, nodes)));
    cluster.finish();
    cluster
}

fn node(n: usize) -> Node {
    let name = format!("node-{n}");
    let labels = json!({
        "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("zone-{}", n % 3),
        "pool": format!("pool-{}", n % POOLS), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
    });
    let allocatable = json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    typed(json!({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": allocatable}}))
}

fn pod(n: usize, nodes: usize) -> Pod {
    let (on, number) = (n % nodes, n / nodes);
    let is_daemon = number < DAEMONS;
    let app = if is_daemon { number } else { DAEMONS + n / REPLICAS };
    let labels = json!({"app": format!("app-{app}"), "pod-template-hash": format!("{:08x}", app * 2_654_435_761 % 0xffff_ffff)});
    let cpu = if is_daemon { "100m" } else { ["100m", "200m", "250m", "400m"][app % 4] };
    let mut spec = json!({
        "nodeName": format!("node-{on}"), "priority": 0,
        "containers": [{"name": "main", "image": "registry.example/app:1", "resources": {"requests": {"cpu": cpu, "memory": "512Mi"}}}],
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
    });
    let rule = if is_daemon { daemon(on) } else { rule(app, on) };
    spec.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    let owner = if is_daemon { "DaemonSet" } else { "ReplicaSet" };
    typed(json!({
        "metadata": {"name": format!("app-{app}-{n}"), "namespace": format!("team-{}", app % 50), "uid": format!("uid-{n}"), "labels": labels,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner, "name": format!("app-{app}"), "uid": format!("owner-{app}"), "controller": true}]},
        "spec": spec, "status": {"phase": "Running"},
    }))
}

fn daemon(on: usize) -> Value {
    let field = json!({"key": "metadata.name", "operator": "In", "values": [format!("node-{on}")]});
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field]}]}}},
        "tolerations": [{"operator": "Exists"}]})
}

/// What keeps the pods of an app off some nodes.
fn rule(app: usize, on: usize) -> Value {
    let selector = json!({"matchLabels": {"app": format!("app-{app}")}});
    match app % 6 {
        0 => {
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]})
        }
        1 => json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]}}}),
        2 => json!({"nodeSelector": {"pool": format!("pool-{}", on % POOLS)}}),
        3 => json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": selector}]}}}),
        _ => json!({}),
    }
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// As safe-drain asks: every pod of these nodes but those of DaemonSets leaves, and comes back.
fn drain(cluster: &Cluster, nodes: u32) -> usize {
    let drained: BTreeSet<NodeId> = (0..nodes).map(NodeId).collect();
    let leaves = |id: &PodId| {
        let pod = cluster.pod(*id);
        pod.node.is_some_and(|node| drained.contains(&node)) && !pod.requirements.is_meant_for_one_node()
    };
    let leaving: Vec<PodId> = cluster.pod_ids().filter(leaves).collect();
    let scenario = Scenario::new(cluster, drained, &leaving.iter().copied().collect(), &leaving);
    judge(&scenario).len()
}

/// In bytes; `None` where the system does not tell.
fn memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

fn scale(criterion: &mut Criterion) {
    for pods in SIZES {
        let before = memory();
        let cluster = cluster(pods);
        if let Some((after, before)) = memory().zip(before) {
            let taken = after.saturating_sub(before);
            eprintln!(
                "{pods} pods on {} nodes: {} MiB, {} bytes a pod",
                pods / PODS_PER_NODE,
                taken >> 20,
                taken / pods
            );
        }
        let mut group = criterion.benchmark_group(format!("{pods} pods"));
        group.sample_size(10);
        for nodes in DRAINS.into_iter().filter(|nodes| (*nodes as usize) < pods / PODS_PER_NODE) {
            group.bench_function(BenchmarkId::new("drain", format!("{nodes} nodes")), |bencher| {
                bencher.iter(|| black_box(drain(&cluster, nodes)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scale);
criterion_main!(benches);
