//! The drain as a state machine: what is known goes in (objects, answers, time), what to ask the server comes out.
//! Pure, so that every order of events can be tested; `execute` feeds it from the wire.

mod budgets;
mod late;
mod pods;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use cluster_model::pod::Tier;
use cluster_model::{BudgetExt, PodExt, Snapshot};

use crate::execute::event::Event;
use crate::execute::verdict::Verdict;
use crate::options::Options;
use crate::plan::{Action, Plan, Step};
use budgets::{Budgets, Gateway};
pub use pods::{Phase, PodState};

/// A request the engine wants made. Each has exactly one answer: `answered`, `looked`, `relisted` or `explained`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask for the pod to go (eviction or delete, as its step says).
    Ask { uid: String, namespace: String, name: String, action: Action },
    /// Read the pod again: the last answer does not say whether it is still ours.
    Look { uid: String, namespace: String, name: String },
    /// Read the node and everything on it once more before calling it drained.
    Relist { node: String },
    /// Read the pods of a budget that says no: one that is not Ready explains why.
    Explain { budget: String },
}

/// What a re-list found.
#[derive(Clone, Debug)]
pub struct NodeNow {
    /// `None`: the node is gone.
    pub cordoned: Option<bool>,
    pub pods: Vec<Pod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodePhase {
    Draining,
    /// Everything known is gone; what is really there is being read.
    Relisting,
    Done,
}

#[derive(Debug)]
struct NodeState {
    name: String,
    phase: NodePhase,
    relist_not_before: Timestamp,
    /// A pod came after the plan: either a scheduler was late, or the cordon is no more and evicting would never end.
    suspect: bool,
    /// As last read; the cordon was seen to be made.
    cordoned: Option<bool>,
}

/// A scheduler that had not seen the cordon yet may still bind a pod; no node is called drained earlier than this after it.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(1);
/// The server asks for ten seconds when a budget has just changed; never sleep longer on one answer.
const NOT_YET_MOST: SignedDuration = SignedDuration::from_secs(10);
const BACKOFF_FIRST: SignedDuration = SignedDuration::from_millis(500);
const BACKOFF_MOST: SignedDuration = SignedDuration::from_secs(5);

pub struct Engine {
    options: Options,
    nodes: Vec<NodeState>,
    pods: BTreeMap<String, PodState>,
    /// UIDs in the order they are asked for.
    order: Vec<String>,
    budgets: Budgets,
    stopped: Option<String>,
    denied: Option<String>,
    events: Vec<Event>,
}

impl Engine {
    /// Takes the snapshot's pods over: from here on this is where they are kept up to date.
    pub fn new(plan: &Plan, mut snapshot: Snapshot, options: Options, cordoned_at: Timestamp) -> Self {
        let nodes = plan
            .nodes
            .iter()
            .map(|n| NodeState {
                name: n.name.clone(),
                phase: NodePhase::Draining,
                relist_not_before: cordoned_at + SETTLE,
                suspect: false,
                cordoned: Some(true),
            })
            .collect();
        let mut engine = Engine {
            options,
            nodes,
            pods: BTreeMap::new(),
            order: Vec::new(),
            budgets: Budgets::new(snapshot.budgets.seen().map(Vec::as_slice)),
            stopped: None,
            denied: None,
            events: Vec::new(),
        };
        for (index, node) in plan.nodes.iter().enumerate() {
            for step in &node.steps {
                if let Some(at) = snapshot.pods.iter().position(|p| p.uid() == step.uid) {
                    engine.add(step.clone(), index, snapshot.pods.swap_remove(at), cordoned_at);
                }
            }
        }
        engine
    }

