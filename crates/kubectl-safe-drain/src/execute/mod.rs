//! Carries a plan out: passes answers and watch events to the engine and sends its requests. All decisions are the engine's.

pub mod cause;
pub mod engine;
mod engine_input;
pub mod event;
pub mod own_cordon;
mod reporter;
pub mod requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cluster_model::Inventory;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::api::eviction::EvictionRequest;
use plugin_client::{Clock, Cluster, Failure, ServerHealth};
use tokio::sync::Semaphore;

use crate::gather::{self, Awaited, Scope};
use crate::options::Options;
use crate::plan::Plan;
use cause::{NodeProblem, Stall, Stop};
use engine::{Command, Engine};
use engine_input::{Answer, WatchEvent, on_answer, on_watch_event};
pub use reporter::Reporter;
use requests::Removal;

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
                // Before any request is sent: it may report that the node was uncordoned.
                Some(event) = next_of(&mut current) => {
                    if let Err(failure) = on_watch_event(&mut engine, event, self.clock.now(), &mut health, reporter) {
                        break End::Failed(failure);
                    }
                }
                Some(answer) = requests.next() => {
                    if let Err(failure) = on_answer(&mut engine, answer, self.clock.now(), &mut health, reporter) {
                        break End::Failed(failure);
                    }
                }
                Some(event) = budgets.next() => {
                    if let Err(failure) = on_watch_event(&mut engine, event, self.clock.now(), &mut health, reporter) {
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
                let eviction =
                    EvictionRequest { namespace, name, uid: uid.clone(), grace_seconds, dry_run: false };
                let removal = Removal { eviction, action };
                let (over, decided_at) = (Arc::clone(over), SystemTime::now());
                async move {
                    if over.load(Ordering::Relaxed) || is_stale(decided_at) {
                        return Answer::EvictNotSent { ticket, uid };
                    }
                    Answer::EvictAnswered {
                        ticket,
                        uid,
                        verdict: requests::remove(self.cluster, &removal).await,
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
                        Some(object) => gather::not_ready(self.cluster, &object).await.unwrap_or_default(),
                        None => Vec::new(),
                    };
                    Answer::BudgetPodsListed { budget, pods }
                }
                .boxed()
            }
        }
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
            let _ = on_answer(engine, answer, self.clock.now(), health, reporter);
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
