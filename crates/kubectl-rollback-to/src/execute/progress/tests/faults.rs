use cluster_model::build::{PodBuild, merge};
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::model::State;
use super::build::{Moment, at, broken, crashing, done, failed, member, plain, starting, waiting};
use crate::outcome::cause::{Cause, Counts, Problem, Waiting};

const KIND: Kind = Kind::Deployment;

fn web(n: u32) -> Pod {
    member(KIND, &format!("web-{n}"), "good")
}

fn is_about(waiting: &Waiting, pod: &str, expected: &str) -> bool {
    matches!(waiting, Waiting::Problem(Problem::Pod { name, reason, .. }) if name == pod && reason == expected)
}

fn one_starts() -> Waiting {
    Waiting::Pods(Counts { available: 2, total: 3, starting: 1, ..Counts::default() })
}

/// Two of three are there; the third is the case.
fn with(third: Pod) -> Moment {
    Moment::of(KIND).edit(json!({"status": {"availableReplicas": 2}})).pods(vec![web(0), web(1), third])
}

#[test]
fn what_cannot_recover_fails_at_once() {
    let invalid = waiting(web(2), "InvalidImageName", "couldn't parse image");
    assert_eq!(with(invalid.clone()).state(), broken("web-2", "InvalidImageName", None));
    // Not if it is another template's.
    let old = waiting(member(KIND, "web-2", "bad"), "InvalidImageName", "");
    assert_eq!(with(old).state(), State::Moving);
    assert_eq!(with(invalid).edit(json!({"status": {"observedGeneration": 4}})).state(), State::Moving);
}

#[test]
fn what_may_recover_has_its_grace() {
    let crash = with(crashing(web(2)));
    let mut tracker = crash.tracker();
    let progress = tracker.look(crash.clone().at(10).view());
    assert_eq!(progress.state, State::Moving);
    assert!(is_about(&progress.waiting, "web-2", "CrashLoopBackOff"), "{:?}", progress.waiting);
    assert_eq!(tracker.wake_at(at(10)), Some(at(70)));
    assert_eq!(tracker.look(crash.clone().at(69).view()).state, State::Moving);
    let state = plain(tracker.look(crash.clone().at(70).view()).state);
    assert_eq!(state, broken("web-2", "CrashLoopBackOff", Some("main")));
    // Gone in between: it starts anew.
    let mut tracker = crash.tracker();
    tracker.look(crash.clone().at(10).view());
    tracker.look(with(starting(web(2))).at(40).view());
    tracker.look(crash.clone().at(50).view());
    assert_eq!(tracker.look(crash.clone().at(109).view()).state, State::Moving);
    assert!(matches!(tracker.look(crash.at(110).view()).state, State::Failed { .. }));
}

#[test]
fn one_fault_under_two_names_is_one_fault() {
    let pulls = |reason: &str| with(waiting(web(2), reason, "EOF"));
    let mut tracker = pulls("").tracker();
    tracker.look(pulls("ErrImagePull").at(10).view());
    tracker.look(pulls("ImagePullBackOff").at(40).view());
    assert!(matches!(tracker.look(pulls("ErrImagePull").at(70).view()).state, State::Failed { .. }));
    // Another pod's is another fault, and another kind of fault is too.
    let mut tracker = pulls("").tracker();
    tracker.look(pulls("ErrImagePull").at(10).view());
    tracker.look(with(crashing(web(2))).at(40).view());
    assert_eq!(tracker.look(with(crashing(web(2))).at(70).view()).state, State::Moving);
    assert_eq!(tracker.look(with(crashing(web(3))).at(100).view()).state, State::Moving);
}

#[test]
fn several_pods_with_one_cause_are_one_cause() {
    let all = |n: u32| (0..n).map(|n| crashing(web(n))).collect();
    for pods in 1..=3 {
        let moment = Moment::of(KIND).edit(json!({"status": {"availableReplicas": 0}})).pods(all(pods));
        let mut tracker = moment.tracker();
        tracker.look(moment.view());
        let State::Failed { cause, .. } = tracker.look(moment.at(100).view()).state else { panic!("{pods}") };
        let Cause::Problem(Problem::Pod { name, message, more, .. }) = cause else { panic!("{cause:?}") };
        assert_eq!((name.as_str(), more + 1), ("web-0", pods as usize));
        assert_eq!(message, "CrashLoopBackOff in container main: exit code 1, 4 restarts");
    }
}