    fn add(&mut self, step: Step, node: usize, pod: Pod, now: Timestamp) {
        self.order.push(step.uid.clone());
        self.pods.insert(step.uid.clone(), PodState::new(step, node, pod, now));
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Pods in the order of the plan, late ones last.
    pub fn pods(&self) -> impl Iterator<Item = &PodState> {
        self.order.iter().filter_map(|uid| self.pods.get(uid))
    }

    pub fn pods_of(&self, node: &str) -> impl Iterator<Item = &PodState> {
        let index = self.nodes.iter().position(|n| n.name == node);
        self.pods().filter(move |p| Some(p.node) == index)
    }

    /// No new requests from here on; what is in flight is answered still.
    pub fn stop(&mut self, why: impl Into<String>) {
        self.stopped.get_or_insert(why.into());
    }

    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// The server's words when it forbade an eviction.
    pub fn denied(&self) -> Option<&str> {
        self.denied.as_deref()
    }

    pub fn is_done(&self) -> bool {
        self.stopped.is_some() || self.nodes.iter().all(|n| n.phase == NodePhase::Done)
    }

    pub fn is_drained(&self, node: &str) -> bool {
        self.nodes.iter().any(|n| n.name == node && n.phase == NodePhase::Done)
    }

    pub fn is_cordoned(&self, node: &str) -> Option<bool> {
        self.nodes.iter().find(|n| n.name == node)?.cordoned
    }

    /// Nodes with pods of which it is not known whether they were evicted.
    pub fn nodes_in_doubt(&self) -> Vec<String> {
        let doubtful = |index: usize| {
            self.pods
                .values()
                .any(|p| p.node == index && matches!(p.phase, Phase::Asking | Phase::Doubtful { .. }))
        };
        self.nodes
            .iter()
            .enumerate()
            .filter(|(index, _)| doubtful(*index))
            .map(|(_, n)| n.name.clone())
            .collect()
    }

    /// A pod whose answer was lost holds its place until it was looked at: a silent server is not sent all the others too.
    fn asking(&self) -> usize {
        self.pods.values().filter(|p| matches!(p.phase, Phase::Asking | Phase::Doubtful { .. })).count()
    }

    /// Nodes go one after another; in a node, tier after tier.
    fn stage(&self) -> Option<(usize, Option<Tier>)> {
        let node = self.nodes.iter().position(|n| n.phase != NodePhase::Done)?;
        let tier =
            self.pods.values().filter(|p| p.node == node && !p.phase.is_final()).map(|p| p.step.tier).min();
        Some((node, tier))
    }

    /// What to ask for now. Call it after every input and when `wake_at` has come.
    pub fn next(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        self.notice_overdue(now);
        if self.stopped.is_some() {
            return commands;
        }
        let Some((node, tier)) = self.stage() else { return commands };
        let state = &mut self.nodes[node];
        if (tier.is_none() || state.suspect)
            && state.phase == NodePhase::Draining
            && state.relist_not_before <= now
        {
            state.phase = NodePhase::Relisting;
            commands.push(Command::Relist { node: state.name.clone() });
        }
        let suspect = state.suspect;
        let Some(tier) = tier else { return commands };
        let mut free = self.options.concurrency.max(1).saturating_sub(self.asking());
        for uid in self.order.clone() {
            let Some(pod) = self.pods.get_mut(&uid) else { continue };
            match pod.phase {
                Phase::Doubtful { not_before, looking: false } if not_before <= now => {
                    pod.phase = Phase::Doubtful { not_before, looking: true };
                    commands.push(pod.look());
                }
                Phase::Waiting { not_before }
                    if not_before <= now
                        && pod.node == node
                        && pod.step.tier == tier
                        && free > 0
                        && !suspect =>
                {
                    match self.budgets.gateway(pod, self.options.disable_eviction, now) {
                        Gateway::Open => {
                            pod.phase = Phase::Asking;
                            free -= 1;
                            commands.push(pod.ask());
                        }
                        // The first refusal may come from the budget's own status: no request is wasted on it.
                        Gateway::Shut { says } => pod.blocked_by = Some(says),
                        Gateway::Queue => {}
                        Gateway::Several { says } => self.fail(&uid, says),
                    }
                }
                _ => {}
            }
        }
        commands.extend(
            self.budgets.unexplained(&self.pods, now).into_iter().map(|budget| Command::Explain { budget }),
        );
        commands
    }

    /// When `next` may have something to say without any input.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let pods = self.pods.values().filter_map(|p| p.wake_at(self.options.skip_wait_for_delete));
        let unsure = self
            .stage()
            .map(|(node, tier)| (&self.nodes[node], tier))
            .filter(|(n, t)| t.is_none() || n.suspect);
        let nodes = unsure.filter(|(n, _)| n.phase == NodePhase::Draining).map(|(n, _)| n.relist_not_before);
        let budgets = self.budgets.wake_at(&self.pods, now);
        // What is due already was dealt with by `next`, or waits for an input.
        pods.chain(nodes).chain(budgets).filter(|at| *at > now).min()
    }

    pub fn budget_seen(&mut self, budget: PodDisruptionBudget, now: Timestamp) {
        // "Still being processed" is over as soon as the budget moves, not after the ten seconds the server suggests.
        for pod in self.pods.values_mut().filter(|p| p.waits_for_budget && budget.selects(&p.pod)) {
            if let Phase::Waiting { not_before } = &mut pod.phase {
                *not_before = now;
            }
        }
        self.budgets.seen(budget);
    }

    pub fn budget(&self, key: &str) -> Option<&PodDisruptionBudget> {
        self.budgets.get(key)
    }

    /// The answer to `Command::Explain`: said now, in one line with the reason.
    pub fn explained(&mut self, budget: &str, pods: &[Pod]) {
        self.events.extend(self.budgets.tell(budget, pods, &self.pods));
    }

    pub fn budget_gone(&mut self, key: &str) {
        self.budgets.gone(key);
    }

    pub fn budgets_synced(&mut self, budgets: Vec<PodDisruptionBudget>, now: Timestamp) {
        self.budgets.retain(&budgets);
        for budget in budgets {
            self.budget_seen(budget, now);
        }
    }

