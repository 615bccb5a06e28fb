//! The drain as a state machine: objects, answers and time go in, requests come out.
//! Pure, so that every order of events can be tested; `execute` connects it to the API server.

mod answers;
mod budgets;
mod command;
mod drained;
mod late_pods;
pub mod limits;
mod node;
mod node_state;
mod observed_pods;
mod pod_state;
mod pod_table;
mod stalled;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use cluster_model::pod::Tier;
use cluster_model::{DisruptionBudget, Inventory, Known, PodExt};

use crate::execute::cause::{BudgetReason, FailureReason, Stall, Stop};
use crate::execute::event::Event;
use crate::options::Options;
use crate::plan::Plan;
use budgets::{Budgets, EvictionSlot};
pub use command::{Command, Ticket};
pub use drained::NodeNow;

use node_state::NodeState;
pub use pod_state::{Phase, PodState};
use pod_table::PodTable;

pub struct Engine {
    options: Options,
    nodes: Vec<NodeState>,
    pods: PodTable,
    budgets: Budgets,
    stopped: Option<Stop>,
    stalled: Option<Stall>,
    /// When a pod was last gone, or a budget that blocks pods last moved in their favour.
    progress: Timestamp,
    tickets: Ticket,
    events: Vec<Event>,
}

impl Engine {
    /// Takes the inventory's pods over: from here on they are kept up to date here.
    pub fn new(plan: &Plan, inventory: Inventory, options: Options, cordoned_at: Timestamp) -> Self {
        let mut engine = Engine {
            options,
            nodes: plan.nodes.iter().map(|n| NodeState::new(&n.name, &n.uid, cordoned_at)).collect(),
            pods: PodTable::default(),
            budgets: Budgets::new(match inventory.budgets {
                Known::Seen(budgets) => Some(budgets.into_iter().collect()),
                Known::Unknown(_) => None,
            }),
            stopped: None,
            stalled: None,
            progress: cordoned_at,
            tickets: 0,
            events: Vec::new(),
        };
        let awaited = match inventory.awaited {
            Known::Seen(awaited) => awaited,
            Known::Unknown(_) => Vec::new(),
        };
        let unselected: BTreeSet<String> = inventory.unselected.iter().map(|p| p.uid().to_owned()).collect();
        let pods = inventory.pods.into_iter().chain(inventory.unselected);
        let pods = pods.chain(awaited.into_iter().map(|(_, pod)| pod));
        let mut pods: BTreeMap<String, Pod> = pods.map(|pod| (pod.uid().to_owned(), pod)).collect();
        for (index, node) in plan.nodes.iter().enumerate() {
            for step in &node.steps {
                if let Some(pod) = pods.remove(&step.uid) {
                    let mut state = PodState::planned(step.clone(), index, pod, cordoned_at);
                    state.unselected = unselected.contains(&step.uid);
                    engine.pods.add(state);
                }
            }
        }
        engine
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Pods in the order of the plan, a node's late ones last.
    pub fn pods(&self) -> impl Iterator<Item = &PodState> {
        self.pods.iter()
    }

    pub fn pods_of(&self, node: &str) -> impl Iterator<Item = &PodState> {
        self.index(node).into_iter().flat_map(|index| self.pods.of_node(index))
    }

    fn index(&self, node: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.name == node)
    }

    /// No new requests from here on; what is in flight is answered still.
    pub fn stop(&mut self, why: Stop) {
        self.stopped.get_or_insert(why);
    }

    pub fn stopped(&self) -> Option<&Stop> {
        self.stopped.as_ref()
    }

    pub fn is_done(&self) -> bool {
        self.stopped.is_some() || self.nodes.iter().all(NodeState::is_over)
    }

    /// A pod whose answer was lost counts until it was read: a server that does not answer is not sent all the others too.
    fn requests_in_flight(&self) -> usize {
        let in_flight = |p: &&PodState| matches!(p.phase, Phase::Evicting | Phase::OutcomeUnknown { .. });
        self.current_pods().iter().filter(in_flight).count()
    }

    /// Nodes go one after another.
    fn current(&self) -> Option<usize> {
        self.nodes.iter().position(|n| n.end.is_none())
    }

    /// The node whose pods are being evicted now.
    pub fn current_node(&self) -> Option<&str> {
        self.current().map(|node| self.nodes[node].name.as_str())
    }

    /// The pods of the current node: those of the nodes before it are done with, those of the nodes after it have their turn later.
    fn current_pods(&self) -> &[PodState] {
        self.current().map(|node| self.pods.of_node(node)).unwrap_or_default()
    }

    fn current_pods_mut(&mut self) -> &mut [PodState] {
        match self.current() {
            Some(node) => self.pods.of_node_mut(node),
            None => &mut [],
        }
    }

