//! Budgets during a drain: one eviction in flight each, the next one when the watch says that there is room.
//! (The server serialises evictions of one budget with up to 20 retries of 500 ms, so more in flight only slows them.)

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::BudgetExt;
use cluster_model::budget::{Gate, Standing};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::pods::{Phase, PodState};
use crate::checks::sick;
use crate::execute::event::Event;
use crate::execute::verdict::Verdict;

/// May this pod be asked for now?
pub(super) enum Gateway {
    Open,
    /// Another pod of the same budget is being asked for.
    Queue,
    Shut {
        says: String,
    },
    Several {
        says: String,
    },
}

/// A budget that lets pods go one by one is always shut for a moment; it is news when that lasts longer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// A watch event can be lost; a shut budget is asked again after this long.
const PROBE_EVERY: SignedDuration = SignedDuration::from_secs(10);

struct BudgetState {
    object: PodDisruptionBudget,
    /// Evictions granted since the object was last seen.
    spent: i32,
    /// The UID being asked for.
    asking: Option<String>,
    shut_since: Option<Timestamp>,
    /// Since when pods wait for it without a break; an ordinary turn of the queue is not worth a word.
    held_since: Option<Timestamp>,
    /// What was last said about it, so that it is not said again.
    told: Option<String>,
}

impl BudgetState {
    fn new(object: PodDisruptionBudget) -> Self {
        BudgetState { object, spent: 0, asking: None, shut_since: None, held_since: None, told: None }
    }

    fn says(&self) -> String {
        let b = &self.object;
        let state =
            format!("{}: needs {} healthy, has {} of {}", b.rule(), b.desired(), b.healthy(), b.expected());
        match b.standing() {
            Standing::Stale => format!("{}: its controller has not caught up with it", b.rule()),
            Standing::SyncFailed(why) => format!("{}: cannot be computed: {why}", b.rule()),
            Standing::Blocked => format!("{state}; it can never allow an eviction"),
            _ => state,
        }
    }
}

/// `None`: budgets cannot be read; the server's answers are all there is.
pub(super) struct Budgets(Option<BTreeMap<String, BudgetState>>);

impl Budgets {
    pub fn new(known: Option<&[PodDisruptionBudget]>) -> Self {
        Budgets(known.map(|all| all.iter().map(|b| (b.key(), BudgetState::new(b.clone()))).collect()))
    }

    pub fn seen(&mut self, budget: PodDisruptionBudget) {
        let Some(all) = &mut self.0 else { return };
        match all.get_mut(&budget.key()) {
            Some(state) => {
                state.object = budget;
                state.spent = 0;
                state.shut_since = None;
            }
            None => {
                all.insert(budget.key(), BudgetState::new(budget));
            }
        }
    }

    pub fn gone(&mut self, key: &str) {
        if let Some(all) = &mut self.0 {
            all.remove(key);
        }
    }

    /// Drops what is not on the list any more.
    pub fn retain(&mut self, listed: &[PodDisruptionBudget]) {
        let keys: BTreeSet<String> = listed.iter().map(BudgetExt::key).collect();
        if let Some(all) = &mut self.0 {
            all.retain(|key, _| keys.contains(key));
        }
    }

    /// The budgets that select the pod: their keys.
    fn of(&self, pod: &PodState) -> Vec<String> {
        let all = self.0.iter().flatten();
        all.filter(|(_, b)| b.object.selects(&pod.pod)).map(|(key, _)| key.clone()).collect()
    }

