//! How long a drain will take, as a range: from "every pod stops at once" to "every pod uses its whole grace period".

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::pod::Tier;
use cluster_model::{BudgetStatus, Inventory, PodExt};
use k8s_openapi::jiff::Timestamp;

use crate::execute::engine::{Phase, PodState};
use crate::plan::{Plan, Step};

/// Gone pods that make a pace.
const ENOUGH_GONE: usize = 3;
/// A pause between two pods that changes nothing about the pace.
const PAUSE_SECONDS: f64 = 10.0;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub least_seconds: i64,
    /// `None`: a budget allows nothing now, so the duration is unknown.
    pub most_seconds: Option<i64>,
    /// The budgets that allow nothing now, `namespace/name`.
    pub blocked_by: BTreeSet<String>,
}

pub fn estimate(plan: &Plan, inventory: &Inventory) -> Estimate {
    let mut total = Estimate { least_seconds: 0, most_seconds: Some(0), blocked_by: BTreeSet::new() };
    // Nodes go one after another, and so do the tiers of a node.
    for node in &plan.nodes {
        for tier in Tier::ALL {
            let steps: Vec<&Step> = node.steps.iter().filter(|s| s.evicts() && s.tier == tier).collect();
            let wave = wave(&steps, inventory);
            total.least_seconds = total.least_seconds.saturating_add(wave.least_seconds);
            total.most_seconds = total.most_seconds.zip(wave.most_seconds).map(|(a, b)| a.saturating_add(b));
            total.blocked_by.extend(wave.blocked_by);
        }
    }
    total
}

/// The most that is left of a drain that runs: what stops by its own deadline, what waits by its grace period, wave after wave.
/// `None`: a pod is blocked, overdue or of unknown outcome, so the duration is unknown.
pub fn seconds_left<'a>(pods: impl Iterator<Item = &'a PodState>, now: Timestamp) -> Option<i64> {
    let mut waves: BTreeMap<(usize, Tier), i64> = BTreeMap::new();
    for state in pods.filter(|p| p.step.evicts() && !p.phase.is_final()) {
        let left = match state.phase {
            _ if state.blocked_by.is_some() => return None,
            Phase::Terminating { .. } => match state.pod.deletion_timestamp() {
                Some(due) if due < now => return None,
                Some(due) => due.duration_since(now).as_secs() + 1,
                None => state.step.grace_seconds,
            },
            _ => state.step.grace_seconds,
        };
        let wave = waves.entry((state.node, state.step.tier)).or_default();
        *wave = left.max(*wave);
    }
    Some(waves.values().fold(0, |all, left| all.saturating_add(*left)))
}

/// What is left at the pace at which pods have gone so far, which includes how long they take to stop and how fast budgets let them go.
/// `None`: a pod is blocked, nobody knows how long; too few have gone, or none for much longer than it took until now.
pub fn seconds_left_at_pace<'a>(pods: impl Iterator<Item = &'a PodState>, now: Timestamp) -> Option<i64> {
    let (mut gone, mut left) = (Vec::new(), 0);
    for state in pods.filter(|p| p.step.evicts()) {
        match state.gone_at {
            Some(at) => gone.push(at),
            None if !state.phase.is_final() && state.blocked_by.is_some() => return None,
            None if !state.phase.is_final() => left += 1,
            None => {}
        }
    }
    let (first, last) = (gone.iter().min()?, gone.iter().max()?);
    if gone.len() < ENOUGH_GONE {
        return None;
    }
    let each = last.duration_since(*first).as_secs_f64() / (gone.len() - 1) as f64;
    let since = now.duration_since(*last).as_secs_f64();
    let seconds = (f64::from(left) * each - since).ceil() as i64;
    (each > 0.0 && since <= (3.0 * each).max(PAUSE_SECONDS)).then(|| seconds.max(1))
}

