//! What is wrong by one container's status. Reasons are those of the kubelet: `pkg/kubelet/images/types.go`,
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `pkg/kubelet/container/sync_result.go`.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::{PodIssue, restarts};
use crate::secret::clean;

/// One crash may be bad luck: a container that comes up again has no fault.
const CRASHES: i32 = 2;

pub(super) fn issue(status: &ContainerStatus) -> Option<PodIssue> {
    let state = status.state.as_ref()?;
    let waiting = state.waiting.as_ref();
    let reason = waiting.and_then(|w| w.reason.as_deref()).unwrap_or_default();
    let message = waiting.and_then(|w| w.message.as_deref()).unwrap_or_default();
    match reason {
        "CrashLoopBackOff" => Some(crash(status, Some(reason), message)),
        "" | "ContainerCreating" | "PodInitializing" => {
            let done = state.terminated.as_ref().is_some_and(|t| t.exit_code == 0);
            let crashes = status.restart_count >= CRASHES && !status.ready && !done;
            (crashes && last_run(status).is_some()).then(|| crash(status, None, ""))
        }
        _ => {
            let mut issue = PodIssue::new(reason, message);
            issue.hard = is_hard(reason, message);
            Some(of(status, issue))
        }
    }
}

/// A container that ended for good, of a pod that did.
pub(super) fn ended(status: &ContainerStatus) -> Option<PodIssue> {
    status.state.as_ref()?.terminated.as_ref()?;
    Some(crash(status, None, ""))
}

fn of(status: &ContainerStatus, mut issue: PodIssue) -> PodIssue {
    issue.container = Some(clean(&status.name));
    issue.restarts = status.restart_count;
    issue
}

fn last_run(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    let ended = |state: &'_ Option<k8s_openapi::api::core::v1::ContainerState>| -> bool {
        state.as_ref().is_some_and(|s| s.terminated.is_some())
    };
    let state = if ended(&status.state) { &status.state } else { &status.last_state };
    state.as_ref()?.terminated.as_ref()
}

/// `back_off` is the reason while the kubelet waits; otherwise the run's own is.
fn crash(status: &ContainerStatus, back_off: Option<&str>, message: &str) -> PodIssue {
    let Some(run) = last_run(status) else {
        return of(status, PodIssue::new(back_off.unwrap_or("Error"), message));
    };
    let why = run.reason.as_deref().unwrap_or("Error");
    let mut text = format!("exit code {}", run.exit_code);
    if back_off.is_some() && why != "Error" {
        text = format!("{text} ({why})");
    }
    if status.restart_count > 0 {
        text = format!("{text}, {}", restarts(status.restart_count));
    }
    // The runtime could not start it, so that there is no log: its message is the only explanation.
    if matches!(why, "StartError" | "ContainerCannotRun") {
        text = format!("{text}: {}", run.message.as_deref().unwrap_or_default());
    }
    let mut issue = of(status, PodIssue::new(back_off.unwrap_or(why), &text));
    issue.exit_code = Some(run.exit_code);
    issue
}

pub(super) fn is_about_image(reason: &str) -> bool {
    matches!(
        reason,
        "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed"
    )
}

fn is_hard(reason: &str, message: &str) -> bool {
    match reason {
        "InvalidImageName" | "ErrImageNeverPull" => true,
        // The kubelet repeats the pull's own error while it backs off (`image_manager.go`, prevPullErrMsg): it was so when it
        // pulled and still is. `ErrImagePull` alone is the first try, which may have come before the push.
        "ImagePullBackOff" => is_missing(message),
        // `security_context_others.go`, verifyRunAsNonRoot: image and template contradict each other.
        "CreateContainerConfigError" => {
            message.contains("container has runAsNonRoot and image")
                || message.contains("runAsUser breaks non-root policy")
        }
        _ => false,
    }
}

/// The registry answered, and it does not have the image: the messages of containerd, CRI-O and cri-dockerd.
fn is_missing(message: &str) -> bool {
    ["code = NotFound", "manifest unknown", "name unknown"].iter().any(|text| message.contains(text))
        || message.trim_end_matches(['.', '"', ' ']).ends_with(": not found")
}
