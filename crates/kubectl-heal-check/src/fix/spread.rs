//! Where new pods go if they are spread as little as is allowed. Counts are kept, so that many pods take no longer each.

use std::collections::BTreeMap;

use cluster_model::NodeExt;
use k8s_openapi::api::core::v1::Node;

use crate::snapshot::Snapshot;

/// How many pods of a workload each node, zone and topology domain has.
pub struct Spread<'n> {
    nodes: &'n [&'n Node],
    snapshot: &'n Snapshot,
    on_node: BTreeMap<&'n str, usize>,
    in_zone: BTreeMap<Option<&'n str>, usize>,
    /// By the key of each hard constraint: the domains of the nodes that may be chosen.
    in_domain: Vec<(&'n str, BTreeMap<&'n str, usize>)>,
}

impl<'n> Spread<'n> {
    /// `nodes`: those that may be chosen; `keys`: in whose domains the numbers of pods may differ by one; `kept`: where pods are already.
    pub fn of(
        nodes: &'n [&'n Node],
        keys: &[&'n str],
        snapshot: &'n Snapshot,
        kept: impl Iterator<Item = &'n Node>,
    ) -> Self {
        let domains = |key| nodes.iter().filter_map(|node| domain(node, key)).map(|it| (it, 0)).collect();
        let in_domain = keys.iter().map(|key| (*key, domains(key))).collect();
        let mut spread =
            Spread { nodes, snapshot, on_node: BTreeMap::new(), in_zone: BTreeMap::new(), in_domain };
        kept.for_each(|node| spread.add(node));
        spread
    }

    /// The node of one pod more: of those with the most pods that the constraints leave, the one in the fullest zone.
    pub fn place(&mut self) -> Option<&'n Node> {
        let least: Vec<usize> =
            self.in_domain.iter().map(|(_, all)| all.values().min().copied().unwrap_or(0)).collect();
        let is_open = |node: &Node| {
            self.in_domain
                .iter()
                .zip(&least)
                .all(|((key, all), least)| domain(node, key).and_then(|it| all.get(it)) == Some(least))
        };
        let pods = |node: &Node| {
            let on = |all: &BTreeMap<&str, usize>| all.get(node.name()).copied().unwrap_or(0);
            (on(&self.on_node), self.in_zone.get(&self.snapshot.zone(node)).copied().unwrap_or(0))
        };
        let node = self.nodes.iter().copied().filter(|node| is_open(node)).max_by_key(|node| pods(node))?;
        self.add(node);
        Some(node)
    }

    fn add(&mut self, node: &'n Node) {
        *self.on_node.entry(node.name()).or_default() += 1;
        *self.in_zone.entry(self.snapshot.zone(node)).or_default() += 1;
        for (key, all) in &mut self.in_domain {
            if let Some(count) = domain(node, key).and_then(|it| all.get_mut(it)) {
                *count += 1;
            }
        }
    }
}

fn domain<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}
