//! Do the pods find a place on other nodes? Judged by the scheduler's own filters ([`cluster_model::feasibility`]).

use std::collections::BTreeMap;

use cluster_model::feasibility::Why;
use cluster_model::feasibility::{Miss, Shortage, Verdict};
use cluster_model::text::count;
use cluster_model::{DisruptionBudget, Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use super::budgets::in_order;
use crate::options::Options;
use crate::placement::{Place, Placements, TooLittle};
use crate::pod_filter::pods_to_evict;

pub const IDS: [&str; 4] = [NO_ROOM, DEADLOCK, TIGHT, NOT_CHECKED];

const NO_ROOM: &str = "no-room";
pub const DEADLOCK: &str = "drain-deadlock";
const TIGHT: &str = "tight-room";
const NOT_CHECKED: &str = "room-not-checked";

pub fn check(inventory: &Inventory, options: &Options, placements: &Placements) -> Vec<Finding> {
    if let Known::Unknown(why) = &inventory.scheduling {
        return vec![
            Finding::new(
                NOT_CHECKED,
                Severity::Unknown,
                "other nodes",
                format!("unknown whether the pods fit there: {why}"),
            )
            .remedy("--print-rbac prints the rights that this takes"),
        ];
    }
    let placed: Vec<Placed<'_>> =
        pods_to_evict(inventory, options).filter_map(|pod| Some((pod, placements.get(pod.uid())?))).collect();
    let stuck = deadlocks(inventory, options, &placed);
    let mut findings: Vec<Finding> =
        stuck.iter().map(|(budget, pod, place)| deadlock(budget, pod, place)).collect();
    let no_room = placed.iter().filter(|(_, place)| place.verdict == Verdict::Cannot);
    findings.extend(no_room.map(|(pod, place)| {
        let message = format!("no other node takes its replacement: {}", place.why_not());
        Finding::new(NO_ROOM, Severity::Error, pod.key(), message).remedy(remedy(place))
    }));
    findings.extend(placements.too_little.iter().map(too_little));
    findings.extend(by_owner(inventory, &placed).into_iter().flat_map(|((owner, _), pods)| {
        let place = pods[0];
        let pods = count(pods.len(), "pod");
        if let Some(Shortage { placed, of, by }) = &place.shortage {
            let message = format!("{} can take only {placed} of {of} such pods ({by})", place.shown());
            let finding = Finding::new(NO_ROOM, Severity::Error, owner, message);
            return Some(
                finding
                    .remedy("drain fewer nodes at once, add a node that takes them, or scale it down first"),
            );
        }
        match &place.verdict {
            Verdict::Tight(why) => Some(
                Finding::new(
                    TIGHT,
                    Severity::Warning,
                    owner,
                    format!("{pods} may find no place: {}", reason(*why, place)),
                )
                .remedy("drain fewer nodes at once, or add a node"),
            ),
            Verdict::Unknown(reasons) => Some(Finding::new(
                NOT_CHECKED,
                Severity::Unknown,
                owner,
                format!("unknown where its {pods} here can go: {}", reasons.join(", ")),
            )),
            Verdict::Fits | Verdict::Cannot => None,
        }
    }));
    findings
}

fn too_little(it: &TooLittle) -> Finding {
    let TooLittle { pods, nodes, requested, free } = it;
    let nodes = match nodes {
        1 => "the only node that can take them has".to_owned(),
        n => format!("the {n} nodes that can take them have"),
    };
    let message =
        format!("not all of {pods} pods find a place: they request {requested}, and {nodes} {free} left");
    let finding = Finding::new(NO_ROOM, Severity::Error, "other nodes", message);
    finding.remedy("drain fewer nodes at once, add a node that takes them, or scale them down first")
}

type Placed<'a> = (&'a Pod, &'a Place);

/// Pods of one owner with one verdict are one finding.
fn by_owner<'a>(inventory: &Inventory, placed: &[Placed<'a>]) -> BTreeMap<(String, String), Vec<&'a Place>> {
    let mut groups: BTreeMap<(String, String), Vec<&Place>> = BTreeMap::new();
    for (pod, place) in placed {
        let owner = inventory.top_controller_of(pod).map(|owner| owner.key.label());
        let key = (owner.unwrap_or_else(|| pod.key()), format!("{:?}{}", place.verdict, place.shown()));
        groups.entry(key).or_default().push(place);
    }
    groups
}

