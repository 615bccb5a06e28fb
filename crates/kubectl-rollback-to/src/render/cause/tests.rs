use super::*;
use cluster_model::BeingDeleted;
use cluster_model::rollout::Id;

fn lines(causes: impl IntoIterator<Item = String>) -> String {
    causes.into_iter().collect::<Vec<_>>().join("\n")
}

fn image(more: usize) -> Problem {
    let message = "ImagePullBackOff in container main: EOF".into();
    Problem::Pod { name: "web-1".into(), reason: "ImagePullBackOff".into(), message, more }
}

fn pods(available: i64, total: i64) -> Counts {
    Counts { available, total, ..Counts::default() }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("web-{n}")).collect()
}

#[test]
fn what_is_waited_for() {
    let all = Counts { starting: 1, ready: 2, failing: 3, old: 4, terminating: 5, ..pods(0, 3) };
    let waits = [
        Waiting::Controller,
        Waiting::Resume,
        Waiting::KeptPod("web-0".into()),
        Waiting::Problem(image(0)),
        Waiting::Problem(Problem::FailedCreate("exceeded quota".into())),
        Waiting::Pods(pods(0, 1)),
        Waiting::Pods(all),
        Waiting::Pods(Counts { terminating: 2, ..pods(0, 3) }),
        Waiting::Pods(Counts { old: 1, terminating: 1, ..pods(0, 3) }),
        Waiting::Pods(Counts { terminating: 1, ..pods(3, 3) }),
    ];
    insta::assert_snapshot!(lines(waits.iter().map(waiting)), @r"
    waiting for the controller to observe the change
    paused: no pods are updated until it is resumed
    waiting for web-0 to be Ready, which is not updated
    web-1: ImagePullBackOff in container main: EOF
    FailedCreate: exceeded quota
    0 of 1 updated pods available
    0 of 3 updated pods available, 1 starting, 2 Ready for less than minReadySeconds, 3 failing, 4 old, 5 terminating
    waiting for old pods to terminate: 2 terminating
    0 of 3 updated pods available, 1 old, 1 terminating
    3 of 3 updated pods available, 1 terminating
    ");
}

#[test]
fn why_a_rollout_is_not_done() {
    let workload =
        Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
    let deadline = |waiting| Cause::ProgressDeadline { seconds: 600, waiting };
    let unchanged = |waiting| Cause::Unchanged { seconds: 660, waiting };
    let terminating = |blocker| Cause::Terminating { pod: "web-2".into(), blocker };
    let causes = [
        Cause::Paused(workload),
        Cause::Problem(image(1)),
        Cause::Problem(image(2)),
        deadline(Waiting::Problem(image(0))),
        deadline(Waiting::Pods(pods(2, 3))),
        unchanged(Waiting::Controller),
        unchanged(Waiting::Problem(image(0))),
        unchanged(Waiting::Pods(pods(2, 3))),
        Cause::KeptPod { pod: "web-0".into(), by: KeptBy::Partition },
        terminating(DeletionBlocker::Issue("NodeLost: node n1 is unresponsive".into())),
        terminating(DeletionBlocker::Finalizers(vec!["x.io/a".into(), "x.io/b".into()])),
        terminating(DeletionBlocker::Node("n1".into())),
    ];
    insta::assert_snapshot!(lines(causes.iter().map(cause)), @r"
    paused: no pods are updated until it is resumed: kubectl rollout resume deployment/web -n shop
    web-1: ImagePullBackOff in container main: EOF (and 1 more pod)
    web-1: ImagePullBackOff in container main: EOF (and 2 more pods)
    web-1: ImagePullBackOff in container main: EOF; no progress within 10m (progressDeadlineSeconds)
    no progress within 10m (progressDeadlineSeconds): 2 of 3 updated pods available
    nothing has changed for 11m: its controller has not observed the change
    nothing has changed for 11m: web-1: ImagePullBackOff in container main: EOF
    nothing has changed for 11m: 2 of 3 updated pods available
    blocked by web-0, which is not Ready and keeps its template (below the partition)
    waiting for web-2 to terminate: NodeLost: node n1 is unresponsive
    waiting for web-2 to terminate: finalizers: x.io/a, x.io/b
    waiting for web-2 to terminate: its grace period has passed; check node n1
    ");
}

#[test]
fn what_the_update_strategy_keeps() {
    let kept = |by, count| KeptPods { by, names: names(count), updated: 2, desired: 5 };
    let all = [
        kept(KeptBy::OnDelete, 1),
        kept(KeptBy::OnDelete, 3),
        kept(KeptBy::Partition, 1),
        kept(KeptBy::Partition, 2),
        kept(KeptBy::Partition, 4),
    ];
    insta::assert_snapshot!(lines(all.iter().map(kept_pods)), @r"
    OnDelete: web-0 still runs the old template
    OnDelete: 3 pods still run the old template
    2 of 5: the partition excludes web-0
    2 of 5: the partition excludes web-0 and web-1
    2 of 5: the partition excludes web-0, web-1 and 2 more
    ");
}

#[test]
fn why_a_pod_is_not_ready() {
    let causes = [
        PodCause::Message("CrashLoopBackOff".into()),
        PodCause::MinReadySeconds,
        PodCause::NotReadyYet,
        PodCause::Kept { by: KeptBy::OnDelete, is_ready: true },
        PodCause::Kept { by: KeptBy::Partition, is_ready: false },
        PodCause::Terminating(DeletionBlocker::Finalizers(vec!["x.io/a".into()])),
    ];
    insta::assert_snapshot!(lines(causes.iter().map(pod)), @r"
    CrashLoopBackOff
    minReadySeconds
    not Ready yet
    OnDelete
    below the partition, and not Ready
    finalizers: x.io/a
    ");
}

#[test]
fn a_summary_is_of_the_state() {
    let by = || Some(Author { manager: "helm".into(), at: "2026-01-01T00:00:00Z".parse().unwrap() });
    let states = [
        State::Moving,
        State::Done { kept: None },
        State::Stuck {
            pod: "web-1".into(),
            pod_uid: "u".into(),
            pod_version: "1".into(),
            message: "not Ready".into(),
        },
        State::Stalled { cause: Cause::Problem(image(0)), blocked: true },
        State::Reverted { by: by() },
        State::Superseded { by: by(), restart: true },
        State::Superseded { by: None, restart: false },
        State::BeingDeleted(BeingDeleted {
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            finalizers: vec!["x.io/hold".into()],
        }),
        State::Deleted,
    ];
    let progress = |state, total| Progress {
        state,
        done: 0,
        total,
        desired: total,
        waiting: Waiting::Pods(pods(0, total)),
        pods: Vec::new(),
        seconds_left: None,
    };
    let of_three = states.map(|state| summary(&progress(state, 3)));
    let of_none = [Kind::StatefulSet, Kind::DaemonSet]
        .map(|kind| status_summary(kind, &progress(State::Done { kept: None }, 0)));
    insta::assert_snapshot!(lines(of_three.into_iter().chain(of_none)), @r"
    0 of 3 updated pods available
    0 of 3 updated pods available
    blocked by pod web-1: not Ready
    web-1: ImagePullBackOff in container main: EOF
    helm wrote the previous template again
    restarted by helm
    someone wrote another template
    is being deleted since 2026-01-01T00:00:00Z: its controller rolls nothing out; finalizers: x.io/hold
    deleted
    0 replicas, so there are no pods to show whether this version works
    no node matches, so there are no pods to show whether this version works
    ");
}
