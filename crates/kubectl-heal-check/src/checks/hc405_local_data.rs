//! HC405: data that is on one node.

use cluster_model::feasibility::volumes::{Volumes, reaches};
use cluster_model::{Json, Raw};
use k8s_openapi::api::core::v1::PersistentVolume;
use serde::Deserialize;

use super::check::{About, Check, Found};
use crate::finding::Severity::{self, Error, Info};
use crate::snapshot::{Read, Snapshot, Workload};

/// What every node has of its own.
const OF_NODES: [&str; 11] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/etc",
    "/usr",
    "/lib",
    "/boot",
    "/var/log",
    "/var/lib/kubelet",
];

pub const CHECK: Check = Check {
    id: "HC405",
    name: "local-data",
    about: About::Posture,
    severities: &[Error, Info],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Claims,
        Read::Volumes,
    ],
    fires_when: "pods write to a hostPath, or to a PersistentVolume that only one of several nodes can use",
    why: "Without this node the data is gone or out of reach: the pod waits for it, or starts empty elsewhere.",
    remedy: "use a PersistentVolume that other nodes can attach, or replicate the data above the volumes",
    exceptions: "DaemonSets; clusters of one node. Information only for a hostPath that is a socket or a device, that is mounted read-only, or that every node has (/proc, /dev, /etc …).",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    if snapshot.nodes.len() < 2 {
        return;
    }
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        let found_here = of_claims(snapshot, workload).or_else(|| of_host(workload));
        if let Some((severity, message)) = found_here {
            found.add(severity, &workload.subject, message);
        }
    }
}

fn of_claims(snapshot: &Snapshot, workload: &Workload) -> Option<(Severity, String)> {
    let namespace = &workload.subject.namespace;
    let of_pods = workload.active().flat_map(|pod| pod.claims.iter().map(String::as_str));
    let claims = of_pods.chain(workload.shared_claims());
    claims.filter_map(|claim| Some((claim, snapshot.storage.volume(namespace, claim)?))).find_map(
        |(claim, volume)| {
            let node = only_node(snapshot, volume)?;
            Some((Error, format!("volume {} of claim {claim} can be used on {node} only", volume.name())))
        },
    )
}

/// The only node that can use the volume.
fn only_node(snapshot: &Snapshot, volume: &Json) -> Option<String> {
    if !volume["spec"]["hostPath"].is_null() {
        return Some("the node that has its path".to_owned());
    }
    let typed = PersistentVolume::deserialize(volume).ok()?;
    let mut volumes = Volumes::read();
    volumes.add_volume(&typed);
    let affinity = volumes.persistent_volume(volume.name()).found()?.affinity.as_deref();
    let mut nodes = snapshot.node_facts.iter().filter(|node| reaches(affinity, node));
    let only = nodes.next()?;
    nodes.next().is_none().then(|| format!("node {}", only.name))
}

/// The hostPath that it writes to, or else one that it reads.
fn of_host(workload: &Workload) -> Option<(Severity, String)> {
    let volumes = workload.spec().list("/volumes").iter();
    let paths = volumes.filter(|it| !it["hostPath"].is_null()).map(|volume| {
        let path = volume.text("/hostPath/path");
        match is_data(workload, volume) {
            true => {
                (Error, format!("it writes to {path} of its node (hostPath): another node has other data"))
            }
            false => (Info, format!("it uses {path} of its node (hostPath)")),
        }
    });
    paths.reduce(|a, b| if b.0 > a.0 { b } else { a })
}

fn is_data(workload: &Workload, volume: &Json) -> bool {
    let path = volume.text("/hostPath/path");
    let is_below = |of: &&str| path == *of || path.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
    let is_special = matches!(volume.text("/hostPath/type"), "Socket" | "CharDevice" | "BlockDevice");
    let init = workload.spec().list("/initContainers").iter();
    let mounts = workload.containers().iter().chain(init).flat_map(|it| it.list("/volumeMounts"));
    let mut writes = mounts.filter(|it| it["name"] == volume["name"] && it["readOnly"] != true);
    !is_special && !path.ends_with(".sock") && !OF_NODES.iter().any(is_below) && writes.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, claim, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc405_local_data() {
        let web = |volume: Value, mount: Value| -> World {
            let container = json!({"name": "main", "volumeMounts": [mount]});
            healthy().edit(
                "Deployment/web",
                json!({"spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}}}),
            )
        };
        let host = |path: &str, kind: &str, read_only: bool| {
            web(
                json!({"name": "d", "hostPath": {"path": path, "type": kind}}),
                json!({"name": "d", "mountPath": "/d", "readOnly": read_only}),
            )
        };
        let bound = |volume: Value| {
            web(json!({"name": "d", "persistentVolumeClaim": {"claimName": "d"}}), json!({"name": "d"}))
                .with(claim("d", "ReadWriteOnce"))
                .with(json!({"kind": "PersistentVolume", "metadata": {"name": "pv-d"}, "spec": volume}))
        };
        let on = |key: &str, values: &[&str]| {
            let term = json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]});
            json!({"local": {"path": "/d"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}})
        };
        let fires: &[&str] = &["deployment/web error"];
        let info: &[&str] = &["deployment/web info"];
        let one_node = |world: World| world.without("Node/n2").without("Node/n3");
        cases(
            &CHECK,
            &[
                ("a hostPath", host("/data", "", false), fires),
                ("read-only", host("/data", "", true), info),
                ("a socket", host("/data/docker", "Socket", false), info),
                ("of every node", host("/proc", "", false), info),
                ("a name that begins like it", host("/process", "", false), fires),
                ("one node", one_node(host("/data", "", false)), &[]),
                ("a local volume", bound(on("kubernetes.io/hostname", &["n1"])), fires),
                ("a volume of two nodes", bound(on("kubernetes.io/hostname", &["n1", "n2"])), &[]),
                ("a volume of a zone with one node", bound(on("topology.kubernetes.io/zone", &["a"])), fires),
                ("a volume of every node", bound(json!({"nfs": {"path": "/", "server": "x"}})), &[]),
            ],
        );
        let message = bound(on("kubernetes.io/hostname", &["n1"])).message(&CHECK);
        assert_eq!(message, "volume pv-d of claim d can be used on node n1 only");
    }
}