fn reason(why: Why, place: &Place) -> String {
    let nodes = place.shown();
    match why {
        Why::Competition => format!(
            "{nodes} could take one, but not with every order in which the scheduler places the other pods"
        ),
        Why::Placement => format!(
            "{nodes} could take one, depending on where the scheduler places the pods it is spread over or has affinity to"
        ),
        Why::Preemption => "only if pods of lower priority are preempted".to_owned(),
        Why::MayBePreempted => format!("{nodes} could take one, but a pod of higher priority may preempt it"),
    }
}

fn remedy(place: &Place) -> String {
    match place.one_rule_away.first() {
        Some((_, Miss::Drained)) => "drain fewer nodes at once, or add a node".to_owned(),
        Some((nodes, miss)) => {
            format!(
                "{} would take it, {}; or add a node that takes it",
                count(*nodes, "node"),
                change(miss, *nodes)
            )
        }
        None => "add a node that takes it, or scale it down first".to_owned(),
    }
}

/// What would have to be different.
fn change(miss: &Miss, nodes: usize) -> String {
    let one = if nodes == 1 { "it was" } else { "they were" };
    match miss {
        Miss::Cordoned => format!("if {one} uncordoned"),
        Miss::Insufficient { .. } | Miss::VolumeLimit(_) => format!("if {one} not full ({miss})"),
        Miss::Spread(key) => {
            format!(
                "without its topology spread over {key}, or perhaps with nodeTaintsPolicy: Honor or a larger maxSkew"
            )
        }
        Miss::NodeSelector { key, value } => {
            format!("if {} label {key}={value}", if nodes == 1 { "it had" } else { "they had" })
        }
        other => format!("without this: {other}"),
    }
}

/// Budgets that the evictions of pods without a place use up for ever, so that other pods here are never evicted: the budget, such a pod, and
/// its place. In the order of the plan: pods without a place that come last block no other.
fn deadlocks<'a>(
    inventory: &'a Inventory,
    options: &'a Options,
    placed: &[Placed<'a>],
) -> Vec<(&'a str, &'a Pod, &'a Place)> {
    if options.disable_eviction {
        return Vec::new();
    }
    let places: BTreeMap<&str, &Place> = placed.iter().map(|(pod, place)| (pod.uid(), *place)).collect();
    let mut budgets: BTreeMap<&str, (&DisruptionBudget, Vec<&Pod>)> = BTreeMap::new();
    for pod in pods_to_evict(inventory, options) {
        for budget in inventory.budgets_of(pod).into_iter().filter(|budget| budget.counts(pod)) {
            budgets.entry(budget.key()).or_insert((budget, Vec::new())).1.push(pod);
        }
    }
    let stuck = budgets.into_iter().filter_map(|(key, (budget, pods))| {
        let mut left = i64::from(budget.allowed);
        // Blocked from the start is another finding.
        let mut last = None;
        let mut placed: BTreeMap<String, usize> = BTreeMap::new();
        for pod in in_order(&pods, inventory) {
            if left <= 0 {
                return last.map(|(pod, place)| (key, pod, place));
            }
            let Some(place) = places.get(pod.uid()).copied() else { continue };
            let finds_place = match &place.shortage {
                Some(Shortage { placed: most, .. }) => {
                    let owner = inventory.top_controller_of(pod).map(|owner| owner.key.label());
                    let before = placed.entry(owner.unwrap_or_default()).or_default();
                    *before += 1;
                    *before <= *most
                }
                None => place.verdict != Verdict::Cannot,
            };
            if !finds_place {
                (left, last) = (left - 1, Some((pod, place)));
            }
        }
        None
    });
    stuck.collect()
}

