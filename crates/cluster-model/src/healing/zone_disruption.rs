//! How fast nodes that are lost are tainted, zone by zone. If much of a zone is lost, Kubernetes suspects itself and slows down or stops
//! (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`, handleDisruption, ComputeZoneState, setLimiterInZone).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use crate::NodeExt;
use crate::feasibility::{BETA_REGION, BETA_ZONE, REGION, ZONE};

/// `--node-eviction-rate` 0.1: one node of a zone every ten seconds, also where all of the zone is lost.
const SECONDS_PER_NODE: i64 = 10;
/// `--secondary-node-eviction-rate` 0.01, where most of a large zone is lost.
const SECONDS_PER_NODE_OF_LARGE_ZONE: i64 = 100;
/// `--large-cluster-size-threshold`: a zone with more nodes is large.
const LARGE: usize = 50;
/// `--unhealthy-zone-threshold`, in percent, of a zone that lost more than this many nodes.
const MOST: usize = 55;
const FEW: usize = 2;

/// Such a node is not counted.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// Region and zone; the deprecated labels go first (`k8s.io/component-helpers/node/topology`, GetZoneKey). Nodes with neither are one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneKey(String, String);

impl ZoneKey {
    pub fn of(node: &Node) -> Self {
        let label = |keys: [&str; 2]| {
            let labels = node.metadata.labels.as_ref();
            keys.iter().find_map(|key| labels?.get(*key)).cloned().unwrap_or_default()
        };
        ZoneKey(label([BETA_REGION, REGION]), label([BETA_ZONE, ZONE]))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One node after the other, with this many seconds between them.
    OneIn(i64),
    /// No further node is tainted: so many of the nodes of a small zone are lost.
    MostOfZone { lost: usize, of: usize },
    /// No node is tainted, and taints are removed: no zone has a node that is Ready.
    NothingIsReady,
}

/// Of each zone, once the nodes for which `is_lost` says so have fallen silent.
pub fn paces<'n>(
    nodes: impl IntoIterator<Item = &'n Node>,
    is_lost: impl Fn(&Node) -> bool,
) -> BTreeMap<ZoneKey, Pace> {
    // Lost nodes and all nodes.
    let mut zones: BTreeMap<ZoneKey, (usize, usize)> = BTreeMap::new();
    for node in nodes.into_iter().filter(|node| !is_excluded(node)) {
        let (lost, all) = zones.entry(ZoneKey::of(node)).or_default();
        *lost += usize::from(is_lost(node) || node.not_ready().is_some());
        *all += 1;
    }
    let is_nothing_ready = zones.values().all(|(lost, all)| lost == all);
    let pace = |(lost, all): (usize, usize)| match () {
        () if is_nothing_ready => Pace::NothingIsReady,
        () if lost == all || lost <= FEW || lost * 100 < all * MOST => Pace::OneIn(SECONDS_PER_NODE),
        () if all > LARGE => Pace::OneIn(SECONDS_PER_NODE_OF_LARGE_ZONE),
        () => Pace::MostOfZone { lost, of: all },
    };
    zones.into_iter().map(|(zone, counts)| (zone, pace(counts))).collect()
}

fn is_excluded(node: &Node) -> bool {
    node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(EXCLUDED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::node;
    use serde_json::{Value, json};

    fn labelled(name: &str, labels: Value) -> Node {
        node(name, json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn a_zone_is_a_region_and_a_zone() {
        let key = |region: &str, zone: &str| ZoneKey(region.to_owned(), zone.to_owned());
        for (labels, expected) in [
            (json!({}), key("", "")),
            (json!({ZONE: "a"}), key("", "a")),
            (json!({ZONE: "a", REGION: "r"}), key("r", "a")),
            (json!({ZONE: "a", BETA_ZONE: "b", BETA_REGION: "s"}), key("s", "b")),
        ] {
            assert_eq!(ZoneKey::of(&labelled("n", labels.clone())), expected, "{labels}");
        }
    }

    /// So many nodes of zone `a`, so many of them lost, and the same of zone `b`.
    fn pace(a: (usize, usize), b: (usize, usize)) -> Pace {
        let nodes: Vec<Node> = [("a", a.0), ("b", b.0)]
            .into_iter()
            .flat_map(|(zone, count)| {
                (0..count).map(move |n| labelled(&format!("{zone}{n}"), json!({ZONE: zone})))
            })
            .collect();
        let is_lost = |node: &Node| {
            let (zone, number) = node.name().split_at(1);
            number.parse::<usize>().unwrap() < if zone == "a" { a.1 } else { b.1 }
        };
        paces(&nodes, is_lost)[&ZoneKey(String::new(), "a".to_owned())]
    }

    #[test]
    fn evictions_slow_down_or_stop_where_most_of_a_zone_is_lost() {
        for (a, b, expected) in [
            ((3, 1), (1, 0), Pace::OneIn(10)),
            // Two are few, whatever their share.
            ((3, 2), (1, 0), Pace::OneIn(10)),
            ((5, 3), (1, 0), Pace::MostOfZone { lost: 3, of: 5 }),
            ((6, 3), (1, 0), Pace::OneIn(10)),
            ((50, 28), (1, 0), Pace::MostOfZone { lost: 28, of: 50 }),
            ((51, 29), (1, 0), Pace::OneIn(100)),
            // All of a zone is an outage of the zone.
            ((5, 5), (1, 0), Pace::OneIn(10)),
            ((5, 5), (1, 1), Pace::NothingIsReady),
            ((5, 5), (0, 0), Pace::NothingIsReady),
            ((1, 1), (0, 0), Pace::NothingIsReady),
        ] {
            assert_eq!(pace(a, b), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn nodes_that_are_down_already_count_and_excluded_ones_do_not() {
        let down = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let lost = |node: &Node| node.name() == "n0";
        let zone = |nodes: &[Node]| paces(nodes, lost)[&ZoneKey::default()];
        let up = |n: usize| node(&format!("n{n}"), json!({}));
        let mut nodes: Vec<Node> = (0..4).map(up).collect();
        assert_eq!(zone(&nodes), Pace::OneIn(10));
        nodes[1] = node("n1", down.clone());
        nodes[2] = node("n2", down);
        assert_eq!(zone(&nodes), Pace::MostOfZone { lost: 3, of: 4 });
        nodes[3] = labelled("n3", json!({EXCLUDED: ""}));
        assert_eq!(zone(&nodes), Pace::NothingIsReady);
    }
}
