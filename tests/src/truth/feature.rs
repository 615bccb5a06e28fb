//! What the generator can use. A switch each, so that seeds can be restricted to the rules that the model has.

use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    Taints,
    NodeAffinity,
    Resources,
    Priorities,
    Spread,
    PodAffinity,
    Ports,
    Volumes,
    VolumeLimits,
    Disks,
    KubeletFeatures,
}

const NAMES: [(&str, Feature); 11] = [
    ("taints", Feature::Taints),
    ("node-affinity", Feature::NodeAffinity),
    ("resources", Feature::Resources),
    ("priorities", Feature::Priorities),
    ("spread", Feature::Spread),
    ("pod-affinity", Feature::PodAffinity),
    ("ports", Feature::Ports),
    ("volumes", Feature::Volumes),
    ("volume-limits", Feature::VolumeLimits),
    ("disks", Feature::Disks),
    ("kubelet-features", Feature::KubeletFeatures),
];

/// Those whose rules the model has.
const MODELLED: [Feature; 11] = [
    Feature::Spread,
    Feature::PodAffinity,
    Feature::Taints,
    Feature::NodeAffinity,
    Feature::Resources,
    Feature::Priorities,
    Feature::Ports,
    Feature::Volumes,
    Feature::VolumeLimits,
    Feature::Disks,
    Feature::KubeletFeatures,
];

#[derive(Clone, Debug)]
pub struct Features(BTreeSet<Feature>);

impl Default for Features {
    fn default() -> Self {
        Features(MODELLED.into())
    }
}

impl Features {
    /// A list with commas, as in `taints,spread`.
    pub fn parse(list: &str) -> Result<Self, String> {
        let known = || NAMES.map(|(name, _)| name).join(", ");
        let parsed = list.split(',').map(|name| {
            let found = NAMES.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, feature)| *feature)
                .ok_or_else(|| format!("unknown rule {name}; known: {}", known()))
        });
        Ok(Features(parsed.collect::<Result<_, _>>()?))
    }

    /// Without those of the first list that are not in the second.
    pub fn only(&self, of: &[Feature], kept: &[Feature]) -> Self {
        let is_kept = |feature: &Feature| kept.contains(feature) || !of.contains(feature);
        Features(self.0.iter().copied().filter(is_kept).collect())
    }

    pub fn has(&self, feature: Feature) -> bool {
        self.0.contains(&feature)
    }
}