fn deadlock(budget: &str, pod: &Pod, place: &Place) -> Finding {
    let message = format!(
        "the budget would never allow another eviction: the replacement of {} finds no place ({}), so its eviction is never made up for",
        pod.key(),
        match &place.shortage {
            Some(Shortage { placed, of, .. }) => format!("only {placed} of {of} such pods do"),
            None => place.why_not(),
        }
    );
    Finding::new(DEADLOCK, Severity::Error, budget, message).remedy(remedy(place))
}

#[cfg(test)]
mod tests {
    use cluster_model::build::{PodBuild, budget, node, pod};
    use cluster_model::feasibility::Cluster;
    use cluster_model::owner::Workload;
    use serde_json::json;

    use super::super::testing::{being_deleted, inventory_of};
    use super::*;
    use crate::placement::placements;

    /// `n1` is drained; `n2` has one CPU for what is there not.
    fn with(pods: Vec<Pod>, edit: impl FnOnce(&mut Inventory)) -> Vec<Finding> {
        let room =
            |name: &str, cpu: &str| node(name, json!({"status": {"allocatable": {"cpu": cpu, "pods": "9"}}}));
        let mut cluster = Cluster::default();
        [room("n1", "9"), room("n2", "1")].iter().for_each(|node| cluster.add_node(node));
        pods.iter().for_each(|pod| cluster.add_pod(pod));
        cluster.finish();
        let mut inventory = inventory_of(pods);
        inventory.scheduling = Known::Seen(cluster);
        edit(&mut inventory);
        let placements = placements(&inventory, &Options::default());
        check(&inventory, &Options::default(), &placements)
    }

    fn found(pods: Vec<Pod>, edit: impl FnOnce(&mut Inventory)) -> Vec<String> {
        let shown =
            |f: Finding| format!("{} {:?} {}: {} [{}]", f.id, f.severity, f.subject, f.message, f.remedy);
        with(pods, edit).into_iter().map(shown).collect()
    }

    fn cpu(key: &str, cpu: &str) -> Pod {
        let container = json!({"name": "main", "resources": {"requests": {"cpu": cpu}}});
        pod(key, "n1").label("app", "web").edit(json!({"spec": {"containers": [container]}}))
    }

    #[test]
    fn a_pod_without_a_place_is_named_with_the_reason_and_the_nearest_change() {
        assert_eq!(found(vec![cpu("a/p", "1")], |_| ()), [""; 0]);
        assert_eq!(
            found(vec![cpu("a/p", "1500m")], |_| ()),
            [
                "no-room Error a/p: no other node takes its replacement: 1 node: cpu short by 500m; 1 node: being drained \
                 [1 node would take it, if it was not full (cpu short by 500m); or add a node that takes it]"
            ]
        );
    }

    #[test]
    fn pods_that_compete_are_one_warning_for_each_owner() {
        assert_eq!(
            found(vec![cpu("a/p", "600m"), cpu("a/q", "400m"), cpu("a/r", "400m")], |_| ()),
            [
                "no-room Error other nodes: not all of 3 pods find a place: they request cpu 1400m, and the only node that can take \
                 them has 1 left [drain fewer nodes at once, add a node that takes them, or scale them down first]",
                "tight-room Warning ReplicaSet a/rs: 3 pods may find no place: n2 could take one, but not with every order in which \
                 the scheduler places the other pods [drain fewer nodes at once, or add a node]"
            ]
        );
    }

