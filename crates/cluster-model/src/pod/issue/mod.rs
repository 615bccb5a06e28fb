//! What is wrong with one pod: one line, in Kubernetes' own terms, and whether it can recover.

mod container;
pub mod events;
mod patience;

use std::fmt;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodCondition};
use k8s_openapi::jiff::Timestamp;

use crate::PodExt;
use crate::secret::clean;
use crate::text::count;

/// The reason of a pod whose containers run and are not ready (`pkg/kubelet/status/generate.go`).
pub const CONTAINERS_NOT_READY: &str = "ContainersNotReady";

/// Of a pod about which Kubernetes reports no more than that.
pub const NOT_READY: &str = "not Ready";

/// Of a pod that no scheduler has processed. Kubernetes has no reason for that (kubernetes#112180).
const NOT_SCHEDULED: &str = "NotScheduled";

/// One fault of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodIssue {
    /// Kubernetes' own reason: `ImagePullBackOff`, `OOMKilled`, `Unschedulable`.
    pub reason: String,
    /// Kubernetes' own message: one line, without credentials; may be empty.
    pub message: String,
    pub container: Option<String>,
    /// Waiting does not help.
    pub hard: bool,
    /// Of the container.
    pub restarts: i32,
    /// Of the container's last run, when it ended.
    pub exit_code: Option<i32>,
    /// Until then it is nothing out of the ordinary: a probe's own patience.
    pub not_before: Option<Timestamp>,
    /// A node is being provisioned for the pod: that takes minutes, and is no fault.
    pub new_node: bool,
}

impl PodIssue {
    fn new(reason: &str, message: &str) -> Self {
        PodIssue {
            reason: reason.to_owned(),
            message: clean(message),
            container: None,
            hard: false,
            restarts: 0,
            exit_code: None,
            not_before: None,
            new_node: false,
        }
    }

    /// The container has run and ended: its log has more.
    pub fn is_crash(&self) -> bool {
        self.exit_code.is_some() || self.reason == "CrashLoopBackOff"
    }

    /// What kind of fault it is. One fault goes by several reasons in turn, as in `ErrImagePull` and `ImagePullBackOff`.
    pub fn family(&self) -> &str {
        match self.reason.as_str() {
            _ if self.is_crash() => "crash",
            reason if container::is_about_image(reason) => "image",
            "Unschedulable" | "FailedScheduling" | "SchedulerError" | NOT_SCHEDULED => "schedule",
            CONTAINERS_NOT_READY | "Unhealthy" => "ready",
            "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" => "volume",
            reason => reason,
        }
    }
}

