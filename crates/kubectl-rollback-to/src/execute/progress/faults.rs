//! Faults of the rollout's own pods, since when, and whether they have lasted long enough to count.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster_model::pod::issue::events::time as event_time;
use cluster_model::secret::clean;
use cluster_model::{PodExt, PodIssue, Raw};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::model::{Expected, View};
use super::pods::SeenPod;
use super::target::Target;
use crate::outcome::PodState;
use crate::outcome::cause::Problem;

/// One fault of one pod may have several reasons in turn, as ErrImagePull and ImagePullBackOff.
type Key = (String, String);

/// Something that blocks the rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    key: Key,
    pub problem: Problem,
    /// The one whose log may show more.
    pub container: Option<String>,
    pub hard: bool,
    /// Another template would have it as well.
    pub elsewhere: bool,
    /// By the times in the objects; for a diagnosis, which sees them once.
    reported_since: Timestamp,
    /// First seen here (monotonic); or reported.
    pub since: Timestamp,
}

/// Since when each fault has been there without a break (monotonic).
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(BTreeMap<Key, Timestamp>);

impl Memory {
    /// A fault that is not among them is gone: if it comes back, it counts from then on.
    pub fn remember(&mut self, faults: &mut [Fault], monotonic_now: Timestamp) {
        let mut present = BTreeMap::new();
        for fault in faults {
            fault.since = self.0.get(&fault.key).copied().unwrap_or(monotonic_now);
            present.insert(fault.key.clone(), fault.since);
        }
        self.0 = present;
    }
}

impl Fault {
    pub fn pod(&self) -> Option<&str> {
        match &self.problem {
            Problem::Pod { name, .. } => Some(name),
            Problem::FailedCreate(_) => None,
        }
    }

    fn has_reason(&self, expected: &str) -> bool {
        matches!(&self.problem, Problem::Pod { reason, .. } if reason == expected)
    }

    /// A quota that is too small for the surge refuses now and then while the rollout goes on all the same.
    pub fn not_since(&mut self, moved: Timestamp) {
        if self.pod().is_none() {
            self.since = self.since.max(moved);
        }
    }

    pub fn use_reported_time(&mut self) {
        self.since = self.reported_since;
    }

    /// A hard fault counts at once.
    pub fn ends_grace(&self, fail_after: Duration) -> Timestamp {
        if self.hard { self.since } else { later(self.since, fail_after) }
    }
}

pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The worst first: what cannot recover, then what has been there longest.
pub(super) fn sort(faults: &mut [Fault]) {
    faults.sort_by(|a, b| (!a.hard, a.since, &a.problem).cmp(&(!b.hard, b.since, &b.problem)));
}

/// The first of them, with the number of other pods that have the same reason.
pub(super) fn worst(faults: &[Fault]) -> Option<Problem> {
    let (first, rest) = faults.split_first()?;
    let mut problem = first.problem.clone();
    if let Problem::Pod { reason, more, .. } = &mut problem {
        *more = rest.iter().filter(|fault| fault.has_reason(reason)).count();
    }
    Some(problem)
}

