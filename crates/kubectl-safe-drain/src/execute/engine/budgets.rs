//! Budgets during a drain: one eviction in flight each, the next one when its watched status allows it.
//! (The server serialises evictions of one budget with up to 20 retries of 500 ms, so more in flight only slows them.)

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{BudgetStatus, DisruptionBudget, PodExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::pod_state::PodState;
use crate::checks::unhealthy_pods;
use crate::execute::cause::{Blocker, BudgetReason};
use crate::execute::event::Event;
use plugin_client::api::eviction::EvictionAnswer;

/// May the eviction of this pod be requested now?
pub(super) enum EvictionSlot {
    Free,
    /// Another pod of the same budget is being evicted.
    Taken,
    /// The budget allows nothing now.
    Closed(Blocker),
    /// The server evicts no pod of several budgets.
    SeveralBudgets(Vec<String>),
}

/// A budget that allows one disruption at a time allows none for a moment after each; it is reported when that lasts longer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// A watch event can be lost; a budget that allows nothing is probed again after this long.
const PROBE_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// The pods of a budget are listed no more often than this, whatever its status does.
const LIST_EVERY: SignedDuration = SignedDuration::from_secs(5);

struct BudgetState {
    object: DisruptionBudget,
    /// Evictions granted since the object was last seen.
    spent: i32,
    /// The UID of the pod whose eviction is under way.
    in_flight: Option<String>,
    closed_since: Option<Timestamp>,
    /// Since when pods wait for it without a break; an ordinary turn is not reported.
    blocking_since: Option<Timestamp>,
    /// What was last reported, so that it is not repeated.
    reported: Option<BudgetReason>,
    /// When its pods were last listed.
    listed_at: Option<Timestamp>,
    /// Those of them that are not Ready, as listed last.
    unhealthy: Option<String>,
}

impl BudgetState {
    fn new(object: DisruptionBudget) -> Self {
        BudgetState {
            object,
            spent: 0,
            in_flight: None,
            closed_since: None,
            blocking_since: None,
            reported: None,
            listed_at: None,
            unhealthy: None,
        }
    }

    fn reason(&self) -> BudgetReason {
        let b = &self.object;
        let rule = b.rule().clone();
        match b.status() {
            BudgetStatus::Stale => BudgetReason::Stale { rule },
            BudgetStatus::SyncFailed(message) => BudgetReason::SyncFailed { rule, message: message.clone() },
            status => BudgetReason::Needs {
                rule,
                desired: b.desired,
                healthy: b.healthy,
                expected: b.expected,
                even_if_all_are_healthy: *status == BudgetStatus::Blocked,
            },
        }
    }

    /// It has blocked pods for longer than an ordinary turn takes.
    fn blocks_for_long(&self, now: Timestamp) -> bool {
        self.closed_since.is_some() && self.blocking_since.is_some_and(|since| since + PATIENCE <= now)
    }

    fn may_list(&self, now: Timestamp) -> bool {
        self.listed_at.is_none_or(|at| at + LIST_EVERY <= now)
    }

    /// When it is to be probed, or reported.
    fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let probe = self.closed_since.map(|since| since + PROBE_EVERY);
        let report = self.blocking_since.map(|since| since + PATIENCE);
        let list = self.listed_at.map(|at| at + LIST_EVERY);
        probe.into_iter().chain(report).chain(list).filter(|at| *at > now).min()
    }
}

/// `None`: budgets cannot be read; only the answers to evictions show their state.
pub(super) struct Budgets(Option<BTreeMap<String, BudgetState>>);

impl Budgets {
    pub fn new(known: Option<Vec<DisruptionBudget>>) -> Self {
        let by_key = |b: DisruptionBudget| (b.key().to_owned(), BudgetState::new(b));
        Budgets(known.map(|all| all.into_iter().map(by_key).collect()))
    }

    pub fn seen(&mut self, budget: DisruptionBudget) {
        let Some(all) = &mut self.0 else { return };
        match all.get_mut(budget.key()) {
            Some(state) => {
                state.object = budget;
                state.spent = 0;
                state.closed_since = None;
            }
            None => {
                all.insert(budget.key().to_owned(), BudgetState::new(budget));
            }
        }
    }

    pub fn gone(&mut self, key: &str) {
        if let Some(all) = &mut self.0 {
            all.remove(key);
        }
    }

    /// Drops what is not on the list any more.
    pub fn retain(&mut self, listed: &[DisruptionBudget]) {
        let keys: BTreeSet<&str> = listed.iter().map(DisruptionBudget::key).collect();
        if let Some(all) = &mut self.0 {
            all.retain(|key, _| keys.contains(key.as_str()));
        }
    }

    /// The budgets that select the pod: their keys.
    fn of(&self, pod: &PodState) -> Vec<String> {
        let Some(all) = &self.0 else { return Vec::new() };
        let namespace = format!("{}/", pod.pod.namespace());
        let here = all.range(namespace.clone()..).take_while(|(key, _)| key.starts_with(&namespace));
        here.filter(|(_, b)| b.object.selects(&pod.pod)).map(|(key, _)| key.clone()).collect()
    }

