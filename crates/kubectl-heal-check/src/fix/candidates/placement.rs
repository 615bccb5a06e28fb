//! Where pods may be, and for how long they stay on a node that is lost.

use std::collections::BTreeSet;

use cluster_model::{Json, Raw, selector as selectors};
use serde_json::{Value, json};

use super::{Candidates, selector, template};
use crate::checks::eligible::eligible;
use crate::checks::shared_volume::waits_for_the_new_pod;
use crate::finding::Change;
use crate::snapshot::{Kind, Snapshot, Workload};

const HOSTNAME: &str = "kubernetes.io/hostname";
const LOST: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Seconds after which pods of a lost node are replaced.
const TOLERATED: i64 = 30;

/// Over zones where there are several: pods of several zones are on several nodes too.
pub fn spread_nodes(workload: &Workload, snapshot: &Snapshot) -> Candidates {
    let zones: BTreeSet<&str> = eligible(snapshot, workload).filter_map(|node| snapshot.zone(node)).collect();
    spread(workload, if zones.len() > 1 { &snapshot.domain.label } else { HOSTNAME })
}

pub fn spread(workload: &Workload, key: &str) -> Candidates {
    Ok(template(workload, json!({"topologySpreadConstraints": [even(workload, key)?]})))
}

/// Lost nodes have a taint: with `Honor` they do not count, and a replacement needs no place on them (HC403).
fn even(workload: &Workload, key: &str) -> Result<Value, &'static str> {
    let mut constraint = json!({"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor", "labelSelector": selector(workload)?});
    // Else the pods of the old revision count, and when they are gone the new ones may all be in one place
    // (kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints, matchLabelKeys).
    if workload.kind == Kind::Deployment {
        constraint["matchLabelKeys"] = json!(["pod-template-hash"]);
    }
    Ok(constraint)
}

/// Spread rules leave out lost nodes; required anti-affinity, which cannot, becomes an even spread.
pub fn without_lost_nodes(workload: &Workload) -> Candidates {
    let constraints = workload.spec().list("/topologySpreadConstraints");
    let hard: Vec<&Json> = constraints
        .iter()
        .filter(|it| it["whenUnsatisfiable"] == "DoNotSchedule" && it["nodeTaintsPolicy"] != "Honor")
        .collect();
    let key = |it: &Json| it.text("/topologyKey").to_owned();
    let is_alone = |it: &&Json| constraints.iter().filter(|other| key(other) == key(it)).count() == 1;
    if !hard.iter().all(is_alone) {
        return Err("it has several constraints over one key, and a patch would mean both");
    }
    let honoring = hard.iter().map(|it| json!({"topologyKey": it["topologyKey"], "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor"}));
    let mut spread: Vec<Value> = honoring.collect();
    let (mut spec, mut strategy) = (json!({}), Value::Null);
    let terms =
        workload.spec().list("/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    let labels = workload.labels();
    let (own, others): (Vec<&Json>, Vec<&Json>) = terms.iter().partition(|term| {
        let selected = selectors::from_json(&term["labelSelector"].to_value());
        term["namespaces"].is_null()
            && term["namespaceSelector"].is_null()
            && selectors::selects(selected.as_ref(), Some(&labels))
    });
    if !own.is_empty() {
        let rest = if others.is_empty() { Value::Null } else { json!(others) };
        spec["affinity"] =
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rest}});
        // The pods that are there keep those of the next revision away: an update has to stop one first.
        if waits_for_the_new_pod(workload) {
            strategy = json!({"rollingUpdate": {"maxUnavailable": 1}});
        }
        for term in own {
            if !constraints.iter().any(|it| key(it) == key(term)) {
                spread.push(even(workload, term.text("/topologyKey"))?);
            }
        }
    }
    if spread.is_empty() && spec == json!({}) {
        return Err("none of its own rules can be relaxed");
    }
    if !spread.is_empty() {
        spec["topologySpreadConstraints"] = json!(spread);
    }
    let mut patch = json!({"spec": {"template": {"spec": spec}}});
    if !strategy.is_null() {
        patch["spec"]["strategy"] = strategy;
    }
    Ok(vec![Change::patch(&workload.subject, patch)])
}

pub fn tolerations(workload: &Workload) -> Candidates {
    let is_other = |it: &&Json| !LOST.contains(&it.text("/key"));
    let others = workload.spec().list("/tolerations").iter().filter(is_other).map(Json::to_value);
    // Of those that match a taint the first one counts (pkg/apis/core/v1/helper/helpers.go, GetMatchingTolerations).
    let short = LOST.map(|key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED}));
    let all: Vec<Value> = short.into_iter().chain(others).collect();
    Ok(template(workload, json!({"tolerations": all})))
}
