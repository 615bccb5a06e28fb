//! Passes answers and watch events to the engine, and reports when the server cannot be reached.

use cluster_model::{DisruptionBudget, Inventory, NodeExt, PodExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Failure, Feed, ServerHealth};

use super::engine::{Engine, NodeNow, Ticket};
use super::event::Event;
use super::reporter::Reporter;
use plugin_client::api::eviction::EvictionAnswer;

#[expect(clippy::large_enum_variant, reason = "each is taken apart at once")]
pub(super) enum Answer {
    EvictAnswered { ticket: Ticket, uid: String, verdict: EvictionAnswer },
    EvictNotSent { ticket: Ticket, uid: String },
    PodRead { uid: String, found: Result<Option<Pod>, Failure> },
    PodContextRead { uid: String, alone: Inventory },
    NodeRead { ticket: Ticket, node: String, found: Result<NodeNow, Failure> },
    BudgetPodsListed { budget: String, pods: Vec<Pod> },
}

#[expect(clippy::large_enum_variant, reason = "each is taken apart at once")]
pub(super) enum WatchEvent {
    Node(String, Result<Feed<Node>, Failure>),
    Pod(String, Result<Feed<Pod>, Failure>),
    Budget(Result<Feed<PodDisruptionBudget>, Failure>),
}

/// An error is final: the server revoked the right to read.
pub(super) fn on_answer(
    engine: &mut Engine,
    answer: Answer,
    now: Timestamp,
    health: &mut ServerHealth,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    match answer {
        Answer::EvictAnswered { ticket, uid, verdict: EvictionAnswer::Denied { message } }
            if health.is_starting() =>
        {
            engine.evict_answered(ticket, &uid, EvictionAnswer::Unknown { message }, now);
        }
        Answer::EvictAnswered { ticket, uid, verdict } => engine.evict_answered(ticket, &uid, verdict, now),
        Answer::EvictNotSent { ticket, uid } => engine.evict_not_sent(ticket, &uid, now),
        Answer::PodRead { uid, found } => engine.pod_read(&uid, read(found, health, reporter)?, now),
        Answer::PodContextRead { uid, alone } => engine.pod_context_read(&uid, &alone, now),
        Answer::NodeRead { ticket, node, found } => {
            engine.node_read(ticket, &node, read(found, health, reporter)?, now)
        }
        Answer::BudgetPodsListed { budget, pods } => engine.budget_pods_listed(&budget, &pods),
    }
    Ok(())
}

/// An error is final: the server revoked the right to watch.
pub(super) fn on_watch_event(
    engine: &mut Engine,
    event: WatchEvent,
    now: Timestamp,
    health: &mut ServerHealth,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    match event {
        // A server that is just starting refuses everybody for a moment.
        WatchEvent::Node(_, Err(_)) if health.is_starting() => return Ok(()),
        WatchEvent::Node(node, feed) => match feed? {
            Feed::Synced(nodes) => engine.node_seen(&node, cordoned(engine, &node, nodes.first())),
            Feed::Applied(seen) => engine.node_seen(&node, cordoned(engine, &node, Some(&seen))),
            Feed::Deleted(_) => engine.node_seen(&node, None),
            Feed::Interrupted(failure) => {
                server_failed(health, &failure, reporter);
                return Ok(());
            }
        },
        WatchEvent::Pod(node, feed) => match feed? {
            Feed::Synced(pods) => engine.pods_synced(&node, pods, now),
            Feed::Applied(pod) => engine.pod_seen(&node, pod, now),
            Feed::Deleted(pod) => engine.pod_gone(pod.uid(), now),
            Feed::Interrupted(failure) => {
                server_failed(health, &failure, reporter);
                return Ok(());
            }
        },
        // Watching budgets is a convenience: the server enforces them, and its answers name them.
        WatchEvent::Budget(Err(_)) => engine.budgets_unreadable(),
        WatchEvent::Budget(Ok(feed)) => match feed {
            Feed::Synced(budgets) => {
                engine.budgets_synced(budgets.into_iter().map(DisruptionBudget::from).collect(), now)
            }
            Feed::Applied(budget) => engine.budget_seen(budget.into(), now),
            Feed::Deleted(budget) => engine.budget_gone(DisruptionBudget::from(budget).key()),
            Feed::Interrupted(failure) => {
                server_failed(health, &failure, reporter);
                return Ok(());
            }
        },
    }
    server_answered(health, reporter);
    Ok(())
}

/// What was read, or why nothing was learnt. A refusal is final unless the server is just starting.
fn read<T>(
    found: Result<T, Failure>,
    health: &mut ServerHealth,
    reporter: &mut dyn Reporter,
) -> Result<Result<T, String>, Failure> {
    match found {
        Ok(found) => {
            server_answered(health, reporter);
            Ok(Ok(found))
        }
        Err(failure) if matches!(failure.code, Some(401 | 403)) => {
            if health.is_starting() {
                Ok(Err(failure.to_string()))
            } else {
                Err(failure)
            }
        }
        Err(failure) => {
            server_failed(health, &failure, reporter);
            Ok(Err(failure.to_string()))
        }
    }
}

/// No answer from the server.
fn server_failed(health: &mut ServerHealth, failure: &Failure, reporter: &mut dyn Reporter) {
    if failure.local {
        if health.failed_here() {
            reporter.event(&Event::RequestNotSent { message: failure.to_string() });
        }
    } else if health.failed() {
        reporter.event(&Event::ServerUnavailable { message: failure.to_string() });
    }
}

/// An answer from the server.
fn server_answered(health: &mut ServerHealth, reporter: &mut dyn Reporter) {
    if health.answered() {
        reporter.event(&Event::ServerAvailable);
    }
}

/// `None` also for another node of that name.
fn cordoned(engine: &Engine, name: &str, node: Option<&Node>) -> Option<bool> {
    node.filter(|node| node.uid() == engine.node_uid(name)).map(NodeExt::is_cordoned)
}
