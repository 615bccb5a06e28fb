//! HC804: the controllers that heal do not run.

use cluster_model::Raw;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use super::hc703_controller_lag::{PATIENCE, lags};
use crate::finding::Severity::Critical;
use crate::finding::Subject;
use crate::snapshot::{HEALERS, Lease, PodState, Read, Snapshot};

/// Its holder renews it several times in its duration.
const DURATIONS: i64 = 3;

pub const CHECK: Check = Check {
    id: "HC804",
    name: "healer-dead",
    about: About::Now,
    severities: &[Critical],
    reads: &[
        Read::Leases,
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "the Lease of kube-controller-manager or kube-scheduler was not renewed for three times its duration",
    why: "Without them nothing in the cluster is recreated or placed.",
    remedy: "look at this component on the control plane's nodes: its log, its certificate, and etcd",
    exceptions: "Managed control planes without these Leases: there the workloads show it. If their controllers have seen the last change of each, and pods have nodes and none waits for the scheduler's first look for more than a minute, nothing is said; otherwise this is unchecked. If the Leases may not be read it is unchecked too: grant it, or leave the check out with --ignore HC804.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for (lease, seconds) in dead(snapshot) {
        let message =
            format!("has not renewed its Lease for {}: nothing heals in this cluster", span(seconds));
        found.add(Critical, &Subject::new("Lease", "kube-system", &lease.name), message);
    }
    for name in HEALERS.iter().filter(|name| !snapshot.leases.iter().any(|it| it.name == **name)) {
        let doubt = match *name {
            "kube-scheduler" => doubt_of_scheduler(snapshot),
            _ => doubt_of_controllers(snapshot),
        };
        if let Some(why) = doubt {
            found.unknown(format!("there is no Lease {name} in namespace kube-system, and {why}"));
        }
    }
}

/// Why the objects do not show that it acts.
fn doubt_of_controllers(snapshot: &Snapshot) -> Option<String> {
    let controlled = || snapshot.workloads.iter().filter(|it| it.runs_for_good());
    if let Some(it) = controlled().find(|it| lags(&it.object, snapshot)) {
        return Some(format!("the controller of {} has not seen its last change (HC703)", it.subject));
    }
    let mut generations = controlled().filter_map(|it| Some((it, it.object.number("/metadata/generation")?)));
    let acts = generations.any(|(it, now)| it.object.number("/status/observedGeneration") == Some(now));
    (!acts).then(|| "there is no workload whose controller has seen it".to_owned())
}

fn doubt_of_scheduler(snapshot: &Snapshot) -> Option<String> {
    // The kubelet makes mirror pods, and binds them to itself.
    let pods = || snapshot.workloads.iter().flat_map(|it| &it.pods).filter(|pod| !pod.is_mirror);
    if let Some(pod) = pods().find(|pod| is_overlooked(pod, snapshot)) {
        return Some(format!("{} has waited for more than a minute for its first look", pod.name));
    }
    (!pods().any(|pod| !pod.node.is_empty())).then(|| "there is no pod that has a node".to_owned())
}

/// The scheduler says of each pod that it tried why it found no node.
fn is_overlooked(pod: &PodState, snapshot: &Snapshot) -> bool {
    pod.is_active()
        && pod.node.is_empty()
        && pod.unscheduled.is_none()
        && pod.created.is_some_and(|at| snapshot.seconds_since(at) > PATIENCE)
}

/// With the seconds since the last renewal.
pub fn dead(snapshot: &Snapshot) -> impl Iterator<Item = (&Lease, i64)> {
    let with_age = snapshot.leases.iter().filter_map(|it| Some((it, snapshot.seconds_since(it.renewed?))));
    with_age.filter(|(lease, seconds)| *seconds > DURATIONS * lease.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, stateful_set};
    use serde_json::{Value, json};

    #[test]
    fn hc804_healer_dead() {
        let renewed = |at: &str| healthy().edit("Lease/kube-scheduler", json!({"spec": {"renewTime": at}}));
        cases(
            &CHECK,
            &[
                (
                    "D9: a minute ago",
                    renewed("2026-01-01T23:59:00.000000Z"),
                    &["lease/kube-scheduler critical"],
                ),
                ("half a minute ago", renewed("2026-01-01T23:59:30.000000Z"), &[]),
                ("ahead of the server's clock", renewed("2026-01-02T00:00:10.000000Z"), &[]),
            ],
        );
    }

    /// As on managed control planes.
    #[test]
    fn without_leases_the_workloads_show_whether_somebody_acts() {
        let hidden = || healthy().without("Lease/kube-controller-manager").without("Lease/kube-scheduler");
        let waiting = |conditions: Value| {
            hidden().edit(
                "Pod/web-a",
                json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": conditions}}),
            )
        };
        let refused = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]);
        let changed = |at: &str| {
            let managed = json!([{"manager": "kubectl", "operation": "Update", "time": at, "fieldsV1": {"f:spec": {}}}]);
            hidden()
                .edit("Deployment/web", json!({"metadata": {"generation": 2, "managedFields": managed}}))
                .with_all(stateful_set("db", 1))
        };
        let mut empty = hidden();
        empty.objects.retain(|it| it["metadata"]["namespace"] != "shop");
        let unchecked: &[&str] = &["unchecked"];
        for (name, world, expected) in [
            ("they act", hidden(), &[][..]),
            ("a controller lags", changed("2026-01-01T23:50:00Z"), unchecked),
            ("for some seconds", changed("2026-01-01T23:59:50Z"), &[]),
            ("the scheduler has not looked at a pod", waiting(json!([])), unchecked),
            ("it has, and found no node", waiting(refused), &[]),
            ("there is nothing to see", empty, &["unchecked", "unchecked"]),
        ] {
            assert_eq!(world.found(&CHECK), expected, "{name}");
        }
    }
}
