//! HC308: a preStop hook that uses up the grace period.

use cluster_model::text::span;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC308",
    name: "pre-stop",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "a preStop hook sleeps as long as the pod's grace period, or longer",
    why: "The grace period includes the hook: the process gets its signal when the time is over, and is killed two seconds later.",
    remedy: "raise terminationGracePeriodSeconds above the time of the hook, or shorten the hook",
    exceptions: "Hooks other than a sleep: how long they take is not known.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        let grace = workload.grace();
        for container in workload.running_containers() {
            let sleeps = sleep(&container["lifecycle"]["preStop"]);
            if let Some(seconds) = sleeps.filter(|seconds| *seconds >= grace) {
                let name = container.text("/name");
                let message = format!(
                    "preStop of container {name} sleeps {} of a grace period of {}",
                    span(seconds),
                    span(grace)
                );
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

/// Of the sleep action, or of `sleep N` as a command.
pub fn sleep(hook: &Json) -> Option<i64> {
    if let Some(seconds) = hook.number("/sleep/seconds") {
        return Some(seconds);
    }
    let command: Vec<&str> = hook.list("/exec/command").iter().filter_map(Json::as_str).collect();
    let words: Vec<&str> = match command.as_slice() {
        [shell, "-c", script] if shell.ends_with("sh") => script.split_whitespace().collect(),
        words => words.to_vec(),
    };
    let [program, seconds] = words.as_slice() else { return None };
    (*program == "sleep" || program.ends_with("/sleep"))
        .then(|| seconds.trim_end_matches('s').parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc308_pre_stop() {
        let with = |hook: Value| {
            let container = json!({"name": "main", "lifecycle": {"preStop": hook}});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
        };
        let exec = |words: Value| with(json!({"exec": {"command": words}}));
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("B7: 30 of 30", with(json!({"sleep": {"seconds": 30}})), fires),
                ("a command", exec(json!(["sleep", "45"])), fires),
                ("a shell", exec(json!(["/bin/sh", "-c", "sleep 30"])), fires),
                ("29 of 30", with(json!({"sleep": {"seconds": 29}})), &[]),
                ("a script", exec(json!(["/bin/sh", "-c", "sleep 30 && drain"])), &[]),
            ],
        );
    }
}
