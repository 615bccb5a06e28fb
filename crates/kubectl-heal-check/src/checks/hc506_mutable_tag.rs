//! HC506: an image whose tag may mean something else tomorrow.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Raw;
use cluster_model::image_ref::{Reference, short_digest};

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC506",
    name: "mutable-tag",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "an image has the tag latest or none, and no digest; or pods of a workload run different digests of the same tag",
    why: "A pod that is replaced may start other code than the one that was lost.",
    remedy: "pin the image by its digest, or by a tag that is never moved",
    exceptions: "Images with a digest. Digests are compared only between nodes of the same architecture, and only where the runtime reports the repository's.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture() {
        for container in workload.running_containers() {
            let (name, image) = (container.text("/name"), container.text("/image"));
            let reference = Reference::parse(image);
            if image.is_empty() || reference.digest.is_some() {
                continue;
            }
            if let Some(digests) = different(workload, snapshot, name) {
                let shown: Vec<String> = digests.iter().map(|it| short_digest(it, 12)).collect();
                let message = format!(
                    "container {name}: its pods run different images under the same tag {image}: {}",
                    shown.join(", ")
                );
                found.add(Warning, &workload.subject, message);
            } else if matches!(reference.tag, None | Some("latest")) {
                let message =
                    format!("container {name}: image {image} is whatever the registry has when a pod starts");
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

/// Digests of one image as the pods name it, on nodes of one architecture, if there is more than one.
fn different<'s>(workload: &'s Workload, snapshot: &'s Snapshot, name: &str) -> Option<BTreeSet<&'s str>> {
    let mut digests: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for pod in workload.active() {
        let node = snapshot.node(&pod.node).and_then(|it| it.status.as_ref()?.node_info.as_ref());
        let architecture = node.map_or("", |it| it.architecture.as_str());
        for container in pod.containers.iter().filter(|it| &*it.name == name) {
            // Without the repository it is the digest of the platform's own part of the image.
            let digest = container.image_id.split_once('@').map(|(_, digest)| digest);
            if let Some(digest) = digest {
                digests.entry((architecture, &container.image)).or_default().insert(digest);
            }
        }
    }
    digests.into_values().find(|it| it.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, container, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc506_mutable_tag() {
        let image = |image: &str| {
            healthy().edit(
                "Deployment/web",
                json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}),
            )
        };
        let runs = |image: &str, id: &str| -> Value {
            container(json!({"ready": true, "restartCount": 0, "image": image, "imageID": id}))
        };
        let two = |a: Value, b: Value| -> World { healthy().edit("Pod/web-a", a).edit("Pod/web-b", b) };
        let digest = |n: &str| format!("r.example.com/shop@sha256:{n}");
        let (a, b) = (digest("aa"), digest("bb"));
        let differ = || two(runs("shop:1", &a), runs("shop:1", &b));
        let arm = json!({"status": {"nodeInfo": {"architecture": "arm64", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "",
            "kubeletVersion": "", "machineID": "", "operatingSystem": "", "osImage": "", "systemUUID": ""}}});
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("latest", image("shop:latest"), fires),
                ("no tag", image("r.example.com:5000/shop"), fires),
                ("a tag", image("shop:1"), &[]),
                ("a digest", image("shop:latest@sha256:aa"), &[]),
                ("different digests", differ(), fires),
                ("the same digest", two(runs("shop:1", &a), runs("shop:1", &a)), &[]),
                ("of different tags, in an update", two(runs("shop:1", &a), runs("shop:2", &b)), &[]),
                ("of different architectures", differ().edit("Node/n2", arm), &[]),
                ("without a repository", two(runs("shop:1", "sha256:aa"), runs("shop:1", "sha256:bb")), &[]),
            ],
        );
    }
}
