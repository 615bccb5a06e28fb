//! One node of the drain: when it is read, and what a reading means.

use std::collections::BTreeSet;

use cluster_model::PodExt;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::command::{Command, Ticket};
use super::drained::{NodeEnd, NodeNow, judge};
use super::limits::SETTLE;
use super::node_state::{NodeSeen, NodeState};
use super::pod_state::{Phase, PodState};
use crate::execute::cause::{NodeReason, RemainReason, Stop};
use crate::execute::event::Event;

/// A controller that recreates a pod on this node does so within this time; the end waits for it, so that the pod can be named.
const RECREATED_WITHIN: SignedDuration = SignedDuration::from_secs(5);
/// A pod whose volume is being provisioned for this node is waited for so long: the scheduler gives up after ten minutes
/// (kube-scheduler's `bindTimeoutSeconds`) and then keeps away from a cordoned node.
const AWAITED_FOR: SignedDuration = SignedDuration::from_secs(11 * 60);

impl Engine {
    pub fn is_drained(&self, node: &str) -> bool {
        self.nodes.iter().any(|n| n.name == node && n.end == Some(NodeEnd::Drained) && n.confirmed)
    }

    /// Of a node of the plan.
    pub fn node(&self, node: &str) -> NodeSeen {
        let Some(index) = self.index(node) else {
            return NodeSeen {
                cordoned: None,
                is_gone: false,
                was_uncordoned: false,
                begun: false,
                was_drained: false,
                why: None,
            };
        };
        let state = &self.nodes[index];
        NodeSeen {
            cordoned: state.cordoned,
            is_gone: state.is_gone,
            was_uncordoned: state.was_uncordoned,
            begun: state.was_read,
            was_drained: state.end == Some(NodeEnd::Drained) && !state.is_gone,
            why: state.problem().map(NodeReason::Problem).or_else(|| self.recreated_here(index)),
        }
    }

    /// Why a node without remaining pods is not drained.
    fn recreated_here(&self, index: usize) -> Option<NodeReason> {
        let remains = |p: &PodState| matches!(p.phase, Phase::Remaining | Phase::Failed);
        if self.nodes[index].end != Some(NodeEnd::PodsLeft) || self.pods.of_node(index).iter().any(remains) {
            return None;
        }
        let pod = self.recreated_pods(index).next()?;
        let why = pod.step.recreation.why().unwrap_or_default().to_owned();
        Some(NodeReason::Recreated { pod: pod.step.key(), why })
    }

    /// Nodes that were not read at their end.
    pub fn nodes_to_read(&self) -> Vec<(String, String)> {
        let open = self.nodes.iter().filter(|n| !n.is_over());
        open.map(|n| (n.name.clone(), n.uid.clone())).collect()
    }

    /// Of the node that the plan is about; another node may have that name by now.
    pub fn node_uid(&self, node: &str) -> &str {
        self.index(node).map(|index| self.nodes[index].uid.as_str()).unwrap_or_default()
    }

    /// Nodes with pods of which it is not known whether they were evicted.
    pub fn nodes_with_unknown_outcome(&self) -> Vec<String> {
        let unknown = |p: &PodState| matches!(p.phase, Phase::Evicting | Phase::OutcomeUnknown { .. });
        let is_unknown = |index: usize| self.pods.of_node(index).iter().any(unknown);
        let nodes = self.nodes.iter().enumerate().filter(|(index, _)| is_unknown(*index));
        nodes.map(|(_, n)| n.name.clone()).collect()
    }

    /// The current node is read before its first eviction, when it needs a recheck, and when no pod is left to evict.
    pub(super) fn read_node(&mut self, index: usize, is_empty: bool, now: Timestamp) -> Option<Command> {
        let state = &self.nodes[index];
        let settled = (state.may_evict() && is_empty).then(|| self.settled_at(index));
        let wanted = !state.may_evict() || is_empty;
        let due = settled.into_iter().chain([state.read_not_before]).max().filter(|_| wanted);
        self.nodes[index].next_reading = due;
        due.filter(|due| *due <= now).and_then(|_| self.read(index, is_empty))
    }

