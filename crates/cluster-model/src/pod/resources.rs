//! What one pod requests, as the scheduler and the quotas count it (component-helpers/resource/helpers.go, PodRequests).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use crate::{Raw, quantity};

/// By resource, as in `cpu`.
pub type Amounts = BTreeMap<String, i128>;

/// What a pod with this spec requests.
pub fn requests(spec: &Value) -> Amounts {
    amounts(spec, "requests")
}

/// The same with the place that each pod takes on its node (`allocatable.pods`).
pub fn place(spec: &Value) -> Amounts {
    let mut place = requests(spec);
    place.insert("pods".to_owned(), quantity::ONE);
    place
}

/// What a pod takes on its node, where that is more than its spec requests: while it is resized in place, the largest of what is requested,
/// allocated and in use counts (component-helpers/resource/helpers.go, AggregateContainerRequests with UseStatusResources).
pub fn occupied(pod: &Pod, requested: &Amounts) -> Option<Amounts> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    let spec = pod.spec.as_ref()?;
    let pod_level = spec.resources.as_ref().and_then(|it| it.requests.as_ref());
    let mut taken = requested.clone();
    for container in &spec.containers {
        let Some(status) = statuses.iter().find(|status| status.name == container.name) else { continue };
        let requests = quantities(container.resources.as_ref().and_then(|it| it.requests.as_ref()));
        let mut most = requests.clone();
        largest(&mut most, &quantities(status.allocated_resources.as_ref()));
        largest(&mut most, &quantities(status.resources.as_ref().and_then(|it| it.requests.as_ref())));
        for (resource, amount) in most {
            let more = amount - requests.get(&resource).copied().unwrap_or_default();
            if more > 0 && !pod_level.is_some_and(|level| level.contains_key(&resource)) {
                add(&mut taken, &Amounts::from([(resource, more)]));
            }
        }
    }
    (taken != *requested).then_some(taken)
}

fn quantities(amounts: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let amounts = amounts.into_iter().flatten();
    amounts.filter_map(|(resource, amount)| Some((resource.clone(), quantity::parse(&amount.0)?))).collect()
}

/// What a pod with this spec is limited to.
pub fn limits(spec: &Value) -> Amounts {
    amounts(spec, "limits")
}

fn amounts(spec: &Value, kind: &str) -> Amounts {
    let mut running = Amounts::new();
    for container in spec.list("/containers") {
        add(&mut running, &of_container(container, kind));
    }
    // Init containers run one after another; those that go on running (sidecars) stay while the later ones start.
    let (mut sidecars, mut starting) = (Amounts::new(), Amounts::new());
    for container in spec.list("/initContainers") {
        let requested = of_container(container, kind);
        if container["restartPolicy"] == "Always" {
            add(&mut running, &requested);
            add(&mut sidecars, &requested);
            largest(&mut starting, &sidecars);
        } else {
            let mut together = sidecars.clone();
            add(&mut together, &requested);
            largest(&mut starting, &together);
        }
    }
    largest(&mut running, &starting);
    // What is set for the pod as a whole counts instead.
    running.extend(read(&spec["resources"], kind));
    add(&mut running, &map(&spec["overhead"]));
    running
}

/// The request of one container for one resource; the server takes a limit for the request if that is all there is.
pub fn of_container(container: &Value, kind: &str) -> Amounts {
    read(&container["resources"], kind)
}

fn read(resources: &Value, kind: &str) -> Amounts {
    let mut amounts = if kind == "requests" { map(&resources["limits"]) } else { Amounts::new() };
    amounts.extend(map(&resources[kind]));
    amounts
}

fn map(value: &Value) -> Amounts {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, amount)| Some((name.clone(), quantity::from_json(amount)?))).collect()
}

pub fn add(to: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        match to.get_mut(name) {
            Some(sum) => *sum = sum.saturating_add(*amount),
            None => drop(to.insert(name.clone(), *amount)),
        }
    }
}

fn largest(of: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let most = of.entry(name.clone()).or_default();
        *most = (*most).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cpu(spec: Value) -> String {
        requests(&spec).get("cpu").map(|amount| quantity::show("cpu", *amount)).unwrap_or_default()
    }

    fn main(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn containers_add_up_and_init_containers_do_not() {
        let cases = [
            (json!({}), ""),
            (json!({"containers": [main("1"), main("500m")]}), "1500m"),
            (json!({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}), "2"),
            (json!({"containers": [main("1")], "initContainers": [main("3"), main("2")]}), "3"),
            (json!({"containers": [main("1")], "initContainers": [sidecar("1"), main("3")]}), "4"),
            (json!({"containers": [main("1")], "initContainers": [main("1"), sidecar("1")]}), "2"),
            (json!({"containers": [main("1")], "overhead": {"cpu": "10m"}}), "1010m"),
            (json!({"containers": [main("1")], "resources": {"requests": {"cpu": "4"}}}), "4"),
        ];
        for (spec, expected) in cases {
            assert_eq!(cpu(spec.clone()), expected, "{spec}");
        }
        assert!(limits(&json!({"containers": [main("1")]})).is_empty());
    }
}
