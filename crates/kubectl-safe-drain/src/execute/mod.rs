//! Carries a plan out: passes answers and watch events to the engine and sends its requests. All decisions are the engine's.

pub mod cause;
pub mod engine;
pub mod event;
pub mod own_cordon;
pub mod requests;
pub mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cluster_model::{DisruptionBudget, Inventory, NodeExt, PodExt};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::{Clock, Cluster, Failure, Feed, ServerHealth};
use tokio::sync::Semaphore;

use crate::gather::{self, Awaited, Scope};
use crate::options::Options;
use crate::plan::Plan;
use cause::{NodeProblem, Stall, Stop};
use engine::{Command, Engine, NodeNow, Ticket};
use event::Event;
use requests::EvictionRequest;
use verdict::Verdict;

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// Every node was read again at its end.
    Finished,
    Interrupted,
    Timeout,
    /// A node was uncordoned by someone else, or deleted.
    Stopped {
        node: String,
        problem: NodeProblem,
    },
    /// No progress for too long.
    Stalled(Stall),
    /// The server revoked a right or the credentials.
    Failed(Failure),
}

/// Shows the drain.
pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something changed, or time passed.
    fn draw(&mut self, engine: &Engine, now: Timestamp);
}

#[expect(clippy::large_enum_variant, reason = "each is taken apart at once")]
enum Answer {
    EvictAnswered { ticket: Ticket, uid: String, verdict: Verdict },
    EvictNotSent { ticket: Ticket, uid: String },
    PodRead { uid: String, found: Result<Option<Pod>, Failure> },
    PodContextRead { uid: String, alone: Inventory },
    NodeRead { ticket: Ticket, node: String, found: Result<NodeNow, Failure> },
    BudgetPodsListed { budget: String, pods: Vec<Pod> },
}

#[expect(clippy::large_enum_variant, reason = "each is taken apart at once")]
enum WatchEvent {
    Node(String, Result<Feed<Node>, Failure>),
    Pod(String, Result<Feed<Pod>, Failure>),
    Budget(Result<Feed<PodDisruptionBudget>, Failure>),
}

pub struct Drain<'a> {
    pub cluster: &'a Cluster,
    pub options: &'a Options,
    pub scope: &'a Scope<'a>,
    pub clock: Clock,
    /// Over everything; `None` waits for ever.
    pub deadline: Option<Instant>,
}

/// After the end of a run, so long is waited for answers to requests in flight.
const SETTLE_ANSWERS: Duration = Duration::from_millis(700);
/// What was decided longer ago is decided again on what is there now: the program was stopped meanwhile, or the machine slept.
const STALE: Duration = Duration::from_secs(2);
/// A live view moves even when nothing happens.
const FRAME: Duration = Duration::from_millis(200);

