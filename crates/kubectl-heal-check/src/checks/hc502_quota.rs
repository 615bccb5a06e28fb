//! HC502: a quota or a LimitRange that refuses a replacement.

use std::collections::BTreeMap;

use cluster_model::limit_range;
use cluster_model::pod::resources::{Amounts, of_container};
use cluster_model::quantity::{ONE, parse, show};
use cluster_model::quota::{applies, counted, resource};
use cluster_model::rollout::Kind as RolloutKind;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::{Json, Raw};
use serde_json::{Map, Value};

use super::check::{About, Check, Found};
use crate::finding::Severity::{self, Error, Warning};
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// A quota of one of these takes only pods whose containers all say how much they want (`pkg/quota/v1/evaluator/core/pods.go`).
const REQUIRED: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

pub const CHECK: Check = Check {
    id: "HC502",
    name: "quota",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Quotas,
        Read::LimitRanges,
    ],
    fires_when: "a ResourceQuota has no room for one more pod of the template and one is needed: for an update that starts with a new pod, for pods that are missing, or because more is in use than allowed; or a quota or LimitRange takes no such pods at all. A warning if a replacement only has to wait until the old pod is gone",
    why: "The API server refuses the pod; its controller tries again until there is room.",
    remedy: "free or raise what the finding names, or give the containers what it requires: kubectl describe quota,limitrange -n NAMESPACE",
    exceptions: "What a pod uses is free again once it is gone: StatefulSets and DaemonSets replace their pods only then. Quotas with a scope that is not known are left out.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut pods: BTreeMap<&str, i128> = BTreeMap::new();
    for workload in snapshot.posture().filter(|it| it.runs_for_good() && it.replicas != Some(0)) {
        let namespace = &workload.subject.namespace;
        let own = |read| snapshot.in_namespace(read, namespace).map(Json::to_value).collect::<Vec<_>>();
        let (ranges, quotas) = (own(Read::LimitRanges), own(Read::Quotas));
        if ranges.is_empty() && quotas.is_empty() {
            continue;
        }
        let ranges: Vec<&Value> = ranges.iter().collect();
        let spec = limit_range::completed(&workload.spec().to_value(), &ranges);
        for refused in limit_range::violations(&spec, &ranges) {
            found.add(Error, &workload.subject, format!("a LimitRange refuses its pods: {refused}"));
        }
        let each = counted(&spec);
        for quota in quotas.iter().filter(|it| applies(it, &spec, &each)) {
            let there = *pods.entry(namespace).or_insert_with(|| pods_in(snapshot, namespace));
            judge(workload, quota, &spec, &each, there, found);
        }
    }
}

/// The pods of a namespace that are there for good.
fn pods_in(snapshot: &Snapshot, namespace: &str) -> i128 {
    let own = snapshot.workloads.iter().filter(|it| it.subject.namespace == namespace);
    let pods = own.flat_map(|it| &it.pods).filter(|pod| !pod.is_finished && pod.deletion.is_none());
    i128::try_from(pods.count()).unwrap_or(i128::MAX).saturating_mul(ONE)
}

/// A quota with scopes counts some of the pods only.
fn has_scopes(quota: &Value) -> bool {
    ["/spec/scopes", "/spec/scopeSelector/matchExpressions"].iter().any(|at| !quota.list(at).is_empty())
}

/// The worst of one quota.
fn judge(
    workload: &Workload,
    quota: &Value,
    spec: &Value,
    each: &Amounts,
    there: i128,
    found: &mut Found<'_>,
) {
    let Some(hard) = hard(quota) else { return };
    let required = hard.keys().filter(|name| REQUIRED.contains(&name.as_str()));
    let unsaid = required.filter_map(|name| Some((name, without(spec, name)?))).next();
    if let Some((name, container)) = unsaid {
        let message = format!(
            "quota {} takes only pods with {name}, which container {container} does not set",
            quota.name()
        );
        return found.add(Error, &workload.subject, message);
    }
    let all = hard.keys().filter_map(|name| no_room(workload, quota, name, each, there));
    let worst = all.max_by_key(|it| it.0);
    if let Some((severity, message)) = worst {
        found.add(severity, &workload.subject, message);
    }
}

/// The first container that does not say how much it wants of it.
fn without<'s>(spec: &'s Value, name: &str) -> Option<&'s str> {
    // Set for the pod as a whole.
    if spec["resources"].is_object() {
        return None;
    }
    let (kind, resource) = name.split_once('.').unwrap_or(("requests", name));
    let containers = ["/containers", "/initContainers"].into_iter().flat_map(|at| spec.list(at));
    let mut lacking = containers.filter(|it| !of_container(it, kind).contains_key(resource));
    lacking.next().map(|it| it.text("/name"))
}

/// Until its controller has seen it, it has no status, and admits no pod at all.
fn hard(quota: &Value) -> Option<&Map<String, Value>> {
    quota.map("/status/hard").or_else(|| quota.map("/spec/hard"))
}

/// `there`: the pods of the namespace. The quota's controller counts them some time after they were made (`pkg/controller/resourcequota`).
fn no_room(
    workload: &Workload,
    quota: &Value,
    name: &str,
    each: &Amounts,
    there: i128,
) -> Option<(Severity, String)> {
    let hard = parse(hard(quota)?.get(name)?.as_str()?)?;
    let counted = quota["status"]["used"][name].as_str().and_then(parse).unwrap_or_default();
    let is_behind = resource(name) == "pods" && !has_scopes(quota) && counted < there;
    let used = if is_behind { there } else { counted };
    let cost = each.get(resource(name)).copied().filter(|cost| *cost > 0)?;
    if hard - used >= cost {
        return None;
    }
    let (severity, what) = match hard < used {
        true => (Error, "a pod that is lost is not replaced"),
        false => without_room_for_one_more(workload)?,
    };
    let short = cost - (hard - used).max(0);
    let message = format!(
        "{what}: quota {} has {name} at {} of {}, each pod needs {}, so that {} more is missing",
        quota.name(),
        show(name, used),
        show(name, hard),
        show(name, cost),
        show(name, short)
    );
    Some((severity, message))
}