    /// Budgets cannot be followed any more; from here on the server's answers are all there is.
    pub fn budgets_unreadable(&mut self) {
        self.budgets = Budgets::new(None);
    }

    /// The answer to `Command::Ask`.
    pub fn answered(&mut self, uid: &str, verdict: Verdict, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let budget_known = self.budgets.answered(pod, &verdict, now);
        if pod.phase != Phase::Asking {
            return; // The watch was quicker than the answer.
        }
        let pause = pod.backoff();
        match verdict {
            Verdict::Accepted => {
                pod.leaves(now);
                pod.accepted = true;
                self.events
                    .push(Event::Evicted { pod: pod.step.key(), grace_seconds: pod.step.grace_seconds });
            }
            Verdict::Gone => self.gone(uid, now),
            // A budget that is watched has its own gate, and says itself what it waits for.
            Verdict::BudgetSpent { says } if budget_known => {
                pod.waits(says, now);
                pod.waits_for_budget = true;
            }
            Verdict::BudgetSpent { says } => self.blocked(uid, says, now + BACKOFF_MOST),
            Verdict::NotYet { says, retry_after } => {
                self.blocked(uid, says, now + retry_after.min(NOT_YET_MOST));
                if let Some(pod) = self.pods.get_mut(uid) {
                    pod.waits_for_budget = true;
                }
            }
            Verdict::Busy { retry_after } => {
                self.blocked(uid, "the API server is busy".into(), now + retry_after)
            }
            Verdict::NamespaceTerminating => {
                self.blocked(uid, "its namespace is being deleted".into(), now + BACKOFF_MOST)
            }
            Verdict::Webhook { says } => self.blocked(uid, says, now + BACKOFF_MOST),
            Verdict::Conflict => pod.doubts("its precondition failed".into(), now, now),
            Verdict::Unknown { says } => pod.doubts(says, now, now + pause),
            Verdict::Denied { says } => {
                pod.waits(says.clone(), now);
                self.denied = Some(says.clone());
                self.stop(says);
            }
            Verdict::SeveralBudgets { says } | Verdict::Refused { says } => self.fail(uid, says),
        }
    }

    /// Waits for something other than a watched budget; said when it is news.
    fn blocked(&mut self, uid: &str, says: String, until: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        if pod.blocked_by.as_ref() != Some(&says) {
            self.events.push(Event::Blocked { what: pod.step.key(), says: says.clone(), waiting: 1 });
        }
        pod.waits(says, until);
    }

    /// The answer to `Command::Look`: the pod of that name, if there is one; an error means that nothing was learnt.
    pub fn looked(&mut self, uid: &str, found: Result<Option<Pod>, String>, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let Phase::Doubtful { .. } = pod.phase else { return };
        let pause = pod.backoff();
        match found {
            Err(says) => pod.doubts(says, now, now + pause),
            Ok(Some(found)) if found.uid() == uid => {
                if found.is_terminating() {
                    pod.accepted = true;
                    pod.pod = found;
                    pod.leaves(now);
                    self.events
                        .push(Event::Evicted { pod: pod.step.key(), grace_seconds: pod.step.grace_seconds });
                } else if pod.gave_up(now) {
                    let says = pod.blocked_by.clone().unwrap_or_default();
                    self.fail(uid, says);
                } else {
                    let says = pod.blocked_by.clone().unwrap_or_default();
                    pod.waits(says, now + pause);
                }
            }
            // Another UID under the same name is a replacement: ours is gone, and the replacement is not ours to touch.
            Ok(_) => self.gone(uid, now),
        }
    }

    /// The answer to `Command::Relist`.
    pub fn relisted(&mut self, node: &str, found: Result<NodeNow, String>, now: Timestamp) {
        let Some(index) = self.nodes.iter().position(|n| n.name == node) else { return };
        self.nodes[index].phase = NodePhase::Draining;
        let found = match found {
            Ok(found) => found,
            // The feeds say what is wrong with the server; here it is only tried again.
            Err(_) => {
                self.nodes[index].relist_not_before = now + BACKOFF_FIRST;
                return;
            }
        };
        self.nodes[index].cordoned = found.cordoned;
        match found.cordoned {
            None => return self.stop(format!("node/{node} was deleted while it was drained")),
            Some(false) => return self.stop(format!("node/{node} was uncordoned by someone else")),
            Some(true) => {}
        }
        self.pods_synced(node, found.pods, now);
        // Those that this very reading brought came while the cordon stood.
        self.nodes[index].suspect = false;
        if self.pods.values().all(|p| p.node != index || p.phase.is_final()) {
            self.nodes[index].phase = NodePhase::Done;
            let of =
                |phase: Phase| self.pods.values().filter(|p| p.node == index && p.phase == phase).count();
            self.events.push(Event::Drained {
                node: node.into(),
                gone: of(Phase::Gone),
                kept: of(Phase::Kept),
            });
        }
    }
}
