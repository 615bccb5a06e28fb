//! What the containers of a pod reserve, as far as it decides which pods the kubelet evicts first (`pkg/apis/core/v1/helper/qos`).

use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};

/// Each container has memory reserved for it. A limit without a request is also the request (`pkg/apis/core/v1/defaults.go`).
pub fn reserves_memory(spec: &PodSpec) -> bool {
    has(spec.resources.as_ref(), |name| name == "memory")
        || (!spec.containers.is_empty()
            && spec.containers.iter().all(|it| has(it.resources.as_ref(), |name| name == "memory")))
}

/// Nothing is reserved for any of them: the pod is BestEffort.
pub fn reserves_nothing(spec: &PodSpec) -> bool {
    let counts = |name: &str| matches!(name, "cpu" | "memory");
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    !has(spec.resources.as_ref(), counts) && !all.any(|it| has(it.resources.as_ref(), counts))
}

fn has(resources: Option<&ResourceRequirements>, counts: impl Fn(&str) -> bool) -> bool {
    let both = resources.into_iter().flat_map(|it| [&it.requests, &it.limits]).flatten();
    both.flatten().any(|(name, _)| counts(name))
}