/// Pods of one wave leave side by side, those of one budget in rounds.
fn wave(steps: &[&Step], inventory: &Inventory) -> Estimate {
    let mut most = steps.iter().map(|s| s.grace_seconds).max();
    let mut least = 0;
    let mut blocked_by = BTreeSet::new();
    let mut queues: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        if let Some(budget) = &step.budget {
            queues.entry(budget).or_default().push(step);
        }
    }
    for (key, queue) in queues {
        let Some(budget) = inventory.budgets.seen().and_then(|budgets| budgets.get(key)) else { continue };
        // Each pod that is not recreated uses up a disruption for good.
        let unreplaced = inventory.members(budget).filter(|pod| !inventory.is_recreated(pod)).count() as i64;
        let allowed = match *budget.status() {
            BudgetStatus::Allows(allowed) if unreplaced <= allowed.into() => allowed,
            _ => {
                blocked_by.insert(key.to_owned());
                continue;
            }
        };
        let rounds = (queue.len() as i64 + i64::from(allowed) - 1) / i64::from(allowed);
        let mut lags: Vec<i64> = inventory.members(budget).filter_map(PodExt::seconds_to_ready).collect();
        lags.sort_unstable();
        let lag = lags.get(lags.len() / 2).copied().unwrap_or_default();
        let grace = queue.iter().map(|s| s.grace_seconds).max().unwrap_or_default();
        let lags = (rounds - 1).saturating_mul(lag);
        least = least.max(lags);
        most = most.max(Some(rounds.saturating_mul(grace).saturating_add(lags)));
    }
    let most_seconds = blocked_by.is_empty().then(|| most.unwrap_or_default());
    Estimate { least_seconds: least, most_seconds, blocked_by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::inventory_of;
    use crate::options::Options;
    use crate::plan::plan;
    use cluster_model::Known;
    use cluster_model::build::{PodBuild, budget, pod};
    use serde_json::json;

    fn three_under(allowed: i32) -> Estimate {
        let pods = (1..=3).map(|n| pod(&format!("shop/web-{n}"), "n1").label("app", "web")).collect();
        let mut inventory = inventory_of(pods);
        inventory.budgets = Known::Seen(vec![budget(
            "shop/web",
            json!({"status": {"disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3}}),
        )].into());
        estimate(&plan(&inventory, &Options::default()), &inventory)
    }

    #[test]
    fn a_budget_makes_rounds() {
        // Pods of the builder take 2 s to be Ready and may take 30 s to stop.
        let known = |least_seconds, most_seconds| Estimate {
            least_seconds,
            most_seconds: Some(most_seconds),
            blocked_by: BTreeSet::new(),
        };
        assert_eq!(three_under(3), known(0, 30));
        assert_eq!(three_under(1), known(4, 94), "three pods, one allowed: three rounds");
        let blocked = three_under(0);
        assert_eq!(blocked.most_seconds, None, "a spent budget is not guessed at");
        assert_eq!(blocked.blocked_by, BTreeSet::from(["shop/web".to_owned()]), "and it is named");
    }

    #[test]
    fn grace_periods_without_an_end_add_up_to_no_overflow() {
        let edit = json!({"spec": {"terminationGracePeriodSeconds": i64::MAX}});
        let long = |key: &str| pod(key, "n1").label("app", "web").edit(edit.clone());
        let mut inventory = inventory_of(vec![
            long("shop/a"),
            long("shop/b"),
            long("shop/c"),
            long("shop/dns").priority(2_000_000_000),
        ]);
        inventory.budgets = Known::Seen(vec![budget(
            "shop/web",
            json!({"status": {"disruptionsAllowed": 1, "currentHealthy": 4, "desiredHealthy": 3, "expectedPods": 4}}),
        )].into());
        let plan = plan(&inventory, &Options::default());
        assert_eq!(estimate(&plan, &inventory).most_seconds, Some(i64::MAX));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let state = |step: &Step| PodState::planned(step.clone(), 0, long("shop/a"), now);
        let states: Vec<PodState> = plan.steps().map(state).collect();
        assert_eq!(seconds_left(states.iter(), now), Some(i64::MAX));
    }

    #[test]
    fn tiers_add_up() {
        let pods = vec![pod("a/p", "n1"), pod("a/q", "n1"), pod("a/dns", "n1").priority(2_000_000_000)];
        let inventory = inventory_of(pods);
        assert_eq!(estimate(&plan(&inventory, &Options::default()), &inventory).most_seconds, Some(60));
    }

    #[test]
    fn what_is_left_follows_the_pace() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let after = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let pods: Vec<_> = (0..10).map(|n| pod(&format!("a/p-{n}"), "n1")).collect();
        let plan = plan(&inventory_of(pods.clone()), &Options::default());
        let mut states: Vec<PodState> = plan
            .steps()
            .zip(pods)
            .map(|(step, pod)| PodState::planned(step.clone(), 0, pod, start))
            .collect();
        let left = |states: &[PodState], at: i64| seconds_left_at_pace(states.iter(), after(at));
        for (n, state) in states.iter_mut().take(4).enumerate() {
            (state.phase, state.gone_at) = (Phase::Gone, Some(after(2 * i64::try_from(n).unwrap())));
        }
        assert_eq!(left(&states, 6), Some(12), "six pods, one every two seconds");
        assert_eq!(left(&states, 8), Some(10), "and time passes");
        assert_eq!(left(&states, 16), Some(2));
        assert_eq!(left(&states, 17), None, "nothing has gone for long: not known");
        assert_eq!(left(&states[..2], 6), None, "two are no pace");
        states[8].blocked_by = Some(crate::execute::cause::Blocker::Budget("a/b".into()));
        assert_eq!(left(&states, 6), None, "blocked, perhaps for ever");
        states[8].blocked_by = None;
        states[9].phase = Phase::Failed;
        assert_eq!(left(&states, 6), Some(10), "one that failed is not waited for");
    }

    #[test]
    fn what_is_left_follows_the_deadlines_of_stopping_pods() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let later = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap().to_string();
        let pods = vec![pod("a/p", "n1"), pod("a/q", "n1"), pod("a/dns", "n1").priority(2_000_000_000)];
        let inventory = inventory_of(pods);
        let plan = plan(&inventory, &Options::default());
        let mut states: Vec<PodState> = plan
            .steps()
            .zip(["a/p", "a/q", "a/dns"])
            .map(|(step, key)| PodState::planned(step.clone(), 0, pod(key, "n1"), now))
            .collect();
        assert_eq!(seconds_left(states.iter(), now), Some(60), "two waves that have not begun");
        states[0].phase = Phase::Terminating { since: now };
        states[0].pod = pod("a/p", "n1").deleted(&later(9));
        states[1].phase = Phase::Gone;
        assert_eq!(seconds_left(states.iter(), now), Some(40), "the first wave has ten seconds left");
        states[0].pod = pod("a/p", "n1").deleted(&later(-1));
        assert_eq!(seconds_left(states.iter(), now), None, "overdue");
        states[0].phase = Phase::Gone;
        states[2].blocked_by = Some(crate::execute::cause::Blocker::Budget("a/b".into()));
        assert_eq!(seconds_left(states.iter(), now), None, "blocked");
    }
}
