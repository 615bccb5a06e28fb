use super::*;
use crate::outcome::cause::{Cause, Counts, KeptBy, KeptPods, PodCause, Problem, Waiting};
use crate::resume_command::tests::kruise;
use crate::snapshot::Reverts;
use cluster_model::BeingDeleted;
use cluster_model::rollout::Kind;
use serde_json::json;

fn pod(name: &str, state: PodState, cause: &str) -> PodProgress {
    let cause = (!cause.is_empty()).then(|| PodCause::Message(cause.to_owned()));
    PodProgress { name: name.to_owned(), state, cause, log: Vec::new() }
}

fn progress(state: State, pods: Vec<PodProgress>) -> Progress {
    let waiting = Waiting::Pods(Counts { available: 1, total: 1, ..Counts::default() });
    Progress { state, done: 1, total: 1, desired: 1, waiting, pods, seconds_left: None }
}

fn done() -> State {
    State::Done { kept: None }
}

fn kept(by: KeptBy) -> State {
    State::Done { kept: Some(KeptPods { by, names: vec!["web-0".into()], updated: 1, desired: 2 }) }
}

fn failed(pod: Option<&str>, container: Option<&str>) -> State {
    let cause = Cause::Problem(Problem::FailedCreate("exceeded quota".into()));
    State::Failed { cause, pod: pod.map(str::to_owned), container: container.map(str::to_owned) }
}

fn shown(kind: Kind, spec: Value, state: State, pods: Vec<PodProgress>, wide: bool) -> String {
    let object = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"}, "spec": spec});
    let progress = progress(state, pods);
    let seen = Seen {
        progress: &progress,
        go_on: GoOn::Kubectl,
        to_healthy: Some("--last-healthy".into()),
        current: Some("--to-revision 3".into()),
    };
    let lines = status(&Id::of(kind, &object), &object, &seen, wide);
    lines.iter().map(|line| format!("{}\n", line.text())).collect()
}

fn short(kind: Kind, spec: Value, state: State, pods: Vec<PodProgress>) -> String {
    shown(kind, spec, state, pods, false)
}

