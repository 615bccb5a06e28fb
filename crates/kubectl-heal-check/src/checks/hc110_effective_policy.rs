//! HC110: the end of a container that is final, under a controller that expects its pods to run for ever.

use cluster_model::healing::restart_policy::{AfterExit, final_exit};
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC110",
    name: "effective-policy",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "a container's own restartPolicy or restartPolicyRules let it end for good although its controller runs pods for ever",
    why: "Beside other containers it stays dead: the pod is Running and never Ready, and no controller replaces it. As the only container it ends the pod, which is replaced at once and without any back-off, and leaves a finished pod behind each time.",
    remedy: "remove the container's restartPolicy, or add a rule that restarts it for this exit code",
    exceptions: "Init containers that always restart are sidecars. Servers older than 1.34 do not have these fields.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        let spec = workload.spec();
        let name = |container: &Json| container.text("/name").to_owned();
        for container in workload.containers() {
            let (severity, what) = match final_exit(spec, container, |_| true) {
                Some((code, AfterExit::StaysDead)) => (
                    Error,
                    format!(
                        "container {} does not run again after exit code {code}: the pod stays Running and is never Ready",
                        name(container)
                    ),
                ),
                Some((code, _)) => (
                    Warning,
                    format!(
                        "container {} ends its pod with exit code {code}: it is replaced at once, without a back-off",
                        name(container)
                    ),
                ),
                None => continue,
            };
            found.add(severity, &workload.subject, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc110_effective_policy() {
        let with = |containers: Value| {
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": containers}}}}))
        };
        let never = || json!({"name": "a", "restartPolicy": "Never"});
        let rule = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [255]}},
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [255]}}]);
        let sidecar = json!({"spec": {"template": {"spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}}}});
        cases(
            &CHECK,
            &[
                ("C1a: beside another one", with(json!([never(), {"name": "b"}])), &["deployment/web error"]),
                ("C1b: the only one", with(json!([never()])), &["deployment/web warning"]),
                (
                    "C1: OnFailure",
                    with(json!([{"name": "a", "restartPolicy": "OnFailure"}, {"name": "b"}])),
                    &["deployment/web error"],
                ),
                (
                    "C2: rules for every code",
                    with(json!([{"name": "a", "restartPolicy": "Never", "restartPolicyRules": rule}])),
                    &[],
                ),
                ("Always", with(json!([{"name": "a", "restartPolicy": "Always"}, {"name": "b"}])), &[]),
                ("a sidecar", healthy().edit("Deployment/web", sidecar), &[]),
            ],
        );
    }
}
