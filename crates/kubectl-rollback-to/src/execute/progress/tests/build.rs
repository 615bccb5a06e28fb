//! A Deployment, StatefulSet or DaemonSet `shop/web` that goes from template `bad` back to `good`: written at second 0, seen some
//! seconds later. Each case edits one thing.

use std::time::Duration;

use cluster_model::build::{PodBuild, merge, pod};
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::Tracker;
use super::super::model::{Expected, Patience, Progress, State, View};
use crate::outcome::cause::{Cause, DeletionBlocker, KeptBy, KeptPods, Problem, Waiting};

pub const FAIL_AFTER: Duration = Duration::from_secs(60);
pub const QUIET: Duration = Duration::from_secs(600);

pub fn at(second: i64) -> Timestamp {
    let written: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
    written.checked_add(SignedDuration::from_secs(second)).unwrap()
}

pub fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": image}]}})
}

pub fn expected(kind: Kind) -> Expected {
    Expected {
        kind,
        uid: "uid-web".into(),
        template: template("good"),
        before: template("bad"),
        managed: Vec::new(),
        generation: 5,
        written_at: at(0),
    }
}

/// The workload as it is once everything is done.
pub fn workload(kind: Kind, edit: Value) -> Value {
    let mut object = json!({
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-web", "generation": 5,
            "annotations": {"deployment.kubernetes.io/revision": "3"}},
        "spec": {"replicas": 3, "template": template("good")},
        "status": {"observedGeneration": 5},
    });
    let more = match kind {
        Kind::Deployment => {
            json!({"status": {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}})
        }
        Kind::StatefulSet => json!({
            "spec": {"podManagementPolicy": "OrderedReady", "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
            "status": {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
                "currentRevision": "web-good", "updateRevision": "web-good"}}),
        Kind::DaemonSet => json!({
            "spec": {"replicas": null, "updateStrategy": {"type": "RollingUpdate"}},
            "status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3, "numberReady": 3}}),
    };
    merge(&mut object, more);
    merge(&mut object, edit);
    object
}

/// What the controller keeps: `bad` as number 2, `good` as number 3.
pub fn histories(kind: Kind) -> Vec<Value> {
    [("bad", 2), ("good", 3)].map(|(hash, number)| history(kind, hash, number)).to_vec()
}

pub fn history(kind: Kind, hash: &str, number: i64) -> Value {
    let name = format!("web-{hash}");
    let mut kept = json!({"metadata": {"name": name, "uid": format!("uid-{name}"), "creationTimestamp": at(number - 1000).to_string(),
        "ownerReferences": [{"uid": "uid-web", "controller": true}]}});
    let more = match kind {
        Kind::Deployment => {
            let mut template = template(hash);
            template["metadata"]["labels"]["pod-template-hash"] = hash.into();
            json!({"metadata": {"labels": {"pod-template-hash": hash}, "annotations": {"deployment.kubernetes.io/revision": number.to_string()}},
                "spec": {"template": template}})
        }
        Kind::StatefulSet | Kind::DaemonSet => {
            json!({"metadata": {"labels": {"controller-revision-hash": hash}}, "revision": number, "data": {"spec": {"template": template(hash)}}})
        }
    };
    merge(&mut kept, more);
    kept
}

/// A pod of the template `hash`, Running and Ready since second 5.
pub fn member(kind: Kind, name: &str, hash: &str) -> Pod {
    let (owner, label) = match kind {
        Kind::Deployment => (("ReplicaSet", format!("web-{hash}")), hash.to_owned()),
        Kind::StatefulSet => (("StatefulSet", "web".to_owned()), format!("web-{hash}")),
        Kind::DaemonSet => (("DaemonSet", "web".to_owned()), hash.to_owned()),
    };
    pod(&format!("shop/{name}"), "n1")
        .owned_by("apps/v1", owner.0, &owner.1)
        .label(kind.hash_label(), &label)
        .edit(json!({
        "metadata": {"creationTimestamp": at(1).to_string()},
        "status": {"conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(1).to_string()},
            {"type": "Ready", "status": "True", "lastTransitionTime": at(5).to_string()}]}}))
}

/// Its container is being made.
pub fn starting(pod: Pod) -> Pod {
    waiting(pod, "ContainerCreating", "")
}

pub fn waiting(pod: Pod, reason: &str, message: &str) -> Pod {
    pod.edit(json!({"status": {"phase": "Pending",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(1).to_string()},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": at(1).to_string()}],
        "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}]}}))
}

pub fn crashing(pod: Pod) -> Pod {
    waiting(pod, "CrashLoopBackOff", "").edit(json!({"status": {"phase": "Running", "containerStatuses": [
        {"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}))
}

pub fn terminating(pod: Pod) -> Pod {
    pod.deleted(&at(3).to_string())
}

/// One moment of it.
#[derive(Clone, Debug)]
pub struct Moment {
    pub kind: Kind,
    pub object: Option<Value>,
    pub histories: Vec<Value>,
    pub pods: Vec<Pod>,
    pub events: Vec<Value>,
    pub second: i64,
}

impl Moment {
    /// Done: three pods of `good`.
    pub fn of(kind: Kind) -> Self {
        let pods = (0..3).map(|n| member(kind, &format!("web-{n}"), "good")).collect();
        Moment {
            kind,
            object: Some(workload(kind, json!({}))),
            histories: histories(kind),
            pods,
            events: Vec::new(),
            second: 10,
        }
    }

    pub fn edit(mut self, edit: Value) -> Self {
        if let Some(object) = &mut self.object {
            merge(object, edit);
        }
        self
    }

    pub fn pods(mut self, pods: Vec<Pod>) -> Self {
        self.pods = pods;
        self
    }

    /// Pods by template and state, as in `good bad~ good- bad!`: `~` terminating, `-` starting, `!` crashing.
    pub fn of_pods(self, words: &str) -> Self {
        let kind = self.kind;
        let pods = words.split_whitespace().enumerate().map(|(n, word)| {
            let hash = word.trim_end_matches(['~', '-', '!']);
            let pod = member(kind, &format!("web-{n}"), hash);
            match word.chars().last() {
                Some('~') => terminating(pod),
                Some('-') => starting(pod),
                Some('!') => crashing(pod),
                _ => pod,
            }
        });
        let pods = pods.collect();
        self.pods(pods)
    }

    pub fn event(mut self, event: Value) -> Self {
        self.events.push(event);
        self
    }

    pub fn at(mut self, second: i64) -> Self {
        self.second = second;
        self
    }

    pub fn view(&self) -> View<'_> {
        View {
            object: self.object.as_ref(),
            histories: &self.histories,
            pods: &self.pods,
            events: &self.events,
            now: at(self.second),
            monotonic_now: at(self.second),
        }
    }

    pub fn tracker(&self) -> Tracker {
        Tracker::new(expected(self.kind), Patience { fail_after: FAIL_AFTER, quiet: Some(QUIET) })
    }

    /// As somebody sees it who looks for the first time.
    pub fn look(&self) -> Progress {
        self.tracker().look(self.view())
    }

    pub fn state(&self) -> State {
        plain(self.look().state)
    }
}

/// Without the messages about pods, which are cluster-model's.
pub fn plain(mut state: State) -> State {
    match &mut state {
        State::Stuck { message, .. } => message.clear(),
        State::Failed { cause, .. } | State::Stalled { cause, .. } => match cause {
            Cause::Problem(Problem::Pod { message, .. })
            | Cause::Unchanged { waiting: Waiting::Problem(Problem::Pod { message, .. }), .. }
            | Cause::ProgressDeadline { waiting: Waiting::Problem(Problem::Pod { message, .. }), .. }
            | Cause::Terminating { blocker: DeletionBlocker::Issue(message), .. } => message.clear(),
            _ => {}
        },
        _ => {}
    }
    state
}

pub fn done() -> State {
    State::Done { kept: None }
}

pub fn kept(by: KeptBy, updated: i64, names: &[&str]) -> State {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    State::Done { kept: Some(KeptPods { by, names, updated, desired: 3 }) }
}

pub fn problem(pod: &str, reason: &str) -> Problem {
    Problem::Pod { name: pod.to_owned(), reason: reason.to_owned(), message: String::new(), more: 0 }
}

pub fn failed(cause: Cause) -> State {
    State::Failed { cause, pod: None, container: None }
}

/// It failed by this pod; the container is one that has a log.
pub fn broken(pod: &str, reason: &str, container: Option<&str>) -> State {
    let cause = Cause::Problem(problem(pod, reason));
    State::Failed { cause, pod: Some(pod.to_owned()), container: container.map(str::to_owned) }
}
