//! The ephemeral container from which a container without a shell is killed: what is added to its pod. Pure.
//!
//! It shares the processes of the container (`targetContainerName`), runs as its user and has no capabilities, so that the kernel lets it
//! send signals to the processes of that user and to no others. It cannot be removed: it goes with its pod (KEP-277).

use cluster_model::{PodExt, Raw};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde_json::{Value, json};

use super::target::{Target, status_of};

const NAME: &str = "heal-check";
/// Nothing ends it sooner where its processes are not those of the container that is killed.
const SECONDS: u32 = 600;

/// What is sent to `pods/ephemeralcontainers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    pub name: String,
    /// A strategic merge patch. With the UID, which no update may change, it is refused for another pod by that name.
    pub patch: Value,
}

/// Or why none would be of use.
pub fn addition(pod: &Pod, target: &Target, image: &str) -> Result<Addition, String> {
    let spec = serde_json::to_value(&pod.spec).unwrap_or_default();
    let (user, group) = user(pod, &spec, &target.container).ok_or_else(|| {
        format!(
            "as which user container {} of {} runs is not known: a container beside it could not send it a signal for sure; runAsUser would say it",
            target.container, target.pod
        )
    })?;
    let taken = |name: &str| {
        ["/containers", "/initContainers", "/ephemeralContainers"]
            .iter()
            .any(|at| spec.list(at).iter().any(|it| it.text("/name") == name))
    };
    let mut numbered = (1..).map(|number: u32| format!("{NAME}-{number}"));
    let name = numbered.find(|it| !taken(it)).unwrap_or_default();
    let container = json!({
        "name": name,
        "image": image,
        "command": ["sh", "-c", format!("sleep {SECONDS}")],
        "targetContainerName": target.container,
        // What the profile "restricted" of the Pod Security Standards asks for, and no more rights than the signal takes.
        "securityContext": {
            "runAsUser": user,
            "runAsGroup": group,
            "runAsNonRoot": user != 0,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    });
    let patch = json!({"metadata": {"uid": target.uid}, "spec": {"ephemeralContainers": [container]}});
    Ok(Addition { name, patch })
}

/// As the kubelet reports it, else as the container or its pod demands it. What its image says is not known here.
fn user(pod: &Pod, spec: &Value, container: &str) -> Option<(i64, Option<i64>)> {
    let reported = status_of(pod, container).and_then(|it| it.user.as_ref()?.linux.as_ref());
    if let Some(reported) = reported {
        return Some((reported.uid, Some(reported.gid)));
    }
    let all = ["/containers", "/initContainers"].into_iter().flat_map(|at| spec.list(at));
    let own = all.into_iter().find(|it| it.text("/name") == container);
    let demanded = |key: &str| {
        own.and_then(|it| it.number(&format!("/securityContext/{key}")))
            .or_else(|| spec.number(&format!("/securityContext/{key}")))
    };
    Some((demanded("runAsUser")?, demanded("runAsGroup")))
}

/// Why it does not run, as the kubelet reports it.
pub fn why_not_running(pod: &Pod, name: &str) -> String {
    let status = pod.status.as_ref().and_then(|it| it.ephemeral_container_statuses.as_deref());
    let own = status.unwrap_or_default().iter().find(|it| it.name == name);
    let words = |it: &ContainerStatus| {
        let state = it.state.as_ref()?;
        let (reason, message) = match (&state.waiting, &state.terminated) {
            (Some(waiting), _) => (&waiting.reason, &waiting.message),
            (None, Some(ended)) => (&ended.reason, &ended.message),
            (None, None) => return None,
        };
        let words = [reason, message].into_iter().flatten().filter(|it| !it.is_empty());
        Some(words.cloned().collect::<Vec<_>>().join(": "))
    };
    let why = own.and_then(words).filter(|it| !it.is_empty());
    format!(
        "ephemeral container {name} of {} does not run: {}",
        pod.name(),
        why.unwrap_or_else(|| "nothing is reported of it".to_owned())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::kill::target::target;
    use cluster_model::build::merge;

    fn pod(edit: Value) -> Pod {
        let mut pod = crate::checks::testing::pod("web-a", "web", "n1");
        merge(&mut pod, json!({"spec": {"containers": [{"name": "main", "image": "shop:1"}]}}));
        merge(
            &mut pod,
            crate::checks::testing::container(json!({"containerID": "containerd://a", "ready": true,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}})),
        );
        merge(&mut pod, edit);
        serde_json::from_value(pod).unwrap()
    }

    fn of(edit: Value) -> Result<Addition, String> {
        let pod = pod(edit);
        addition(&pod, &target(&pod, "main", "2026-01-02T00:00:00Z".parse().unwrap()).unwrap(), "tools:1")
    }

    fn merged(mut one: Value, other: Value) -> Value {
        merge(&mut one, other);
        one
    }

    #[test]
    fn it_runs_as_the_user_of_the_container_and_may_do_nothing_else() {
        let of_pod = json!({"spec": {"securityContext": {"runAsUser": 1000, "runAsGroup": 3000}}});
        let own = json!({"spec": {"containers": [{"name": "main", "image": "shop:1", "securityContext": {"runAsUser": 65532}}]}});
        let reported = crate::checks::testing::container(
            json!({"containerID": "containerd://a", "ready": true,
            "user": {"linux": {"uid": 7, "gid": 8}}, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}),
        );
        let context = |edit: Value| {
            of(edit).unwrap().patch["spec"]["ephemeralContainers"][0]["securityContext"].clone()
        };
        let first = context(of_pod.clone());
        assert_eq!((&first["runAsUser"], &first["runAsGroup"]), (&json!(1000), &json!(3000)));
        assert_eq!(
            (&first["runAsNonRoot"], &first["capabilities"]),
            (&json!(true), &json!({"drop": ["ALL"]}))
        );
        assert_eq!(context(merged(of_pod.clone(), own))["runAsUser"], 65532);
        assert_eq!(context(merged(of_pod, reported))["runAsUser"], 7, "what is, not what is demanded");
        let root = context(json!({"spec": {"securityContext": {"runAsUser": 0}}}));
        assert_eq!((&root["runAsNonRoot"], &root["runAsGroup"]), (&json!(false), &Value::Null));
        assert!(
            of(json!({})).unwrap_err().contains("as which user container main of web-a runs is not known")
        );
    }

    /// In this very pod, beside this very container, by a name that is free.
    #[test]
    fn it_is_added_to_the_pod_that_was_looked_at() {
        let user = json!({"metadata": {"uid": "u"}, "spec": {"securityContext": {"runAsUser": 1}}});
        let addition = of(user.clone()).unwrap();
        let container = &addition.patch["spec"]["ephemeralContainers"][0];
        assert_eq!(addition.patch["metadata"]["uid"], "u");
        assert_eq!(
            (&container["targetContainerName"], &container["image"]),
            (&json!("main"), &json!("tools:1"))
        );
        assert_eq!((addition.name.as_str(), &container["name"]), ("heal-check-1", &json!("heal-check-1")));
        let again = json!({"spec": {"ephemeralContainers": [{"name": "heal-check-1"}]}});
        assert_eq!(of(merged(user, again)).unwrap().name, "heal-check-2");
    }

    #[test]
    fn why_it_does_not_run() {
        let of = |state: Value| {
            let status = json!([{"name": "heal-check-1", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]);
            why_not_running(&pod(json!({"status": {"ephemeralContainerStatuses": status}})), "heal-check-1")
        };
        let start = "ephemeral container heal-check-1 of web-a does not run: ";
        assert_eq!(
            of(json!({"waiting": {"reason": "ErrImagePull", "message": "no such host"}})),
            format!("{start}ErrImagePull: no such host")
        );
        assert_eq!(of(json!({"terminated": {"exitCode": 127, "reason": "Error"}})), format!("{start}Error"));
        assert_eq!(of(json!({})), format!("{start}nothing is reported of it"));
    }
}
