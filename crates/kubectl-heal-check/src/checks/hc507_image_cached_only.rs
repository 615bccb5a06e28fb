//! HC507: an image that a replacement may not find on its node.

use std::collections::{HashMap, HashSet};

use cluster_model::image_ref::{default_pull_policy, normalized};
use cluster_model::text::count;
use cluster_model::{NodeExt, Raw};
use k8s_openapi::api::core::v1::{ContainerImage, Node};

use super::check::{About, Check, Found};
use super::eligible::eligible;
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Kind, Read, Snapshot};

/// The kubelet reports no more of a node's images unless it is configured otherwise (`nodeStatusMaxImages`).
const REPORTED: usize = 50;

/// And no more names of one image, digests first (`pkg/kubelet/nodestatus/setters.go`, MaxNamesPerImageInNodeStatus).
const NAMES: usize = 5;

pub const CHECK: Check = Check {
    id: "HC507",
    name: "image-cached-only",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "nodes that may take a replacement do not have its image: a warning with imagePullPolicy Never, where it cannot start there, information with IfNotPresent, where it needs the registry",
    why: "Where the image is not on the node already, healing depends on the registry at that moment, or is impossible.",
    remedy: "load the image on all nodes, or use IfNotPresent with a registry that is as reliable as the workload has to be",
    exceptions: "The policy Always, which needs the registry in any case; DaemonSets. Nodes report at most 50 images, with five names each, and no IDs: with Never such a node makes this unchecked, otherwise it is counted as not known.",
    run,
};

#[derive(PartialEq)]
enum Has {
    Yes,
    No,
    Unknown,
}

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let images: HashMap<&str, Images> =
        snapshot.nodes.iter().map(|node| (node.name(), Images::of(node))).collect();
    for workload in snapshot.posture().filter(|it| it.runs_for_good() && it.kind != Kind::DaemonSet) {
        let nodes: Vec<&Images> =
            eligible(snapshot, workload).filter_map(|node| images.get(node.name())).collect();
        for container in workload.running_containers() {
            let (name, image) = (container.text("/name"), container.text("/image"));
            let policy = match container.text("/imagePullPolicy") {
                "" => default_pull_policy(image),
                policy => policy,
            };
            if image.is_empty() || !matches!(policy, "Never" | "IfNotPresent") {
                continue;
            }
            let wanted = normalized(image);
            let has: Vec<Has> =
                nodes.iter().map(|images| images.has(&wanted, image.starts_with("sha256:"))).collect();
            let of = |state: Has| has.iter().filter(|it| **it == state).count();
            let (lacking, unknown) = (of(Has::No), of(Has::Unknown));
            let of_all = format!("{lacking} of {} that may take a replacement", count(nodes.len(), "node"));
            match policy {
                "Never" if lacking > 0 => {
                    let message = format!(
                        "container {name} has imagePullPolicy Never, and {of_all} do not have {image}"
                    );
                    found.add(Warning, &workload.subject, message);
                }
                "Never" if unknown > 0 => found.unknown(format!(
                    "{}: {} may have more images than they report, and {image} among them",
                    workload.subject,
                    count(unknown, "node")
                )),
                "IfNotPresent" if lacking > 0 => {
                    let rest =
                        if unknown > 0 { format!(" (of {unknown} it is not known)") } else { String::new() };
                    let message = format!(
                        "container {name}: {of_all} do not have {image}{rest}: a start there needs the registry"
                    );
                    found.add(Info, &workload.subject, message);
                }
                _ => {}
            }
        }
    }
}

/// What a node reports.
struct Images {
    names: HashSet<String>,
    /// It may have more than that.
    is_part: bool,
}

impl Images {
    fn of(node: &Node) -> Self {
        let images = node.status.as_ref().and_then(|it| it.images.as_deref()).unwrap_or_default();
        let names = |it: &ContainerImage| it.names.as_ref().map_or(0, Vec::len);
        // A node that reports no images at all does not say, and neither does one whose image has no name any more.
        let is_part = images.is_empty()
            || images.len() >= REPORTED
            || images.iter().any(|it| names(it) == 0 || names(it) >= NAMES);
        let names = images.iter().flat_map(|it| it.names.iter().flatten());
        Images { names: names.map(|name| normalized(name)).collect(), is_part }
    }

    /// `wanted`: normalized. Nodes do not report the IDs of images.
    fn has(&self, wanted: &str, is_id: bool) -> Has {
        if self.names.contains(wanted) {
            Has::Yes
        } else if self.is_part || is_id {
            Has::Unknown
        } else {
            Has::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc507_image_cached_only() {
        let images = |names: &[&str]| -> Value {
            let all: Vec<Value> = names.iter().map(|it| json!({"names": [it], "sizeBytes": 1})).collect();
            json!({"status": {"images": all}})
        };
        let on = |n1: &[&str], rest: &[&str], policy: &str| -> World {
            let container = json!({"name": "main", "image": "shop:1", "imagePullPolicy": policy});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
                .edit_all("Node", images(rest))
                .edit("Node/n1", images(n1))
        };
        let names = |names: &[&str]| {
            on(&[], &[], "Never")
                .edit_all("Node", json!({"status": {"images": [{"names": names, "sizeBytes": 1}]}}))
        };
        let shop: &[&str] = &["docker.io/library/shop:1"];
        let full = ["x:1"; REPORTED];
        cases(
            &CHECK,
            &[
                ("Never, and not everywhere", on(shop, &["other:1"], "Never"), &["deployment/web warning"]),
                ("Never, and everywhere", on(shop, shop, "Never"), &[]),
                ("Never, and nobody knows", on(shop, &full, "Never"), &["unchecked"]),
                ("IfNotPresent", on(shop, &["other:1"], "IfNotPresent"), &["deployment/web info"]),
                ("IfNotPresent, and everywhere", on(shop, shop, "IfNotPresent"), &[]),
                ("Never, and a sixth name", names(&["a:1", "a:2", "a:3", "a:4", "a:5"]), &["unchecked"]),
                ("Never, and not among few names", names(&["a:1", "a:2"]), &["deployment/web warning"]),
                ("Never, and an image without a name", names(&[]), &["unchecked"]),
                ("Always", on(shop, &["other:1"], "Always"), &[]),
                ("no node says", on(&[], &[], "IfNotPresent"), &[]),
                (
                    "cordoned nodes",
                    on(shop, &["other:1"], "Never")
                        .edit("Node/n2", json!({"spec": {"unschedulable": true}}))
                        .edit("Node/n3", json!({"spec": {"unschedulable": true}})),
                    &[],
                ),
            ],
        );
        assert_eq!(
            on(shop, &["other:1"], "Never").message(&CHECK),
            "container main has imagePullPolicy Never, and 2 of 3 nodes that may take a replacement do not have shop:1"
        );
    }
}
