//! Does the scheduler find a place for the new pods: for those that are made first, while the old ones are there; otherwise for each once
//! old ones are gone? Only the best case counts, so that nothing is predicted that need not happen.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::{
    Cluster, Judgement, MOST_PODS, Miss, NodeId, PodFacts, PodId, Scenario, Shortage, Verdict, Why,
    judge_best_case, reasons,
};
use cluster_model::rollout::{Ordinals, ordinal};
use cluster_model::{Finding, Known, PodExt, Raw, Severity};
use k8s_openapi::api::core::v1::Pod;

use super::pod_to_place::pod_to_place;
use super::{Case, PREDICTED, Pace, not_checked, predicted, requested};
use cluster_model::references::Reference;

/// So many different old pods are looked at, each as the one that goes first. Of more, or if several go at a time, all are taken to be gone.
const ONE_BY_ONE: usize = 20;

pub fn check(case: &Case<'_>, cluster: &Cluster) -> Option<Finding> {
    let pace = Pace::of(case.rollout());
    let pods = Pods::of(case, cluster);
    let missing = pace.desired.saturating_sub(i64::try_from(pods.new.len()).unwrap_or(i64::MAX));
    if missing <= 0 {
        None
    } else if case.rollout().id.kind.rules().has_ordinals() {
        of_ordinals(case, cluster, &pods)
    } else if pace.extra > 0 {
        beside(case, cluster, pace, pace.extra.min(missing))
    } else {
        in_place(case, cluster, &pods)
    }
}

/// The pods that there are.
struct Pods<'a> {
    /// Of the target's revision already.
    new: Vec<&'a Pod>,
    /// Those that the rollback replaces, with their ids, where they are on a node.
    old: Vec<(PodId, &'a Pod)>,
}

impl<'a> Pods<'a> {
    fn of(case: &Case<'a>, cluster: &Cluster) -> Self {
        let rollout = case.rollout();
        let revision = case.target.revision.map(|index| &rollout.revisions[index]);
        let live = rollout.pods.iter().filter(|pod| !pod.is_finished() && !pod.is_terminating());
        let (new, old): (Vec<&Pod>, Vec<&Pod>) =
            live.partition(|pod| revision.is_some_and(|revision| revision.made(pod)));
        let found = cluster.find_pods(&old.iter().map(|pod| pod.uid()).collect());
        let known = old.into_iter().filter_map(|pod| Some((*found.get(pod.uid())?, pod)));
        Pods { new, old: known.filter(|(id, _)| cluster.pod(*id).node.is_some()).collect() }
    }

    fn all_old(&self) -> BTreeSet<PodId> {
        self.old.iter().map(|(id, _)| *id).collect()
    }
}

/// So many pods are made while the old ones are there.
fn beside(case: &Case<'_>, cluster: &Cluster, pace: Pace, extra: i64) -> Option<Finding> {
    let (pod, priority) = with_priority(case, pod_to_place(case.rollout(), case.template(), None)?);
    let extra = usize::try_from(extra).unwrap_or(1);
    let new = vec![PodFacts::of_new(&pod); extra.min(MOST_PODS)];
    let judged = judged(cluster, &BTreeSet::new(), &new)?;
    let each = requested(&new[0].requirements.requests);
    let tail = match pace.unavailable {
        0 => "nothing moves until there is one",
        _ => "it goes on as its old pods go",
    };
    if let Verdict::Tight(_) = judged.verdict
        && let Some(Shortage { placed, .. }) = &judged.shortage
    {
        let message = format!(
            "predicted: only {placed} of the {extra} pods of {each} that are made first find a place"
        );
        // It goes on with those, only slower.
        let finding = case.finding(PREDICTED, Severity::Info, message);
        return Some(finding.remedy("make room or add a node, or use a smaller maxSurge"));
    }
    let what = format!("one more pod of {each} while the old ones are there");
    let remedy = match pace.unavailable {
        0 => "make room or add a node that takes it, or let pods go first with maxUnavailable",
        _ => "make room or add a node that takes it",
    };
    let found = conclusion(case, &judged, &priority, &what, tail, remedy)?;
    // Only a rollout that stops is something to decide about.
    let goes_on = pace.unavailable > 0 && found.severity == Severity::Warning;
    Some(if goes_on { Finding { severity: Severity::Info, ..found } } else { found })
}

/// Pods go first: is there a place for one of the new ones then, whichever pods those are?
fn in_place(case: &Case<'_>, cluster: &Cluster, pods: &Pods<'_>) -> Option<Finding> {
    let (pod, priority) = with_priority(case, pod_to_place(case.rollout(), case.template(), None)?);
    let new = [PodFacts::of_new(&pod)];
    let mut last = None;
    for gone in first_to_go(case, cluster, pods) {
        let judged = judged(cluster, &gone, &new)?;
        if !matches!(judged.verdict, Verdict::Cannot | Verdict::Tight(Why::Preemption) | Verdict::Unknown(_))
        {
            return None;
        }
        last = Some((gone.len(), judged));
    }
    let (gone, judged) = last?;
    let gone = if gone == 1 { "an old one is gone" } else { "old ones are gone" };
    let what = format!("a new pod of {} after {gone}", requested(&new[0].requirements.requests));
    conclusion(case, &judged, &priority, &what, "it stays Pending until there is one", IN_PLACE)
}

