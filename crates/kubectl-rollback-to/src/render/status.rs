//! `--status`: how a rollout stands, which pods hold it up, and what to type next.

use cluster_model::rollout::Id;
use cluster_model::rollout::update_strategy::Moves;
use plugin_client::{Line, table};
use serde_json::Value;

use crate::execute::progress::model::{Progress, State};
use crate::outcome::{PodReport, PodState};
use crate::resume_command::GoOn;

/// More are counted, not listed; `-o wide` lists them all.
const LISTED: usize = 20;

/// `object`: the live workload; it knows whether it is paused and how it replaces pods.
pub fn status(id: &Id, object: &Value, progress: &Progress, go_on: &GoOn<'_>, wide: bool) -> Vec<Line> {
    let paused = object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or_default();
    let mut lines = vec![headline(id, progress, paused)];
    lines.extend(pods(&progress.pods, wide));
    lines.extend(next(id, object, progress, paused, go_on));
    lines
}

fn headline(id: &Id, progress: &Progress, paused: bool) -> Line {
    let name = Line::new().strong(id.to_string()).dim(format!(" -n {}", id.namespace));
    let summary = |line: Line| line.plain(format!(": {}", progress.summary));
    let line = match &progress.state {
        State::Done { note: None } => summary(name.good(" rolled out")),
        State::Done { note: Some(_) } => {
            summary(name.warn(" rolled out as far as its update strategy allows"))
        }
        State::Moving if paused => {
            return name.warn(" paused").plain(": no pods are updated until it is resumed");
        }
        State::Moving => summary(name.plain(" rolling out")),
        State::Failed { .. } => summary(name.bad(" failing")),
        State::Stuck { .. } => summary(name.bad(" stuck")),
        State::Stalled { .. } => summary(name.bad(" stalled")),
        State::Reverted { .. } | State::Superseded { .. } => summary(name.warn(" replaced")),
        State::Deleted => name.bad(" deleted"),
    };
    if paused { line.warn("; paused") } else { line }.hanging(2)
}

pub(super) fn word(state: PodState) -> Line {
    match state {
        PodState::Ready => Line::new().good("ready"),
        PodState::Starting => Line::new().plain("starting"),
        PodState::Failing => Line::new().bad("failing"),
        PodState::Old => Line::new().dim("old"),
        PodState::Terminating => Line::new().dim("terminating"),
    }
}

/// All that need attention; those that are ready only with `-o wide`.
fn pods(pods: &[PodReport], wide: bool) -> Vec<Line> {
    let unready: Vec<&PodReport> = pods.iter().filter(|pod| pod.state != PodState::Ready).collect();
    let listed: Vec<&PodReport> =
        if wide { pods.iter().collect() } else { unready.iter().copied().take(LISTED).collect() };
    if listed.is_empty() {
        return Vec::new();
    }
    let header = ["  POD", "STATE", "CAUSE"].map(|title| Line::new().dim(title)).to_vec();
    let row = |pod: &&PodReport| {
        let cause = pod.cause.as_deref().unwrap_or_default();
        vec![Line::new().plain("  ").plain(&pod.name), word(pod.state), cause.into()]
    };
    let rows: Vec<Vec<Line>> = std::iter::once(header).chain(listed.iter().map(row)).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines: Vec<Line> = rows.by_ref().take(1).collect();
    for (line, pod) in rows.zip(&listed) {
        lines.push(line);
        lines.extend(pod.log.iter().map(|said| Line::new().dim("    | ").plain(said)));
    }
    if !wide {
        let more = unready.len() - listed.len();
        let ready = pods.len() - unready.len();
        let says = match (more, ready) {
            (0, 0) => return lines,
            (0, ready) => format!("  and {ready} ready"),
            (more, 0) => format!("  and {more} more; -o wide shows all"),
            (more, ready) => format!("  and {more} more, {ready} ready; -o wide shows all"),
        };
        lines.push(Line::new().dim(says));
    }
    lines
}

