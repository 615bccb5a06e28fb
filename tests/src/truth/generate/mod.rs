//! A small cluster for a seed: few nodes with little room, and workloads with requirements that some of the nodes meet.

mod affinity;
mod nodes;
mod placement;
mod resources;
mod volumes;

use serde_json::{Value, json};

use super::case::{Case, ROOM};
use super::feature::{Feature, Features};
use super::fixtures::{PRIORITIES, RUNTIME_CLASS};
use super::random::Random;

/// With more than two of these at once, hardly any pod fits anywhere.
const RESTRICTIONS: [Feature; 8] = [
    Feature::NodeAffinity,
    Feature::Spread,
    // Twice as often as the others: it seldom fits.
    Feature::PodAffinity,
    Feature::PodAffinity,
    Feature::Ports,
    Feature::Volumes,
    Feature::VolumeLimits,
    Feature::Disks,
];

/// The choices of one seed. What is switched off is drawn all the same, so that a seed stays alike.
pub struct Draw {
    pub random: Random,
    features: Features,
    pub nodes: usize,
    pub zones: usize,
    pub workloads: usize,
}

impl Draw {
    pub fn has(&mut self, feature: Feature, percent: u64) -> bool {
        self.random.percent(percent) & self.features.has(feature)
    }

    pub fn zone(&mut self) -> String {
        zone(self.random.between(1, self.zones))
    }

    /// The name of one of the workloads.
    pub fn app(&mut self) -> String {
        app(self.random.between(1, self.workloads))
    }
}

pub fn generate(seed: u64, features: &Features) -> Case {
    let mut random = Random::new(seed);
    let (nodes, zones, workloads) =
        (random.pick(&[3, 4, 5, 6, 6]), random.between(1, 3), random.between(2, 6));
    let mut draw = Draw { random, features: features.clone(), nodes, zones, workloads };
    let patches = (0..nodes).map(|index| nodes::node(&mut draw, index)).collect();
    let mut objects = Vec::new();
    for number in 1..=workloads {
        let kept = [draw.random.pick(&RESTRICTIONS), draw.random.pick(&RESTRICTIONS)];
        draw.features = features.only(&RESTRICTIONS, &kept);
        let mut deployment = workload(&mut draw, number);
        objects.extend(volumes::claimed(&mut draw, &mut deployment, number));
        objects.push(deployment);
    }
    let mut drained = vec![draw.random.between(0, nodes - 1)];
    if draw.random.percent(50) {
        drained.push((drained[0] + draw.random.between(1, nodes - 1)) % nodes);
    }
    Case { seed, nodes: patches, objects, drained }
}

fn zone(number: usize) -> String {
    format!("{ROOM}-zone-{number}")
}

fn app(number: usize) -> String {
    format!("w{number}")
}

fn workload(draw: &mut Draw, number: usize) -> Value {
    let name = app(number);
    let namespace = if draw.has(Feature::PodAffinity, 20) { format!("{ROOM}-b") } else { ROOM.to_owned() };
    let tier = draw.random.pick(&["front", "back"]);
    let labels = json!({"app": name, "tier": tier});
    let mut spec = json!({
        "containers": [{"name": "main", "image": "example.invalid/app:1"}],
        "nodeSelector": {"room": ROOM},
        "tolerations": [{"key": "room", "value": ROOM, "effect": "NoSchedule"}],
    });
    resources::request(draw, &mut spec);
    nodes::tolerate(draw, &mut spec);
    affinity::require(draw, &mut spec);
    placement::require(draw, &mut spec, &name);
    placement::open_ports(draw, &mut spec);
    if draw.has(Feature::Priorities, 30) {
        spec["priorityClassName"] = json!(draw.random.pick(&PRIORITIES).0);
    }
    if draw.has(Feature::Resources, 10) {
        spec["runtimeClassName"] = json!(RUNTIME_CLASS);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": draw.random.pick(&[1, 1, 2, 2, 3, 4]),
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Features, generate};

    #[test]
    fn a_seed_always_makes_the_same_cluster() {
        let shown = |seed| generate(seed, &Features::default()).shown();
        assert_eq!(shown(1), shown(1));
        assert_ne!(shown(1), shown(2));
    }

    #[test]
    fn what_is_switched_off_is_not_used() {
        let only = Features::parse("resources").unwrap();
        for seed in 0..50 {
            let shown = generate(seed, &only).shown();
            for word in
                ["topologySpreadConstraints", "affinity", "priorityClassName", "hostPort", "dedicated"]
            {
                assert!(!shown.contains(word), "{word} in {shown}");
            }
        }
    }
}