    fn read(&mut self, index: usize, last: bool) -> Option<Command> {
        if self.nodes[index].reading.is_some() {
            return None;
        }
        let (ticket, present) = (self.ticket(), self.present(index));
        let state = &mut self.nodes[index];
        state.reading = Some((ticket, present));
        Some(Command::VerifyNode { ticket, node: state.name.clone(), last })
    }

    /// After the end of a run: a reading without a command.
    pub fn read_once_more(&mut self, node: &str) -> Ticket {
        let ticket = self.ticket();
        if let Some(index) = self.index(node) {
            self.nodes[index].reading = Some((ticket, self.present(index)));
        }
        ticket
    }

    /// No earlier is a node called drained: a late scheduler has had its second, and a pod that is recreated is there again.
    fn settled_at(&self, index: usize) -> Timestamp {
        let after_cordon = self.nodes[index].cordoned_at + SETTLE;
        let gone = self.pods.of_node(index).iter().filter(|p| p.accepted);
        let after_pods =
            gone.filter_map(|p| p.gone_at.filter(|_| p.step.recreation.is_possible()).map(|at| at + SETTLE));
        after_pods.chain([after_cordon]).max().unwrap_or(after_cordon)
    }

    /// The pods that were evicted here, and whose controller is certain to recreate them here.
    fn recreated_pods(&self, index: usize) -> impl Iterator<Item = &PodState> {
        self.pods.of_node(index).iter().filter(|p| p.accepted && p.step.recreation.is_certain())
    }

    /// The answer to `Command::VerifyNode`.
    pub fn node_read(&mut self, ticket: Ticket, node: &str, found: Result<NodeNow, String>, now: Timestamp) {
        let Some(index) = self.index(node) else { return };
        let is_this_one = |(requested, _): &mut (Ticket, BTreeSet<String>)| *requested == ticket;
        let Some((_, present)) = self.nodes[index].reading.take_if(is_this_one) else { return };
        let found = match found {
            Ok(found) => found,
            // The caller reports what is wrong with the server; here it is only tried again.
            Err(_) => {
                self.nodes[index].read_not_before = now + self.nodes[index].backoff();
                return;
            }
        };
        if !self.is_as_cordoned(index, found.cordoned) {
            return;
        }
        self.nodes[index].was_read = true;
        self.listed(index, &present, &found, now);
        // Pods that this reading found came while the node was cordoned.
        self.nodes[index].needs_recheck = false;
        if self.nodes[index].end.is_some() {
            return self.confirmed(index, &found);
        }
        if self.pods.of_node(index).iter().any(|p| p.phase.is_open()) {
            self.nodes[index].failed_readings = 0;
            self.nodes[index].read_not_before = now;
            return;
        }
        // Too early to be the last reading, or not meant to be.
        if found.awaited.is_none() || self.settled_at(index) > now {
            return;
        }
        self.conclude(index, &found, now);
    }

    /// No known pod is open: the list shows whether the node is drained.
    fn conclude(&mut self, index: usize, found: &NodeNow, now: Timestamp) {
        self.give_up_awaiting(index, now);
        let recreated_by =
            self.recreated_pods(index).filter_map(|p| p.gone_at).max().map(|at| at + RECREATED_WITHIN);
        let is_recreated = self.pods.of_node(index).iter().any(|p| p.phase == Phase::Remaining);
        let awaits_recreation = !is_recreated && recreated_by.is_some_and(|recreated_by| now < recreated_by);
        match judge(found, &self.pods, recreated_by.is_some()).filter(|_| !awaits_recreation) {
            Some(end) => self.end(index, end),
            None => {
                let again = now + self.nodes[index].backoff();
                self.nodes[index].read_not_before =
                    recreated_by.filter(|at| awaits_recreation && *at < again).unwrap_or(again);
            }
        }
    }