#[test]
fn not_ready_counts_after_its_probes_had_their_time() {
    let slow = web(2).edit(json!({
        "spec": {"containers": [{"name": "main", "readinessProbe": {"initialDelaySeconds": 30}}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers with unready status: [main]"}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "started": true, "restartCount": 0,
                "state": {"running": {"startedAt": at(5).to_string()}}}]}}));
    let moment = with(slow);
    let mut tracker = moment.tracker();
    let progress = tracker.look(moment.clone().at(10).view());
    assert_eq!((progress.state, progress.waiting), (State::Moving, one_starts()));
    // 57 s of patience from second 5 on, then the grace.
    assert_eq!(tracker.wake_at(at(10)), Some(at(62)));
    tracker.look(moment.clone().at(62).view());
    assert_eq!(tracker.wake_at(at(62)), Some(at(122)));
    let state = plain(tracker.look(moment.at(122).view()).state);
    assert_eq!(state, broken("web-2", "ContainersNotReady", Some("main")));
}

#[test]
fn a_pod_that_ended_counts_while_its_replacement_does_not_come() {
    let evicted = |created: i64| {
        web(2).phase("Failed").edit(json!({"metadata": {"creationTimestamp": at(created).to_string()}, "status": {"reason": "Evicted", "message": "low on memory"}}))
    };
    let look_twice = |moment: Moment| {
        let mut tracker = moment.tracker();
        tracker.look(moment.view());
        plain(tracker.look(moment.at(100).view()).state)
    };
    assert_eq!(look_twice(with(evicted(1))), broken("web-2", "Evicted", None));
    assert_eq!(look_twice(with(evicted(-500))), State::Moving, "from before the write");
    let mut replaced = with(evicted(1));
    replaced.pods.push(starting(web(3)));
    assert_eq!(look_twice(replaced.clone()), State::Moving);
    replaced.pods.pop();
    replaced.pods.push(web(3));
    assert_eq!(look_twice(replaced.edit(json!({"status": {"availableReplicas": 3}}))), done());
}

