//! Probes, restart policies and grace periods of a template.

use cluster_model::{Json, Raw};
use serde_json::{Value, json};

use super::{Candidates, template};
use crate::checks::hc305_slow_start::{patience, second_longest};
use crate::checks::hc308_pre_stop;
use crate::checks::probe::{endpoint, seconds_of_failures};
use crate::snapshot::{Snapshot, Workload};

pub fn own_policies(workload: &Workload) -> Candidates {
    let own = workload
        .containers()
        .iter()
        .filter(|it| !it["restartPolicy"].is_null() || !it["restartPolicyRules"].is_null());
    let patches: Vec<Value> = own
        .map(|it| json!({"name": it["name"], "restartPolicy": null, "restartPolicyRules": null}))
        .collect();
    of_containers(workload, patches, "no container has a policy of its own")
}

pub fn thresholds(workload: &Workload) -> Candidates {
    let patches: Vec<Value> = workload
        .containers()
        .iter()
        .filter_map(|container| {
            let (live, ready) = (&container["livenessProbe"], &container["readinessProbe"]);
            let asked = endpoint(container, live)?;
            let is_found = Some(asked) == endpoint(container, ready)
                && seconds_of_failures(live) <= seconds_of_failures(ready);
            let threshold = (seconds_of_failures(ready) / period(live)).saturating_add(1);
            is_found
                .then(|| json!({"name": container["name"], "livenessProbe": {"failureThreshold": threshold}}))
        })
        .collect();
    of_containers(workload, patches, "the probes of init containers are left alone")
}

/// It asks what the livenessProbe asks, for twice the time that a start was seen to take.
pub fn startup(workload: &Workload, snapshot: &Snapshot) -> Candidates {
    let patches: Vec<Value> = workload
        .containers()
        .iter()
        .filter_map(|container| {
            let longest = second_longest(workload, container.text("/name"), snapshot)?;
            let live = patience(container).filter(|it| longest > *it).map(|_| &container["livenessProbe"])?;
            let mut probe = live.to_value();
            // Those of a liveness probe say when to give up on what runs already.
            for field in ["initialDelaySeconds", "successThreshold", "terminationGracePeriodSeconds"] {
                probe.as_object_mut()?.remove(field);
            }
            probe["failureThreshold"] =
                json!(longest.saturating_mul(2).saturating_add(period(live) - 1) / period(live));
            Some(json!({"name": container["name"], "startupProbe": probe}))
        })
        .collect();
    of_containers(workload, patches, "the probes of init containers are left alone")
}

pub fn grace_for_hooks(workload: &Workload) -> Candidates {
    let longest = workload
        .running_containers()
        .filter_map(|it| hc308_pre_stop::sleep(&it["lifecycle"]["preStop"]))
        .max();
    let longest = longest.ok_or("its hooks do not say how long they take")?;
    // What the process had before it was made to wait.
    Ok(template(workload, json!({"terminationGracePeriodSeconds": longest.saturating_add(30)})))
}

/// None at all becomes Kubernetes' own, 30 s (`pkg/apis/core/v1/defaults.go`).
pub fn grace(workload: &Workload) -> Candidates {
    match workload.spec().number("/terminationGracePeriodSeconds") {
        Some(0) => Ok(template(workload, json!({"terminationGracePeriodSeconds": null}))),
        _ => Err("how long a clean stop takes is not known"),
    }
}

fn period(probe: &Json) -> i64 {
    probe.number("/periodSeconds").unwrap_or(10).max(1)
}

fn of_containers(workload: &Workload, patches: Vec<Value>, none: &'static str) -> Candidates {
    if patches.is_empty() { Err(none) } else { Ok(template(workload, json!({"containers": patches}))) }
}