/// Faults of the pods on the target; `short`: there are fewer of them than there should be.
pub(super) fn of_pods(pods: &[SeenPod<'_>], short: bool, now: Timestamp) -> Vec<Fault> {
    // A pod that ended has been replaced: it counts only as long as there is no replacement.
    let counts = |seen: &&SeenPod<'_>| seen.state == PodState::Failing && (short || !seen.finished);
    pods.iter().filter(counts).filter_map(|seen| of_pod(seen, seen.issue.as_ref()?, now)).collect()
}

fn of_pod(seen: &SeenPod<'_>, issue: &PodIssue, now: Timestamp) -> Option<Fault> {
    let pod = seen.pod;
    let has_log = issue.is_crash() || issue.family() == "ready";
    Some(Fault {
        key: (pod.uid().to_owned(), issue.family().to_owned()),
        problem: problem(pod, issue),
        container: issue.container.clone().filter(|_| has_log),
        hard: issue.hard,
        elsewhere: issue.reason == "NodeLost",
        reported_since: reported_since(seen, issue, now),
        since: now,
    })
}

pub(super) fn problem(pod: &Pod, issue: &PodIssue) -> Problem {
    Problem::Pod {
        name: pod.name().to_owned(),
        reason: issue.reason.clone(),
        message: issue.to_string(),
        more: 0,
    }
}

fn reported_since(seen: &SeenPod<'_>, issue: &PodIssue, now: Timestamp) -> Timestamp {
    let pod = seen.pod;
    match (issue.family(), issue.reason.as_str()) {
        // A back-off is the kubelet's own word for a fault that has lasted.
        ("crash", _) | (_, "ImagePullBackOff") => return Timestamp::MIN,
        _ => {}
    }
    let condition = match issue.family() {
        "ready" | "NodeLost" | "ReadinessGatesNotReady" => "Ready",
        _ => "PodScheduled",
    };
    let created = || pod.metadata.creation_timestamp.as_ref().map(|at| at.0);
    let since = pod.condition_time(condition).or_else(created).unwrap_or(now);
    since.max(issue.not_before.unwrap_or(since))
}

/// No pod can be created: quota, Pod Security, a webhook.
pub(super) fn of_creation(
    expected: &Expected,
    object: &Value,
    target: Option<&Target>,
    view: View<'_>,
    pods: &[SeenPod<'_>],
    short: bool,
) -> Option<Fault> {
    let (message, reported_since) = match (expected.kind.rules().revisions_own_pods(), target) {
        (true, None) => no_replicaset(object, expected.written_at)?,
        (true, Some(target)) => replica_failure(target, view).or_else(|| {
            short.then(|| failed_create(&target.uid, expected.written_at, view, pods)).flatten()
        })?,
        (false, _) => {
            short.then(|| failed_create(&expected.uid, expected.written_at, view, pods)).flatten()?
        }
    };
    Some(Fault {
        key: (String::new(), "FailedCreate".to_owned()),
        problem: Problem::FailedCreate(server_message(&message)),
        container: None,
        hard: false,
        elsewhere: true,
        reported_since,
        since: view.now,
    })
}

/// A message, and since when.
type Reported = (String, Timestamp);

/// By the condition of the target's own ReplicaSet: the Deployment's may be another one's (`progress.go`, getReplicaFailures).
/// It is there only as long as the last attempt failed, so it counts also if it is older than the write.
fn replica_failure(target: &Target, view: View<'_>) -> Option<Reported> {
    let rs = view.histories.iter().find(|rs| rs.uid() == target.uid)?;
    let failure = |c: &&Value| {
        c["type"] == "ReplicaFailure" && c["status"] == "True" && c.text("/reason") != "FailedDelete"
    };
    let condition = rs.list("/status/conditions").iter().find(failure)?;
    let since = condition.time("/lastTransitionTime").unwrap_or(view.now);
    Some((condition.text("/message").to_owned(), since))
}

fn no_replicaset(object: &Value, written_at: Timestamp) -> Option<Reported> {
    let create_error = |c: &&Value| c["type"] == "Progressing" && c["reason"] == "ReplicaSetCreateError";
    let condition = object.list("/status/conditions").iter().find(create_error)?;
    let at = condition.time("/lastUpdateTime").filter(|at| at.as_second() >= written_at.as_second())?;
    Some((condition.text("/message").to_owned(), at))
}

/// The newest event since the write, unless a pod was created after it.
fn failed_create(
    owner: &str,
    written_at: Timestamp,
    view: View<'_>,
    pods: &[SeenPod<'_>],
) -> Option<Reported> {
    let about = |event: &&Value| {
        let uid = ["/regarding/uid", "/involvedObject/uid"].map(|at| event.text(at));
        event["reason"] == "FailedCreate" && uid.contains(&owner)
    };
    let newest = view.events.iter().filter(about).max_by_key(|event| event_time(event))?;
    let at = event_time(newest).filter(|at| at.as_second() >= written_at.as_second())?;
    let made = pods.iter().filter(|seen| seen.on_target());
    let last_made =
        made.filter_map(|seen| seen.pod.metadata.creation_timestamp.as_ref()).map(|at| at.0).max();
    let message = ["/note", "/message"].map(|at| newest.text(at)).into_iter().find(|text| !text.is_empty());
    last_made.is_none_or(|made| made <= at).then(|| (message.unwrap_or_default().to_owned(), at))
}

/// Without the prefix of the controllers (`controller_utils.go`, `stateful_pod_control.go`).
fn server_message(message: &str) -> String {
    let after = |mark: &str| message.split_once(mark).map(|(_, rest)| rest);
    clean(after("Error creating: ").or_else(|| after(" failed error: ")).unwrap_or(message))
}
