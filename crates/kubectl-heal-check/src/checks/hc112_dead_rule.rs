//! HC112: a restart rule that never applies.

use cluster_model::Raw;
use cluster_model::healing::restart_policy::dead_rules;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC112",
    name: "dead-rule",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "every exit code of a rule in restartPolicyRules is taken by an earlier rule, or no process can end with it",
    why: "The first rule that matches decides. A rule that never applies hides what its author meant.",
    remedy: "remove the rule, or put it before the one that takes its exit codes",
    exceptions: "Exit codes above 128 are legal: a process that a signal ends has one.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture() {
        let init = workload.spec().list("/initContainers").iter();
        for container in workload.containers().iter().chain(init) {
            for at in dead_rules(container) {
                let message = format!(
                    "rule {} of restartPolicyRules of container {} never applies",
                    at + 1,
                    container.text("/name")
                );
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc112_dead_rule() {
        let rules = |rules: Value| {
            let container = json!({"name": "main", "restartPolicy": "Never", "restartPolicyRules": rules});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
        };
        let rule = |action: &str, operator: &str, values: &[i64]| json!({"action": action, "exitCodes": {"operator": operator, "values": values}});
        let first = rule("Restart", "In", &[42, 43]);
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                (
                    "C2: a second rule for 42",
                    rules(json!([first, rule("RestartAllContainers", "In", &[42])])),
                    fires,
                ),
                (
                    "C2: a second rule for 44",
                    rules(json!([first, rule("RestartAllContainers", "In", &[44])])),
                    &[],
                ),
                ("a code that no process has", rules(json!([rule("Restart", "In", &[256])])), fires),
                ("a signal", rules(json!([rule("Restart", "In", &[137])])), &[]),
                (
                    "after all others",
                    rules(json!([first, rule("Restart", "NotIn", &[42]), rule("Restart", "In", &[1])])),
                    fires,
                ),
            ],
        );
    }
}
