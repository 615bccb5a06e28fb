//! What may fix a finding, the smallest change first; or why no change of an object honestly can.

use cluster_model::Raw;
use serde_json::{Map, Value, json};

use crate::checks::hc308_pre_stop;
use crate::checks::probe::{endpoint, seconds_of_failures};
use crate::finding::{Change, Finding};
use crate::snapshot::{Read, Snapshot, Workload};

const HOSTNAME: &str = "kubernetes.io/hostname";
const LOST: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Seconds after which pods of a lost node are replaced.
const TOLERATED: i64 = 30;

type Candidates = Result<Vec<Change>, &'static str>;

pub fn of(finding: &Finding, snapshot: &Snapshot) -> Candidates {
    let subject = &finding.subject;
    let workload =
        || snapshot.workloads.iter().find(|it| it.subject == *subject).ok_or("its object was not read");
    match finding.id {
        "HC110" => own_policies(workload()?),
        "HC201" => two_replicas(workload()?),
        "HC203" => budget(workload()?, snapshot),
        "HC204" | "HC207" | "HC209" => {
            Ok(vec![Change::patch(subject, json!({"spec": {"minAvailable": null, "maxUnavailable": 1}}))])
        }
        "HC303" => thresholds(workload()?),
        "HC308" => grace(workload()?),
        "HC401" => spread(workload()?, HOSTNAME),
        "HC402" => spread(workload()?, &snapshot.domain.label),
        "HC409" => tolerations(workload()?),
        "HC101" => Err("which controller it needs is not for a tool to say"),
        "HC105" => Err("selectors are immutable: one of the two has to be recreated with other labels"),
        "HC202" => Err("whether anybody needs it is not known"),
        "HC205" => Err("which pods it is meant for is not known"),
        "HC206" => Err("which of the budgets to keep is not for a tool to say"),
        "HC301" | "HC302" => {
            Err("what tells that the process works is not known: a probe cannot be invented")
        }
        "HC306" => Err("which port is meant is not known"),
        "HC404" => Err("it takes other nodes, or other wishes of the template"),
        "HC410" => Err("Kubernetes never runs two pods of one name: no field changes that"),
        _ => Err("a change of its object does not fix it"),
    }
}

fn template(workload: &Workload, spec: Value) -> Vec<Change> {
    vec![Change::patch(&workload.subject, json!({"spec": {"template": {"spec": spec}}}))]
}

fn two_replicas(workload: &Workload) -> Candidates {
    if workload.object["spec"]["strategy"]["type"] == "Recreate" || workload.has_claims() {
        return Err("it is made to run alone: Recreate, or volume claims");
    }
    Ok(vec![match &workload.autoscaler {
        Some((name, _)) => {
            let target =
                crate::finding::Subject::new("HorizontalPodAutoscaler", &workload.subject.namespace, name);
            Change::patch(&target, json!({"spec": {"minReplicas": 2}}))
        }
        None => Change::patch(&workload.subject, json!({"spec": {"replicas": 2}})),
    }])
}

/// The workload's own selector. An empty one would select every pod of the namespace.
fn selector(workload: &Workload) -> Result<&Map<String, Value>, &'static str> {
    let selector = workload.object.map("/spec/selector").filter(|it| {
        let labels = it.get("matchLabels").and_then(Value::as_object).is_some_and(|it| !it.is_empty());
        let terms = it.get("matchExpressions").and_then(Value::as_array).is_some_and(|it| !it.is_empty());
        labels || terms
    });
    selector.ok_or("its selector is empty: what is made from it would mean every pod")
}

fn budget(workload: &Workload, snapshot: &Snapshot) -> Candidates {
    let selector = selector(workload)?;
    let namespace = &workload.subject.namespace;
    let is_taken = |name: &str| {
        snapshot.budgets.iter().any(|it| it.subject.namespace == *namespace && it.subject.name == name)
    };
    let names = [workload.subject.name.clone(), format!("{}-budget", workload.subject.name)];
    let name = names.into_iter().find(|name| !is_taken(name)).ok_or("budgets of its name exist already")?;
    Ok(vec![Change::create(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"maxUnavailable": 1, "selector": selector}}))])
}

fn own_policies(workload: &Workload) -> Candidates {
    let own = workload
        .containers()
        .iter()
        .filter(|it| !it["restartPolicy"].is_null() || !it["restartPolicyRules"].is_null());
    let patches: Vec<Value> = own
        .map(|it| json!({"name": it["name"], "restartPolicy": null, "restartPolicyRules": null}))
        .collect();
    if patches.is_empty() {
        Err("no container has a policy of its own")
    } else {
        Ok(template(workload, json!({"containers": patches})))
    }
}

fn thresholds(workload: &Workload) -> Candidates {
    let patches: Vec<Value> = workload
        .containers()
        .iter()
        .filter_map(|container| {
            let (live, ready) = (&container["livenessProbe"], &container["readinessProbe"]);
            let asked = endpoint(container, live)?;
            let is_found = Some(asked) == endpoint(container, ready)
                && seconds_of_failures(live) <= seconds_of_failures(ready);
            let period = live.number("/periodSeconds").unwrap_or(10).max(1);
            let threshold = seconds_of_failures(ready) / period + 1;
            is_found
                .then(|| json!({"name": container["name"], "livenessProbe": {"failureThreshold": threshold}}))
        })
        .collect();
    if patches.is_empty() {
        Err("the probes of init containers are left alone")
    } else {
        Ok(template(workload, json!({"containers": patches})))
    }
}

fn grace(workload: &Workload) -> Candidates {
    let longest = workload
        .running_containers()
        .filter_map(|it| hc308_pre_stop::sleep(&it["lifecycle"]["preStop"]))
        .max();
    let longest = longest.ok_or("its hooks do not say how long they take")?;
    // What the process had before it was made to wait.
    Ok(template(workload, json!({"terminationGracePeriodSeconds": longest.saturating_add(30)})))
}

fn spread(workload: &Workload, key: &str) -> Candidates {
    // Lost nodes have a taint: with `Honor` they do not count, and a replacement needs no place on them (HC403).
    let constraint = json!({"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor", "labelSelector": selector(workload)?});
    Ok(template(workload, json!({"topologySpreadConstraints": [constraint]})))
}

fn tolerations(workload: &Workload) -> Candidates {
    let is_other = |it: &&Value| !LOST.contains(&it.text("/key"));
    let others = workload.template.list("/spec/tolerations").iter().filter(is_other).cloned();
    // Of those that match a taint the first one counts (pkg/apis/core/v1/helper/helpers.go, GetMatchingTolerations).
    let short = LOST.map(|key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED}));
    let all: Vec<Value> = short.into_iter().chain(others).collect();
    Ok(template(workload, json!({"tolerations": all})))
}

/// A kind whose objects have pods.
pub fn has_pods(read: Read) -> bool {
    matches!(read, Read::Deployments | Read::StatefulSets | Read::ReplicaSets)
}
