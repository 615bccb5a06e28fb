//! Commands of remedies, complete: with the namespace, and with names that a shell takes for nothing else.

use plugin_client::shell::word;

use crate::finding::Subject;
use crate::snapshot::pod::PodState;

/// `kubectl VERB NAME -n NAMESPACE`
pub fn named(verb: &str, name: &str, namespace: &str) -> String {
    format!("kubectl {verb} {} -n {}", word(name), word(namespace))
}

/// `kubectl VERB deployment/NAME -n NAMESPACE`
pub fn of(verb: &str, subject: &Subject) -> String {
    named(verb, &subject.to_string(), &subject.namespace)
}

pub fn describe(pod: &PodState) -> String {
    named("describe pod", &pod.name, &pod.namespace)
}

pub fn get(pod: &PodState) -> String {
    named("get pod", &pod.name, &pod.namespace)
}

#[cfg(test)]
mod tests {
    use crate::checks;
    use crate::checks::testing::{World, container, healthy, not_ready, owner, stateful_set};
    use crate::render::parts;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    const HOSTILE: &str = "x$(reboot)";

    /// Names of objects in files are any text.
    fn hostile(mut world: World) -> World {
        let rename = |it: &Value| {
            let text = it
                .to_string()
                .replace("\"web", &format!("\"{HOSTILE}"))
                .replace("\"db", &format!("\"{HOSTILE}-db"));
            serde_json::from_str(&text.replace("\"n1\"", &format!("\"{HOSTILE}\""))).unwrap()
        };
        world.objects = world.objects.iter().map(rename).collect();
        world
    }

    fn without_quotes(command: &str) -> String {
        command.split('\'').step_by(2).collect()
    }

    #[test]
    fn names_are_words_of_a_shell() {
        let crashing = container(
            json!({"state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T23:59:00Z"}}}),
        );
        let paused = json!({"spec": {"paused": true}, "status": {"conditions": [
            {"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
        let late = json!({"spec": {"paused": null}, "status": {"conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}});
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "shop", "name": "web", "uid": "c"},
            "spec": {"suspend": true, "schedule": "* * * * *", "jobTemplate": {"spec": {"template": checks::testing::template("c")}}}});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "shop", "name": "web-job", "uid": "j"},
            "spec": {"template": checks::testing::template("j")},
            "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "x", "message": "y"}]}});
        let mut failed = checks::testing::pod("web-old", "web", "n2");
        failed["metadata"]["ownerReferences"] = json!([owner("apps/v1", "StatefulSet", "db")]);
        failed["status"]["phase"] = json!("Failed");
        let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}});
        let lost = json!({"spec": {"unschedulable": true, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": "2025-01-01T00:00:00Z"}]},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
        let unscheduled = json!({"spec": {"nodeName": null}, "status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
        let ended = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}});
        let broken = || {
            healthy()
                .with_all(stateful_set("db", 3))
                .with_all(vec![cron.clone(), job.clone(), failed.clone(), scaler.clone()])
                .edit("Deployment/web", json!({"status": {"availableReplicas": 0}}))
                .edit("Pod/web-a", crashing.clone())
                .edit("Pod/web-a", not_ready())
                .edit("Pod/web-b", not_ready())
                .edit("Pod/db-0", not_ready())
                .edit("Node/n1", lost.clone())
        };
        let worlds = [
            broken().without("Pod/db-1").edit("Deployment/web", paused),
            broken().edit("Deployment/web", late).edit("Pod/web-c", unscheduled).edit("Pod/db-2", ended),
        ];
        let mut seen = BTreeSet::new();
        for world in worlds {
            let (findings, _) = checks::run(&hostile(world).snapshot(), |_| true);
            for finding in &findings {
                let (_, command) = parts(finding);
                assert!(!without_quotes(command).contains("$("), "{}: {command}", finding.id);
                if command.contains("$(") {
                    seen.insert(finding.id);
                }
            }
        }
        let expected = [
            "HC210", "HC410", "HC601", "HC607", "HC608", "HC609", "HC702", "HC705", "HC708", "HC803",
            "HC901", "HC902",
        ];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    }
}