    /// The requests to make now. Call it after every input and when `wake_at` has come.
    pub fn next(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        self.notice_overdue(now);
        self.notice_stall(now);
        if self.stopped.is_some() || self.stalled.is_some() {
            return commands;
        }
        let Some(node) = self.current() else { return self.confirm(now) };
        // Tier after tier.
        let open = self.pods.of_node(node).iter().filter(|p| p.phase.is_open());
        let tier = open.map(|p| p.step.tier).min();
        commands.extend(self.read_node(node, tier.is_none(), now));
        for pod in self.pods.of_node_mut(node) {
            match pod.phase {
                Phase::OutcomeUnknown { not_before, reading: false } if not_before <= now => {
                    pod.phase = Phase::OutcomeUnknown { not_before, reading: true };
                    commands.push(pod.get());
                }
                Phase::Late { reading: false } => {
                    pod.phase = Phase::Late { reading: true };
                    commands.push(pod.get_context());
                }
                _ => {}
            }
        }
        if let Some(tier) = tier.filter(|_| self.nodes[node].may_evict()) {
            commands.extend(self.evictions(node, tier, now));
        }
        let unreported = self.budgets.unreported(self.pods.of_node(node), now);
        commands.extend(unreported.into_iter().map(|budget| Command::ListBudgetPods { budget }));
        commands
    }

    /// Low priority before high: a pod is evicted once each of lower priority in its tier has had its first answer, or is
    /// blocked by its budget without one.
    fn evictions(&mut self, node: usize, tier: Tier, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut free = self.options.concurrency.max(1).saturating_sub(self.requests_in_flight());
        let is_open = |p: &&PodState| p.step.tier == tier && p.phase.is_open();
        let open = self.pods.of_node(node).iter().filter(is_open);
        let mut uids: Vec<(i32, String)> = open.map(|p| (p.step.priority, p.step.uid.clone())).collect();
        // Pods of one priority stay in the order of the plan.
        uids.sort_by_key(|(priority, _)| *priority);
        let mut unanswered: Option<i32> = None;
        for (priority, uid) in uids {
            if unanswered.is_some_and(|lower| lower < priority) {
                break;
            }
            let ticket = self.ticket();
            let Some(pod) = self.pods.get_mut(&uid) else { continue };
            let is_due = matches!(pod.phase, Phase::Waiting { not_before } if not_before <= now);
            let mut is_blocked = false;
            if is_due && free > 0 {
                match self.budgets.slot(pod, self.options.disable_eviction, now) {
                    EvictionSlot::Free => match pod.evict(ticket, now) {
                        Ok(evict) => {
                            free -= 1;
                            commands.push(evict);
                        }
                        Err(why) => self.fail(&uid, why),
                    },
                    // The first refusal may come from the budget's own status: no request is wasted on it.
                    EvictionSlot::Closed(by) => {
                        pod.set_blocked(by, now);
                        is_blocked = true;
                    }
                    EvictionSlot::Taken => {}
                    EvictionSlot::SeveralBudgets(keys) => {
                        self.fail(&uid, FailureReason::SeveralBudgets(keys))
                    }
                }
            }
            if !is_blocked && self.pods.get(&uid).is_some_and(PodState::awaits_first_answer) {
                unanswered.get_or_insert(priority);
            }
        }
        commands
    }

    /// When `next` is to be called again without any input.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let current = self.current_pods();
        let pods = current.iter().filter_map(|p| p.wake_at(self.options.skip_wait_for_delete));
        let nodes = self.nodes.iter().filter_map(NodeState::wake_at);
        let budgets = self.budgets.wake_at(current, now);
        // `next` has handled what is due already, or it waits for an input.
        pods.chain(nodes).chain(budgets).chain(self.stalls_at()).filter(|at| *at > now).min()
    }

    pub fn budget_seen(&mut self, budget: DisruptionBudget, now: Timestamp) {
        let mut waits = false;
        for pod in self.current_pods_mut().iter_mut().filter(|p| p.is_waiting() && budget.selects(&p.pod)) {
            waits = true;
            // "Still being processed" ends as soon as the budget moves, not after the ten seconds the server suggests.
            if let (true, Phase::Waiting { not_before }) = (pod.waits_for_budget, &mut pod.phase) {
                *not_before = now;
            }
        }
        let before = self.budgets.get(budget.key()).map(|b| (b.allowed, b.healthy));
        if waits
            && before.is_none_or(|(allowed, healthy)| budget.allowed > allowed || budget.healthy > healthy)
        {
            self.progress = now;
        }
        self.budgets.seen(budget);
    }

    pub fn budget(&self, key: &str) -> Option<&DisruptionBudget> {
        self.budgets.get(key)
    }

    pub fn budget_status(&self, key: &str) -> Option<(BudgetReason, Option<&str>)> {
        self.budgets.status(key)
    }

    /// The answer to `Command::ListBudgetPods`: reported now, in one line with the reason.
    pub fn budget_pods_listed(&mut self, budget: &str, pods: &[Pod]) {
        let node = self.current();
        let blocked = node.map(|node| self.pods.of_node(node)).unwrap_or_default();
        self.events.extend(self.budgets.report(budget, pods, blocked));
    }

    pub fn budget_gone(&mut self, key: &str) {
        self.budgets.gone(key);
    }

    pub fn budgets_synced(&mut self, budgets: Vec<DisruptionBudget>, now: Timestamp) {
        self.budgets.retain(&budgets);
        for budget in budgets {
            self.budget_seen(budget, now);
        }
    }

    /// Budgets cannot be watched any more; from here on only the answers to evictions show their state.
    pub fn budgets_unreadable(&mut self) {
        self.budgets = Budgets::new(None);
    }

    /// The pods of a node that are not known to be gone.
    fn present(&self, node: usize) -> BTreeSet<String> {
        let there = self.pods.of_node(node).iter().filter(|p| p.phase != Phase::Gone);
        there.map(|p| p.step.uid.clone()).collect()
    }
}
