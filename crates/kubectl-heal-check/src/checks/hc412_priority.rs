//! HC412: pods that others preempt, or that preempt nobody.

use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::Info;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC412",
    name: "priority",
    about: About::Posture,
    severities: &[Info],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::PriorityClasses,
    ],
    fires_when: "a template has no priorityClassName although there are higher PriorityClasses that preempt, or it has the highest one, which does not preempt",
    why: "When nodes are full, as after the loss of one, pods of higher classes push those of lower ones off. A class with preemptionPolicy Never waits instead.",
    remedy: "set a priorityClassName that says how much the workload matters",
    exceptions: "The classes of Kubernetes itself (system-…); a class that is the default of the cluster (globalDefault).",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let users = snapshot.all(Read::PriorityClasses).iter().filter(|it| !it.name().starts_with("system-"));
    let classes: Vec<&Json> = users.collect();
    let Some(highest) = classes.iter().copied().max_by_key(|it| value(it)) else { return };
    let default = classes.iter().find(|it| it["globalDefault"] == true);
    let pushes = classes.iter().copied().filter(|it| preempts(it)).max_by_key(|it| value(it));
    let scaled = |it: &&Workload| it.is_scaled() && it.replicas != Some(0);
    for workload in snapshot.posture().filter(scaled) {
        match workload.spec().text("/priorityClassName") {
            "" if default.is_none() => {
                if let Some(class) = pushes.filter(|it| value(it) > 0) {
                    let message = format!(
                        "it has no priorityClassName: pods of class {} ({}) may preempt its pods",
                        class.name(),
                        value(class)
                    );
                    found.add(Info, &workload.subject, message);
                }
            }
            own if own == highest.name() && value(highest) > 0 && !preempts(highest) => {
                let message =
                    format!("its class {own} is the highest, and preempts nobody (preemptionPolicy Never)");
                found.add(Info, &workload.subject, message);
            }
            _ => {}
        }
    }
}

fn value(class: &Json) -> i64 {
    class.number("/value").unwrap_or_default()
}

fn preempts(class: &Json) -> bool {
    class["preemptionPolicy"] != "Never"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc412_priority() {
        let class = |name: &str, value: i64, edit: Value| {
            let mut class = json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": value});
            cluster_model::build::merge(&mut class, edit);
            class
        };
        let high = || healthy().with(class("high", 1000, json!({})));
        let never = || healthy().with(class("high", 1000, json!({"preemptionPolicy": "Never"})));
        let with = |world: World| {
            world.edit(
                "Deployment/web",
                json!({"spec": {"template": {"spec": {"priorityClassName": "high"}}}}),
            )
        };
        let fires: &[&str] = &["deployment/web info"];
        cases(
            &CHECK,
            &[
                ("a higher class", high(), fires),
                ("its own class", with(high()), &[]),
                ("a default class", high().with(class("usual", 0, json!({"globalDefault": true}))), &[]),
                (
                    "of Kubernetes itself",
                    healthy().with(class("system-node-critical", 2_000_001_000, json!({}))),
                    &[],
                ),
                ("a lower class", healthy().with(class("low", -10, json!({}))), &[]),
                ("a class that does not preempt", never(), &[]),
                ("the highest does not preempt", with(never()), fires),
            ],
        );
    }
}
