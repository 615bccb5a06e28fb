//! The plan: per node what is evicted, in which order, and what is ignored.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::Verdict;
use cluster_model::feasibility::Why;
use cluster_model::pod::Tier;
use cluster_model::text::{count, span};
use plugin_client::{Line, table};

use crate::estimate::Estimate;
use crate::placement::Place;
use crate::plan::{NodePlan, Plan, Step};

/// So many budgets are named beside the estimate; the findings have them all.
const NAMED: usize = 3;

/// `wide` names every pod; otherwise pods of one owner with the same action are one row.
pub fn plan(plan: &Plan, estimate: &Estimate, wide: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for node in &plan.nodes {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.extend(node_plan(node, wide));
    }
    lines.push(Line::new());
    lines.push(Line::new().plain("estimated  ").strong(range(estimate)));
    lines.extend(summary(plan));
    lines
}

/// How many of the pods find a place, over all nodes of the drain.
fn summary(plan: &Plan) -> Option<Line> {
    let places: Vec<&Place> = plan.steps().filter_map(|step| step.place.as_ref()).collect();
    let number = |is: fn(&Place) -> bool| places.iter().filter(|place| is(place)).count();
    let parts = [
        (number(|it| it.verdict == Verdict::Fits), "fit elsewhere"),
        (number(|it| matches!(it.verdict, Verdict::Tight(_)) && it.shortage.is_none()), "may fit"),
        (number(|it| it.shortage.is_some()), "do not all fit"),
        (number(|it| it.verdict == Verdict::Cannot), "find no place"),
        (number(|it| matches!(it.verdict, Verdict::Unknown(_))), "unknown"),
    ];
    let shown: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let why = common_reason(&places).map_or(String::new(), |why| format!(": {why}"));
    (!shown.is_empty())
        .then(|| Line::new().plain("placement  ").plain(shown.join(" · ")).plain(why).hanging(2))
}

/// Why the places are not known that are not: of several reasons each is a finding of its own.
fn common_reason(places: &[&Place]) -> Option<String> {
    let reasons = places.iter().filter_map(|place| match &place.verdict {
        Verdict::Unknown(reasons) => Some(reasons),
        _ => None,
    });
    let reasons: BTreeSet<&Vec<String>> = reasons.collect();
    match reasons.first() {
        Some(reasons_of_all) if reasons.len() == 1 => Some(reasons_of_all.join("; ")),
        _ => None,
    }
}

fn range(estimate: &Estimate) -> String {
    match estimate.most_seconds {
        None => {
            let least = match estimate.least_seconds {
                0 => String::new(),
                least => format!("at least {} · ", span(least)),
            };
            let allow = match estimate.blocked_by.len() {
                1 => format!("PDB {} allows", named(&estimate.blocked_by)),
                _ => format!("PDBs {} allow", named(&estimate.blocked_by)),
            };
            format!("{least}no upper bound: {allow} too few disruptions now")
        }
        Some(most) if most == estimate.least_seconds => span(most),
        Some(most) => format!("{}–{}", span(estimate.least_seconds), span(most)),
    }
}