/// Whatever else could be typed, it would have no effect.
#[test]
fn one_that_is_being_deleted_can_only_be_waited_for() {
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    let deletion = || State::BeingDeleted(BeingDeleted { since, finalizers: vec!["x.io/hold".into()] });
    for spec in [json!({}), json!({"paused": true})] {
        let text = short(Kind::Deployment, spec, deletion(), Vec::new());
        assert!(
            text.starts_with(
                "deployment/web -n shop is being deleted since 2026-01-01T00:00:00Z: its controller rolls nothing out; \
                 finalizers: x.io/hold"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("\nuntil gone:  kubectl wait --for=delete deployment/web -n shop\n"),
            "{text}"
        );
    }
}

#[test]
fn one_that_is_done_is_one_line() {
    let ready = || vec![pod("web-0", PodState::Ready, "")];
    assert_eq!(
        short(Kind::Deployment, json!({}), done(), ready()),
        "deployment/web -n shop rolled out: 1 of 1 updated pods available\n"
    );
    assert_eq!(
        shown(Kind::Deployment, json!({}), done(), ready(), true),
        "deployment/web -n shop rolled out: 1 of 1 updated pods available\n  POD    STATE  CAUSE\n  web-0  ready\n"
    );
    assert_eq!(
        short(Kind::Deployment, json!({"paused": true}), done(), ready()),
        "deployment/web -n shop rolled out: 1 of 1 updated pods available; paused\n\
         to resume:   kubectl rollout resume deployment/web -n shop\n"
    );
}

#[test]
fn a_failure_names_the_pod_its_last_log_lines_and_the_command_to_go_back() {
    let mut crashed =
        pod("web-1", PodState::Failing, "CrashLoopBackOff in container main: exit code 1, 4 restarts");
    crashed.log = vec!["panic: no route".to_owned()];
    let pods = vec![
        crashed,
        pod("web-2", PodState::Starting, "ContainerCreating"),
        pod("web-0", PodState::Ready, ""),
    ];
    assert_eq!(
        short(Kind::Deployment, json!({}), failed(Some("web-1"), Some("main")), pods),
        "deployment/web -n shop failing: FailedCreate: exceeded quota
  POD    STATE     CAUSE
  web-1  failing   CrashLoopBackOff in container main: exit code 1, 4 restarts
    | panic: no route
  web-2  starting  ContainerCreating
  and 1 ready
to see more: kubectl logs web-1 -n shop -c main
to go back:  kubectl rollback-to deployment/web -n shop --last-healthy
"
    );
    for (state, command) in [
        (failed(Some("web-1"), None), "kubectl describe pod web-1 -n shop"),
        (failed(None, None), "kubectl describe deployment/web -n shop"),
    ] {
        let text = short(Kind::Deployment, json!({}), state, vec![]);
        assert!(text.contains(&format!("to see more: {command}\n")), "{text}");
    }
}

#[test]
fn what_blocks_it_comes_with_the_command_to_continue() {
    let old = || vec![pod("web-0", PodState::Old, "OnDelete")];
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    let stuck = State::Stuck {
        pod: "web-1".into(),
        pod_uid: "u".into(),
        pod_version: "1".into(),
        message: "not Ready".into(),
    };
    let partition = r#"kubectl patch statefulset/web -n shop --type=merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"#;
    for (kind, spec, state, head, command) in [
        (
            Kind::StatefulSet,
            json!({}),
            stuck,
            "statefulset/web -n shop stuck: blocked by pod web-1: not Ready",
            "to unstick:  kubectl rollback-to statefulset/web -n shop --to-revision 3 --unstick",
        ),
        (
            Kind::StatefulSet,
            json!({}),
            kept(KeptBy::Partition),
            "statefulset/web -n shop rolled out as far as its update strategy allows: 1 of 2: the partition excludes web-0",
            &format!("to continue: {partition}"),
        ),
        (
            Kind::DaemonSet,
            on_delete,
            kept(KeptBy::OnDelete),
            "daemonset/web -n shop rolled out as far as its update strategy allows: OnDelete: web-0 still runs the old template",
            "to continue: kubectl delete pod web-0 -n shop",
        ),
        (
            Kind::Deployment,
            json!({"paused": true}),
            State::Moving,
            "deployment/web -n shop paused: no pods are updated until it is resumed",
            "to resume:   kubectl rollout resume deployment/web -n shop",
        ),
        (
            Kind::Deployment,
            json!({}),
            State::Moving,
            "deployment/web -n shop rolling out: 1 of 1 updated pods available",
            "check again: kubectl rollback-to deployment/web -n shop --status",
        ),
    ] {
        let text = short(kind, spec, state, old());
        assert_eq!(text.lines().next(), Some(head));
        assert_eq!(text.lines().last(), Some(command));
    }
}

#[test]
fn what_a_progressive_rollout_keeps_back_is_left_to_it() {
    let object =
        json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"}, "spec": {"paused": true}});
    let owner = kruise(Reverts::Perhaps("steps".into()));
    let next = |paused: bool, state: State, go_on: GoOn<'_>, has_healthy: bool| {
        let to_healthy = has_healthy.then(|| "--last-healthy --unstick".to_owned());
        let mut object = object.clone();
        object["spec"]["paused"] = json!(paused);
        let progress = progress(state, vec![]);
        let seen = Seen { progress: &progress, go_on, to_healthy, current: None };
        let lines = status(&Id::of(Kind::Deployment, &object), &object, &seen, false);
        lines[1..].iter().map(Line::text).collect::<Vec<_>>().join("\n")
    };
    let partitioned = || kept(KeptBy::Partition);
    for (paused, state) in
        [(true, State::Moving), (true, failed(None, None)), (true, partitioned()), (false, partitioned())]
    {
        assert_eq!(
            next(paused, state.clone(), GoOn::Owner(&owner), true),
            "managed by:  OpenKruise rollout x\nto go back:  kubectl kruise rollout undo rollout/x -n shop"
        );
        let unread = next(paused, state, GoOn::Unknown("forbidden"), true);
        assert!(!unread.contains("resume") && !unread.contains("patch"), "{unread}");
        assert!(unread.starts_with("unknown:     whether a progressive rollout controls it: forbidden"));
    }
    assert!(next(false, State::Moving, GoOn::Owner(&owner), true).starts_with("check again:"));
    // A broken template is not released to all pods either.
    assert_eq!(
        next(true, failed(None, None), GoOn::Kubectl, true),
        "to go back:  kubectl rollback-to deployment/web -n shop --last-healthy --unstick --allow paused\n\
         and then:    kubectl rollout resume deployment/web -n shop"
    );
    // No revision is known to have been healthy.
    for paused in [true, false] {
        let next = next(paused, failed(None, None), GoOn::Kubectl, false);
        assert_eq!(
            next.lines().last(),
            Some("revisions:   kubectl rollback-to deployment/web -n shop --history")
        );
    }
}

#[test]
fn many_pods_are_counted() {
    let pods = |starting: usize, ready: usize| {
        let one = |state: PodState| move |n: usize| pod(&format!("web-{n:02}"), state, "");
        let mut all: Vec<PodProgress> = (0..starting).map(one(PodState::Starting)).collect();
        all.extend((0..ready).map(one(PodState::Ready)));
        all
    };
    for (starting, ready, last) in [
        (20, 0, "  web-19  starting"),
        (21, 0, "  and 1 more; -o wide shows all"),
        (21, 3, "  and 1 more, 3 ready; -o wide shows all"),
        (1, 3, "  and 3 ready"),
    ] {
        let text = short(Kind::Deployment, json!({}), State::Moving, pods(starting, ready));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[lines.len() - 2], last);
    }
}

/// It may go on by itself, or never: it does not count as failing yet, and the way back is shown.
#[test]
fn a_pod_whose_cause_may_pass_is_waiting_and_has_the_way_back() {
    let pods = vec![pod("web-1", PodState::Failing, "Unschedulable: no node matches")];
    assert_eq!(
        short(Kind::Deployment, json!({}), State::Moving, pods),
        "deployment/web -n shop rolling out: 1 of 1 updated pods available
  POD    STATE    CAUSE
  web-1  waiting  Unschedulable: no node matches
to see more: kubectl describe pod web-1 -n shop
to go back:  kubectl rollback-to deployment/web -n shop --last-healthy
"
    );
    let starting = vec![pod("web-1", PodState::Starting, "ContainerCreating")];
    let text = short(Kind::Deployment, json!({}), State::Moving, starting);
    assert!(text.contains("to see more: kubectl describe pod web-1 -n shop\ncheck again: "), "{text}");
}
