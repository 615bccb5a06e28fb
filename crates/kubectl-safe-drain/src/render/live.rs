//! The drain while it runs: a region that is redrawn on a terminal, one line per change elsewhere.

use std::collections::BTreeMap;

use cluster_model::text::{count, span};
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Line, Live, Ui};

use super::cause;
use crate::estimate::seconds_left;
use crate::execute::Reporter;
use crate::execute::cause::{Blocker, BudgetReason};
use crate::execute::engine::{Engine, Phase, PodState};
use crate::execute::event::Event;

pub struct Screen {
    ui: Ui,
    live: Option<Live>,
    /// Of several nodes each is reported when it is done; of one, the outcome message it.
    several: bool,
    /// The last report of everything that blocks pods.
    blocked: BTreeMap<String, String>,
}

impl Screen {
    pub fn new(ui: &Ui, nodes: usize) -> Self {
        Screen { ui: ui.clone(), live: ui.live(), several: nodes > 1, blocked: BTreeMap::new() }
    }
}

impl Reporter for Screen {
    fn event(&mut self, event: &Event) {
        if let Event::BudgetBlocks { budget, reason, unhealthy, .. } = event {
            self.blocked.insert(budget.clone(), budget_status(reason, unhealthy.as_deref()));
        }
        // The region shows these; as lines they would only scroll by.
        if self.live.is_some()
            && matches!(
                event,
                Event::Evicted { .. }
                    | Event::Gone { .. }
                    | Event::Blocked { .. }
                    | Event::BudgetBlocks { .. }
            )
        {
            return;
        }
        if self.several || !matches!(event, Event::Drained { .. } | Event::NotDrained { .. }) {
            self.ui.status(&line(event));
        }
    }

    fn draw(&mut self, engine: &Engine, now: Timestamp) {
        let Some(live) = self.live.as_ref().filter(|live| live.due()) else { return };
        let evicted: Vec<&PodState> = engine.pods().filter(|p| p.step.evicts()).collect();
        let done = evicted.iter().filter(|p| p.phase.is_final()).count();
        let mut rows: Vec<&PodState> = evicted.iter().copied().filter(|p| !p.phase.is_final()).collect();
        // Closest to the end first: those that are terminating on top, those that wait below.
        rows.sort_by_key(|p| rank(p.phase));
        let stopping = rows.iter().filter(|p| matches!(p.phase, Phase::Terminating { .. })).count();
        let blocked = rows
            .iter()
            .filter(|p| matches!(p.phase, Phase::Waiting { .. }) && p.blocked_by.is_some())
            .count();
        let mut header = Line::new().plain(format!("{stopping} stopping"));
        if blocked > 0 {
            header = header.plain(" · ").warn(format!("{blocked} blocked"));
        }
        if let Some(left) = seconds_left(engine.pods(), now) {
            header = header.dim(format!(" · at most {} remaining", span(left)));
        }
        let mut lines = plugin_client::table(&rows.iter().map(|p| pod(p, now)).collect::<Vec<_>>());
        // Why the blocked ones are: one line per budget, under the pods it blocks.
        let blocks =
            |key: &str| rows.iter().any(|p| matches!(&p.blocked_by, Some(Blocker::Budget(by)) if by == key));
        lines.extend(self.blocked.iter().filter(|(key, _)| blocks(key)).map(|(key, status)| {
            Line::new().warn(format!("  {}", cause::budget(key))).plain(format!("  {status}"))
        }));
        live.show(done, evicted.len(), &header, &lines);
    }
}

fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::OutcomeUnknown { .. } => 0,
        Phase::Terminating { .. } => 1,
        Phase::Evicting => 2,
        _ => 3,
    }
}

