//! What keeps a change from coming about although the model of the scheduler places its pods: admission, an update that does not go on, and
//! budgets that the server cannot count. Pure.

use cluster_model::Raw;

use super::candidates;
use crate::checks;
use crate::finding::{Change, Finding, Subject};
use crate::snapshot::{Budget, Kind, Read, Snapshot, Workload};

/// `before`: the snapshot that was read. `after`: with the changes, and `found` in it.
pub fn obstacle(
    changes: &[Change],
    before: &Snapshot,
    after: &Snapshot,
    found: &[Finding],
) -> Option<String> {
    changes.iter().find_map(|change| managed(change, before)).or_else(|| {
        changes.iter().find_map(|change| {
            let made = after.workloads.iter().filter(|workload| makes_pods_of(change, workload));
            let mut made = made.map(|workload| {
                let refused =
                    found.iter().find(|it| checks::REFUSING.contains(&it.id) && is_about(it, workload));
                let refused =
                    refused.map(|it| format!("its new pods may not be admitted or not start ({})", it.id));
                let stuck =
                    || unready(workload, before).map(|why| format!("{why}: its update may not go on"));
                refused.or_else(stuck).or_else(|| unknown(after)).or_else(|| quota(change, workload, after))
            });
            made.find_map(|it| it).or_else(|| {
                let budget = counted(change, after)?;
                let unready = |workload: &Workload| {
                    unready(workload, before)
                        .map(|why| format!("{why}: until it is, the budget allows no eviction (HC706)"))
                };
                let all = selected(budget, before);
                let unready = || all.iter().find_map(|it| unready(it));
                uncounted(&all).or_else(unready).or_else(|| shared(change, &all))
            })
        })
    })
}

/// What made the object, as an operator, may change it back.
fn managed(change: &Change, before: &Snapshot) -> Option<String> {
    let workload = before.workloads.iter().find(|it| it.subject == change.target)?;
    let owner = workload.object.controller_ref()?;
    Some(format!(
        "{} belongs to {} {}, which may change it back",
        workload.subject,
        owner.text("/kind"),
        owner.text("/name")
    ))
}

/// Not all of its pods are Ready now.
fn unready(workload: &Workload, before: &Snapshot) -> Option<String> {
    let workload = before.workloads.iter().find(|it| it.subject == workload.subject)?;
    let ready = workload.ready().count();
    let wanted = usize::try_from(workload.replicas.unwrap_or(0)).unwrap_or_default();
    let is_whole = ready >= wanted && workload.active().count() == ready;
    (!is_whole && !before.origin.is_manifests()).then(|| format!("{} is not ready now", workload.subject))
}

fn is_about(finding: &Finding, workload: &Workload) -> bool {
    let of_namespace = || finding.subject == Subject::of_namespace(&workload.subject.namespace);
    finding.subject == workload.subject || of_namespace()
}

/// The change leads to new pods of the workload.
fn makes_pods_of(change: &Change, workload: &Workload) -> bool {
    let is_scaled = change.read() == Some(Read::Autoscalers)
        && change.target.namespace == workload.subject.namespace
        && workload.autoscaler.as_ref().is_some_and(|(name, _)| *name == change.target.name);
    let is_own = change.target == workload.subject && change.read().is_some_and(candidates::has_pods);
    is_scaled || is_own && (change.is_of_template() || change.moves_pods())
}

/// What would refuse them could not be checked. Manifests are of no cluster yet.
fn unknown(snapshot: &Snapshot) -> Option<String> {
    let all = checks::CHECKS.iter().filter(|it| checks::REFUSING.contains(&it.id) && it.id != "HC508");
    let mut missing =
        all.filter_map(|check| snapshot.missing(check.reads).map(|(read, why)| (check.id, read, why)));
    let (id, read, why) = missing.next().filter(|_| !snapshot.origin.is_manifests())?;
    Some(format!("whether its new pods are admitted is not known ({id}): {read}: {why}"))
}

/// What a quota has left for pods that are not there yet is not computed.
fn quota(change: &Change, workload: &Workload, snapshot: &Snapshot) -> Option<String> {
    let quota = snapshot.in_namespace(Read::Quotas, &workload.subject.namespace).next()?;
    let adds = !change.patch["spec"]["replicas"].is_null() || !change.patch["spec"]["minReplicas"].is_null();
    adds.then(|| {
        format!("whether quota {} has room for more pods, also in an update, is not known", quota.name())
    })
}

/// The budget whose rule is new.
fn counted<'s>(change: &Change, snapshot: &'s Snapshot) -> Option<&'s Budget> {
    let has_rule = change.read() == Some(Read::Budgets) && !change.patch["spec"]["maxUnavailable"].is_null();
    snapshot.budgets.iter().find(|it| has_rule && it.subject == change.target)
}

/// maxUnavailable counts the replicas of controllers that have a `scale` subresource; with any other one the budget allows nothing
/// (getExpectedScale in pkg/controller/disruption/disruption.go).
fn uncounted(selected: &[&Workload]) -> Option<String> {
    let has_scale = |it: &Workload| {
        matches!(it.kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Pod)
    };
    let other = selected.iter().find(|it| !has_scale(it))?;
    Some(format!(
        "it also selects pods of {}: with them the server cannot count maxUnavailable, and allows no eviction",
        other.subject
    ))
}

/// A second budget on pods that may have one, or get one by another fix.
fn shared(change: &Change, selected: &[&Workload]) -> Option<String> {
    let [first, other, ..] = selected else { return None };
    let both = || {
        format!(
            "it selects pods of {} and {}: with a budget of its own for one of them every eviction fails",
            first.subject, other.subject
        )
    };
    change.creates.then(both)
}

/// In the whole cluster: also those whose template is not known, and finished pods.
fn selected<'s>(budget: &Budget, snapshot: &'s Snapshot) -> Vec<&'s Workload> {
    let is_selected = |workload: &&Workload| {
        workload.subject.namespace == budget.subject.namespace
            && (budget.budget.selects_labels(&workload.labels())
                || workload.pods.iter().any(|pod| budget.budget.selects_labels(&pod.labels)))
    };
    snapshot.workloads.iter().filter(is_selected).collect()
}
