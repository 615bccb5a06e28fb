//! A small cluster for a seed, with workloads of all kinds, most of which have a place.

use serde_json::{Value, json};

use super::case::{Case, Event};
use crate::truth::Random;

pub fn generate(seed: u64, last: &[Event]) -> Case {
    let mut random = Random::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let (count, zones) = (random.between(4, 6), random.pick(&[1, 2, 2, 2, 3, 3, 3, 3]));
    let nodes = (0..count)
        .map(|index| {
            let zone = if index < zones { index } else { random.between(0, zones - 1) };
            (zone, random.pick(&[4, 8, 16, 16]), random.percent(12))
        })
        .collect();
    let workloads = random.between(3, 5);
    let objects = (1..=workloads).flat_map(|number| workload(&mut random, number, workloads)).collect();
    let end = random.pick(last);
    Case { seed, nodes, objects, events: vec![Event::PodLoss, Event::Drain, end], picks: seed }
}

/// With its budget.
fn workload(random: &mut Random, number: usize, of: usize) -> Vec<Value> {
    let name = format!("w{number}");
    let kind = random.pick(&[
        "Deployment",
        "Deployment",
        "Deployment",
        "Deployment",
        "Deployment",
        "Deployment",
        "StatefulSet",
        "StatefulSet",
        "DaemonSet",
        "Pod",
        "Job",
    ]);
    let spec = pod_spec(random, &name, kind, of);
    let metadata = pod_metadata(random, &name, &spec);
    let replicas = random.pick(&[1, 1, 2, 2, 3, 4]);
    let mut object = match kind {
        "Pod" => json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}),
        "Job" => json!({"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": name},
            "spec": {"template": {"metadata": metadata, "spec": spec}}}),
        _ => json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {
            "selector": {"matchLabels": {"app": name}}, "template": {"metadata": metadata, "spec": spec}}}),
    };
    if kind == "Pod" {
        object["metadata"]["name"] = json!(name);
    }
    if kind == "Job" {
        object["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    }
    if matches!(kind, "Deployment" | "StatefulSet") {
        object["spec"]["replicas"] = json!(replicas);
    }
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = json!(name);
        object["spec"]["podManagementPolicy"] = json!(random.pick(&["Parallel", "OrderedReady"]));
    }
    let mut all = vec![object];
    if random.percent(50) && matches!(kind, "Deployment" | "StatefulSet") {
        let rule = match random.between(1, 6) {
            1 => json!({"maxUnavailable": 0}),
            2 => json!({"minAvailable": 1}),
            3 => json!({"minAvailable": "50%"}),
            4 => json!({"maxUnavailable": 2}),
            _ => json!({"maxUnavailable": 1}),
        };
        let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": rule});
        budget["spec"]["selector"] = json!({"matchLabels": {"app": name}});
        all.push(budget);
    }
    all
}

/// How its start and its end go, for kwok.
fn pod_metadata(random: &mut Random, name: &str, spec: &Value) -> Value {
    let grace = usize::try_from(spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(2)).unwrap_or(2);
    let mut notes = json!({"testbed/ready-after": format!("{}s", random.between(2, 5))});
    notes["testbed/delete-after"] = json!(format!("{}s", random.between(grace.div_ceil(2), grace)));
    json!({"labels": {"app": name, "tier": random.pick(&["front", "back"])}, "annotations": notes})
}

fn pod_spec(random: &mut Random, name: &str, kind: &str, of: usize) -> Value {
    let cpu = random.pick(&["100m", "200m", "500m", "500m", "1", "1", "2", "3"]);
    let cpu = if kind == "DaemonSet" { "100m" } else { cpu };
    let mut spec = json!({
        "containers": [{"name": "main", "image": "example.invalid/app:1", "resources": {"requests": {"cpu": cpu}}}],
        "terminationGracePeriodSeconds": random.pick(&[2, 2, 3, 4, 6]),
        "tolerations": tolerations(random),
    });
    let key =
        random.pick(&["kubernetes.io/hostname", "kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    let other = format!("w{}", random.between(1, of));
    let about = if random.percent(75) { name } else { &*other };
    let selector = json!({"matchLabels": {"app": about}});
    let term = json!([{"topologyKey": key, "labelSelector": selector}]);
    if kind == "DaemonSet" {
        return spec;
    }
    match random.between(1, 14) {
        1 | 2 => {
            let mut constraint = json!({"maxSkew": random.pick(&[1, 1, 2]), "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": name}}});
            if random.percent(40) {
                constraint["nodeTaintsPolicy"] = json!("Honor");
            }
            spec["topologySpreadConstraints"] = json!([constraint]);
        }
        3 => {
            spec["affinity"] =
                json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}})
        }
        4 => {
            spec["affinity"] =
                json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}})
        }
        5 => spec["nodeSelector"] = json!({"half": random.pick(&["a", "b"])}),
        _ => {}
    }
    spec
}

/// Both taints of lost nodes are tolerated for seconds, so that a seed takes seconds; or for ever, or not at all.
fn tolerations(random: &mut Random) -> Value {
    let lost = |key: &str, seconds: Value| {
        let mut toleration =
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute"});
        toleration["tolerationSeconds"] = seconds;
        toleration
    };
    let seconds = match random.between(1, 14) {
        1 => Value::Null,
        _ => json!(random.between(2, 5)),
    };
    let mut all = vec![lost("not-ready", seconds.clone()), lost("unreachable", seconds)];
    match random.between(1, 30) {
        1 => all.push(json!({"operator": "Exists", "effect": "NoSchedule"})),
        2 => all.insert(0, json!({"operator": "Exists"})),
        3 => all.push(json!({"operator": "Exists"})),
        4 => all.push(lost("unreachable", json!(1))),
        _ => {}
    }
    if random.percent(40) {
        all.push(json!({"key": "dedicated", "operator": "Exists"}));
    }
    json!(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_cluster() {
        let shown = |seed| generate(seed, &Event::ALL[2..]).shown();
        assert_eq!(shown(1), shown(1));
        assert_ne!(shown(1), shown(2));
    }
}
