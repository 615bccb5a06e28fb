//! Every verdict against every way in which a small drain can go: pods are evicted and placed in each order and on each node that the
//! scheduler's filters accept at that moment.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;

use super::{Judgement, Verdict, judge};
use crate::feasibility::cluster::{NodeId, PodId};
use crate::feasibility::{Cluster, Scenario, Shortfall, has_sure_place, shortfalls};

mod small;
use small::{Pod, Small, small};

/// Of a pod that is on a node now and will leave it, and of a pod that has to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    /// The pod that is there now.
    Running,
    Terminating,
    Gone,
    /// The pod to be placed.
    NotCreated,
    Pending,
    On(usize),
}

/// By pod: the one that is there now (`Gone`, if it waits for a node), and the one to be placed (`Gone`, if there is none).
type State = Vec<(At, At)>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Placed in some order.
    placed: BTreeSet<usize>,
    /// Not placed in some order, although everything had happened that can happen.
    left: BTreeSet<usize>,
    /// How many of the pods of one app that differ in nothing were placed at the same time: those that wait for a node already, and the others.
    most: HashMap<(usize, bool), usize>,
    /// The pods that are placed at the same time, as bits.
    together: HashSet<u32>,
}

impl Small {
    fn start(&self) -> State {
        let of = |pod: &Pod| match (pod.node, self.is_evicted(pod)) {
            (None, _) => (At::Gone, At::Pending),
            (Some(_), true) if pod.is_recreated => (At::Running, At::NotCreated),
            (Some(_), _) if pod.is_terminating => (At::Terminating, At::Gone),
            (Some(_), _) => (At::Running, At::Gone),
        };
        self.pods.iter().map(of).collect()
    }

    /// Pods on nodes: the index of each, its node, and whether it is terminating.
    fn existing(&self, state: &State) -> Vec<(usize, usize, bool)> {
        let mut all = Vec::new();
        for (index, (old, new)) in state.iter().enumerate() {
            if let (At::Running | At::Terminating, Some(node)) = (old, self.pods[index].node) {
                all.push((index, node, *old == At::Terminating));
            }
            if let At::On(node) = new {
                all.push((index, *node, false));
            }
        }
        all
    }

    fn next(&self, state: &State) -> Vec<State> {
        let mut all = Vec::new();
        let existing = self.existing(state);
        for (index, pod) in self.pods.iter().enumerate() {
            let mut push = |at: (At, At)| {
                let mut next = state.clone();
                next[index] = at;
                all.push(next);
            };
            match state[index] {
                (At::Running, At::NotCreated) => push((At::Terminating, At::Pending)),
                (At::Running, new) if self.is_evicted(pod) => push((At::Terminating, new)),
                (At::Terminating, new) => push((At::Gone, new)),
                _ => {}
            }
            if let (old, At::Pending) = state[index] {
                for node in 0..self.nodes.len() {
                    if self.accepts(node, index, &existing) {
                        push((old, At::On(node)));
                    }
                }
            }
        }
        all
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut seen: HashSet<State> = HashSet::from([self.start()]);
        let mut open = vec![self.start()];
        while let Some(state) = open.pop() {
            let next = self.next(&state);
            let mut placed: HashMap<(usize, bool), usize> = HashMap::new();
            let mut together = 0;
            for (index, (_, new)) in state.iter().enumerate() {
                match new {
                    At::On(_) => {
                        outcome.placed.insert(index);
                        together |= 1 << index;
                        *placed.entry(self.kind(index)).or_default() += 1;
                    }
                    At::Pending if next.is_empty() => drop(outcome.left.insert(index)),
                    _ => {}
                }
            }
            outcome.together.insert(together);
            for (kind, count) in placed {
                let most = outcome.most.entry(kind).or_default();
                *most = count.max(*most);
            }
            open.extend(next.into_iter().filter(|next| seen.insert(next.clone())));
        }
        outcome
    }

    /// The app of a pod, and whether it waits for a node.
    fn kind(&self, pod: usize) -> (usize, bool) {
        (self.pods[pod].app, self.pods[pod].node.is_none())
    }

    fn judged(&self) -> Vec<Judgement> {
        self.judged_with_shortfalls().0
    }

