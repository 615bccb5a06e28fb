//! What the rest of the cluster loses when the pods of this node go.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::owner::{OwnerKey, Workload};
use cluster_model::owner_graph::ControllerState;
use cluster_model::pod::Tier;
use cluster_model::text::count;
use cluster_model::webhook::Webhook;
use cluster_model::{BudgetStatus, Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::pods_to_evict;

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let mut findings = last_replicas(inventory, options);
    match &inventory.webhooks {
        Known::Unknown(why) => findings.push(Finding::new(
            "webhooks-not-checked",
            Severity::Unknown,
            "admission webhooks",
            format!("could not be read: {why}"),
        )),
        Known::Seen(webhooks) => {
            let evicted: BTreeMap<&str, &Pod> =
                pods_to_evict(inventory, options).map(|pod| (pod.uid(), pod)).collect();
            findings.extend(webhooks.iter().filter_map(|webhook| cut_off(webhook, &evicted)));
        }
    }
    findings
}

/// A webhook whose every Ready pod is evicted.
fn cut_off(webhook: &Webhook, evicted: &BTreeMap<&str, &Pod>) -> Option<Finding> {
    let pods: Option<Vec<String>> =
        webhook.backends.iter().map(|uid| evicted.get(uid.as_str()).map(|pod| pod.key())).collect();
    let pods = pods.filter(|pods| !pods.is_empty())?;
    Some(
        Finding::new(
            "webhook-backend-here",
            Severity::Error,
            &webhook.label,
            format!(
                "fails closed on {}, and every ready pod of its Service {} is evicted: {}; such requests are rejected until one is Ready elsewhere",
                webhook.requests,
                webhook.service,
                pods.join(", ")
            ),
        )
        .remedy("run a second replica on another node first"),
    )
}

/// Owners whose every Ready pod is evicted at once.
fn last_replicas(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let evicted: BTreeSet<&str> =
        pods_to_evict(inventory, options).filter(|p| p.is_ready()).map(PodExt::uid).collect();
    let here = inventory.pods.by_controller().filter_map(|(key, pods)| {
        let ControllerState::Exists(owner) = inventory.owners.state(key) else { return None };
        let pods: Vec<&Pod> = pods.filter(|pod| evicted.contains(pod.uid())).collect();
        (!pods.is_empty()).then_some((key, owner, pods))
    });
    let all_go = |owner: &Workload, pods: &[&Pod]| {
        owner.desired.is_some() && usize::try_from(owner.ready).is_ok_and(|ready| ready <= pods.len())
    };
    here.filter(|(_, owner, pods)| all_go(owner, pods))
        .filter_map(|(key, _, pods)| {
            let name = inventory.top_controller_of(pods[0])?.key.short_label();
            let all = if pods.len() == 1 { "its only ready pod is".to_owned() } else { format!("all its {} are", count(pods.len(), "ready pod")) };
            if serves_cluster(key, &pods) {
                let what = if is_dns(&pods) { "DNS is unavailable" } else { "the service is unavailable" };
                return Some(
                    Finding::new("cluster-service-last-replica", Severity::Warning, pods[0].key(), format!("{name}: {all} here; {what} until the replacement is Ready"))
                        .remedy("run a second replica on another node first"),
                );
            }
            let budgets: Vec<_> = pods.iter().flat_map(|p| inventory.budgets_of(p)).collect();
            // One that lets all of them go at once protects nothing.
            let protects = |status: &BudgetStatus| {
                !matches!(*status, BudgetStatus::Allows(n) if usize::try_from(n).is_ok_and(|n| n >= pods.len()))
            };
            let is_protected = budgets.iter().any(|budget| protects(budget.status()));
            (!is_protected && matches!(inventory.budgets, Known::Seen(_))).then(|| {
                let why = match budgets.first() {
                    Some(budget) => format!("PDB {} does not keep one", budget.name()),
                    None => "no PDB protects it".to_owned(),
                };
                Finding::new("last-ready-replica", Severity::Warning, pods[0].key(), format!("{name}: {all} here and {why}: it is unavailable until the replacement is Ready"))
                    .remedy("scale it up first, or accept the downtime")
            })
        })
        .collect()
}

