//! HC403: rules about the spread of pods that leave no place for a replacement.

use std::collections::BTreeSet;

use cluster_model::{Raw, selector};

use super::check::{About, Check, Found};
use super::eligible::eligible;
use super::shared_volume::waits_for_the_new_pod;
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC403",
    name: "spread-deadlock",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Autoscalers,
    ],
    fires_when: "required anti-affinity, or a spread constraint with DoNotSchedule, has as many replicas as its domains can hold, so that without one of them there is no place for its pods",
    why: "A domain that is lost still counts while its Node objects are there: a replacement stays Pending until it is back.",
    remedy: "run fewer replicas than there are domains, add nodes, or prefer the spread instead of requiring it; nodeTaintsPolicy: Honor leaves lost nodes out of a spread constraint",
    exceptions: "Rules that do not select the workload's own pods; spread constraints whose maxSkew leaves room, or with nodeTaintsPolicy: Honor; a single domain (HC404).",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        if let Some(message) = deadlock(workload, snapshot) {
            found.add(Warning, &workload.subject, message);
        }
    }
}

/// The rule that leaves no place, and when.
pub fn deadlock(workload: &Workload, snapshot: &Snapshot) -> Option<String> {
    let labels = workload.labels();
    let requirements = workload.requirements();
    let replicas = workload.replicas.unwrap_or(1);
    let domains = |key: &str| {
        let values = eligible(snapshot, workload).filter_map(|node| node.metadata.labels.as_ref()?.get(key));
        i64::try_from(values.collect::<BTreeSet<_>>().len()).unwrap_or(i64::MAX)
    };
    let apart = requirements.anti_affinity.iter().find_map(|term| {
        let is_own = term.is_about_own_namespace() && selector::selects(term.selector.as_ref(), Some(&labels));
        let domains = domains(&term.topology_key);
        // The pods of an update are kept apart from the old ones as well, unless the term is about one revision.
        let updates = waits_for_the_new_pod(workload) && !has_match_label_keys(workload);
        (is_own && domains > 1 && replicas > domains - 1).then(|| {
            let update = if updates { "; an update waits for ever, because its new pod has no place either" } else { "" };
            format!(
                "anti-affinity allows one pod in each of {domains} domains of {}, and it has {replicas}: a replacement waits until a lost one is back{update}",
                term.topology_key
            )
        })
    });
    let spread = || {
        requirements.spread.iter().find_map(|it| {
            let is_own = selector::selects(selector::parse(it.label_selector.clone()).as_ref(), Some(&labels));
            let leaves_out_lost_nodes = it.node_taints_policy.as_deref() == Some("Honor");
            let domains = domains(&it.topology_key);
            // The lost one has no pods: so many may be in each of the others.
            let room = (domains - 1).saturating_mul(i64::from(it.max_skew));
            (is_own && !leaves_out_lost_nodes && domains > 1 && replicas > room).then(|| {
                format!(
                    "its spread over {} (maxSkew {}) holds {room} pods without one of {domains} domains, and it has {replicas}: a replacement waits until a lost one is back",
                    it.topology_key, it.max_skew
                )
            })
        })
    };
    apart.or_else(spread)
}

fn has_match_label_keys(workload: &Workload) -> bool {
    let terms = "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    workload.spec().list(terms).iter().all(|it| !it.list("/matchLabelKeys").is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    const ZONE: &str = "topology.kubernetes.io/zone";

    fn web(spec: Value) -> World {
        healthy().edit("Deployment/web", json!({"spec": {"template": {"spec": spec}}}))
    }

    fn apart(app: &str, edit: Value) -> Value {
        let mut term =
            json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}});
        cluster_model::build::merge(&mut term, edit);
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
    }

    #[test]
    fn hc403_spread_deadlock() {
        let spread = |edit: Value| {
            let mut rule = json!({"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}});
            cluster_model::build::merge(&mut rule, edit);
            web(json!({"topologySpreadConstraints": [rule]}))
        };
        let two = json!({"spec": {"replicas": 2}});
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("three pods apart on three nodes", web(apart("web", json!({}))), fires),
                ("two pods", web(apart("web", json!({}))).edit("Deployment/web", two.clone()), &[]),
                ("apart from others", web(apart("api", json!({}))), &[]),
                ("three pods over three zones", spread(json!({})), fires),
                ("minDomains changes nothing", spread(json!({"minDomains": 3})), fires),
                ("two pods over three zones", spread(json!({})).edit("Deployment/web", two), &[]),
                ("a wider skew", spread(json!({"maxSkew": 2})), &[]),
                ("ScheduleAnyway", spread(json!({"whenUnsatisfiable": "ScheduleAnyway"})), &[]),
                ("lost nodes are left out", spread(json!({"nodeTaintsPolicy": "Honor"})), &[]),
            ],
        );
    }

    #[test]
    fn an_update_waits_too_unless_it_stops_a_pod_first_or_each_revision_counts_by_itself() {
        let waits = |world: World| world.message(&CHECK).contains("an update waits for ever");
        assert!(waits(web(apart("web", json!({})))));
        assert!(!waits(web(apart("web", json!({"matchLabelKeys": ["pod-template-hash"]})))));
        let rules = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}});
        assert!(!waits(web(apart("web", json!({}))).edit("Deployment/web", rules)));
    }
}