    pub fn gateway(&mut self, pod: &PodState, delete: bool, now: Timestamp) -> Gateway {
        if delete {
            return Gateway::Open;
        }
        let keys = self.of(pod);
        let Some(all) = &mut self.0 else { return Gateway::Open };
        let [key] = keys.as_slice() else {
            // The server asks no budget about these, however many select them.
            let asked =
                keys.iter().filter_map(|k| all.get(k)).any(|b| b.object.gate(&pod.pod) == Gate::Counted);
            return if asked {
                Gateway::Several { says: format!("selected by several budgets: {}", keys.join(", ")) }
            } else {
                Gateway::Open
            };
        };
        let Some(budget) = all.get_mut(key) else { return Gateway::Open };
        if budget.object.gate(&pod.pod) == Gate::Open {
            return Gateway::Open;
        }
        if budget.asking.is_some() {
            return Gateway::Queue;
        }
        let room = matches!(budget.object.standing(), Standing::Allows(n) if n > budget.spent);
        let since = *budget.shut_since.get_or_insert(now);
        budget.held_since.get_or_insert(now);
        if !room && now < since + PROBE_EVERY {
            return Gateway::Shut { says: format!("budget {key}") };
        }
        budget.shut_since = (!room).then_some(now);
        budget.asking = Some(pod.step.uid.clone());
        Gateway::Open
    }

    /// Whether a watched budget was asked about this pod.
    pub fn answered(&mut self, pod: &PodState, verdict: &Verdict, now: Timestamp) -> bool {
        let mut known = false;
        for budget in self.0.iter_mut().flat_map(BTreeMap::values_mut) {
            if budget.asking.as_deref() != Some(pod.step.uid.as_str()) {
                continue;
            }
            known = true;
            budget.asking = None;
            match verdict {
                Verdict::Accepted => {
                    budget.spent += 1;
                    budget.held_since = None;
                }
                // The status seen last was out of date; a change of it, or the probe, opens the gate again.
                Verdict::BudgetSpent { .. } => {
                    budget.spent = budget.object.allowed();
                    budget.shut_since = Some(now);
                }
                _ => {}
            }
        }
        known
    }

    /// When a budget with waiting pods is to be probed, or spoken of.
    pub fn wake_at(&self, pods: &BTreeMap<String, PodState>, now: Timestamp) -> Option<Timestamp> {
        let waits = |b: &BudgetState| pods.values().any(|p| waiting(p) && b.object.selects(&p.pod));
        self.0
            .iter()
            .flat_map(BTreeMap::values)
            .filter(|b| waits(b))
            .flat_map(alarms)
            .filter(|at| *at > now)
            .min()
    }

    pub fn get(&self, key: &str) -> Option<&PodDisruptionBudget> {
        self.0.as_ref()?.get(key).map(|b| &b.object)
    }

    /// Budgets that hold pods up and say something new; each is explained once.
    pub fn unexplained(&mut self, pods: &BTreeMap<String, PodState>, now: Timestamp) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, budget) in self.0.iter_mut().flatten() {
            let shut =
                budget.shut_since.is_some() && budget.held_since.is_some_and(|since| since + PATIENCE <= now);
            let says = budget.says();
            if shut && budget.told.as_ref() != Some(&says) && held_up(&budget.object, pods) > 0 {
                budget.told = Some(says);
                keys.push(key.clone());
            }
        }
        keys
    }

    /// The one line about a budget that holds pods up; nothing if it let go meanwhile.
    pub fn tell(&self, key: &str, members: &[Pod], pods: &BTreeMap<String, PodState>) -> Option<Event> {
        let budget = self.0.as_ref()?.get(key)?;
        let waiting = held_up(&budget.object, pods);
        let mut says = budget.told.clone()?;
        if let Some(sick) = sick(&budget.object, members.iter()) {
            says = format!("{says}; not Ready: {sick}");
        }
        (waiting > 0).then(|| Event::Blocked { what: format!("budget {key}"), says, waiting })
    }
}

fn held_up(budget: &PodDisruptionBudget, pods: &BTreeMap<String, PodState>) -> usize {
    pods.values().filter(|p| waiting(p) && p.blocked_by.is_some() && budget.selects(&p.pod)).count()
}

fn alarms(budget: &BudgetState) -> impl Iterator<Item = Timestamp> {
    let probe = budget.shut_since.map(|since| since + PROBE_EVERY);
    probe.into_iter().chain(budget.held_since.map(|since| since + PATIENCE))
}

fn waiting(pod: &PodState) -> bool {
    matches!(pod.phase, Phase::Waiting { .. })
}