    fn give_up_awaiting(&mut self, index: usize, now: Timestamp) {
        let overdue =
            |p: &&PodState| matches!(p.phase, Phase::Awaited { since } if since + AWAITED_FOR <= now);
        let overdue = self.pods.of_node(index).iter().filter(overdue);
        let uids: Vec<String> = overdue.map(|p| p.step.uid.clone()).collect();
        for uid in uids {
            self.remains(&uid, RemainReason::NotProvisioned);
        }
    }

    fn end(&mut self, index: usize, end: NodeEnd) {
        let several = self.nodes.len() > 1;
        let is_last = self.nodes.iter().enumerate().all(|(at, n)| at == index || n.end.is_some());
        let of = |phase: Phase| self.pods.of_node(index).iter().filter(|p| p.phase == phase).count();
        let node = self.nodes[index].name.clone();
        let gone = of(Phase::Gone);
        self.events.push(match end {
            NodeEnd::Drained => Event::Drained { node, gone, ignored: of(Phase::Ignored) },
            _ => Event::NotDrained { node, gone, left: of(Phase::Remaining) + of(Phase::Failed) },
        });
        let state = &mut self.nodes[index];
        (state.end, state.failed_readings) = (Some(end), 0);
        // What was just read need not be read again.
        state.confirmed = !several || is_last;
    }

    /// All nodes had their turn. The first ones may have changed since, so each is read again.
    pub(super) fn confirm(&mut self, now: Timestamp) -> Vec<Command> {
        for node in self.nodes.iter_mut().filter(|n| !n.confirmed) {
            node.next_reading = Some(node.read_not_before);
        }
        let is_due = |n: &NodeState| !n.confirmed && n.reading.is_none() && n.read_not_before <= now;
        let due: Vec<usize> = (0..self.nodes.len()).filter(|at| is_due(&self.nodes[*at])).collect();
        due.into_iter().filter_map(|at| self.read(at, true)).collect()
    }

    fn confirmed(&mut self, index: usize, found: &NodeNow) {
        let new: Vec<String> = found
            .pods
            .iter()
            .chain(found.awaited.iter().flatten())
            .filter(|p| self.pods.get(p.uid()).is_none_or(|state| !state.phase.is_final()))
            .map(|p| p.uid().to_owned())
            .collect();
        for uid in new {
            self.remains(&uid, RemainReason::AfterDrained);
        }
        let recreated = self.recreated_pods(index).next().is_some();
        let end = judge(found, &self.pods, recreated);
        let state = &mut self.nodes[index];
        (state.end, state.confirmed) = (Some(end.unwrap_or(NodeEnd::PodsLeft)), true);
    }

    /// The program was stopped for a while: whether the node is still cordoned is read before anything more is evicted.
    pub fn was_paused(&mut self) {
        if let Some(node) = self.current() {
            self.nodes[node].require_recheck();
        }
    }

    /// The node as it was just read. One that is not cordoned any more stops the run, unless its turn is over.
    fn is_as_cordoned(&mut self, index: usize, cordoned: Option<bool>) -> bool {
        let state = &mut self.nodes[index];
        state.seen(cordoned);
        let end = match cordoned {
            Some(true) => return true,
            Some(false) => NodeEnd::Uncordoned,
            None => NodeEnd::Gone,
        };
        if state.end.is_some() {
            (state.end, state.confirmed) = (Some(end), true);
        } else {
            self.stop_for(index);
        }
        false
    }

    fn stop_for(&mut self, index: usize) {
        let state = &self.nodes[index];
        if let Some(problem) = state.problem() {
            self.stop(Stop::Node { name: state.name.clone(), problem });
        }
    }

    /// A watch event of the node, or a reading after the end of the run.
    pub fn node_seen(&mut self, node: &str, cordoned: Option<bool>) {
        let Some(index) = self.index(node) else { return };
        self.nodes[index].seen(cordoned);
        if self.nodes[index].end.is_none() {
            self.stop_for(index);
        }
    }

    #[cfg(test)]
    pub(super) fn tickets_of_readings(&self) -> std::collections::BTreeMap<String, Ticket> {
        let reading = |n: &NodeState| Some((n.name.clone(), n.reading.as_ref()?.0));
        self.nodes.iter().filter_map(reading).collect()
    }
}
