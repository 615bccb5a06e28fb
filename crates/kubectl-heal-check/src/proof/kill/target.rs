//! Which container of a pod is ended, and whether the kubelet starts it again at once. Pure: a pod that was just read.

use cluster_model::healing::back_off::FORGOTTEN_AFTER;
use cluster_model::healing::restart_policy::{AfterExit, after_exit, final_exit, running_containers};
use cluster_model::{PodExt, Raw};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::signal::Signal;
use crate::snapshot::PodState;

/// What kubectl's own exec takes when no container is named (kubectl/pkg/cmd/util/podcmd).
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// One container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub pod: String,
    pub uid: String,
    pub container: String,
    pub container_id: String,
    /// The container that commands run in: itself, or the ephemeral one beside it.
    pub commands_in: String,
    /// The processes of its containers see each other, and process 1 is none of theirs (KEP-495).
    pub is_shared: bool,
    pub stop_signal: StopSignal,
    /// SIGKILL ends it with 137; after that it is started again.
    pub restarts_after_kill: bool,
    /// The smallest exit code after which it is not.
    pub final_exit: Option<i64>,
}

/// By which signal the kubelet asks it to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// Reported by the kubelet, or demanded by the pod (KEP-4960).
    Known(Signal),
    /// SIGTERM, unless its image names another one.
    Default,
}

impl StopSignal {
    pub fn signal(&self) -> Signal {
        match self {
            StopSignal::Known(signal) => *signal,
            StopSignal::Default => Signal::TERM,
        }
    }
}

/// Its name: the one that is asked for; else that of the annotation, else the first one. Or which ones there are.
pub fn container_of(pod: &Pod, asked: Option<&str>) -> Result<String, String> {
    let spec = serde_json::to_value(&pod.spec).unwrap_or_default();
    let has = |name: &str| running_containers(&spec).any(|it| it.text("/name") == name);
    if let Some(asked) = asked {
        return if has(asked) { Ok(asked.to_owned()) } else { Err(not_there(pod, &spec, asked)) };
    }
    let annotated = pod.metadata.annotations.as_ref().and_then(|it| it.get(DEFAULT_CONTAINER));
    let named = annotated.filter(|name| has(name)).cloned();
    Ok(named.unwrap_or_else(|| spec.text("/containers/0/name").to_owned()))
}

/// Init containers end before the others begin, and ephemeral ones are never started again.
fn not_there(pod: &Pod, spec: &Value, asked: &str) -> String {
    let main = spec.list("/containers").len();
    let shown = |(at, it): (usize, &Value)| match at < main {
        true => it.text("/name").to_owned(),
        false => format!("{} (sidecar)", it.text("/name")),
    };
    let names: Vec<String> = running_containers(spec).enumerate().map(shown).collect();
    format!(
        "pod {} has no container {asked} that runs as long as it does; there are: {}",
        pod.name(),
        names.join(", ")
    )
}

/// The container of that name, or why it is not to be ended now.
pub fn target(pod: &Pod, container: &str, now: Timestamp) -> Result<Target, String> {
    let name = pod.name();
    if pod.is_terminating() || pod.is_finished() {
        return Err(format!("pod {name} is on its way out"));
    }
    if !pod.is_ready() {
        return Err(format!("pod {name} is not ready"));
    }
    let spec = pod.spec.as_ref();
    if spec.is_some_and(|it| it.host_pid == Some(true)) {
        return Err(format!("pod {name} has hostPID: true, so that its process 1 is that of the node"));
    }
    let raw = serde_json::to_value(spec).unwrap_or_default();
    let Some(own) = running_containers(&raw).find(|it| it.text("/name") == container) else {
        return Err(not_there(pod, &raw, container));
    };
    let Some(status) = status_of(pod, container) else {
        return Err(format!("of container {container} of {name} nothing is reported"));
    };
    let running = status.state.as_ref().and_then(|it| it.running.as_ref());
    let (Some(running), Some(id)) = (running, status.container_id.clone().filter(|it| !it.is_empty())) else {
        return Err(format!("container {container} of {name} is not running"));
    };
    let started = running.started_at.as_ref().map(|it| it.0);
    if is_backing_off(status.restart_count, started, now) {
        return Err(format!(
            "container {container} of {name} was restarted less than {} minutes ago: the kubelet would wait before the next start",
            FORGOTTEN_AFTER / 60
        ));
    }
    let final_exit = final_exit(&raw, own, |_| true).map(|(code, _)| code);
    Ok(Target {
        pod: name.to_owned(),
        uid: pod.uid().to_owned(),
        container: container.to_owned(),
        container_id: id,
        commands_in: container.to_owned(),
        is_shared: spec.is_some_and(|it| it.share_process_namespace == Some(true)),
        stop_signal: stop_signal(own, status),
        restarts_after_kill: matches!(
            after_exit(&raw, own, 137),
            AfterExit::Restarts | AfterExit::AllRestart
        ),
        final_exit,
    })
}