fn pod(state: &PodState, now: Timestamp) -> Vec<Line> {
    let name = Line::new().plain("  ").plain(state.step.key());
    let blocked = state.blocked_by.as_ref().map(cause::blocker).unwrap_or_default();
    match state.phase {
        Phase::Terminating { since } => {
            let since = state.stopping_since().unwrap_or(since);
            let elapsed = now.duration_since(since).as_secs();
            let of = span(state.step.grace_seconds);
            let words = Line::new().good("stopping").plain(format!(" {} of at most {of}", span(elapsed)));
            let words = if blocked.is_empty() {
                words
            } else {
                Line::new().bad("stuck").plain(format!(" {blocked}"))
            };
            vec![name, words]
        }
        Phase::Evicting => vec![name, Line::new().plain("evicting")],
        Phase::OutcomeUnknown { .. } => vec![name, Line::new().warn("unclear").plain(format!(" {blocked}"))],
        _ if !blocked.is_empty() => vec![name, Line::new().warn("blocked").plain(format!(" by {blocked}"))],
        _ => vec![name, Line::new().dim("waiting")],
    }
}

/// One change, one line.
fn line(event: &Event) -> Line {
    match event {
        Event::Cordoned { node, before: false } => {
            Line::new().strong(format!("node/{node}")).plain(" cordoned")
        }
        Event::Cordoned { node, before: true } => {
            Line::new().strong(format!("node/{node}")).plain(" already cordoned")
        }
        Event::Evicted { pod, grace_seconds } => {
            Line::new().plain(format!("evicting pod {pod} (grace period {})", span(*grace_seconds)))
        }
        Event::Terminating { pod } => Line::new().plain(format!("{pod} was deleted by someone else")),
        Event::Gone { pod, took_seconds } => {
            Line::new().plain(pod).good(" gone").plain(format!(" after {took_seconds:.1}s"))
        }
        Event::Blocked { pod, by } => blocked(pod, &cause::blocker(by), 1),
        Event::BudgetBlocks { budget, reason, unhealthy, waiting } => {
            blocked(&cause::budget(budget), &budget_status(reason, unhealthy.as_deref()), *waiting)
        }
        Event::Stuck { pod, by } => Line::new()
            .plain(pod)
            .bad(" stuck")
            .plain(format!(": past its grace period; {}", cause::blocker(by))),
        Event::Failed { pod, reason } => {
            Line::new().plain(pod).bad(" failed").plain(format!(": {}", cause::failure(reason)))
        }
        Event::Late { pod } => {
            Line::new().plain(format!("{pod} was scheduled here after planning; it is evicted too"))
        }
        Event::Remaining { pod, reason } => {
            Line::new().plain(pod).warn(" not evicted").plain(format!(": {}", cause::remains(reason)))
        }
        Event::Awaited { pod, node } => Line::new()
            .warn("waiting for ")
            .plain(format!("{pod}: its volume is being provisioned on node/{node}, where it will be bound")),
        Event::ServerUnavailable { message } => {
            Line::new().warn("waiting for the API server").plain(format!(": {message}"))
        }
        Event::RequestNotSent { message } => {
            Line::new().warn("waiting for this machine").plain(format!(": {message}"))
        }
        Event::ServerAvailable => Line::new().good("the API server is back").plain("; the drain continues"),
        Event::Drained { node, gone, ignored } => Line::new()
            .strong(format!("node/{node}"))
            .good(" drained")
            .plain(format!(": {} gone, {ignored} ignored", count(*gone, "pod"))),
        Event::NotDrained { node, gone, left } => Line::new()
            .strong(format!("node/{node}"))
            .bad(" not drained")
            .plain(format!(": {} gone, {left} remaining", count(*gone, "pod"))),
    }
}

fn blocked(what: &str, status: &str, waiting: usize) -> Line {
    Line::new().warn("blocked").plain(format!(" by {what}: {status} ({} waiting)", count(waiting, "pod")))
}

fn budget_status(reason: &BudgetReason, unhealthy: Option<&str>) -> String {
    let status = cause::budget_reason(reason);
    unhealthy.map_or(status.clone(), |pods| format!("{status}; not Ready: {pods}"))
}
