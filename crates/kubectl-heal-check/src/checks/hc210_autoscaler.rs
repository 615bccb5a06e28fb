//! HC210: an autoscaler that cannot scale.

use cluster_model::secret::clean;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use super::commands::named;
use super::waiting::because;
use crate::finding::Severity::{self, Error, Warning};
use crate::snapshot::{Autoscaler, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC210",
    name: "hpa",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[Read::Autoscalers, Read::Deployments, Read::StatefulSets, Read::ReplicationControllers],
    fires_when: "the target of a HorizontalPodAutoscaler does not exist or cannot be scaled (error), it cannot read its metrics, or it wants more replicas than its maximum (warning)",
    why: "It adds no replicas when the load rises or when others are lost.",
    remedy: "kubectl describe hpa shows which metric or target it misses; raise maxReplicas if it is at its limit",
    exceptions: "At its minimum it is at rest. minReplicas equal to maxReplicas suspends it. A target with no replicas switches it off. A minimum of one replica is HC201.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for autoscaler in snapshot.posture_autoscalers() {
        if let Some((severity, message)) = problem(snapshot, autoscaler) {
            let Autoscaler { subject, .. } = autoscaler;
            let remedy = named("describe hpa", &subject.name, &subject.namespace);
            found.add_with(severity, subject, message, remedy);
        }
    }
}

fn problem(snapshot: &Snapshot, autoscaler: &Autoscaler) -> Option<(Severity, String)> {
    let object = &autoscaler.object;
    let target = &object["spec"]["scaleTargetRef"];
    let name = format!("{} {}", target.text("/kind"), target.text("/name"));
    if is_missing(snapshot, autoscaler) {
        return Some((Error, format!("its target {name} does not exist")));
    }
    if let Some(condition) = condition(object, "AbleToScale", "False") {
        let is_target = condition.text("/reason") == "FailedGetScale";
        let severity = if is_target { Error } else { Warning };
        return Some((
            severity,
            format!("it cannot scale {name}{}", because(&clean(condition.text("/message")))),
        ));
    }
    // With the reason ScalingDisabled its target has no replicas (pkg/controller/podautoscaler/horizontal.go).
    let inactive = condition(object, "ScalingActive", "False").filter(|it| it["reason"] != "ScalingDisabled");
    if let Some(condition) = inactive {
        let why = because(&clean(condition.text("/message")));
        return Some((Warning, format!("it cannot compute how many replicas {name} needs{why}")));
    }
    let least = object.number("/spec/minReplicas").unwrap_or(1);
    let most = object.number("/spec/maxReplicas").unwrap_or_default();
    let limited =
        condition(object, "ScalingLimited", "True").is_some_and(|it| it["reason"] == "TooManyReplicas");
    (limited && least != most)
        .then(|| (Warning, format!("{name} is at its maximum of {most} replicas and would need more")))
}

/// Only of kinds that are read: of others the autoscaler's own conditions say it.
fn is_missing(snapshot: &Snapshot, autoscaler: &Autoscaler) -> bool {
    let target = &autoscaler.object["spec"]["scaleTargetRef"];
    let (kind, name) = (target.text("/kind"), target.text("/name"));
    let group = target.text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
    let is_read =
        matches!((group, kind), ("apps", "Deployment" | "StatefulSet") | ("", "ReplicationController"));
    let exists = snapshot.workloads.iter().any(|it| {
        it.subject.kind == kind
            && it.subject.name == name
            && it.subject.namespace == autoscaler.subject.namespace
    });
    is_read && !exists
}

fn condition<'a>(object: &'a Json, kind: &str, status: &str) -> Option<&'a Json> {
    let mut conditions = object.list("/status/conditions").iter();
    conditions.find(|it| it["type"] == kind && it["status"] == status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc210_autoscaler() {
        let with = |edit: Value| -> World {
            let hpa = json!({"kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"},
                "spec": {"minReplicas": 2, "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
            healthy().with(hpa).edit("HorizontalPodAutoscaler/web", edit)
        };
        let state = |kind: &str, status: &str, reason: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "reason": reason, "message": "why"}]}});
        let at_most = || state("ScalingLimited", "True", "TooManyReplicas");
        let mut suspended = at_most();
        suspended["spec"] = json!({"minReplicas": 5});
        let warns: &[&str] = &["horizontalpodautoscaler/web warning"];
        let fails: &[&str] = &["horizontalpodautoscaler/web error"];
        let rollout = json!({"spec": {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "x"}}});
        cases(
            &CHECK,
            &[
                ("no such target", with(json!({"spec": {"scaleTargetRef": {"name": "wbe"}}})), fails),
                ("its target is there", with(json!({})), &[]),
                ("a target that is not read", with(rollout.clone()), &[]),
                (
                    "a target that it does not find",
                    with(rollout)
                        .edit("HorizontalPodAutoscaler/web", state("AbleToScale", "False", "FailedGetScale")),
                    fails,
                ),
                ("no metrics", with(state("ScalingActive", "False", "FailedGetResourceMetric")), warns),
                (
                    "its target is scaled to zero",
                    with(state("ScalingActive", "False", "ScalingDisabled")),
                    &[],
                ),
                ("at its maximum", with(at_most()), warns),
                ("at its minimum", with(state("ScalingLimited", "True", "TooFewReplicas")), &[]),
                ("suspended", with(suspended), &[]),
            ],
        );
        let message = with(state("ScalingActive", "False", "FailedGetResourceMetric")).message(&CHECK);
        assert_eq!(message, "it cannot compute how many replicas Deployment web needs: why");
    }
}
