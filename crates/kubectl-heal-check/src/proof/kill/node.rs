//! Is what runs there a container, so that a command in it ends nothing else?

use cluster_model::NodeExt;
use k8s_openapi::api::core::v1::Node;

const KWOK: &str = "kwok.x-k8s.io/node";
const VIRTUAL: &str = "virtual-kubelet";

/// Why no command may be run in pods of that node.
///
/// kwok runs an exec on the machine that kwok itself runs on (kwok.x-k8s.io, `Exec`). A kubelet reports its runtime as `containerd://2.1.4`
/// (pkg/kubelet/nodestatus/setters.go, `VersionInfo`).
pub fn unfit(node: &Node) -> Option<String> {
    let name = node.name();
    let labelled = |key: &str| node.metadata.labels.as_ref().and_then(|it| it.get(key)).map(String::as_str);
    let has = |key: &str| node.metadata.annotations.as_ref().is_some_and(|it| it.contains_key(key));
    if has(KWOK) || labelled("type") == Some("kwok") {
        return Some(format!(
            "node {name} is simulated by kwok: a command in its pods runs outside any container"
        ));
    }
    let taints = node.spec.as_ref().and_then(|it| it.taints.as_deref()).unwrap_or_default();
    if labelled("type") == Some(VIRTUAL) || taints.iter().any(|it| it.key.starts_with(VIRTUAL)) {
        return Some(format!(
            "node {name} is a virtual kubelet: what a command in its pods runs in is not known"
        ));
    }
    let info = node.status.as_ref().and_then(|it| it.node_info.as_ref());
    if info.is_some_and(|it| it.operating_system == "windows")
        || labelled("kubernetes.io/os") == Some("windows")
    {
        return Some(format!("node {name} runs Windows, which has no signals"));
    }
    if !info.is_some_and(|it| it.container_runtime_version.contains("://")) {
        return Some(format!("node {name} reports no container runtime"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build::merge;
    use serde_json::{Value, json};

    pub fn real() -> Value {
        json!({"metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux"}}, "status": {"nodeInfo": {
            "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.1.4", "kernelVersion": "", "kubeProxyVersion": "",
            "kubeletVersion": "v1.37.0", "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": ""}}})
    }

    #[test]
    fn only_a_kubelet_with_a_runtime_runs_containers() {
        let of = |edit: Value| {
            let mut node = real();
            merge(&mut node, edit);
            unfit(&serde_json::from_value(node).unwrap()).unwrap_or_default()
        };
        assert_eq!(of(json!({})), "");
        let cases = [
            (json!({"metadata": {"annotations": {KWOK: "fake"}}}), "kwok"),
            (json!({"metadata": {"labels": {"type": "kwok"}}}), "kwok"),
            (json!({"metadata": {"labels": {"type": "virtual-kubelet"}}}), "virtual kubelet"),
            (
                json!({"spec": {"taints": [{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]}}),
                "virtual kubelet",
            ),
            (json!({"status": {"nodeInfo": {"operatingSystem": "windows"}}}), "Windows"),
            (
                json!({"status": {"nodeInfo": {"containerRuntimeVersion": "kwok-v0.7.0"}}}),
                "no container runtime",
            ),
            (json!({"status": {"nodeInfo": null}}), "no container runtime"),
        ];
        for (edit, why) in cases {
            assert!(of(edit.clone()).contains(why), "{edit}: {}", of(edit.clone()));
        }
    }
}
