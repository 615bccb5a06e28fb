//! HC504: an admission webhook without which no pod is created.

use std::collections::BTreeMap;

use cluster_model::Raw;
use cluster_model::text::count;

use super::check::{About, Check, Found};
use super::endpoints;
use crate::finding::Severity::{Critical, Error};
use crate::finding::Subject;
use crate::snapshot::webhook::{self, Webhook};
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC504",
    name: "webhook",
    about: About::Posture,
    severities: &[Critical, Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Services,
        Read::Namespaces,
        Read::ValidatingWebhooks,
        Read::MutatingWebhooks,
        Read::EndpointSlices,
    ],
    fires_when: "a webhook with failurePolicy Fail is called for the pods of a workload and the Service behind it has no ready endpoint, critical if it is called for its own pods too; or it is called for its own pods, whose loss would then be final",
    why: "Each pod has to be admitted by it. While it does not answer nothing is created, and if that includes its own pods it does not come back either.",
    remedy: "heal the webhook's pods; exclude its own namespace with a namespaceSelector, or set failurePolicy: Ignore",
    exceptions: "Webhooks with failurePolicy Ignore, and those whose selectors leave out the pods. One behind a URL cannot be seen, and matchConditions cannot be evaluated: these are unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for read in [Read::ValidatingWebhooks, Read::MutatingWebhooks] {
        for configuration in snapshot.all(read) {
            let subject = Subject::new(read.api().0, "", configuration.name());
            for webhook in webhook::of(&configuration.to_value()) {
                judge(snapshot, &subject, &webhook, found);
            }
        }
    }
}

fn judge(snapshot: &Snapshot, subject: &Subject, webhook: &Webhook, found: &mut Found<'_>) {
    let called = |it: &&Workload| is_called_for(snapshot, webhook, it);
    let workloads = snapshot.selected().filter(called).count();
    if workloads == 0 {
        return;
    }
    let Some((namespace, service)) = &webhook.service else {
        return found.unknown(format!(
            "{subject}: what is behind the URL of webhook {} cannot be seen",
            webhook.name
        ));
    };
    let is_own = calls_itself(snapshot, webhook, namespace, service);
    let is_down = endpoints::ready(snapshot, namespace, service) == 0;
    if !(is_down || is_own) {
        return;
    }
    if webhook.has_conditions {
        return found.unknown(format!(
            "{subject}: which pods webhook {} is called for depends on its matchConditions",
            webhook.name
        ));
    }
    let behind = format!("Service {service} in namespace {namespace}");
    let (severity, message) = match (is_down, is_own) {
        (true, true) => (
            Critical,
            format!(
                "no pod can be created, not even its own: webhook {} fails closed and {behind} has no ready endpoint",
                webhook.name
            ),
        ),
        (true, false) => (
            Error,
            format!(
                "no pod of {} can be created: webhook {} fails closed and {behind} has no ready endpoint",
                count(workloads, "workload"),
                webhook.name
            ),
        ),
        (false, _) => (
            Error,
            format!(
                "webhook {} fails closed and is called for its own pods: if all behind {behind} are lost, none can be created",
                webhook.name
            ),
        ),
    };
    found.add(severity, subject, message);
}

fn is_called_for(snapshot: &Snapshot, webhook: &Webhook, workload: &Workload) -> bool {
    let labels = namespace_labels(snapshot, &workload.subject.namespace);
    webhook.is_called_for(&labels, &workload.labels())
}

/// The label with the name is on every namespace.
fn namespace_labels(snapshot: &Snapshot, name: &str) -> BTreeMap<String, String> {
    let known = snapshot.all(Read::Namespaces).iter().find(|it| it.name() == name);
    let mut labels = known.map(Raw::labels).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    labels
}

/// Is it called for a workload that its Service selects? If that was not read, it is known only of a webhook that is called for all.
fn calls_itself(snapshot: &Snapshot, webhook: &Webhook, namespace: &str, service: &str) -> bool {
    let found = snapshot.in_namespace(Read::Services, namespace).find(|it| it.name() == service);
    let Some(wanted) = found.and_then(|it| it.map("/spec/selector")).filter(|it| !it.is_empty()) else {
        return webhook.is_called_for_all();
    };
    let selects = |it: &&Workload| {
        it.subject.namespace == namespace && it.template.as_ref().is_some_and(|it| it.has(wanted))
    };
    snapshot.workloads.iter().filter(selects).any(|it| is_called_for(snapshot, webhook, it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, deployment, healthy};
    use serde_json::{Value, json};

    fn with(edit: Value) -> World {
        let mut hook = json!({"name": "v.example.com", "failurePolicy": "Fail",
            "clientConfig": {"service": {"namespace": "system", "name": "hook"}},
            "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["system"]}]},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]});
        cluster_model::build::merge(&mut hook, edit);
        let mut pods = deployment("hook", 2);
        pods["metadata"]["namespace"] = json!("system");
        healthy()
            .with(json!({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "guard"}, "webhooks": [hook]}))
            .with(pods)
            .with(json!({"kind": "Service", "metadata": {"namespace": "system", "name": "hook"}, "spec": {"selector": {"app": "hook"}}}))
    }

    fn up(world: World, is_ready: bool) -> World {
        world.with(json!({"kind": "EndpointSlice", "metadata": {"namespace": "system", "name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
            "endpoints": [{"conditions": {"ready": is_ready}}]}))
    }

    #[test]
    fn hc504_webhook() {
        let all = || json!({"namespaceSelector": null});
        let others = json!({"objectSelector": {"matchLabels": {"app": "other"}}});
        let url = json!({"clientConfig": {"service": null, "url": "https://example.com"}});
        let fires: &[&str] = &["validatingwebhookconfiguration/guard error"];
        cases(
            &CHECK,
            &[
                ("E4: no endpoint", with(json!({})), fires),
                ("E4: an endpoint that is not ready", up(with(json!({})), false), fires),
                ("E4: a ready endpoint", up(with(json!({})), true), &[]),
                (
                    "E4: called for its own pods too",
                    with(all()),
                    &["validatingwebhookconfiguration/guard critical"],
                ),
                ("called for its own pods, and ready", up(with(all()), true), fires),
                ("it fails open", with(json!({"failurePolicy": "Ignore"})), &[]),
                ("the default is to fail closed", with(json!({"failurePolicy": null})), fires),
                (
                    "of other objects",
                    with(
                        json!({"rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]}),
                    ),
                    &[],
                ),
                ("of other pods", with(others), &[]),
                ("behind a URL", with(url), &["unchecked"]),
                (
                    "with conditions",
                    with(json!({"matchConditions": [{"name": "x", "expression": "false"}]})),
                    &["unchecked"],
                ),
            ],
        );
    }
}