const IN_PLACE: &str = "make room or add a node that takes it, or choose another revision";

/// What may be gone when the first new pod is made: one old pod at a time, of each node once.
fn first_to_go(case: &Case<'_>, cluster: &Cluster, pods: &Pods<'_>) -> Vec<BTreeSet<PodId>> {
    let by_node: BTreeMap<Option<NodeId>, PodId> =
        pods.old.iter().map(|(id, _)| (cluster.pod(*id).node, *id)).collect();
    if Pace::of(case.rollout()).unavailable > 1 || by_node.len() > ONE_BY_ONE || by_node.is_empty() {
        return vec![pods.all_old()];
    }
    by_node.into_values().map(|id| BTreeSet::from([id])).collect()
}

/// From the highest ordinal down; the first one without a place stops the rollout.
fn of_ordinals(case: &Case<'_>, cluster: &Cluster, pods: &Pods<'_>) -> Option<Finding> {
    let set = &case.rollout().object;
    let Ordinals { all, first_updated } = Ordinals::of(set);
    let several_at_once = Pace::of(case.rollout()).unavailable > 1;
    let is_new = |number: &i64| pods.new.iter().any(|pod| ordinal(set, pod) == Some(*number));
    let to_replace = (first_updated..all.end).rev().filter(|number| !is_new(number));
    for number in to_replace.take(ONE_BY_ONE) {
        let name = format!("{}-{number}", set.name());
        let (pod, priority) =
            with_priority(case, pod_to_place(case.rollout(), case.template(), Some(number))?);
        let old = pods.old.iter().filter(|(_, pod)| several_at_once || ordinal(set, pod) == Some(number));
        let gone = old.map(|(id, _)| *id).collect();
        let new = [PodFacts::of_new(&pod)];
        let judged = judged(cluster, &gone, &new)?;
        let what =
            format!("{name} of {} after the old one is gone", requested(&new[0].requirements.requests));
        let finding =
            conclusion(case, &judged, &priority, &what, "it stays Pending until there is one", IN_PLACE);
        if finding.is_some() {
            return finding;
        }
    }
    None
}

fn judged(cluster: &Cluster, gone: &BTreeSet<PodId>, new: &[PodFacts]) -> Option<Judgement> {
    let scenario = Scenario::with_new_pods(cluster, gone, new);
    let first = scenario.new_pods().next()?;
    Some(judge_best_case(&scenario, first, new.len()))
}

fn conclusion(
    case: &Case<'_>,
    judged: &Judgement,
    priority: &Known<()>,
    what: &str,
    tail: &str,
    remedy: &str,
) -> Option<Finding> {
    let nowhere = || reasons(&judged.misses).join("; ");
    match (&judged.verdict, priority) {
        (Verdict::Unknown(reasons), _) => Some(not_checked(case, &reasons.join(", "))),
        // The check of what the template names reports that, and the claims of a StatefulSet are made with its pods.
        (Verdict::Cannot, _) if matches!(judged.misses.as_slice(), [(_, Miss::ClaimMissing(_))]) => None,
        (Verdict::Cannot, _) => {
            let message = format!("predicted: no node has a place for {what}: {}; {tail}", nowhere());
            Some(predicted(case, message, remedy))
        }
        (Verdict::Tight(Why::Preemption), Known::Seen(())) => {
            let message = format!(
                "predicted: no node has a place for {what}, unless pods of lower priority are preempted: {}",
                nowhere()
            );
            Some(predicted(case, message, remedy))
        }
        (Verdict::Tight(Why::Preemption), Known::Unknown(why)) => {
            let why = format!("only by preempting other pods, if its priority is higher: {why}");
            Some(not_checked(case, &why))
        }
        (Verdict::Fits | Verdict::Tight(_), _) => None,
    }
}

/// The server fills in the priority of the pod's class. Where that is not known, the pod is taken to have the highest one: what it then
/// cannot, it cannot with any.
fn with_priority(case: &Case<'_>, mut pod: Pod) -> (Pod, Known<()>) {
    let Some(spec) = &mut pod.spec else { return (pod, Known::Seen(())) };
    let class = spec.priority_class_name.clone().unwrap_or_default();
    if class.is_empty() {
        let live = case.rollout().template().text("/spec/priorityClassName");
        // That of the default class, if there is one.
        let of_old = case.rollout().pods.iter().find_map(|pod| pod.spec.as_ref()?.priority);
        spec.priority = of_old.filter(|_| live.is_empty());
        return (pod, Known::Seen(()));
    }
    let reference = Reference { kind: "PriorityClass", namespace: String::new(), name: class.clone() };
    let known = match case.snapshot.references.get(&reference) {
        Some(Known::Seen(Some(found))) => {
            let value = found.object.number("/value").and_then(|value| i32::try_from(value).ok());
            (spec.priority, spec.preemption_policy) = (
                value,
                Some(found.object.text("/preemptionPolicy").to_owned()).filter(|policy| !policy.is_empty()),
            );
            return (pod, Known::Seen(()));
        }
        // No pod of it is admitted, which another check reports.
        Some(Known::Seen(None)) => return (pod, Known::Seen(())),
        Some(Known::Unknown(why)) => why.clone(),
        None => format!("PriorityClass {class} was not read"),
    };
    spec.priority = Some(i32::MAX);
    (pod, Known::Unknown(known))
}