    fn judged_with_shortfalls(&self) -> (Vec<Judgement>, Vec<Shortfall>) {
        let cluster = self.cluster();
        let scenario = self.scenario(&cluster);
        let judged = judge(&scenario);
        let shortfalls = shortfalls(&scenario, &judged);
        (judged, shortfalls)
    }

    fn scenario<'a>(&self, cluster: &'a Cluster) -> Scenario<'a> {
        let id = |index: usize| PodId(u32::try_from(index).unwrap());
        let evicted = (0..self.pods.len()).filter(|index| self.is_evicted(&self.pods[*index]));
        let recreated: Vec<PodId> =
            evicted.clone().filter(|index| self.pods[*index].is_recreated).map(id).collect();
        let drained = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_drained);
        let drained = drained.map(|node| NodeId(u32::try_from(node).unwrap())).collect();
        Scenario::new(cluster, drained, &evicted.map(id).collect(), &recreated)
    }

    /// The pods to be placed of which that is said.
    fn with_sure_place(&self) -> Vec<usize> {
        let cluster = self.cluster();
        let scenario = self.scenario(&cluster);
        let is_sure = |id: &&PodId| has_sure_place(&scenario, **id, scenario.pod(**id).node);
        scenario.to_place().iter().filter(is_sure).map(|id| id.0 as usize).collect()
    }

    fn verdicts(&self) -> impl Iterator<Item = (usize, Verdict)> {
        self.judged().into_iter().map(|it| (it.pod.0 as usize, it.verdict))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_order_contradicts_a_verdict(small in small()) {
        let outcome = small.outcome();
        for (index, verdict) in small.verdicts() {
            match verdict {
                Verdict::Cannot => prop_assert!(!outcome.placed.contains(&index), "pod {index} was placed"),
                Verdict::Fits => prop_assert!(!outcome.left.contains(&index), "pod {index} was not placed"),
                Verdict::Tight(_) => {}
                Verdict::Unknown(why) => prop_assert!(false, "pod {index}: {why:?}"),
            }
        }
    }

    #[test]
    fn no_order_takes_a_sure_place(small in small()) {
        let outcome = small.outcome();
        for index in small.with_sure_place() {
            prop_assert!(!outcome.left.contains(&index), "pod {index} was not placed");
        }
    }

    #[test]
    fn no_order_places_more_than_the_most(small in small()) {
        let outcome = small.outcome();
        for judgement in small.judged() {
            let Some(shortage) = judgement.shortage else { continue };
            let kind = small.kind(judgement.pod.0 as usize);
            let most = outcome.most.get(&kind).copied().unwrap_or_default();
            prop_assert!(most <= shortage.placed, "{most} of app {kind:?} were placed, not {shortage:?}");
        }
    }

    #[test]
    fn no_order_places_all_pods_of_a_shortfall(small in small()) {
        let (_, shortfalls) = small.judged_with_shortfalls();
        if !shortfalls.is_empty() {
            let outcome = small.outcome();
            for shortfall in shortfalls {
                let pods = shortfall.pods.iter().fold(0, |bits, pod| bits | 1 << pod.0);
                prop_assert!(outcome.together.iter().all(|placed| placed & pods != pods), "{shortfall:?}");
            }
        }
    }
}

/// A model that calls everything tight would be right as well.
#[test]
fn most_verdicts_that_could_be_certain_are() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut cannot, mut fits) = ((0, 0), (0, 0));
    for _ in 0..200 {
        let small = small().new_tree(&mut runner).unwrap().current();
        let outcome = small.outcome();
        for (index, verdict) in small.verdicts() {
            if !outcome.placed.contains(&index) {
                cannot.1 += 1;
                cannot.0 += usize::from(verdict == Verdict::Cannot);
            } else if !outcome.left.contains(&index) {
                fits.1 += 1;
                fits.0 += usize::from(verdict == Verdict::Fits);
            }
        }
    }
    assert!(cannot.1 > 50 && fits.1 > 50, "{cannot:?} {fits:?}");
    assert!(cannot.0 * 10 >= cannot.1 * 9, "cannot: {cannot:?}");
    assert!(fits.0 * 10 >= fits.1 * 8, "fits: {fits:?}");
}