impl Drain<'_> {
    pub async fn run(
        &self,
        plan: &Plan,
        inventory: Inventory,
        interrupted: impl Future<Output = ()>,
        reporter: &mut dyn Reporter,
    ) -> (Engine, End) {
        let started = self.clock.now();
        // A node that was cordoned long ago is known to every scheduler.
        let cordoned_at = if plan.nodes.iter().all(|n| n.cordoned_before) {
            started - engine::limits::SETTLE
        } else {
            started
        };
        let mut engine = Engine::new(plan, inventory, self.options.clone(), cordoned_at);
        let mut budgets = gather::budget_feed(self.cluster, self.scope).map(WatchEvent::Budget).fuse();
        // One node at a time: it has to stay cordoned, and its pods are evicted now. The others are read when their turn comes.
        let mut current: Option<(String, BoxStream<'static, WatchEvent>)> = None;
        let mut requests: FuturesUnordered<BoxFuture<'_, Answer>> = FuturesUnordered::new();
        let mut health = ServerHealth::default();
        // A reading is two requests at a time.
        let readings = Arc::new(Semaphore::new((self.options.concurrency / 2).max(1)));
        let over = Arc::new(AtomicBool::new(false));
        let mut interrupted = std::pin::pin!(interrupted.fuse());
        let mut frame = tokio::time::interval(FRAME);
        frame.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut woke_at = SystemTime::now();
        let end = loop {
            if is_stale(woke_at) {
                engine.was_paused();
            }
            let commands = engine.next(self.clock.now());
            let awaited = self.awaited(&commands);
            for command in commands {
                requests.push(self.request(command, &engine, &over, awaited.as_ref(), &readings));
            }
            for event in engine.take_events() {
                reporter.event(&event);
            }
            match engine.stopped() {
                Some(Stop::Forbidden { message }) => {
                    break End::Failed(
                        Failure::failed("the server forbade an eviction")
                            .cause(message)
                            .hint("evicted pods stay evicted; the report lists the state of each pod"),
                    );
                }
                Some(Stop::Node { name, problem }) => {
                    break End::Stopped { node: name.clone(), problem: *problem };
                }
                Some(Stop::Ended) | None => {}
            }
            if let Some(stall) = engine.stalled() {
                break End::Stalled(stall.clone());
            }
            if engine.is_done() {
                break End::Finished;
            }
            let node = engine.current_node();
            if current.as_ref().map(|(name, _)| name.as_str()) != node {
                current = node.map(|name| (name.to_owned(), self.watch(name)));
            }
            let alarm = self.alarm(engine.wake_at(self.clock.now()));
            tokio::select! {
                biased;
                () = &mut interrupted => break End::Interrupted,
                () = at(self.deadline) => break End::Timeout,
                // Before any request is sent: it may say that the node was uncordoned.
                Some(event) = next_of(&mut current) => {
                    if let Err(failure) = self.on_watch_event(&mut engine, event, &mut health, reporter) {
                        break End::Failed(failure);
                    }
                }
                Some(answer) = requests.next() => {
                    if let Err(failure) = self.on_answer(&mut engine, answer, &mut health, reporter) {
                        break End::Failed(failure);
                    }
                }
                Some(event) = budgets.next() => {
                    if let Err(failure) = self.on_watch_event(&mut engine, event, &mut health, reporter) {
                        break End::Failed(failure);
                    }
                }
                () = at(alarm) => {}
                _ = frame.tick() => {}
            }
            woke_at = SystemTime::now();
            reporter.draw(&engine, self.clock.now());
        };
        over.store(true, Ordering::Relaxed);
        engine.stop(Stop::Ended);
        if !matches!(end, End::Finished) {
            self.settle(&mut engine, &mut requests, &mut health, reporter).await;
        }
        for event in engine.take_events() {
            reporter.event(&event);
        }
        (engine, end)
    }

    /// A node and its pods.
    fn watch(&self, name: &str) -> BoxStream<'static, WatchEvent> {
        let (of_node, of_pod) = (name.to_owned(), name.to_owned());
        let node =
            gather::node_feed(self.cluster, name).map(move |feed| WatchEvent::Node(of_node.clone(), feed));
        let pods = gather::pod_feed(self.cluster, name, self.scope)
            .map(move |feed| WatchEvent::Pod(of_pod.clone(), feed));
        stream::select(node, pods).boxed()
    }

    /// What is still to be bound, to all the nodes that are to be read now for the last time.
    fn awaited(&self, commands: &[Command]) -> Option<Awaited<'_>> {
        let last = commands.iter().filter_map(|command| match command {
            Command::VerifyNode { node, last: true, .. } => Some(node.clone()),
            _ => None,
        });
        let nodes: Vec<String> = last.collect();
        (!nodes.is_empty()).then(|| gather::awaited_on(self.cluster, nodes, self.scope))
    }

    /// An eviction that the run has decided on is not sent any more when the run is over, or was stopped in between.
    fn request<'a>(
        &'a self,
        command: Command,
        engine: &Engine,
        over: &Arc<AtomicBool>,
        awaited: Option<&Awaited<'a>>,
        readings: &Arc<Semaphore>,
    ) -> BoxFuture<'a, Answer> {
        match command {
            Command::Evict { ticket, uid, namespace, name, action } => {
                let grace_seconds = self.options.grace_period;
                let request = EvictionRequest {
                    namespace,
                    name,
                    uid: uid.clone(),
                    action,
                    grace_seconds,
                    dry_run: false,
                };
                let (over, decided_at) = (Arc::clone(over), SystemTime::now());
                async move {
                    if over.load(Ordering::Relaxed) || is_stale(decided_at) {
                        return Answer::EvictNotSent { ticket, uid };
                    }
                    Answer::EvictAnswered {
                        ticket,
                        uid,
                        verdict: requests::evict(self.cluster, &request).await,
                    }
                }
                .boxed()
            }
            Command::GetPod { uid, namespace, name, node } => async move {
                Answer::PodRead { uid, found: gather::pod_now(self.cluster, &namespace, &name, &node).await }
            }
            .boxed(),
            Command::GetPodContext { uid, pod } => async move {
                Answer::PodContextRead { uid, alone: gather::pod_context(self.cluster, *pod).await }
            }
            .boxed(),
            Command::VerifyNode { ticket, node, last } => {
                let uid = engine.node_uid(&node).to_owned();
                let (awaited, readings) = (awaited.filter(|_| last).cloned(), Arc::clone(readings));
                async move {
                    // The semaphore is never closed.
                    let _turn = readings.acquire().await;
                    let found = gather::node_now(self.cluster, &node, &uid, self.scope, awaited).await;
                    Answer::NodeRead { ticket, node, found }
                }
                .boxed()
            }
            Command::ListBudgetPods { budget } => {
                let object = engine.budget(&budget).cloned();
                async move {
                    let pods = match object {
                        Some(object) => gather::unhealthy(self.cluster, &object).await,
                        None => Vec::new(),
                    };
                    Answer::BudgetPodsListed { budget, pods }
                }
                .boxed()
            }
        }
    }

    /// An error is final: the server revoked the right to read.
    fn on_answer(
        &self,
        engine: &mut Engine,
        answer: Answer,
        health: &mut ServerHealth,
        reporter: &mut dyn Reporter,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        match answer {
            Answer::EvictAnswered { ticket, uid, verdict: Verdict::Denied { message } }
                if health.is_starting() =>
            {
                engine.evict_answered(ticket, &uid, Verdict::Unknown { message }, now);
            }
            Answer::EvictAnswered { ticket, uid, verdict } => {
                engine.evict_answered(ticket, &uid, verdict, now)
            }
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
    fn on_watch_event(
        &self,
        engine: &mut Engine,
        event: WatchEvent,
        health: &mut ServerHealth,
        reporter: &mut dyn Reporter,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        match event {
            // A server that is just starting refuses everybody for a moment.
            WatchEvent::Node(_, Err(_)) if health.is_starting() => return Ok(()),
            WatchEvent::Node(node, feed) => match feed? {
                Feed::Synced(nodes) => engine.node_seen(&node, cordoned(engine, &node, nodes.first())),
                Feed::Applied(seen) => engine.node_seen(&node, cordoned(engine, &node, Some(&seen))),
                Feed::Deleted(_) => engine.node_seen(&node, None),
                Feed::Disturbed(failure) => {
                    server_failed(health, &failure, reporter);
                    return Ok(());
                }
            },
            WatchEvent::Pod(node, feed) => match feed? {
                Feed::Synced(pods) => engine.pods_synced(&node, pods, now),
                Feed::Applied(pod) => engine.pod_seen(&node, pod, now),
                Feed::Deleted(pod) => engine.pod_gone(pod.uid(), now),
                Feed::Disturbed(failure) => {
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
                Feed::Disturbed(failure) => {
                    server_failed(health, &failure, reporter);
                    return Ok(());
                }
            },
        }
        server_answered(health, reporter);
        Ok(())
    }

    /// Waits briefly for the answers to requests in flight: a report must not claim what was not seen.
    async fn settle(
        &self,
        engine: &mut Engine,
        requests: &mut FuturesUnordered<BoxFuture<'_, Answer>>,
        health: &mut ServerHealth,
        reporter: &mut dyn Reporter,
    ) {
        let until = tokio::time::Instant::now() + SETTLE_ANSWERS;
        while let Ok(Some(answer)) = tokio::time::timeout_at(until, requests.next()).await {
            // It is over already; why does not change any more.
            let _ = self.on_answer(engine, answer, health, reporter);
        }
        for node in engine.nodes_with_unknown_outcome() {
            let (ticket, uid) = (engine.read_once_more(&node), engine.node_uid(&node).to_owned());
            let read = gather::node_now(self.cluster, &node, &uid, self.scope, None);
            let found = tokio::time::timeout_at(until, read).await;
            if let Ok(Ok(found)) = found {
                engine.node_read(ticket, &node, Ok(found), self.clock.now());
            }
        }
        // Nodes whose turn it was not are not watched.
        let reads = stream::iter(engine.nodes_to_read()).map(|(node, uid)| async move {
            let cordoned = gather::cordoned_now(self.cluster, &node, &uid);
            (tokio::time::timeout_at(until, cordoned).await, node)
        });
        let mut reads = reads.buffer_unordered(self.options.concurrency.max(1));
        while let Some((read, node)) = reads.next().await {
            if let Ok(Ok(cordoned)) = read {
                engine.node_seen(&node, cordoned);
            }
        }
    }

    fn alarm(&self, at: Option<Timestamp>) -> Option<Instant> {
        let wait = at?.duration_since(self.clock.now()).max(SignedDuration::ZERO);
        Some(Instant::now() + Duration::try_from(wait).unwrap_or_default())
    }
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

/// By the wall clock: other clocks may stand still while the machine sleeps. That it is set costs no more than a reading.
fn is_stale(since: SystemTime) -> bool {
    since.elapsed().is_ok_and(|elapsed| elapsed >= STALE)
}

async fn next_of(current: &mut Option<(String, BoxStream<'static, WatchEvent>)>) -> Option<WatchEvent> {
    current.as_mut()?.1.next().await
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}
