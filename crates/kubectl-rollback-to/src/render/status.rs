//! `--status`: how a rollout stands, which pods block it, and what to type next.

use cluster_model::rollout::Id;
use cluster_model::rollout::update_strategy::Moves;
use plugin_client::{Line, table};
use serde_json::Value;

use super::cause;
use crate::execute::progress::model::{Progress, State};
use crate::outcome::{PodProgress, PodState};
use crate::resume_command::GoOn;

/// More are counted, not listed; `-o wide` lists them all.
const LISTED: usize = 20;

/// A rollout as it was seen, and what can be done about it.
pub struct Seen<'a> {
    pub progress: &'a Progress,
    pub go_on: GoOn<'a>,
    /// The flags that lead to the last healthy revision, if there is one, as in `--last-healthy --unstick`.
    pub to_healthy: Option<String>,
    /// What leads to the revision that is rolled out, as in `--to-revision 3`.
    pub current: Option<String>,
}

/// `object`: the live workload, for whether it is paused and how it replaces pods.
pub fn status(id: &Id, object: &Value, seen: &Seen<'_>, wide: bool) -> Vec<Line> {
    let progress = seen.progress;
    let paused = object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or_default();
    let mut lines = vec![headline(id, progress, paused)];
    lines.extend(pods(progress, wide));
    lines.extend(next(id, object, seen, paused));
    lines
}

fn headline(id: &Id, progress: &Progress, paused: bool) -> Line {
    let name = Line::new().strong(id.to_string()).dim(format!(" -n {}", id.namespace));
    let summary = |line: Line| line.plain(format!(": {}", cause::status_summary(id.kind, progress)));
    let line = match &progress.state {
        State::Done { kept: None } => summary(name.good(" rolled out")),
        State::Done { kept: Some(_) } => {
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
        State::BeingDeleted(deletion) => name.bad(format!(" {deletion}")),
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
fn pods(progress: &Progress, wide: bool) -> Vec<Line> {
    let pods = &progress.pods;
    let unready: Vec<&PodProgress> = pods.iter().filter(|pod| pod.state != PodState::Ready).collect();
    let listed: Vec<&PodProgress> =
        if wide { pods.iter().collect() } else { unready.iter().copied().take(LISTED).collect() };
    if listed.is_empty() {
        return Vec::new();
    }
    let header = ["  POD", "STATE", "CAUSE"].map(|title| Line::new().dim(title)).to_vec();
    let row = |pod: &&PodProgress| {
        let cause = pod.cause.as_ref().map(cause::pod).unwrap_or_default();
        let state = match (pod.state, &progress.state) {
            // As long as its cause may pass (--fail-after), the rollout does not count as failing, and neither does the pod.
            (PodState::Failing, State::Moving) => Line::new().warn("waiting"),
            (state, _) => word(state),
        };
        vec![Line::new().plain("  ").plain(&pod.name), state, cause.into()]
    };
    let rows: Vec<Vec<Line>> = std::iter::once(header).chain(listed.iter().map(row)).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines: Vec<Line> = rows.by_ref().take(1).collect();
    for (line, pod) in rows.zip(&listed) {
        lines.push(line);
        lines.extend(pod.log.iter().map(|text| Line::new().dim("    | ").plain(text)));
    }
    if !wide {
        let more = unready.len() - listed.len();
        let ready = pods.len() - unready.len();
        let rest = match (more, ready) {
            (0, 0) => return lines,
            (0, ready) => format!("  and {ready} ready"),
            (more, 0) => format!("  and {more} more; -o wide shows all"),
            (more, ready) => format!("  and {more} more, {ready} ready; -o wide shows all"),
        };
        lines.push(Line::new().dim(rest));
    }
    lines
}

/// What to type next.
fn next(id: &Id, object: &Value, seen: &Seen<'_>, paused: bool) -> Vec<Line> {
    let Seen { progress, go_on, to_healthy, current } = seen;
    let key = |what: &str| Line::new().dim(format!("{what:<13}"));
    let hint = |what: &str, command: String| key(what).command(command);
    let (typed, namespace) = (id.typed(), &id.namespace);
    // Until then nothing that is changed has an effect.
    if let State::BeingDeleted(_) = &progress.state {
        return vec![hint("until gone:", format!("kubectl wait --for=delete {typed}"))];
    }
    let go_back = match to_healthy {
        Some(flags) => hint("to go back:", format!("kubectl rollback-to {typed} {flags}")),
        None => hint("revisions:", format!("kubectl rollback-to {typed} --history")),
    };
    let moves = id.kind.rules().moves(object, progress.desired);
    let is_held_back = paused || matches!(progress.state, State::Done { kept: Some(_) });
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
    match (&progress.state, to_healthy) {
        // Resumed, the broken template would go to all pods.
        (State::Failed { .. }, Some(flags)) if paused => {
            return vec![
                hint("to go back:", format!("kubectl rollback-to {typed} {flags} --allow paused")),
                hint("and then:", format!("kubectl rollout resume {typed}")),
            ];
        }
        (State::Failed { .. }, None) if paused => return vec![go_back],
        _ => {}
    }
    match &progress.state {
        _ if paused => vec![hint("to resume:", format!("kubectl rollout resume {typed}"))],
        State::Failed { pod, container, .. } => {
            let why = match (pod, container) {
                (Some(pod), Some(container)) => {
                    format!("kubectl logs {pod} -n {namespace} -c {container}")
                }
                (Some(pod), None) => format!("kubectl describe pod {pod} -n {namespace}"),
                (None, _) => format!("kubectl describe {typed}"),
            };
            vec![hint("to see more:", why), go_back]
        }
        State::Stuck { pod, .. } => {
            // By UID, and only while it still blocks; where its revision cannot be named, only kubectl is left.
            let command = match current {
                Some(flag) => format!("kubectl rollback-to {typed} {flag} --unstick"),
                None => format!("kubectl delete pod {pod} -n {namespace}"),
            };
            vec![hint("to unstick:", command)]
        }
        State::Done { kept: Some(_) } => {
            let old = progress.pods.iter().find(|pod| pod.state == PodState::Old);
            let on_delete = moves == Moves::OnDelete;
            let command = match old {
                Some(pod) if on_delete => format!("kubectl delete pod {} -n {namespace}", pod.name),
                _ => format!("kubectl patch {typed} --type=merge -p '{}'", NO_PARTITION),
            };
            vec![hint("to continue:", command)]
        }
        State::Moving => {
            let with_cause = |pod: &&PodProgress| {
                matches!(pod.state, PodState::Failing | PodState::Starting) && pod.cause.is_some()
            };
            let see_more =
                progress.pods.iter().find(with_cause).map(|pod| {
                    hint("to see more:", format!("kubectl describe pod {} -n {namespace}", pod.name))
                });
            // It may go on by itself, or not at all.
            let last = match progress.pods.iter().any(|pod| pod.state == PodState::Failing) {
                true => go_back,
                false => hint("check again:", format!("kubectl rollback-to {typed} --status")),
            };
            see_more.into_iter().chain([last]).collect()
        }
        State::Done { kept: None }
        | State::Stalled { .. }
        | State::Reverted { .. }
        | State::Superseded { .. }
        | State::BeingDeleted(_)
        | State::Deleted => Vec::new(),
    }
}

const NO_PARTITION: &str = r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#;

#[cfg(test)]
mod tests;