/// What it means for a workload if what its pods use now is allowed, and nothing more. `None`: its pods are replaced only once they are gone.
pub fn without_room_for_one_more(workload: &Workload) -> Option<(Severity, &'static str)> {
    let is_missing = workload
        .replicas
        .is_some_and(|wanted| usize::try_from(wanted).is_ok_and(|wanted| workload.active().count() < wanted));
    if is_missing {
        Some((Error, "its missing pods are refused"))
    } else if starts_with_one_more(workload) {
        Some((Error, "an update cannot start, and a pod that is lost is replaced only once it is gone"))
    } else if matches!(workload.kind, Kind::Deployment | Kind::ReplicaSet) {
        Some((Warning, "a pod that is lost is replaced only once it is gone"))
    } else {
        None
    }
}

/// Its update makes a new pod before an old one goes.
fn starts_with_one_more(workload: &Workload) -> bool {
    let (kind, desired) = match workload.kind {
        Kind::Deployment => (RolloutKind::Deployment, workload.replicas.unwrap_or(1)),
        Kind::DaemonSet => {
            (RolloutKind::DaemonSet, workload.object.number("/status/desiredNumberScheduled").unwrap_or(1))
        }
        _ => return false,
    };
    let moves = kind.rules().moves(&workload.object.to_value(), desired);
    matches!(moves, Moves::Rolling { surge, unavailable: 0 } if surge > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, stateful_set};
    use serde_json::json;

    fn quota(hard: Value, used: Value) -> Value {
        json!({"kind": "ResourceQuota", "metadata": {"namespace": "shop", "name": "compute"}, "status": {"hard": hard, "used": used}})
    }

    fn pods(used: &str) -> World {
        healthy().with(quota(json!({"pods": "10"}), json!({"pods": used})))
    }

    #[test]
    fn hc502_quota() {
        let strategy = |strategy: Value| json!({"spec": {"strategy": strategy}});
        let resources = |resources: Value| json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "resources": resources}]}}}});
        let cpu = || healthy().with(quota(json!({"limits.cpu": "10"}), json!({"limits.cpu": "1"})));
        let range = |item: Value| limit_range::build("shop", item);
        let max = || range(json!({"type": "Container", "max": {"cpu": "1"}}));
        let default = || range(json!({"type": "Container", "default": {"cpu": "1"}}));
        let few = healthy().with(quota(json!({"pods": "3"}), json!({"pods": "2"})));
        let mut elsewhere = quota(json!({"pods": "10"}), json!({"pods": "10"}));
        elsewhere["metadata"]["namespace"] = json!("other");
        let mut scoped = quota(json!({"pods": "10"}), json!({"pods": "10"}));
        scoped["spec"] = json!({"scopes": ["Terminating"]});
        let only_set = healthy()
            .without("Deployment/web")
            .without("ReplicaSet/web-1")
            .without("Pod/web-a")
            .without("Pod/web-b")
            .without("Pod/web-c");
        let set = only_set.with_all(stateful_set("db", 2));
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("E3: exactly full", pods("10"), fires),
                ("E3: room for one", pods("9"), &[]),
                (
                    "full, and an old pod goes first",
                    pods("10").edit(
                        "Deployment/web",
                        strategy(json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})),
                    ),
                    &["deployment/web warning"],
                ),
                ("full, and a pod is missing", pods("10").without("Pod/web-a"), fires),
                (
                    "full, of a StatefulSet",
                    set.clone().with(quota(json!({"pods": "10"}), json!({"pods": "10"}))),
                    &[],
                ),
                (
                    "more than full, of a StatefulSet",
                    set.with(quota(json!({"pods": "10"}), json!({"pods": "11"}))),
                    &["statefulset/db error"],
                ),
                ("full, but not counted yet", few.clone(), fires),
                (
                    "not counted yet, and room for one",
                    few.clone().without("Pod/web-a").edit("Deployment/web", json!({"spec": {"replicas": 2}})),
                    &[],
                ),
                (
                    "full, but its controller has not seen it yet",
                    few.clone().edit(
                        "ResourceQuota/compute",
                        json!({"spec": {"hard": {"pods": "3"}}, "status": null}),
                    ),
                    fires,
                ),
                (
                    "not counted yet, of some pods",
                    few.edit("ResourceQuota/compute", json!({"spec": {"scopes": ["NotTerminating"]}})),
                    &[],
                ),
                ("of another namespace", healthy().with(elsewhere), &[]),
                ("of other pods", healthy().with(scoped), &[]),
                ("it requires limits", cpu(), fires),
                (
                    "limits are set",
                    cpu().edit("Deployment/web", resources(json!({"limits": {"cpu": "1"}}))),
                    &[],
                ),
                ("a LimitRange sets them", cpu().with(default()), &[]),
                (
                    "a LimitRange refuses",
                    healthy().with(max()).edit("Deployment/web", resources(json!({"limits": {"cpu": "2"}}))),
                    fires,
                ),
                (
                    "a LimitRange does not refuse",
                    healthy().with(max()).edit("Deployment/web", resources(json!({"limits": {"cpu": "1"}}))),
                    &[],
                ),
            ],
        );
        assert_eq!(
            pods("10").message(&CHECK),
            "an update cannot start, and a pod that is lost is replaced only once it is gone: quota compute has pods at 10 of 10, each pod needs 1, so that 1 more is missing"
        );
    }
}