impl Target {
    /// Its ID, without the name of the runtime.
    pub fn bare_id(&self) -> &str {
        self.container_id.rsplit("://").next().unwrap_or_default()
    }
}

pub fn status_of<'p>(pod: &'p Pod, container: &str) -> Option<&'p ContainerStatus> {
    let status = pod.status.as_ref()?;
    let mut all =
        [&status.container_statuses, &status.init_container_statuses].into_iter().flatten().flatten();
    all.find(|it| it.name == container)
}

/// Its end would be followed by a wait. The first restart comes at once; a container that ran long enough since the last one counts as new.
pub fn is_backing_off(restarts: i32, started: Option<Timestamp>, now: Timestamp) -> bool {
    restarts > 0 && started.is_none_or(|at| now.duration_since(at).as_secs() < FORGOTTEN_AFTER)
}

/// The same of a pod of the snapshot.
pub fn is_usable(pod: &PodState, container: &str, now: Timestamp) -> bool {
    let own = pod.containers.iter().find(|it| &*it.name == container);
    pod.is_ready && own.is_some_and(|it| !is_backing_off(it.restarts, it.running_since, now))
}

fn stop_signal(container: &Value, status: &ContainerStatus) -> StopSignal {
    let reported = status.stop_signal.as_deref().unwrap_or_default();
    let named = Some(reported).filter(|it| !it.is_empty()).unwrap_or(container.text("/lifecycle/stopSignal"));
    Signal::named(named).map_or(StopSignal::Default, StopSignal::Known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build::merge;
    use serde_json::json;

    const NOW: &str = "2026-01-02T00:00:00Z";

    fn of(edit: Value) -> Result<Target, String> {
        let mut pod = crate::checks::testing::pod("web-a", "web", "n1");
        merge(&mut pod, edit);
        let pod: Pod = serde_json::from_value(pod).unwrap();
        target(&pod, &container_of(&pod, None)?, NOW.parse().unwrap())
    }

    fn status(edit: Value) -> Value {
        let mut status = json!({"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "containerID": "containerd://a", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}});
        merge(&mut status, edit);
        json!({"status": {"containerStatuses": [status]}})
    }

    fn main(edit: Value) -> Value {
        let mut main = json!({"name": "main", "image": "shop:1"});
        merge(&mut main, edit);
        json!({"spec": {"containers": [main]}})
    }

    #[test]
    fn what_is_not_to_be_ended_now() {
        let good = of(status(json!({}))).unwrap();
        assert_eq!(
            (good.container_id.as_str(), good.is_shared, good.final_exit),
            ("containerd://a", false, None)
        );
        let restarted = |minute: &str| {
            status(
                json!({"restartCount": 1, "state": {"running": {"startedAt": format!("2026-01-01T23:{minute}:00Z")}}}),
            )
        };
        assert!(of(restarted("49")).is_ok());
        let cases = [
            (restarted("51"), "less than 10 minutes ago"),
            (
                status(json!({"restartCount": 2, "state": {"running": {"startedAt": null}}})),
                "less than 10 minutes ago",
            ),
            (
                status(json!({"state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}})),
                "is not running",
            ),
            (status(json!({"containerID": ""})), "is not running"),
            (json!({"spec": {"hostPID": true}}), "hostPID"),
            (crate::checks::testing::not_ready(), "is not ready"),
            (json!({"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"}}), "on its way out"),
        ];
        for (edit, why) in cases {
            let mut all = status(json!({}));
            merge(&mut all, edit.clone());
            assert!(of(all).is_err_and(|it| it.contains(why)), "{why}");
        }
    }

    #[test]
    fn whether_it_is_started_again() {
        // Policy of the container, of the pod; after SIGKILL, and the first final exit code.
        let cases = [
            (json!({}), "Always", (true, None)),
            (json!({}), "OnFailure", (true, Some(0))),
            (json!({"restartPolicy": "Never"}), "Always", (false, Some(0))),
            (
                json!({"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [137]}}]}),
                "Always",
                (true, Some(0)),
            ),
            (
                json!({"restartPolicy": "Never", "restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [1]}}]}),
                "Always",
                (true, Some(1)),
            ),
        ];
        for (container, policy, expected) in cases {
            let mut edit = status(json!({}));
            merge(&mut edit, main(container.clone()));
            merge(&mut edit, json!({"spec": {"restartPolicy": policy}}));
            let found = of(edit).unwrap();
            assert_eq!((found.restarts_after_kill, found.final_exit), expected, "{container}");
        }
    }

    #[test]
    fn the_stop_signal_that_is_reported_comes_first() {
        let of = |reported: Value, own: Value| {
            let mut edit = status(json!({"stopSignal": reported}));
            merge(&mut edit, main(json!({"lifecycle": {"stopSignal": own}})));
            of(edit).unwrap().stop_signal
        };
        let known = |name: &str| StopSignal::Known(Signal::named(name).unwrap());
        assert_eq!(of(json!("SIGQUIT"), json!("SIGUSR1")), known("SIGQUIT"));
        assert_eq!(of(json!(null), json!("SIGUSR1")), known("SIGUSR1"));
        assert_eq!(of(json!(null), json!(null)), StopSignal::Default);
    }

    #[test]
    fn the_container_is_that_of_kubectl_exec() {
        let two = |annotation: Value| {
            let pod = json!({"metadata": {"annotations": {DEFAULT_CONTAINER: annotation}}, "spec": {"containers": [{"name": "proxy"}, {"name": "app"}]}});
            container_of(&serde_json::from_value(pod).unwrap(), None).unwrap()
        };
        assert_eq!((two(json!("app")), two(json!("none"))), ("app".to_owned(), "proxy".to_owned()));
    }

    /// With two init containers: one that ends, and one that runs as long as the pod.
    fn pod_with_a_sidecar() -> Pod {
        let mut pod = crate::checks::testing::pod("web-a", "web", "n1");
        let init = json!([{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always", "lifecycle": {"stopSignal": "SIGQUIT"}}]);
        merge(&mut pod, json!({"spec": {"initContainers": init}}));
        merge(&mut pod, main(json!({"restartPolicy": "Never"})));
        merge(&mut pod, status(json!({})));
        let of_init = status(json!({"name": "proxy", "containerID": "containerd://b"}));
        merge(&mut pod, json!({"status": {"initContainerStatuses": of_init["status"]["containerStatuses"]}}));
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn a_container_that_is_named_is_one_that_keeps_running() {
        let pod = pod_with_a_sidecar();
        let of = |name: &str| container_of(&pod, Some(name));
        assert_eq!((of("main"), of("proxy")), (Ok("main".to_owned()), Ok("proxy".to_owned())));
        for other in ["setup", "none", ""] {
            let why = of(other).unwrap_err();
            assert!(why.contains(other) && why.ends_with("there are: main, proxy (sidecar)"), "{why}");
        }
    }

    /// Its own status, stop signal and policy, not those of the main container.
    #[test]
    fn a_sidecar_is_ended_as_any_other_container() {
        let found = target(&pod_with_a_sidecar(), "proxy", NOW.parse().unwrap()).unwrap();
        assert_eq!((found.container_id.as_str(), found.final_exit), ("containerd://b", None));
        assert!(found.restarts_after_kill);
        assert_eq!(found.stop_signal.signal(), Signal::named("SIGQUIT").unwrap());
    }
}
