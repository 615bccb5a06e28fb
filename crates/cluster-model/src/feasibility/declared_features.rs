//! Features of the kubelet that a pod uses and its node has to declare (`k8s.io/component-helpers/nodedeclaredfeatures/features`, v1.37).

use k8s_openapi::api::core::v1::{Pod, PodSpec};

const RESTART_ALL_CONTAINERS: &str = "RestartAllContainersOnContainerExits";
const USER_NAMESPACES_HOST_NETWORK: &str = "UserNamespacesHostNetworkSupport";
const BIND_MOUNT_OPTIONS: &str = "VolumeBindMountOptions";

/// Those that a kubelet declares for other reasons: changes of a running pod, or requests to the kubelet. No new pod needs them
/// (their `InferForScheduling` is false).
const NOT_FOR_SCHEDULING: [&str; 6] = [
    "DRANodeAllocatableResources",
    "DRAOptionalNodeOperations",
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "InPlacePodVerticalScalingMemoryBackedVolumes",
];

/// [`used`] knows whether a pod uses it.
pub fn is_known(feature: &str) -> bool {
    [RESTART_ALL_CONTAINERS, USER_NAMESPACES_HOST_NETWORK, BIND_MOUNT_OPTIONS].contains(&feature)
        || NOT_FOR_SCHEDULING.contains(&feature)
}

pub fn used(pod: &Pod) -> Vec<&'static str> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let features = [
        (RESTART_ALL_CONTAINERS, restarts_all(spec)),
        (USER_NAMESPACES_HOST_NETWORK, spec.host_network == Some(true) && spec.host_users == Some(false)),
        (BIND_MOUNT_OPTIONS, has_mount_options(spec)),
    ];
    features.into_iter().filter(|(_, is_used)| *is_used).map(|(feature, _)| feature).collect()
}

/// Of the containers and init containers; ephemeral containers are not asked.
fn restarts_all(spec: &PodSpec) -> bool {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut rules = containers.flat_map(|it| it.restart_policy_rules.iter().flatten());
    rules.any(|rule| rule.action == "RestartAllContainers")
}

/// A pod that is made anew has no ephemeral containers, which the scheduler would ask as well.
fn has_mount_options(spec: &PodSpec) -> bool {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut mounts = containers.flat_map(|it| it.volume_mounts.iter().flatten());
    mounts.any(|mount| mount.bind_mount_options.as_ref().is_some_and(|options| !options.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BIND_MOUNT_OPTIONS, RESTART_ALL_CONTAINERS, USER_NAMESPACES_HOST_NETWORK, used};
    use crate::build::{PodBuild, pod};

    #[test]
    fn what_a_pod_uses() {
        let rule = |action| json!([{"name": "c", "restartPolicyRules": [{"action": action}]}]);
        let mount = |options| json!([{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/", "bindMountOptions": options}]}]);
        let (all, none) = (json!(["noexec"]), json!([]));
        let cases: [(Value, &[&str]); 11] = [
            (json!({}), &[]),
            (json!({"containers": rule("RestartAllContainers")}), &[RESTART_ALL_CONTAINERS]),
            (json!({"initContainers": rule("RestartAllContainers")}), &[RESTART_ALL_CONTAINERS]),
            (json!({"ephemeralContainers": rule("RestartAllContainers")}), &[]),
            (json!({"containers": rule("Restart")}), &[]),
            (json!({"hostNetwork": true, "hostUsers": false}), &[USER_NAMESPACES_HOST_NETWORK]),
            (json!({"hostNetwork": true, "hostUsers": true}), &[]),
            (json!({"hostUsers": false}), &[]),
            (json!({"containers": mount(all.clone())}), &[BIND_MOUNT_OPTIONS]),
            (json!({"initContainers": mount(all)}), &[BIND_MOUNT_OPTIONS]),
            (json!({"containers": mount(none)}), &[]),
        ];
        for (spec, expected) in cases {
            assert_eq!(used(&pod("a/p", "n0").edit(json!({"spec": spec}))), expected, "{spec}");
        }
    }
}
