//! How the pods of one revision are doing now.

use cluster_model::PodExt;
use cluster_model::pod::issue::{NOT_READY, not_ready_reason};
use cluster_model::raw::Raw;
use cluster_model::rollout::{Revision, Rollout};
use cluster_model::text::{count, shorten, span};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

/// A container that ended so recently, and not for the first time, may well end again.
const RECENTLY: i64 = 600;

pub struct Pods {
    pub available: i64,
    /// Those with a fault that has a name, as in `CrashLoopBackOff on web-0`.
    pub failing: Vec<String>,
    /// Not Ready for longer than a rollout may take; no reason is reported.
    pub unready: Vec<String>,
    /// Ready at this moment, as in `web-0 restarted 5 times, the last time 40s ago`.
    pub restarting: Vec<String>,
}

/// `3 pods`
pub fn counted(pods: i64) -> String {
    count(usize::try_from(pods).unwrap_or_default(), "pod")
}

impl Pods {
    pub fn of(rollout: &Rollout, revision: &Revision, now: Timestamp) -> Self {
        let least_ready = rollout.object.number("/spec/minReadySeconds").unwrap_or_default();
        let patience = patience(rollout);
        let mut pods =
            Pods { available: 0, failing: Vec::new(), unready: Vec::new(), restarting: Vec::new() };
        for pod in rollout.pods_of(revision).filter(|pod| !pod.is_terminating()) {
            pods.available += i64::from(is_available(pod, least_ready, now));
            pods.restarting.extend(restarting(pod, now));
            pods.failing.extend(failing(pod));
            pods.unready.extend(unready(pod, patience, now));
        }
        // The controller's own count, where it keeps one for each revision.
        if let Some(available) = rollout.id.kind.rules().available(&revision.object) {
            pods.available = available;
        }
        pods
    }

    /// The first pod that something is wrong with.
    pub fn issue(&self) -> Option<&str> {
        self.failing.iter().chain(&self.unready).chain(&self.restarting).next().map(String::as_str)
    }

    /// More good pods than bad ones: one broken node must not condemn a revision, one lucky pod not acquit it.
    pub fn mostly_good(&self, available: i64) -> bool {
        let bad = self.failing.len() + self.unready.len() + self.restarting.len();
        let restarting = i64::try_from(self.restarting.len()).unwrap_or(i64::MAX);
        available.saturating_sub(restarting) > i64::try_from(bad).unwrap_or(i64::MAX)
    }
}

/// How long a rollout may take; StatefulSets and DaemonSets have no deadline, so they get a Deployment's default.
pub fn patience(rollout: &Rollout) -> i64 {
    // The highest number stands for "no deadline" (`deployment_util.go`, HasProgressDeadline).
    let deadline =
        rollout.object.number("/spec/progressDeadlineSeconds").filter(|&s| s < i64::from(i32::MAX));
    deadline.unwrap_or(600)
}

fn is_available(pod: &Pod, least_ready: i64, now: Timestamp) -> bool {
    let long_enough = || {
        pod.condition_time("Ready").is_some_and(|since| now.as_second() - since.as_second() >= least_ready)
    };
    pod.is_ready() && (least_ready == 0 || long_enough())
}

fn restarting(pod: &Pod, now: Timestamp) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.iter().flatten();
    let again = containers.filter(|c| c.restart_count > 1);
    let (times, last) = again
        .filter_map(|c| {
            Some((c.restart_count, c.last_state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?.0))
        })
        .max_by_key(|(_, at)| *at)?;
    let ago = (now.as_second() - last.as_second()).max(0);
    (pod.is_ready() && ago < RECENTLY)
        .then(|| format!("{} restarted {times} times, the last time {} ago", pod.name(), span(ago)))
}

fn failing(pod: &Pod) -> Option<String> {
    let reason = not_ready_reason(pod).filter(|reason| reason != NOT_READY)?;
    Some(format!("{} on {}", shorten(&reason, 60), pod.name()))
}

fn unready(pod: &Pod, patience: i64, now: Timestamp) -> Option<String> {
    let unnamed = not_ready_reason(pod).is_some_and(|reason| reason == NOT_READY);
    let age = now.as_second() - pod.metadata.creation_timestamp.as_ref()?.0.as_second();
    (unnamed && age > patience).then(|| format!("{} is not Ready after {}", pod.name(), span(age)))
}
