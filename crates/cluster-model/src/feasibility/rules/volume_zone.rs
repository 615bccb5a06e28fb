//! VolumeZone (`plugins/volumezone`): the labels for zone and region of a PersistentVolume match those of the node.

use crate::feasibility::miss::Miss;
use crate::feasibility::node::{BETA_REGION, BETA_ZONE, NodeFacts, REGION, TOPOLOGY_LABELS, ZONE};
use crate::feasibility::requirements::VolumeUse;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::feasibility::volumes::PersistentVolumeFacts;

pub const RULE: Rule = rule("VolumeZone", filter);

/// Claims and volumes that are missing or could not be read are left to VolumeBinding.
fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let volumes = &scenario.cluster.volumes;
    let zonal: Vec<(&str, &PersistentVolumeFacts)> = pod
        .requirements
        .volumes
        .iter()
        .filter_map(|volume| {
            let VolumeUse::Claim(claim) = volume else { return None };
            let name = volumes.claim(pod.namespace, claim).found()?.volume.as_deref()?;
            Some((name, volumes.persistent_volume(name).found()?))
        })
        .filter(|(_, volume)| !volume.zones.is_empty())
        .collect();
    if zonal.is_empty() {
        return None;
    }
    Some(Box::new(move |node| {
        match zonal.iter().find(|(_, volume)| !is_in_zone(volume, scenario.node(node))) {
            Some((name, _)) => Answer::Fails(Miss::VolumeZone((*name).to_owned())),
            None => Answer::Passes,
        }
    }))
}

/// A node without any label for a zone or region takes every volume: a cluster of one zone may have none.
fn is_in_zone(volume: &PersistentVolumeFacts, node: &NodeFacts) -> bool {
    if !TOPOLOGY_LABELS.iter().any(|key| node.labels.contains_key(*key)) {
        return true;
    }
    volume.zones.iter().all(|(key, values)| {
        let value = node.labels.get(*key).or_else(|| node.labels.get(label_of_today(key)));
        value.is_some_and(|value| values.iter().any(|allowed| **allowed == **value))
    })
}

/// A node may have only the new label of a volume's old one, but not the other way round.
fn label_of_today(key: &'static str) -> &'static str {
    match key {
        BETA_ZONE => ZONE,
        BETA_REGION => REGION,
        key => key,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::build::node;
    use crate::feasibility::testing::{answers, claim, cluster, pod_with_claim, volume_of, volumes};

    fn answer(of_volume: &Value, of_node: &Value) -> String {
        let mut cluster = cluster(
            vec![node("n1", json!({"metadata": {"labels": of_node}}))],
            vec![pod_with_claim("a/p", "n1", "c")],
        );
        cluster.volumes =
            volumes(&[claim("c", json!({})), volume_of("c", json!({"metadata": {"labels": of_volume}}))]);
        answers("VolumeZone", &cluster, "a/p").concat()
    }

    #[test]
    fn labels_of_volume_and_node() {
        let in_a = json!({ZONE: "a"});
        let beta_a = json!({BETA_ZONE: "a"});
        let (passes, zone) = ("passes", "zone of PV pv-c");
        let cases = [
            (json!({}), in_a.clone(), ""),
            (in_a.clone(), json!({}), passes),
            (in_a.clone(), json!({"disk": "ssd"}), passes),
            (in_a.clone(), in_a.clone(), passes),
            (in_a.clone(), json!({ZONE: "b"}), zone),
            (in_a.clone(), json!({REGION: "r"}), zone),
            (json!({ZONE: "a__b"}), json!({ZONE: "b"}), passes),
            (json!({ZONE: "a__b"}), json!({ZONE: "c"}), zone),
            (json!({ZONE: "a__ b"}), json!({ZONE: "b"}), passes),
            (json!({ZONE: "a____b"}), json!({ZONE: "c"}), ""),
            (json!({ZONE: "a", REGION: "r"}), json!({ZONE: "a", REGION: "s"}), zone),
            (json!({REGION: "r"}), json!({ZONE: "a", REGION: "r"}), passes),
            (beta_a.clone(), in_a.clone(), passes),
            (beta_a.clone(), beta_a.clone(), passes),
            (beta_a.clone(), json!({BETA_ZONE: "b", ZONE: "a"}), zone),
            (in_a.clone(), beta_a, zone),
            (json!({BETA_REGION: "r"}), json!({REGION: "r"}), passes),
            (json!({BETA_REGION: "r"}), json!({REGION: "s"}), zone),
        ];
        for (of_volume, of_node, expected) in cases {
            assert_eq!(answer(&of_volume, &of_node), expected, "{of_volume} {of_node}");
        }
    }
}