    pub fn slot(&mut self, pod: &PodState, delete: bool, now: Timestamp) -> EvictionSlot {
        if delete {
            return EvictionSlot::Free;
        }
        let keys = self.of(pod);
        let Some(all) = &mut self.0 else { return EvictionSlot::Free };
        let [key] = keys.as_slice() else {
            // The server checks no budget for a pod that is finished, or not Ready under AlwaysAllow, however many select it.
            let counts = keys.iter().filter_map(|k| all.get(k)).any(|b| b.object.counts(&pod.pod));
            return if counts { EvictionSlot::SeveralBudgets(keys) } else { EvictionSlot::Free };
        };
        let Some(budget) = all.get_mut(key) else { return EvictionSlot::Free };
        if !budget.object.counts(&pod.pod) {
            return EvictionSlot::Free;
        }
        if budget.in_flight.is_some() {
            return EvictionSlot::Taken;
        }
        let room = matches!(*budget.object.status(), BudgetStatus::Allows(n) if n > budget.spent);
        let since = *budget.closed_since.get_or_insert(now);
        budget.blocking_since.get_or_insert(now);
        if !room && now < since + PROBE_EVERY {
            return EvictionSlot::Closed(Blocker::Budget(key.clone()));
        }
        budget.closed_since = (!room).then_some(now);
        budget.in_flight = Some(pod.step.uid.clone());
        EvictionSlot::Free
    }

    /// The watched budget of this request, if it has one.
    pub fn answered(&mut self, pod: &PodState, verdict: &EvictionAnswer, now: Timestamp) -> Option<String> {
        let mut known = None;
        for (key, budget) in self.0.iter_mut().flatten() {
            if budget.in_flight.as_deref() != Some(pod.step.uid.as_str()) {
                continue;
            }
            known = Some(key.clone());
            budget.in_flight = None;
            match verdict {
                EvictionAnswer::Accepted => {
                    budget.spent += 1;
                    budget.blocking_since = None;
                }
                // The status seen last was out of date; a change of it, or the probe, opens it again.
                EvictionAnswer::BudgetSpent { .. } => {
                    budget.spent = budget.object.allowed;
                    budget.closed_since = Some(now);
                }
                _ => {}
            }
        }
        known
    }

    /// When a budget with waiting pods is to be probed, or reported.
    pub fn wake_at(&self, pods: &[PodState], now: Timestamp) -> Option<Timestamp> {
        let budgets = self.0.iter().flat_map(BTreeMap::values);
        let mut due: Vec<_> = budgets.filter_map(|b| Some((b.wake_at(now)?, b))).collect();
        due.sort_by_key(|(at, _)| *at);
        let waits = |b: &BudgetState| pods.iter().any(|p| p.is_waiting() && b.object.selects(&p.pod));
        due.into_iter().find(|(_, b)| waits(b)).map(|(at, _)| at)
    }

    pub fn get(&self, key: &str) -> Option<&DisruptionBudget> {
        self.0.as_ref()?.get(key).map(|b| &b.object)
    }

    /// Why it blocks pods now, and its pods that were not Ready when it was last reported.
    pub fn status(&self, key: &str) -> Option<(BudgetReason, Option<&str>)> {
        let budget = self.0.as_ref()?.get(key)?;
        Some((budget.reason(), budget.unhealthy.as_deref()))
    }

    /// Budgets that block pods and whose status is not reported yet.
    pub fn unreported(&mut self, pods: &[PodState], now: Timestamp) -> Vec<String> {
        let mut keys = Vec::new();
        let blocking = self.0.iter_mut().flatten().filter(|(_, b)| b.blocks_for_long(now) && b.may_list(now));
        for (key, budget) in blocking {
            let reason = budget.reason();
            if budget.reported.as_ref() != Some(&reason) && blocked_pods(&budget.object, pods) > 0 {
                budget.reported = Some(reason);
                budget.listed_at = Some(now);
                keys.push(key.clone());
            }
        }
        keys
    }

    /// The event for a budget that blocks pods; nothing if it blocks none any more.
    pub fn report(&mut self, key: &str, members: &[Pod], pods: &[PodState]) -> Option<Event> {
        let budget = self.0.as_mut()?.get_mut(key)?;
        let waiting = blocked_pods(&budget.object, pods);
        let reason = budget.reported.clone()?;
        let unhealthy = unhealthy_pods(&budget.object, members.iter());
        budget.unhealthy = unhealthy.clone();
        (waiting > 0).then(|| Event::BudgetBlocks { budget: key.to_owned(), reason, unhealthy, waiting })
    }
}

fn blocked_pods(budget: &DisruptionBudget, pods: &[PodState]) -> usize {
    pods.iter().filter(|p| p.is_waiting() && p.blocked_by.is_some() && budget.selects(&p.pod)).count()
}
