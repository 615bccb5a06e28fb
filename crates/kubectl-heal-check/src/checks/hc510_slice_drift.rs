//! HC510: Ready pods that their Service does not lead to.

use cluster_model::text::count;

use super::check::{About, Check, Found};
use super::endpoints;
use super::service_pods::services;
use crate::finding::Severity::Error;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Read, Snapshot};

/// The controller needs seconds.
const PATIENCE: i64 = 60;

pub const CHECK: Check = Check {
    id: "HC510",
    name: "slice-drift",
    about: About::Now,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Services,
        Read::EndpointSlices,
    ],
    fires_when: "a Service selects Ready pods, and no EndpointSlice of it has a ready endpoint",
    why: "The pods have healed and get no traffic: the controller of EndpointSlices does not act, or somebody changed its objects.",
    remedy: "look at kube-controller-manager, or delete the Service's EndpointSlices, which are made anew: kubectl get endpointslices -n NAMESPACE -l kubernetes.io/service-name=NAME",
    exceptions: "Services without a selector and of the type ExternalName; a targetPort that no container declares is HC509; pods that became Ready within the last minute.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for service in services(snapshot) {
        let ready = service.ready().filter(|pod| is_settled(pod, snapshot)).count();
        let subject = &service.subject;
        if ready > 0
            && service.undeclared_port().is_none()
            && endpoints::ready(snapshot, &subject.namespace, &subject.name) == 0
        {
            let message =
                format!("selects {} that are Ready, and has no ready endpoint", count(ready, "pod"));
            found.add(Error, subject, message);
        }
    }
}

fn is_settled(pod: &PodState, snapshot: &Snapshot) -> bool {
    let started = pod.containers.iter().filter_map(|it| it.running_since).chain(pod.created).max();
    let to_ready = pod.seconds_to_ready.unwrap_or_default();
    started.is_some_and(|at| snapshot.seconds_since(at) - to_ready > PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, not_ready};
    use serde_json::json;

    #[test]
    fn hc510_slice_drift() {
        let ready = |is_ready: bool| json!({"endpoints": [{"conditions": {"ready": is_ready}}]});
        let slice = |is_ready: bool| healthy().edit("EndpointSlice/web-1", ready(is_ready));
        let none = || healthy().without("EndpointSlice/web-1");
        let mut unready = none();
        let mut young = none();
        for pod in ["Pod/web-a", "Pod/web-b", "Pod/web-c"] {
            unready = unready.edit(pod, not_ready());
            young = young.edit(pod, json!({"metadata": {"creationTimestamp": "2026-01-01T23:59:50Z"}}));
        }
        let mut other = slice(true);
        other = other.edit(
            "EndpointSlice/web-1",
            json!({"metadata": {"labels": {"kubernetes.io/service-name": "other"}}}),
        );
        let fires: &[&str] = &["service/web error"];
        cases(
            &CHECK,
            &[
                ("no slice", none(), fires),
                ("no ready endpoint", slice(false), fires),
                ("one ready endpoint", slice(true), &[]),
                ("a slice of another Service", other, fires),
                ("no pod is Ready", unready, &[]),
                ("Ready for a moment", young, &[]),
                ("no selector", none().edit("Service/web", json!({"spec": {"selector": null}})), &[]),
            ],
        );
    }
}
