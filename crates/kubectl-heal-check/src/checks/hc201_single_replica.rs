//! HC201: one replica.

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Info, Warning};
use crate::snapshot::{Kind, Read, Snapshot, Workload};
use crate::spans::seconds;

pub const CHECK: Check = Check {
    id: "HC201",
    name: "single-replica",
    about: About::Posture,
    severities: &[Error, Warning, Info],
    reads: &[Read::Deployments, Read::StatefulSets, Read::Autoscalers, Read::Services],
    fires_when: "a Deployment or StatefulSet runs one replica, or its autoscaler may reduce it to one; an error if a Service selects its pods",
    why: "It heals, but whenever its pod is lost nothing serves until another one is ready.",
    remedy: "run two replicas if two may work side by side, or raise the autoscaler's minReplicas",
    exceptions: "Info only where two cannot work side by side: a container with --leader-elect, the strategy Recreate, or volume claims.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let scaled = |it: &&Workload| matches!(it.kind, Kind::Deployment | Kind::StatefulSet);
    for workload in snapshot.posture().filter(scaled).filter(|it| it.least() == 1) {
        let reason = if workload.elects_a_leader() {
            Some("it elects a leader: only one pod would work")
        } else if workload.is_recreated_at_once() || workload.has_claims() {
            Some("it is made to run alone")
        } else {
            None
        };
        let severity = match (reason, workload.services.is_empty()) {
            (Some(_), _) => Info,
            (None, false) => Error,
            (None, true) => Warning,
        };
        let how_long = workload
            .start_up(snapshot)
            .map_or(String::new(), |it| format!(" for a start-up of {}", seconds(it.median)));
        let served = workload
            .services
            .first()
            .map_or(String::new(), |it| format!(", and Service {} has no other", it.name));
        let by = match &workload.autoscaler {
            Some((name, _)) => format!("autoscaler {name} may reduce it to one replica"),
            None => "has one replica".to_owned(),
        };
        let because = reason.map_or(String::new(), |it| format!(" ({it})"));
        found.add(
            severity,
            &workload.subject,
            format!("{by}{served}: without its pod it is down{how_long}{because}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, deployment, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc201_single_replica() {
        let api = |edit: Value| healthy().with(deployment("api", 1)).edit("Deployment/api", edit);
        let autoscaler = |least: Value| {
            json!({"kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"}, "spec": {"minReplicas": least,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
        };
        let elects = |argument: &str| {
            let container = json!({"name": "main", "args": [argument]});
            healthy().edit(
                "Deployment/web",
                json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}}}),
            )
        };
        let claim = json!({"spec": {"template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}});
        cases(
            &CHECK,
            &[
                ("without a Service", api(json!({})), &["deployment/api warning"]),
                (
                    "with a Service",
                    healthy().edit("Deployment/web", json!({"spec": {"replicas": 1}})),
                    &["deployment/web error"],
                ),
                ("by its autoscaler", healthy().with(autoscaler(json!(null))), &["deployment/web error"]),
                (
                    "replicas are omitted",
                    api(json!({"spec": {"replicas": null}})),
                    &["deployment/api warning"],
                ),
                ("the autoscaler keeps two", healthy().with(autoscaler(json!(2))), &[]),
                (
                    "Recreate",
                    api(json!({"spec": {"strategy": {"type": "Recreate"}}})),
                    &["deployment/api info"],
                ),
                ("a claim", api(claim), &["deployment/api info"]),
                ("an operator that elects a leader", elects("--leader-elect"), &["deployment/web info"]),
                ("another argument", elects("--verbose"), &["deployment/web error"]),
                ("two", api(json!({"spec": {"replicas": 2}})), &[]),
            ],
        );
        let ready = json!({"status": {"conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
        let at_once =
            healthy().edit("Deployment/web", json!({"spec": {"replicas": 1}})).edit_all("Pod", ready);
        assert!(at_once.message(&CHECK).ends_with("it is down for a start-up of <1s"), "as in the matrix");
    }
}