/// What to type next.
fn next(id: &Id, object: &Value, progress: &Progress, paused: bool, go_on: &GoOn<'_>) -> Vec<Line> {
    let key = |what: &str| Line::new().dim(format!("{what:<13}"));
    let hint = |what: &str, command: String| key(what).command(command);
    let (typed, namespace) = (id.typed(), &id.namespace);
    let is_held_back = paused || matches!(progress.state, State::Done { note: Some(_) });
    match (go_on, &progress.state) {
        (GoOn::Owner(owner), _) if is_held_back => {
            return vec![key("managed by:").plain(&owner.who), hint("to go back:", owner.instead.clone())];
        }
        (GoOn::Unknown(why), _) if is_held_back => {
            let words = format!("whether a progressive rollout controls it: {why}");
            return vec![
                key("unknown:").plain(words),
                hint("to see more:", format!("kubectl describe {typed}")),
            ];
        }
        _ => {}
    }
    match &progress.state {
        // Resumed, the broken template would go to all pods.
        State::Failed { .. } if paused => vec![
            hint("to go back:", format!("kubectl rollback-to {typed} --last-healthy --allow paused")),
            hint("and then:", format!("kubectl rollout resume {typed}")),
        ],
        _ if paused => vec![hint("to resume:", format!("kubectl rollout resume {typed}"))],
        State::Failed { pod, container, .. } => {
            let why = match (pod, container) {
                (Some(pod), Some(container)) => {
                    format!("kubectl logs {pod} -n {namespace} -c {container}")
                }
                (Some(pod), None) => format!("kubectl describe pod {pod} -n {namespace}"),
                (None, _) => format!("kubectl describe {typed}"),
            };
            vec![
                hint("to see more:", why),
                hint("to go back:", format!("kubectl rollback-to {typed} --last-healthy")),
            ]
        }
        State::Stuck { pod, .. } => {
            vec![hint("to continue:", format!("kubectl delete pod {pod} -n {namespace}"))]
        }
        State::Done { note: Some(_) } => {
            let old = progress.pods.iter().find(|pod| pod.state == PodState::Old);
            let on_delete = id.kind.rules().moves(object, progress.desired) == Moves::OnDelete;
            let command = match old {
                Some(pod) if on_delete => format!("kubectl delete pod {} -n {namespace}", pod.name),
                _ => format!("kubectl patch {typed} --type=merge -p '{}'", NO_PARTITION),
            };
            vec![hint("to continue:", command)]
        }
        State::Moving => vec![hint("to watch:", format!("kubectl rollout status {typed}"))],
        State::Done { note: None }
        | State::Stalled { .. }
        | State::Reverted { .. }
        | State::Superseded { .. }
        | State::Deleted => Vec::new(),
    }
}