/// `CrashLoopBackOff in container web: exit code 1, 5 restarts`
impl fmt::Display for PodIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(container) = &self.container {
            write!(f, " in container {container}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// Why the pod is not Ready, by Kubernetes' own reason: `CrashLoopBackOff`, `Unschedulable`, …
pub fn not_ready_reason(pod: &Pod) -> Option<String> {
    if pod.is_ready() || pod.is_finished() || pod.status.is_none() {
        return None;
    }
    // That its containers are not ready adds nothing.
    let reason = issue(pod).map(|issue| issue.reason).filter(|reason| reason != CONTAINERS_NOT_READY);
    Some(reason.unwrap_or_else(|| NOT_READY.to_owned()))
}

/// What is wrong with the pod, by its own status; `None` also while it starts as it should.
pub fn issue(pod: &Pod) -> Option<PodIssue> {
    let status = pod.status.as_ref()?;
    if let Some(lost) = node_lost(pod) {
        return Some(lost);
    }
    if pod.is_terminating() || pod.is_ready() {
        return None;
    }
    match pod.phase() {
        "Failed" => return Some(failed(pod)),
        "Succeeded" => return None,
        _ => {}
    }
    if let Some(c) = condition(pod, "PodScheduled").filter(|c| c.status == "False") {
        let reason = c.reason.as_deref().unwrap_or("Unschedulable");
        return Some(PodIssue::new(reason, c.message.as_deref().unwrap_or_default()));
    }
    // Init containers run before the others, so what stops them comes first; what cannot recover comes before that.
    let init = status.init_container_statuses.iter().flatten();
    let mut found: Vec<PodIssue> =
        init.chain(status.container_statuses.iter().flatten()).filter_map(container::issue).collect();
    found.sort_by_key(|issue| !issue.hard);
    found.into_iter().next().or_else(|| not_ready(pod))
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == kind)
}

/// The node controller takes a pod's Ready away when its node stops answering, and touches nothing else
/// (`pkg/controller/util/node/controller_utils.go`, MarkPodsNotReady): the containers are ready, the pod is not.
fn node_lost(pod: &Pod) -> Option<PodIssue> {
    const NODE_LOST: &str = "NodeLost";
    let status = pod.status.as_ref()?;
    let marked = || {
        let ready = condition(pod, "Ready")?;
        let has_no_reason = ready.status != "True" && ready.reason.as_deref().unwrap_or_default().is_empty();
        (has_no_reason && condition(pod, "ContainersReady")?.status == "True").then_some(())
    };
    if status.reason.as_deref() != Some(NODE_LOST) && (pod.node().is_empty() || marked().is_none()) {
        return None;
    }
    let message = status.message.clone().unwrap_or_else(|| format!("node {} is unresponsive", pod.node()));
    Some(PodIssue::new(NODE_LOST, &message))
}

/// Evicted, refused by its node, past its deadline, or ended by itself.
fn failed(pod: &Pod) -> PodIssue {
    let status = pod.status.as_ref();
    let reason = status.and_then(|s| s.reason.as_deref()).unwrap_or_default();
    let message = status.and_then(|s| s.message.as_deref()).unwrap_or_default();
    let ended = status.into_iter().flat_map(|s| {
        let init = s.init_container_statuses.iter().flatten();
        init.chain(s.container_statuses.iter().flatten())
    });
    let mut ended = ended.filter_map(container::ended);
    match ended.find(|issue| issue.exit_code != Some(0)) {
        Some(issue) if reason.is_empty() => issue,
        _ => PodIssue::new(if reason.is_empty() { "Failed" } else { reason }, message),
    }
}

/// Everything runs, and something is not ready.
fn not_ready(pod: &Pod) -> Option<PodIssue> {
    let ready = condition(pod, "Ready").filter(|c| c.status != "True")?;
    let message = ready.message.as_deref().unwrap_or_default();
    if ready.reason.as_deref() == Some("ReadinessGatesNotReady") {
        return Some(PodIssue::new("ReadinessGatesNotReady", message));
    }
    let status = pod.status.as_ref()?;
    let sidecar = |status: &&ContainerStatus| {
        spec_of(pod, status).is_some_and(|c| c.restart_policy.as_deref() == Some("Always"))
    };
    let sidecars = status.init_container_statuses.iter().flatten().filter(sidecar);
    let all: Vec<&ContainerStatus> =
        sidecars.chain(status.container_statuses.iter().flatten()).filter(|s| !s.ready).collect();
    // One that is being made or has a startup probe to pass is on its way, and so is the pod.
    let started = |s: &&ContainerStatus| s.started != Some(false) && running_since(s).is_some();
    let slow = all.first()?;
    if !all.iter().all(started) {
        return None;
    }
    let mut issue = PodIssue::new(CONTAINERS_NOT_READY, message);
    if issue.message.is_empty() {
        issue.message = format!("containers with unready status: [{}]", clean(&slow.name));
    }
    issue.container = Some(clean(&slow.name));
    issue.restarts = slow.restart_count;
    issue.not_before = all
        .iter()
        .filter_map(|s| {
            let patience = spec_of(pod, s).map(patience::patience).unwrap_or_default();
            running_since(s)?.checked_add(patience).ok()
        })
        .max();
    Some(issue)
}

fn spec_of<'a>(pod: &'a Pod, status: &ContainerStatus) -> Option<&'a Container> {
    let spec = pod.spec.as_ref()?;
    spec.init_containers.iter().flatten().chain(&spec.containers).find(|c| c.name == status.name)
}

fn running_since(status: &ContainerStatus) -> Option<Timestamp> {
    status.state.as_ref()?.running.as_ref()?.started_at.as_ref().map(|t| t.0)
}

fn restarts(n: i32) -> String {
    count(usize::try_from(n).unwrap_or_default(), "restart")
}

#[cfg(test)]
mod tests;