    #[test]
    fn more_pods_than_the_nodes_can_take_are_an_error() {
        assert_eq!(
            found(vec![cpu("a/p", "600m"), cpu("a/q", "600m")], |_| ()),
            ["no-room Error ReplicaSet a/rs: n2 can take only 1 of 2 such pods (cpu) \
                 [drain fewer nodes at once, add a node that takes them, or scale it down first]"]
        );
    }

    #[test]
    fn pods_that_nothing_recreates_need_no_place() {
        for pod in [
            cpu("a/p", "5").unmanaged(),
            cpu("a/p", "5").owned_by("apps/v1", "DaemonSet", "d"),
            cpu("a/p", "5").phase("Succeeded"),
            cpu("a/p", "5").deleted("2027-01-15T08:00:00Z"),
        ] {
            assert_eq!(found(vec![pod], |_| ()), [""; 0]);
        }
        let deleted = found(vec![cpu("a/p", "5")], |it| *it = being_deleted(it.clone()));
        assert_eq!(deleted, [""; 0], "its controller makes no pods any more");
    }

    /// A running pod has lost them.
    #[test]
    fn a_template_with_scheduling_gates_is_unknown_and_counts_against_nobody() {
        let gated = |it: &mut Inventory| {
            let key = it.controller_of(&it.pods[0]).unwrap().key;
            let workload = Workload { desired: Some(3), ready: 3, has_gates: true, ..Workload::default() };
            it.owners.insert(key, Known::Seen(Some(workload)));
        };
        let pods = || vec![cpu("a/p", "600m"), cpu("a/q", "600m").owned_by("apps/v1", "ReplicaSet", "other")];
        let other = "tight-room Warning ReplicaSet a/other: 1 pod may find no place: n2 could take one, but not with every order in \
                     which the scheduler places the other pods [drain fewer nodes at once, or add a node]";
        let rs = "room-not-checked Unknown ReplicaSet a/rs: unknown where its 1 pod here can go: its template has scheduling gates []";
        assert_eq!(found(pods(), gated), [other, rs], "whether the gates are ever removed is not known");
        assert_eq!(found(vec![cpu("a/p", "9")], gated), [rs], "on no node until then");
        assert_eq!(found(vec![cpu("a/p", "600m").unmanaged()], |_| ()), [""; 0]);
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let found = found(vec![cpu("a/p", "5")], |it| it.scheduling = Known::Unknown("forbidden".into()));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("room-not-checked Unknown other nodes: "), "{found:?}");
    }

    #[test]
    fn a_budget_that_the_first_eviction_uses_up_for_ever_is_a_deadlock() {
        let deadlocks = |allowed: i32, pods: Vec<Pod>| {
            let status = json!({"disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3});
            let budgets = vec![budget("a/web", json!({"status": status}))];
            let findings = with(pods, |it| it.budgets = Known::Seen(budgets.into()));
            findings.iter().filter(|f| f.id == DEADLOCK).map(|f| f.subject.clone()).collect::<Vec<_>>()
        };
        let two = || vec![cpu("a/p", "2"), cpu("a/q", "2")];
        assert_eq!(deadlocks(1, two()), ["a/web"]);
        assert_eq!(deadlocks(2, two()), [""; 0], "both may go at once");
        assert_eq!(deadlocks(0, two()), [""; 0], "blocked from the start, which is another finding");
        assert_eq!(deadlocks(1, vec![cpu("a/p", "2")]), [""; 0], "no other pod waits for it");
        assert_eq!(deadlocks(1, vec![cpu("a/p", "1"), cpu("a/q", "100m")]), [""; 0], "they may find a place");
        assert_eq!(
            deadlocks(1, vec![cpu("a/p", "1"), cpu("a/q", "1"), cpu("a/r", "1")]),
            ["a/web"],
            "one of three does"
        );
        let last = cpu("a/last", "2").priority(5);
        assert_eq!(deadlocks(1, vec![last, cpu("a/p", "1")]), [""; 0], "nothing is evicted after it");
    }
}
