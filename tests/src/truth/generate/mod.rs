//! A small cluster for a seed: few nodes with little room, and workloads with requirements that some of the nodes meet.

mod affinity;
mod nodes;
mod placement;
mod resources;
mod volumes;

use serde_json::{Value, json};

use super::case::{Case, ROOM};
use super::feature::{Feature, Features};
use super::fixtures::{ORDINARY_PRIORITY, PRIORITIES, RUNTIME_CLASS};
use super::random::Random;

/// A workload has one or two of these, or hardly any pod would fit anywhere. Those that decide seldom, or are hard to meet, are drawn more often,
/// so that each rule decides and passes about as often as the others.
const RESTRICTIONS: [Feature; 17] = [
    Feature::NodeAffinity,
    Feature::NodeAffinity,
    Feature::Spread,
    Feature::Spread,
    Feature::PodAffinity,
    Feature::PodAffinity,
    Feature::Ports,
    Feature::Ports,
    Feature::Volumes,
    Feature::Volumes,
    Feature::Volumes,
    Feature::VolumeLimits,
    Feature::VolumeLimits,
    Feature::Disks,
    Feature::Disks,
    Feature::KubeletFeatures,
    Feature::KubeletFeatures,
];

/// What often keeps pods of any workload away. Where there is none of it, the restrictions of a workload decide alone.
const OBSTACLES: [Feature; 3] = [Feature::Taints, Feature::Resources, Feature::Priorities];

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
        (random.pick(&[3, 4, 5, 5, 6, 6]), random.pick(&[1, 2, 2, 3]), random.between(4, 6));
    let (is_roomy, has_limits) = (random.percent(60), random.percent(50));
    let features = if is_roomy { features.only(&OBSTACLES, &[]) } else { features.clone() };
    let features = if has_limits { features } else { features.only(&[Feature::VolumeLimits], &[]) };
    let mut draw = Draw { random, features: features.clone(), nodes, zones, workloads };
    let patches: Vec<Value> = (0..nodes).map(|index| nodes::node(&mut draw, index)).collect();
    let mut objects = Vec::new();
    for number in 1..=workloads {
        let first = draw.random.pick(&RESTRICTIONS);
        let second = draw.random.pick(&RESTRICTIONS);
        let kept = [first, if draw.random.percent(40) { second } else { first }].map(|kept| match kept {
            Feature::VolumeLimits if !has_limits => Feature::Volumes,
            kept => kept,
        });
        draw.features = features.only(&RESTRICTIONS, &kept);
        let mut deployment = workload(&mut draw, number);
        objects.extend(volumes::claimed(&mut draw, &mut deployment, number));
        objects.push(deployment);
    }
    let drained = drained(&mut draw, &patches);
    Case { seed, nodes: patches, objects, drained }
}

/// One node, two, or all of a zone. Not most nodes: hardly any pod would fit on what is left.
fn drained(draw: &mut Draw, nodes: &[Value]) -> Vec<usize> {
    let first = draw.random.between(0, draw.nodes - 1);
    let second = (first + draw.random.between(1, draw.nodes - 1)) % draw.nodes;
    let zone_of = |index: usize| &nodes[index]["metadata"]["labels"]["ROOM/zone"];
    let zone: Vec<usize> = (0..draw.nodes).filter(|index| zone_of(*index) == zone_of(first)).collect();
    match draw.random.between(1, 4) {
        1 if draw.nodes > 3 => vec![first, second],
        2 if zone.len() * 2 <= draw.nodes => zone,
        _ => vec![first],
    }
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
    use_kubelet_features(draw, &mut spec);
    if draw.has(Feature::Priorities, 100) {
        let (other, _, _) = draw.random.pick(&PRIORITIES);
        let class = if draw.random.percent(30) { other } else { ORDINARY_PRIORITY.0 };
        spec["priorityClassName"] = json!(class);
    }
    if draw.has(Feature::Resources, 10) {
        spec["runtimeClassName"] = json!(RUNTIME_CLASS);
    }
    // A spread constraint with few pods is always met, and many pods that keep away from each other have no place left.
    let replicas: &[u64] = if spec["topologySpreadConstraints"].is_array() {
        &[2, 3, 4, 4, 5]
    } else if spec["affinity"]["podAntiAffinity"].is_object() {
        &[1, 1, 2, 2, 3]
    } else {
        &[1, 1, 2, 2, 3, 4]
    };
    let replicas = draw.random.pick(replicas);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

/// Only one feature of those that a pod can use is on by default (`pkg/features/kube_features.go`, v1.37).
fn use_kubelet_features(draw: &mut Draw, spec: &mut Value) {
    if draw.has(Feature::KubeletFeatures, 90) {
        let on_exit = json!({"operator": "In", "values": [42]});
        spec["containers"][0]["restartPolicy"] = json!("Always");
        spec["containers"][0]["restartPolicyRules"] =
            json!([{"action": "RestartAllContainers", "exitCodes": on_exit}]);
    }
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
            for word in [
                "topologySpreadConstraints",
                "affinity",
                "priorityClassName",
                "hostPort",
                "dedicated",
                "declaredFeatures",
            ] {
                assert!(!shown.contains(word), "{word} in {shown}");
            }
        }
    }
}