fn serves_cluster(key: &OwnerKey, pods: &[&Pod]) -> bool {
    key.namespace == "kube-system" || pods.iter().any(|p| p.tier() != Tier::Workload)
}

/// CoreDNS and kube-dns both carry `k8s-app: kube-dns` (`cluster/addons/dns` in Kubernetes).
fn is_dns(pods: &[&Pod]) -> bool {
    pods.iter()
        .any(|p| p.metadata.labels.as_ref().and_then(|l| l.get("k8s-app")).is_some_and(|v| v == "kube-dns"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::build::{PodBuild, budget, pod};
    use cluster_model::owner::Workload;
    use cluster_model::webhook::Webhook;
    use cluster_model::{Inventory, Known, Severity};
    use serde_json::json;

    fn owned(pod: k8s_openapi::api::core::v1::Pod, ready: i32) -> Inventory {
        let mut inventory = inventory_of(vec![pod]);
        let key = inventory.controller_of(&inventory.pods[0]).unwrap().key;
        inventory
            .owners
            .insert(key, Known::Seen(Some(Workload { desired: Some(ready), ready, ..Workload::default() })));
        inventory
    }

    #[test]
    fn last_ready_replica() {
        let web = || pod("shop/web-1", "n1").label("app", "web");
        let bad = owned(web(), 1);
        fires("last-ready-replica", Severity::Warning, &bad, &owned(web(), 2));
        let under = |allowed: i32| {
            let status = json!({"disruptionsAllowed": allowed, "expectedPods": 1});
            Inventory {
                budgets: Known::Seen(vec![budget("shop/web", json!({"status": status}))].into()),
                ..bad.clone()
            }
        };
        fires("last-ready-replica", Severity::Warning, &bad, &under(0));
        fires("last-ready-replica", Severity::Warning, &bad, &being_deleted(bad.clone()));
        fires("last-ready-replica", Severity::Warning, &under(1), &under(0));
    }

    #[test]
    fn cluster_service_last_replica() {
        let dns = || pod("kube-system/coredns-1", "n1").label("k8s-app", "kube-dns");
        fires("cluster-service-last-replica", Severity::Warning, &owned(dns(), 1), &owned(dns(), 2));
        let critical = || pod("metrics/server", "n1").priority(2_000_000_000);
        fires(
            "cluster-service-last-replica",
            Severity::Warning,
            &owned(critical(), 1),
            &owned(critical(), 2),
        );
    }

    #[test]
    fn webhook_backend_here() {
        let backend = pod("policy/webhook-1", "n1");
        let webhook = |backends: &[&str]| Webhook {
            label: "ValidatingWebhookConfiguration policy (webhook pods.policy)".into(),
            service: "policy/webhook".into(),
            requests: "CREATE pods/eviction".into(),
            backends: backends.iter().map(|uid| uid.to_string()).collect(),
        };
        let uid = backend.metadata.uid.clone().unwrap();
        let with = |backend: &k8s_openapi::api::core::v1::Pod, backends: &[&str]| {
            let mut inventory = inventory_of(vec![backend.clone()]);
            inventory.webhooks = Known::Seen(vec![webhook(backends)]);
            inventory
        };
        let bad = with(&backend, &[&uid]);
        fires("webhook-backend-here", Severity::Error, &bad, &with(&backend, &[&uid, "elsewhere"]));
        fires("webhook-backend-here", Severity::Error, &bad, &with(&backend, &[]));
        // One that stays goes on answering.
        let stays = backend.owned_by("apps/v1", "DaemonSet", "webhook");
        fires(
            "webhook-backend-here",
            Severity::Error,
            &bad,
            &with(&stays, &[stays.metadata.uid.as_deref().unwrap()]),
        );
    }

    #[test]
    fn webhooks_not_checked() {
        let good = inventory_of(vec![]);
        let mut bad = good.clone();
        bad.webhooks = Known::Unknown("forbidden".into());
        fires("webhooks-not-checked", Severity::Unknown, &bad, &good);
    }
}