const NO_PARTITION: &str = r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resume_command::tests::kruise;
    use crate::snapshot::Reverts;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn pod(name: &str, state: PodState, cause: &str) -> PodReport {
        let cause = (!cause.is_empty()).then(|| cause.to_owned());
        PodReport { name: name.to_owned(), state, cause, log: Vec::new() }
    }

    fn shown(
        kind: Kind,
        spec: Value,
        state: State,
        summary: &str,
        pods: Vec<PodReport>,
        wide: bool,
    ) -> String {
        let object = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"}, "spec": spec});
        let progress = Progress {
            state,
            done: 0,
            total: 0,
            desired: 0,
            summary: summary.to_owned(),
            pods,
            seconds_left: None,
        };
        let lines = status(&Id::of(kind, &object), &object, &progress, &GoOn::Kubectl, wide);
        lines.iter().map(|line| format!("{}\n", line.text())).collect()
    }

    fn short(kind: Kind, spec: Value, state: State, summary: &str, pods: Vec<PodReport>) -> String {
        shown(kind, spec, state, summary, pods, false)
    }

    #[test]
    fn one_that_is_done_is_one_line() {
        let ready = || vec![pod("web-0", PodState::Ready, "")];
        let done = || State::Done { note: None };
        assert_eq!(
            short(Kind::Deployment, json!({}), done(), "1 of 1 pod available", ready()),
            "deployment/web -n shop rolled out: 1 of 1 pod available\n"
        );
        assert_eq!(
            shown(Kind::Deployment, json!({}), done(), "1 of 1 pod available", ready(), true),
            "deployment/web -n shop rolled out: 1 of 1 pod available\n  POD    STATE  CAUSE\n  web-0  ready\n"
        );
        assert_eq!(
            short(Kind::Deployment, json!({"paused": true}), done(), "1 of 1 pod available", ready()),
            "deployment/web -n shop rolled out: 1 of 1 pod available; paused\n\
             to resume:   kubectl rollout resume deployment/web -n shop\n"
        );
    }

    #[test]
    fn a_failure_names_the_pod_its_last_words_and_the_way_back() {
        let failed = |pod: Option<&str>, container: Option<&str>| State::Failed {
            cause: "c".into(),
            pod: pod.map(str::to_owned),
            container: container.map(str::to_owned),
        };
        let mut crashed =
            pod("web-1", PodState::Failing, "CrashLoopBackOff in container main: exit code 1, 4 restarts");
        crashed.log = vec!["panic: no route".to_owned()];
        let pods = vec![
            crashed,
            pod("web-2", PodState::Starting, "ContainerCreating"),
            pod("web-0", PodState::Ready, ""),
        ];
        assert_eq!(
            short(
                Kind::Deployment,
                json!({}),
                failed(Some("web-1"), Some("main")),
                "web-1: CrashLoopBackOff",
                pods
            ),
            "deployment/web -n shop failing: web-1: CrashLoopBackOff
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
            let text = short(Kind::Deployment, json!({}), state, "x", vec![]);
            assert!(text.contains(&format!("to see more: {command}\n")), "{text}");
        }
    }

    #[test]
    fn what_holds_it_comes_with_the_command_that_lets_go() {
        let old = || vec![pod("web-0", PodState::Old, "OnDelete")];
        let note = || State::Done { note: Some("n".into()) };
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        let stuck = State::Stuck {
            pod: "web-1".into(),
            pod_uid: "u".into(),
            pod_version: "1".into(),
            why: "w".into(),
        };
        let partition = r#"kubectl patch statefulset/web -n shop --type=merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"#;
        for (kind, spec, state, head, command) in [
            (
                Kind::StatefulSet,
                json!({}),
                stuck,
                "statefulset/web -n shop stuck: s",
                "to continue: kubectl delete pod web-1 -n shop",
            ),
            (
                Kind::StatefulSet,
                json!({}),
                note(),
                "statefulset/web -n shop rolled out as far as its update strategy allows: s",
                &format!("to continue: {partition}"),
            ),
            (
                Kind::DaemonSet,
                on_delete,
                note(),
                "daemonset/web -n shop rolled out as far as its update strategy allows: s",
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
                "deployment/web -n shop rolling out: s",
                "to watch:    kubectl rollout status deployment/web -n shop",
            ),
        ] {
            let text = short(kind, spec, state, "s", old());
            assert_eq!(text.lines().next(), Some(head));
            assert_eq!(text.lines().last(), Some(command));
        }
    }

    #[test]
    fn what_a_progressive_rollout_holds_back_is_left_to_it() {
        let object =
            json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"}, "spec": {"paused": true}});
        let owner = kruise(Reverts::Perhaps("steps".into()));
        let held = |paused: bool, state: State, go_on: &GoOn<'_>| {
            let mut object = object.clone();
            object["spec"]["paused"] = json!(paused);
            let progress = Progress {
                state,
                done: 0,
                total: 1,
                desired: 1,
                summary: "s".into(),
                pods: vec![],
                seconds_left: None,
            };
            let lines = status(&Id::of(Kind::Deployment, &object), &object, &progress, go_on, false);
            lines[1..].iter().map(Line::text).collect::<Vec<_>>().join("\n")
        };
        let failed = || State::Failed { cause: "c".into(), pod: None, container: None };
        let note = || State::Done { note: Some("n".into()) };
        for (paused, state) in [(true, State::Moving), (true, failed()), (true, note()), (false, note())] {
            assert_eq!(
                held(paused, state.clone(), &GoOn::Owner(&owner)),
                "managed by:  OpenKruise rollout x\nto go back:  kubectl kruise rollout undo rollout/x -n shop"
            );
            let unread = held(paused, state, &GoOn::Unknown("forbidden"));
            assert!(!unread.contains("resume") && !unread.contains("patch"), "{unread}");
            assert!(unread.starts_with("unknown:     whether a progressive rollout controls it: forbidden"));
        }
        assert!(held(false, State::Moving, &GoOn::Owner(&owner)).starts_with("to watch:"));
        // A broken template is not released to all pods either.
        assert_eq!(
            held(true, failed(), &GoOn::Kubectl),
            "to go back:  kubectl rollback-to deployment/web -n shop --last-healthy --allow paused\n\
             and then:    kubectl rollout resume deployment/web -n shop"
        );
    }

    #[test]
    fn many_pods_are_counted() {
        let pods = |starting: usize, ready: usize| {
            let one = |state: PodState| move |n: usize| pod(&format!("web-{n:02}"), state, "");
            let mut all: Vec<PodReport> = (0..starting).map(one(PodState::Starting)).collect();
            all.extend((0..ready).map(one(PodState::Ready)));
            all
        };
        for (starting, ready, last) in [
            (20, 0, "  web-19  starting"),
            (21, 0, "  and 1 more; -o wide shows all"),
            (21, 3, "  and 1 more, 3 ready; -o wide shows all"),
            (1, 3, "  and 3 ready"),
        ] {
            let text = short(Kind::Deployment, json!({}), State::Moving, "s", pods(starting, ready));
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[lines.len() - 2], last);
        }
    }
}