fn named(budgets: &BTreeSet<String>) -> String {
    let names: Vec<&str> = budgets.iter().take(NAMED).map(String::as_str).collect();
    match budgets.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn node_plan(node: &NodePlan, wide: bool) -> Vec<Line> {
    let (evicted, ignored): (Vec<&Step>, Vec<&Step>) = node.steps.iter().partition(|s| s.evicts());
    let cordon = if node.cordoned_before { "already cordoned" } else { "will be cordoned" };
    let head = Line::new().strong(format!("node/{}", node.name)).plain(format!(
        "  {cordon} · {} to evict, {} ignored",
        count(evicted.len(), "pod"),
        ignored.len()
    ));
    let mut rows = Vec::new();
    for tier in Tier::ALL {
        let steps: Vec<&Step> = evicted.iter().copied().filter(|s| s.tier == tier).collect();
        rows.extend(grouped(&steps, wide).into_iter().map(|g| row(tier, &g)));
    }
    rows.extend(grouped(&ignored, wide).into_iter().map(|g| {
        let what = Line::new().dim("  ignore");
        vec![
            what,
            Line::new().dim(&g.namespace),
            Line::new().dim(&g.name),
            Line::new().dim(g.size()),
            Line::new(),
            Line::new().dim(&g.reason),
        ]
    }));
    std::iter::once(head).chain(table(&rows)).collect()
}

fn row(tier: Tier, group: &Group) -> Vec<Line> {
    let verb = match (group.delete, group.terminating) {
        (_, true) => Line::new().plain("  wait"),
        (true, false) => Line::new().bad("  delete"),
        (false, false) => Line::new().good("  evict"),
    };
    let mut notes = Vec::new();
    if !group.reason.is_empty() {
        notes.push(group.reason.clone());
    }
    if let Some(budget) = &group.budget {
        notes.push(format!("limited by PDB {budget}"));
    }
    if tier != Tier::Workload {
        notes.push(format!("after all other pods: {}", tier.name()));
    }
    vec![
        verb,
        group.namespace.as_str().into(),
        group.name.as_str().into(),
        group.size().into(),
        where_to(group.place.as_ref()),
        Line::new().dim(notes.join("; ")),
    ]
}

/// Where the replacements can run.
fn where_to(place: Option<&Place>) -> Line {
    let Some(place) = place else { return Line::new() };
    match &place.verdict {
        Verdict::Fits => Line::new().plain(format!("→ {}", place.shown())),
        Verdict::Tight(_) if place.shortage.is_some() => {
            Line::new().bad(format!("→ {}, not for all", place.shown()))
        }
        Verdict::Tight(Why::Preemption) => Line::new().warn("→ by preemption"),
        Verdict::Tight(_) => Line::new().warn(format!("→ {}, tight", place.shown())),
        Verdict::Cannot => Line::new().bad("→ no node"),
        Verdict::Unknown(_) => Line::new().dim("→ unknown"),
    }
}

/// Pods that are shown as one row.
struct Group {
    namespace: String,
    name: String,
    pods: usize,
    reason: String,
    budget: Option<String>,
    place: Option<Place>,
    delete: bool,
    terminating: bool,
}

impl Group {
    fn size(&self) -> String {
        count(self.pods, "pod")
    }
}

fn grouped(steps: &[&Step], wide: bool) -> Vec<Group> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let alone = wide || step.owner.is_empty();
        let name = if alone { &step.name } else { &step.owner };
        // In the wide plan the order of the rows is the order of the drain.
        let key = (
            if wide { index } else { 0 },
            step.namespace.as_str(),
            name.as_str(),
            step.reason.as_str(),
            step.budget.as_deref(),
            where_to(step.place.as_ref()).text(),
        );
        let group = groups.entry(key).or_insert_with(|| Group {
            namespace: step.namespace.clone(),
            name: name.clone(),
            pods: 0,
            reason: step.reason.clone(),
            budget: step.budget.clone(),
            place: step.place.clone(),
            delete: step.action == crate::plan::Action::Delete,
            terminating: step.already_terminating,
        });
        group.pods += 1;
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::budgeted;
    use crate::estimate::estimate;
    use crate::options::Options;
    use crate::placement::placements;
    use cluster_model::Known;
    use cluster_model::build::{PodBuild, budget, pod};
    use serde_json::json;

    #[test]
    fn plan_text() {
        let web = |n: usize| pod(&format!("shop/web-{n}"), "n1").label("app", "web");
        let pods = vec![
            web(1),
            web(2),
            pod("shop/alone", "n1").unmanaged(),
            pod("kube-system/dns", "n1").priority(2_000_000_000),
            pod("kube-system/agent", "n1").owned_by("apps/v1", "DaemonSet", "agent"),
        ];
        let status =
            json!({"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3});
        let inventory = budgeted(pods, vec![budget("shop/web", json!({"status": status}))]);
        let planned = crate::plan::plan(&inventory, &Options::default());
        let lines = plan(&planned, &estimate(&planned, &inventory), false);
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        node/n1  will be cordoned · 4 pods to evict, 1 ignored
          evict   shop         ReplicaSet rs    2 pods  limited by PDB shop/web
          evict   shop         alone            1 pod   no controller: will not be recreated
          evict   kube-system  ReplicaSet rs    1 pod   after all other pods: system-cluster-critical
          ignore  kube-system  DaemonSet agent  1 pod   DaemonSet-managed pod

        estimated  no upper bound: PDB shop/web allows too few disruptions now
        ");
    }

    /// That the lists could not be read is not the same as that nothing has to be placed.
    #[test]
    fn a_place_that_is_not_known_is_shown_as_such() {
        let pods = vec![pod("shop/web", "n1"), pod("shop/alone", "n1").unmanaged()];
        let mut inventory = budgeted(pods, vec![]);
        inventory.scheduling = Known::Unknown("cannot list pods: 503".to_owned());
        let options = Options::default();
        let planned = crate::plan::plan(&inventory, &options).with(&placements(&inventory, &options));
        let lines = plan(&planned, &estimate(&planned, &inventory), false);
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        node/n1  will be cordoned · 2 pods to evict, 0 ignored
          evict  shop  ReplicaSet rs  1 pod  → unknown
          evict  shop  alone          1 pod             no controller: will not be recreated

        estimated  0s–30s
        placement  1 unknown: cannot list pods: 503
        ");
        let reports = planned.steps().map(crate::report::PodReport::planned);
        let places: Vec<_> =
            reports.map(|it| serde_json::to_value(it).unwrap()["placement"].clone()).collect();
        let unknown = json!({"verdict": "unknown", "nodes": 0, "reasons": ["cannot list pods: 503"]});
        assert_eq!(places, [unknown, json!(null)]);
    }
}
