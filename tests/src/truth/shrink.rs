//! A smaller case that still fails: parts are left out one at a time for as long as that succeeds.

use serde_json::Value;

use super::case::Case;

/// Fields of a pod's spec that can be left out, as JSON pointers.
const PARTS: [&str; 13] = [
    "/affinity/podAffinity",
    "/affinity/podAntiAffinity",
    "/affinity/nodeAffinity",
    "/topologySpreadConstraints/1",
    "/topologySpreadConstraints",
    "/initContainers",
    "/runtimeClassName",
    "/priorityClassName",
    "/resources",
    "/containers/0/ports",
    "/nodeSelector/disk",
    "/containers/0/resources",
    "/containers/0/restartPolicyRules",
];

/// `fails`: whether a case shows the failure. It is expensive, so each part is tried once per pass.
pub fn shrink(case: Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut smallest = case;
    loop {
        let mut is_smaller = false;
        let mut index = 0;
        // What comes before `index` is needed: leaving it out hides the failure.
        while let Some(candidate) = smaller(&smallest).into_iter().nth(index) {
            if fails(&candidate) {
                smallest = candidate;
                is_smaller = true;
            } else {
                index += 1;
            }
        }
        if !is_smaller {
            return smallest;
        }
    }
}

/// The case without one of its parts, for each part.
fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for index in 0..case.objects.len() {
        if case.objects[index]["kind"] == "Deployment" {
            let mut objects = case.objects.clone();
            objects.remove(index);
            all.push(Case { objects, ..case.clone() });
        }
    }
    for index in (0..case.drained.len()).filter(|_| case.drained.len() > 1) {
        let mut drained = case.drained.clone();
        drained.remove(index);
        all.push(Case { drained, ..case.clone() });
    }
    let last = case.nodes.len() - 1;
    if last > 1 && !case.drained.contains(&last) {
        all.push(Case { nodes: case.nodes[..last].to_vec(), ..case.clone() });
    }
    for (index, object) in case.objects.iter().enumerate() {
        let changed = |edit: &dyn Fn(&mut Value) -> bool| {
            let mut objects = case.objects.clone();
            edit(&mut objects[index]).then(|| Case { objects, ..case.clone() })
        };
        all.extend(changed(&|object| {
            let replicas = object["spec"]["replicas"].as_u64().unwrap_or_default();
            object["spec"]["replicas"] = (replicas.saturating_sub(1)).into();
            object["kind"] == "Deployment" && replicas > 1
        }));
        if object["kind"] == "Deployment" {
            all.extend(
                PARTS.iter().filter_map(|part| {
                    changed(&|object| remove(object, &format!("/spec/template/spec{part}")))
                }),
            );
        }
    }
    for index in 0..case.nodes.len() {
        let mut nodes = case.nodes.clone();
        if nodes[index]["spec"]["taints"].as_array().is_some_and(|taints| !taints.is_empty()) {
            nodes[index]["spec"]["taints"] = Value::Array(Vec::new());
            all.push(Case { nodes, ..case.clone() });
        }
    }
    all
}

fn remove(object: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => fields.remove(name).is_some(),
        Some(Value::Array(items)) => {
            let index = name.parse().unwrap_or(usize::MAX);
            index < items.len() && !items.remove(index).is_null()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::truth::{Features, generate};

    #[test]
    fn what_does_not_matter_is_left_out() {
        let features = Features::parse("taints,resources,spread,pod-affinity,ports").unwrap();
        let has_port = |case: &crate::truth::Case| case.shown().contains("hostPort");
        let case = (0..).map(|seed| generate(seed, &features)).find(has_port).unwrap();
        let small = shrink(case, has_port);
        assert_eq!(small.deployments().count(), 1);
        let shown = small.shown();
        for word in ["topologySpread", "podAffinity", "requests", "effect\": \"NoExecute"] {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
    }
}
