use cluster_model::build::PodBuild;
use cluster_model::rollout::{Kind, Rollout};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::diagnose::diagnose;
use super::super::model::{Progress, State};
use super::build::{FAIL_AFTER, Moment, at, done, failed, kept, member, starting, waiting};
use crate::outcome::PodState;
use crate::outcome::cause::{Cause, Counts, KeptBy, PodCause, Problem, Waiting};

fn status(moment: &Moment) -> Progress {
    let rollout =
        Rollout::new(moment.kind, moment.object.clone().unwrap(), &moment.histories, moment.pods.clone());
    diagnose(&rollout, &moment.events, at(moment.second), FAIL_AFTER)
}

fn with(third: Pod) -> Moment {
    let pods = vec![member(Kind::Deployment, "web-0", "good"), third];
    Moment::of(Kind::Deployment).edit(json!({"status": {"availableReplicas": 1}})).pods(pods)
}

#[test]
fn a_fault_counts_at_once_if_it_has_lasted() {
    let web = || member(Kind::Deployment, "web-1", "good");
    let unschedulable = || {
        web().edit(json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room", "lastTransitionTime": at(1).to_string()}]}}))
    };
    let pull = |reason: &str| waiting(web(), reason, "EOF");
    let slow = |since: i64| {
        web().edit(json!({"status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": at(since).to_string()}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "started": true, "restartCount": 0,
                "state": {"running": {"startedAt": at(since).to_string()}}}]}}))
    };
    let is_failed = |moment: &Moment| matches!(status(moment).state, State::Failed { .. });
    for (case, pod, second, fails) in [
        ("crash loop", super::build::crashing(web()), 10, true),
        ("pull back-off", pull("ImagePullBackOff"), 10, true),
        ("first pull", pull("ErrImagePull"), 10, false),
        ("a pull that goes on failing", pull("ErrImagePull"), 61, true),
        ("unschedulable", unschedulable(), 10, false),
        ("unschedulable for long", unschedulable(), 61, true),
        ("not ready", slow(5), 64, false),
        ("not ready for long", slow(5), 65, true),
        ("starting", starting(web()), 500, false),
        ("hopeless", pull("InvalidImageName"), 2, true),
    ] {
        assert_eq!(is_failed(&with(pod).at(second)), fails, "{case}");
    }
}

#[test]
fn what_keeps_pods_back_is_reported() {
    let set = |edit: Value| {
        Moment::of(Kind::StatefulSet)
            .edit(json!({"status": {"updatedReplicas": 0, "currentRevision": "web-bad"}}))
            .edit(edit)
    };
    let partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 3}}}});
    for (case, moment, state) in [
        ("well", Moment::of(Kind::Deployment), done()),
        (
            "partition",
            set(partition).of_pods("bad bad bad"),
            kept(KeptBy::Partition, 0, &["web-0", "web-1", "web-2"]),
        ),
        (
            "OnDelete",
            set(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).of_pods("bad bad bad"),
            kept(KeptBy::OnDelete, 0, &["web-0", "web-1", "web-2"]),
        ),
        (
            "not observed",
            Moment::of(Kind::Deployment).edit(json!({"metadata": {"generation": 6}})),
            State::Moving,
        ),
    ] {
        assert_eq!(status(&moment).state, state, "{case}");
    }
    let paused = Moment::of(Kind::Deployment).edit(json!({"spec": {"paused": true}})).of_pods("bad bad bad");
    assert_eq!(status(&paused).waiting, Waiting::Resume);
    // A blocking pod: at once if it never was Ready, as for a rollback of this run.
    let is_stuck =
        |moment: &Moment| matches!(status(moment).state, State::Stuck { pod, .. } if pod == "web-1");
    assert!(is_stuck(&set(json!({})).of_pods("bad bad- bad").at(2)));
    // One that was Ready may become Ready again.
    let failed = |ready: i64| {
        let failed = |pod: Pod| match pod.metadata.name.as_deref() {
            Some("web-1") => pod.edit(json!({"status": {"startTime": at(3).to_string(), "conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": at(ready).to_string()}]}})),
            _ => pod,
        };
        let mut moment = set(json!({})).of_pods("bad bad- bad");
        moment.pods = moment.pods.into_iter().map(failed).collect();
        moment
    };
    assert_eq!(status(&failed(20).at(29)).state, State::Moving);
    assert!(is_stuck(&failed(20).at(30)));
    assert!(is_stuck(&failed(4).at(5)), "both are written at once");
    // Each restart moves the time of its Ready condition; that it is restarted with a back-off is enough.
    let crashing = status(&set(json!({})).of_pods("bad bad! bad").at(0));
    assert!(matches!(crashing.state, State::Stuck { pod, .. } if pod == "web-1"));
}

#[test]
fn what_is_wrong_with_an_old_pod_is_its_cause() {
    let seen = status(&Moment::of(Kind::Deployment).of_pods("good good- bad!"));
    assert_eq!(seen.state, State::Moving);
    let old = seen.pods.iter().find(|pod| pod.state == PodState::Old).and_then(|pod| pod.cause.clone());
    assert!(matches!(old, Some(PodCause::Message(message)) if message.contains("CrashLoopBackOff")));
    let seen = status(&Moment::of(Kind::Deployment).of_pods("good good- bad-"));
    let old = seen.pods.iter().find(|pod| pod.state == PodState::Old);
    assert!(old.is_some_and(|pod| pod.cause.is_some()), "{:?}", seen.pods);
}

#[test]
fn a_deadline_is_judged_by_whose_it_is() {
    let passed = |replicaset: &str| {
        json!({"status": {"availableReplicas": 2, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded",
            "message": format!("ReplicaSet \"{replicaset}\" has timed out progressing."), "lastUpdateTime": at(-500).to_string()}]}})
    };
    let moment =
        |replicaset: &str| Moment::of(Kind::Deployment).edit(passed(replicaset)).of_pods("good good good-");
    assert_eq!(status(&moment("web-bad")).state, State::Moving);
    assert_eq!(
        status(&moment("web-good")).state,
        failed(Cause::ProgressDeadline {
            seconds: 600,
            waiting: Waiting::Pods(Counts { available: 2, total: 3, starting: 1, ..Counts::default() })
        })
    );
    assert_eq!(status(&moment("web-good")).seconds_left, None);
}

#[test]
fn a_quota_is_the_cause_once_it_has_lasted() {
    let mut moment =
        Moment::of(Kind::Deployment).edit(json!({"status": {"updatedReplicas": 1}})).of_pods("good");
    moment.histories[1]["status"] = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "exceeded quota", "lastTransitionTime": at(0).to_string()}]});
    assert_eq!(status(&moment.clone().at(59)).state, State::Moving);
    let quota = Problem::FailedCreate("exceeded quota".into());
    assert_eq!(status(&moment.at(60)).state, failed(Cause::Problem(quota)));
}