#[test]
fn pods_that_cannot_be_made() {
    let quota = "pods \"web-good-x7f\" is forbidden: exceeded quota: compute, requested: cpu=1, used: cpu=4, limited: cpu=4";
    // None of the template's, and some of its pods run.
    let refused = |message: &str| Cause::Problem(Problem::FailedCreate(message.to_owned()));
    let stalled = || State::Stalled { cause: refused(quota), blocked: true };
    let rs = |index: usize| {
        let mut moment =
            Moment::of(KIND).edit(json!({"status": {"updatedReplicas": 2}})).pods(vec![web(0), web(1)]);
        moment.histories[index]["status"] = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": quota}]});
        moment
    };
    let event = |kind: Kind, uid: &str, second: i64, note: &str| {
        let mut moment = Moment::of(kind);
        moment.pods.pop();
        let pods = moment.pods.clone();
        let short = match kind {
            Kind::DaemonSet => json!({"status": {"updatedNumberScheduled": 2}}),
            _ => json!({"status": {"updatedReplicas": 2}}),
        };
        moment
            .edit(short)
            .pods(pods)
            .event(json!({"reason": "FailedCreate", "note": note, "regarding": {"uid": uid},
            "series": {"lastObservedTime": at(second).to_string()}}))
    };
    let prefixed = format!("Error creating: {quota}");
    let of_set = format!("create Pod web-2 in StatefulSet web failed error: {quota}");
    for (case, moment, state) in [
        ("its ReplicaSet", rs(1), stalled()),
        ("another ReplicaSet", rs(0), State::Moving),
        ("an event of the StatefulSet", event(Kind::StatefulSet, "uid-web", 5, &of_set), stalled()),
        ("an event of the DaemonSet", event(Kind::DaemonSet, "uid-web", 5, &prefixed), stalled()),
        ("an event of the ReplicaSet", event(KIND, "uid-web-good", 5, &prefixed), stalled()),
        ("an event of another ReplicaSet", event(KIND, "uid-web-bad", 5, &prefixed), State::Moving),
        ("before the write", event(Kind::StatefulSet, "uid-web", -5, &of_set), State::Moving),
        (
            "a pod was made since",
            {
                let mut moment = event(Kind::StatefulSet, "uid-web", 5, &of_set);
                moment.pods[0] = member(Kind::StatefulSet, "web-0", "good")
                    .edit(json!({"metadata": {"creationTimestamp": at(6).to_string()}}));
                moment
            },
            State::Moving,
        ),
        (
            "there are enough",
            {
                let mut moment = event(Kind::StatefulSet, "uid-web", 5, &of_set);
                moment.pods.push(starting(member(Kind::StatefulSet, "web-2", "good")));
                moment
            },
            State::Moving,
        ),
        (
            "no ReplicaSet could be made",
            {
                let mut moment = Moment::of(KIND).pods(vec![]).edit(json!({"metadata": {"annotations": null}, "status": {"updatedReplicas": 0, "conditions": [
                {"type": "Progressing", "reason": "ReplicaSetCreateError", "message": "denied by webhook", "lastUpdateTime": at(5).to_string()}]}}));
                moment.histories.pop();
                moment
            },
            failed(refused("denied by webhook")),
        ),
    ] {
        let mut tracker = moment.tracker();
        assert_eq!(tracker.look(moment.view()).state, State::Moving, "{case}: it has its grace");
        assert_eq!(tracker.look(moment.at(100).view()).state, state, "{case}");
    }
    // A quota too small for the surge, and the rollout goes on all the same.
    let mut tracker = rs(1).tracker();
    tracker.look(rs(1).view());
    tracker.look(rs(1).of_pods("good good bad~").at(60).view());
    assert_eq!(tracker.look(rs(1).of_pods("good good bad~").at(110).view()).state, State::Moving);
    assert!(matches!(
        tracker.look(rs(1).of_pods("good good bad~").at(120).view()).state,
        State::Stalled { .. }
    ));
}

#[test]
fn an_event_about_a_pod_is_its_cause() {
    let mount = |second: i64, uid: &str| {
        json!({"reason": "FailedMount", "message": "MountVolume.SetUp failed for volume \"c\": configmap \"app\" not found",
            "involvedObject": {"kind": "Pod", "uid": uid}, "lastTimestamp": at(second).to_string()})
    };
    let moment = |uid: &str| with(starting(web(2))).event(mount(5, uid));
    assert!(is_about(&moment("uid-web-2").look().waiting, "web-2", "FailedMount"));
    assert_eq!(moment("uid-web-9").look().waiting, one_starts());
}

#[test]
fn a_node_that_is_being_added_is_no_fault() {
    let unschedulable = web(2).edit(json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]}}));
    let autoscaler = |reason: &str| json!({"reason": reason, "message": "no node group fits", "involvedObject": {"kind": "Pod", "uid": "uid-web-2"}, "lastTimestamp": at(5).to_string()});
    let second_look = |events: Vec<Value>| {
        let mut moment = with(unschedulable.clone());
        moment.events = events;
        let mut tracker = moment.tracker();
        tracker.look(moment.view());
        plain(tracker.look(moment.at(100).view()).state)
    };
    assert_eq!(second_look(vec![]), broken("web-2", "Unschedulable", None));
    assert_eq!(second_look(vec![autoscaler("TriggeredScaleUp")]), State::Moving);
    assert_eq!(second_look(vec![autoscaler("NotTriggerScaleUp")]), broken("web-2", "Unschedulable", None));
}

#[test]
fn the_worst_comes_first() {
    let mut edit = json!({"status": {"availableReplicas": 0}});
    merge(&mut edit, json!({}));
    let moment =
        Moment::of(KIND).edit(edit).pods(vec![crashing(web(0)), waiting(web(1), "ErrImageNeverPull", "")]);
    assert_eq!(moment.state(), broken("web-1", "ErrImageNeverPull", None));
}
