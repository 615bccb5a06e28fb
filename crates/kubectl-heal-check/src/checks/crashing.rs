//! Containers that keep ending.

use k8s_openapi::jiff::Timestamp;

use crate::snapshot::pod::{Container, PodState};
use crate::snapshot::{Snapshot, Workload};

/// A run that is longer says that the container is well again.
const WINDOW: i64 = 600;

/// It waits for its next start after a crash, or crashed twice and is up for less than ten minutes again.
pub fn is_crash_looping(container: &Container, snapshot: &Snapshot) -> bool {
    if container.waiting.as_ref().is_some_and(|it| it.reason == "CrashLoopBackOff") {
        return true;
    }
    let recent = |at: Option<Timestamp>| at.is_some_and(|at| snapshot.seconds_since(at) < WINDOW);
    let ended_recently = container.ended.as_ref().is_some_and(|it| recent(it.finished));
    let runs_briefly = container.running_since.is_none() || recent(container.running_since);
    container.restarts >= 2 && ended_recently && runs_briefly && container.waiting.is_none()
}

/// The first such container of the pods that are meant to run, with its pod.
pub fn first<'s>(workload: &'s Workload, snapshot: &Snapshot) -> Option<(&'s PodState, &'s Container)> {
    workload.active().find_map(|pod| Some((pod, of(pod, snapshot)?)))
}

pub fn of<'s>(pod: &'s PodState, snapshot: &Snapshot) -> Option<&'s Container> {
    pod.containers.iter().find(|it| is_crash_looping(it, snapshot))
}
