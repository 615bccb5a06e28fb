//! The drain while it runs: a region that is redrawn on a terminal, one line per change elsewhere.

use std::collections::BTreeMap;

use cluster_model::text::{count, span};
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Line, Live, Ui};

use super::cause;
use crate::estimate::{seconds_left, seconds_left_at_pace};
use crate::execute::Reporter;
use crate::execute::cause::Blocker;
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
            self.blocked.insert(budget.clone(), cause::budget_status(reason, unhealthy.as_deref()));
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
        let at_most = seconds_left(engine.pods(), now);
        let header = header(stopping, blocked, at_most, seconds_left_at_pace(engine.pods(), now));
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

/// What there is to say: no pod and no second is nothing.
fn header(stopping: usize, blocked: usize, at_most: Option<i64>, at_pace: Option<i64>) -> Line {
    let remaining = match (at_pace, at_most) {
        (Some(left), most) => Some(("about", most.map_or(left, |most| left.min(most)))),
        (None, most) => most.map(|most| ("at most", most)),
    };
    let parts = [
        (stopping > 0).then(|| Line::from(format!("{stopping} stopping"))),
        (blocked > 0).then(|| Line::new().warn(format!("{blocked} blocked"))),
        remaining
            .filter(|(_, seconds)| *seconds > 0)
            .map(|(about, seconds)| Line::new().dim(format!("{about} {} remaining", span(seconds)))),
    ];
    let join = |line: Line, part: Line| if line.is_empty() { part } else { line.dim(" · ").then(part) };
    parts.into_iter().flatten().fold(Line::new(), join)
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
        Event::Blocked { pod, by } => {
            Line::new().plain(format!("{pod} ")).warn("blocked").plain(format!(": {}", cause::blocker(by)))
        }
        Event::BudgetBlocks { budget, reason, unhealthy, waiting } => {
            blocked(&cause::budget(budget), &cause::budget_status(reason, unhealthy.as_deref()), *waiting)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::cause::{
        BudgetReason, FailureReason, NodeProblem, NodeReason, NotEvicted, RemainReason, Stall, WaitsFor,
    };

    use cluster_model::disruption_budget::Rule;
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

    const POD: &str = "shop/web-1";

    fn text(lines: impl IntoIterator<Item = String>) -> String {
        lines.into_iter().collect::<Vec<_>>().join("\n")
    }

    fn events(events: Vec<Event>) -> String {
        text(events.iter().map(|event| line(event).text()))
    }

    #[test]
    fn the_header_says_only_what_there_is() {
        for (stopping, blocked, at_most, at_pace, expected) in [
            (2, 0, Some(30), None, "2 stopping · at most 30s remaining"),
            (2, 0, Some(30), Some(40), "2 stopping · about 30s remaining"),
            (2, 0, None, Some(5), "2 stopping · about 5s remaining"),
            (2, 1, None, None, "2 stopping · 1 blocked"),
            (1, 0, Some(0), None, "1 stopping"),
            (0, 0, Some(0), None, ""),
        ] {
            assert_eq!(header(stopping, blocked, at_most, at_pace).text(), expected);
        }
    }

    #[test]
    fn events_of_nodes_and_the_server() {
        let (node, message) = (|| "n1".to_owned(), || "connection refused".to_owned());
        let all = vec![
            Event::Cordoned { node: node(), before: false },
            Event::Cordoned { node: node(), before: true },
            Event::ServerUnavailable { message: message() },
            Event::RequestNotSent { message: message() },
            Event::ServerAvailable,
            Event::Drained { node: node(), gone: 1, ignored: 2 },
            Event::NotDrained { node: node(), gone: 2, left: 1 },
        ];
        insta::assert_snapshot!(events(all), @r"
        node/n1 cordoned
        node/n1 already cordoned
        waiting for the API server: connection refused
        waiting for this machine: connection refused
        the API server is back; the drain continues
        node/n1 drained: 1 pod gone, 2 ignored
        node/n1 not drained: 2 pods gone, 1 remaining
        ");
    }

    #[test]
    fn events_of_pods() {
        let pod = || POD.to_owned();
        let all = vec![
            Event::Evicted { pod: pod(), grace_seconds: 90 },
            Event::Terminating { pod: pod() },
            Event::Gone { pod: pod(), took_seconds: 1.25 },
            Event::Blocked { pod: pod(), by: Blocker::ServerBusy },
            Event::Stuck {
                pod: pod(),
                by: Blocker::Finalizers(vec!["example.com/a".into(), "example.com/b".into()]),
            },
            Event::Stuck { pod: pod(), by: Blocker::Kubelet },
            Event::Failed { pod: pod(), reason: FailureReason::Refused { message: "invalid".into() } },
            Event::Late { pod: pod() },
            Event::Remaining { pod: pod(), reason: RemainReason::AfterDrained },
            Event::Awaited { pod: pod(), node: "n1".into() },
        ];
        insta::assert_snapshot!(events(all), @r"
        evicting pod shop/web-1 (grace period 1m30s)
        shop/web-1 was deleted by someone else
        shop/web-1 gone after 1.2s
        shop/web-1 blocked: the API server is busy
        shop/web-1 stuck: past its grace period; blocked by finalizer example.com/a, example.com/b
        shop/web-1 stuck: past its grace period; it has no finalizer; check the node's kubelet and its volumes
        shop/web-1 failed: invalid
        shop/web-1 was scheduled here after planning; it is evicted too
        shop/web-1 not evicted: came after the node was found drained
        waiting for shop/web-1: its volume is being provisioned on node/n1, where it will be bound
        ");
    }

    #[test]
    fn events_of_budgets() {
        let rule = || Rule::MinAvailable(IntOrString::Int(2));
        let needs = |even_if_all_are_healthy| BudgetReason::Needs {
            rule: rule(),
            desired: 2,
            healthy: 1,
            expected: 3,
            even_if_all_are_healthy,
        };
        let event = |reason, unhealthy: Option<&str>, waiting| Event::BudgetBlocks {
            budget: "shop/web".into(),
            reason,
            unhealthy: unhealthy.map(str::to_owned),
            waiting,
        };
        let all = vec![
            event(needs(false), Some("shop/web-9 (ImagePullBackOff, on n2)"), 2),
            event(needs(true), None, 1),
            event(BudgetReason::Stale { rule: rule() }, None, 1),
            event(BudgetReason::SyncFailed { rule: rule(), message: "no scale".into() }, None, 1),
        ];
        insta::assert_snapshot!(events(all), @r"
        blocked by PDB shop/web: minAvailable 2: needs 2 healthy, has 1 of 3; not Ready: shop/web-9 (ImagePullBackOff, on n2) (2 pods waiting)
        blocked by PDB shop/web: minAvailable 2: needs 2 healthy, has 1 of 3; it allows none even with all 3 healthy (1 pod waiting)
        blocked by PDB shop/web: minAvailable 2: its controller has not caught up with it (1 pod waiting)
        blocked by PDB shop/web: minAvailable 2: cannot be computed: no scale (1 pod waiting)
        ");
    }

    #[test]
    fn causes() {
        let by = || Blocker::Budget("shop/web".into());
        let blockers = [
            by(),
            Blocker::Webhook { message: "denied the request".into() },
            Blocker::NamespaceTerminating,
            Blocker::NotFound,
            Blocker::PreconditionFailed,
            Blocker::NoLongerSelected,
            Blocker::StillListed,
            Blocker::NotTerminating,
        ];
        let failures = [
            FailureReason::Attempts { count: 500, last: Some(by()) },
            FailureReason::Attempts { count: 500, last: None },
            FailureReason::SeveralBudgets(vec!["shop/a".into(), "shop/b".into()]),
        ];
        let remain = [
            RemainReason::NotProvisioned,
            RemainReason::CameLate(NotEvicted::KeepsRecreating),
            RemainReason::CameLate(NotEvicted::Recreated { why: "it tolerates the cordon".into() }),
            RemainReason::Changed(NotEvicted::IgnoresCordon),
            RemainReason::Changed(NotEvicted::Finding { message: "has no controller".into() }),
        ];
        let node = [
            NodeReason::Problem(NodeProblem::Gone),
            NodeReason::Problem(NodeProblem::Uncordoned),
            NodeReason::Recreated { pod: POD.into(), why: "it tolerates the cordon".into() },
        ];
        let waits = [WaitsFor::Blocker(by()), WaitsFor::Termination(None), WaitsFor::Request];
        let stall = Stall { pods: waits.into_iter().map(|what| (POD.to_owned(), what)).collect(), more: 2 };
        let all = blockers.iter().map(cause::blocker).chain(failures.iter().map(cause::failure));
        let all = all.chain(remain.iter().map(cause::remains)).chain(node.iter().map(cause::node));
        insta::assert_snapshot!(text(all.chain([cause::stall(&stall)])), @r"
        PDB shop/web
        denied the request
        its namespace is being deleted
        the server returned NotFound
        its precondition failed
        no longer matches --pod-selector
        was reported as deleted but is still listed
        its eviction was accepted but it is not terminating
        not evicted after 500 attempts: PDB shop/web
        not evicted after 500 attempts: the server
        selected by several budgets: shop/a, shop/b
        may still be bound here: its volume was not provisioned in time
        came after the plan: its controller keeps recreating pods here although the node is cordoned
        came after the plan: it tolerates the cordon
        has changed since the plan: it was bound here although the node is cordoned
        has changed since the plan: has no controller
        was deleted, or is another node of that name now
        was uncordoned by someone else
        shop/web-1 will come back: it tolerates the cordon
        shop/web-1 (blocked by PDB shop/web); shop/web-1 (terminating); shop/web-1 (eviction not requested yet); and 2 more
        ");
    }
}
