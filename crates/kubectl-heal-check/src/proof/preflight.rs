//! What has to hold before a pod is evicted. Pure: the snapshot, the matrix and a few answers of the server, judged.

use std::collections::BTreeSet;

use cluster_model::text::count;
use cluster_model::{BudgetStatus, DisruptionBudget, Raw, selector};
use k8s_openapi::jiff::Timestamp;
use plugin_client::Right;
use plugin_client::api::eviction::EvictionAnswer;
use serde_json::Value;

use super::harm::Harm;
use super::options::ProofOptions;
use super::refusal::refusal;
use crate::checks::{self, About, hc508_replacement_refused};
use crate::finding::{Finding, Severity, Unchecked};
use crate::matrix::{self, Matrix, Verdict};
use crate::snapshot::{Kind, Read, Recreated, Snapshot, Workload, is_system};
use crate::spans;

/// An autoscaler that has just scaled may do so again.
const SCALED_WITHIN: i64 = 180;

/// One line: what holds, or what does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub what: &'static str,
    pub outcome: Result<String, String>,
}

fn test(what: &'static str, holds: bool, yes: impl Into<String>, no: impl Into<String>) -> Test {
    Test { what, outcome: if holds { Ok(yes.into()) } else { Err(no.into()) } }
}

/// Why those that do not hold do not.
pub fn failures(tests: &[Test]) -> Vec<&str> {
    tests.iter().filter_map(|it| it.outcome.as_ref().err().map(String::as_str)).collect()
}

/// What the snapshot shows.
pub fn of_snapshot(snapshot: &Snapshot, workload: &Workload, options: &ProofOptions) -> Vec<Test> {
    let matrices = matrix::matrices(snapshot);
    let matrix = matrices.iter().find(|(it, _)| it.subject == workload.subject).map(|(_, matrix)| matrix);
    // All of them: what somebody leaves out of a report is in the way all the same.
    let is_asked =
        |check: &checks::Check| check.id != hc508_replacement_refused::CHECK.id || snapshot.answers.is_some();
    let (findings, unchecked) = checks::run(snapshot, is_asked);
    let namespace = workload.subject.namespace.as_str();
    let mut tests = vec![
        test(
            "kind",
            workload.runs_for_good(),
            "a controller makes its pods again",
            match workload.recreated {
                Recreated::OwnerGoing => "it is being deleted: its controller makes no more pods",
                _ => "only Deployments, StatefulSets, DaemonSets and ReplicaSets can be proven",
            },
        ),
        test(
            "namespace",
            !is_system(namespace),
            namespace,
            format!("{namespace} belongs to Kubernetes itself"),
        ),
        healthy(workload, &findings, &unchecked),
        rollout(workload),
        replicas(workload, snapshot),
        allowed(snapshot, workload, options.harm),
        prediction(matrix, options.harm),
    ];
    let needs_grace = workload.kind == Kind::StatefulSet || workload.has_claims();
    if options.grace_seconds == Some(0) {
        tests.push(test(
            "grace",
            !needs_grace,
            "0s",
            "--grace=0s is refused for a StatefulSet and for pods with claims: two pods could use one volume",
        ));
    }
    tests
}

fn healthy(workload: &Workload, findings: &[Finding], unchecked: &[Unchecked]) -> Test {
    let is_about = |it: &&Finding| {
        it.subject == workload.subject
            || (it.subject.namespace == workload.subject.namespace
                && it.subject.kind == "Pod"
                && workload.pods.iter().any(|pod| pod.name == it.subject.name))
    };
    let counts = |it: &&Finding| it.severity >= Severity::Error && is_in_the_way(it.id);
    let error = findings.iter().filter(counts).find(is_about).map(|it| format!("{} {}", it.id, it.message));
    let unknown = unchecked
        .iter()
        .find(|it| has_to_be_known(&it.id))
        .map(|it| format!("{} could not be checked: {}", it.id, it.reason));
    let outcome = error.or(unknown).map_or(Ok("no error about it now".to_owned()), Err);
    Test { what: "findings", outcome }
}

/// Nodes, leases and jobs of others say nothing about the replacement, which the prediction is about.
fn has_to_be_known(id: &str) -> bool {
    is_in_the_way(id) && ["HC5", "HC6", "HC7"].iter().any(|group| id.starts_with(group))
}

/// What the checks read that have to find nothing: also those that are left out of the report.
pub fn reads() -> BTreeSet<Read> {
    let all = checks::CHECKS.iter().filter(|check| has_to_be_known(check.id));
    all.flat_map(|check| check.reads).copied().collect()
}

/// It is wrong now, or a replacement would be refused (HC5xx). Other findings of posture, as one replica or a probe that is missing, say
/// nothing about the loss of one pod; budgets and placement are asked by themselves.
fn is_in_the_way(id: &str) -> bool {
    id.starts_with("HC5") || checks::find(id).is_some_and(|check| check.about == About::Now)
}

fn rollout(workload: &Workload) -> Test {
    let number = |at: &str| workload.object.number(at);
    let is_observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let wanted = workload.replicas.or(number("/status/desiredNumberScheduled")).unwrap_or(0);
    let updated = number("/status/updatedReplicas").or(number("/status/updatedNumberScheduled"));
    // A ReplicaSet has no updates. Of a StatefulSet that is complete the field may be gone with its partition.
    let is_updated = match workload.kind {
        Kind::ReplicaSet => true,
        Kind::StatefulSet => {
            workload.object.text("/status/currentRevision") == workload.object.text("/status/updateRevision")
        }
        _ => updated.unwrap_or(0) == wanted,
    };
    let why = if is_observed {
        "a rollout is under way"
    } else {
        "its controller has not seen its last change yet"
    };
    test("rollout", is_observed && is_updated, "none under way", why)
}

fn replicas(workload: &Workload, snapshot: &Snapshot) -> Test {
    let wanted = workload.replicas.or(workload.object.number("/status/desiredNumberScheduled")).unwrap_or(0);
    let ready = workload.ready().count();
    let leaving = workload.pods.iter().filter(|pod| pod.is_terminating()).count();
    // A pod whose node was deleted is reported as it was last, until it is deleted too.
    let lost = workload.active().find(|pod| snapshot.node(&pod.node).is_none());
    let is_complete =
        i64::try_from(ready) == Ok(wanted) && workload.active().count() == ready && leaving == 0;
    let no = match lost {
        Some(pod) => format!("the node of {} does not exist", pod.name),
        None => {
            let others = workload.active().count() - ready;
            let parts = [(others, "not ready"), (leaving, "terminating")];
            let parts = parts.iter().filter(|(number, _)| *number > 0);
            let parts: String = parts.map(|(number, what)| format!(", {number} more {what}")).collect();
            format!("{ready} of {wanted} ready{parts}")
        }
    };
    let holds = is_complete && ready > 0 && lost.is_none();
    test("replicas", holds, format!("{ready} of {wanted} ready"), no)
}

/// Those that select its pods.
pub fn budgets<'s>(snapshot: &'s Snapshot, workload: &Workload) -> Vec<&'s DisruptionBudget> {
    let labels = workload.active().next().map(|pod| &*pod.labels);
    let all = workload.budgets.iter().map(|at| &snapshot.budgets[*at].budget);
    all.filter(|it| selector::selects(it.selector(), labels)).collect()
}

/// A kill asks no budget, and makes a pod unavailable all the same.
fn allowed(snapshot: &Snapshot, workload: &Workload, harm: Harm) -> Test {
    let outcome = match budgets(snapshot, workload).as_slice() {
        [] if snapshot.unknown.contains_key(&Read::Budgets) => Err("the budgets are not known".to_owned()),
        [] => Ok("none selects its pods".to_owned()),
        [one] => match one.status() {
            BudgetStatus::Allows(n) => Ok(format!("{} allows {n}", one.name())),
            _ if harm == Harm::Kill => Err(format!("{} allows no pod to be unavailable now", one.name())),
            _ => Err(format!("{} allows no eviction now", one.name())),
        },
        more if harm == Harm::Kill => {
            match more.iter().find(|it| !matches!(it.status(), BudgetStatus::Allows(_))) {
                None => Ok(format!("{} allow it", count(more.len(), "budget"))),
                Some(one) => Err(format!("{} allows no pod to be unavailable now", one.name())),
            }
        }
        more => Err(format!("{} select its pods: every eviction fails", count(more.len(), "budget"))),
    };
    Test { what: "budget", outcome }
}

pub const PREDICTION: &str = "prediction";

/// Of the loss that is brought about, and of no other.
fn prediction(matrix: Option<&Matrix>, harm: Harm) -> Test {
    let cell = matrix.map(|it| match harm {
        Harm::Evict => &it.pod_loss,
        Harm::Kill => &it.crash,
    });
    let outcome = match cell {
        None => Err("nothing is known about it".to_owned()),
        Some(cell) => {
            let eta = cell.eta_seconds.map_or(String::new(), |it| format!(" in {}", spans::seconds(it)));
            match cell.verdict {
                Verdict::Wont => Err(format!("it will not recover: {}", cell.reason)),
                Verdict::Unknown => Err(format!("whether it recovers is unknown: {}", cell.reason)),
                _ => Ok(format!("it recovers{eta}")),
            }
        }
    };
    Test { what: PREDICTION, outcome }
}

/// What the server was asked: rights, and the autoscaler.
pub fn of_server(missing: &[Right], autoscaler: Option<&Value>, now: Timestamp) -> Vec<Test> {
    let denied: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let rights = test("rights", denied.is_empty(), "all there", format!("you may not {}", denied.join(", ")));
    std::iter::once(rights).chain(autoscaler.map(|it| scaling(it, now))).collect()
}

/// The server's dry run of the first eviction.
pub fn dry_run(answer: EvictionAnswer, victim: &str) -> Test {
    Test {
        what: "dry run",
        outcome: match answer {
            EvictionAnswer::Accepted => Ok(format!("the server accepts the eviction of {victim}")),
            other => Err(format!("the server refuses the eviction of {victim}: {}", refusal(other))),
        },
    }
}

fn scaling(object: &Value, now: Timestamp) -> Test {
    let (current, desired) =
        (object.number("/status/currentReplicas"), object.number("/status/desiredReplicas"));
    let last: Option<Timestamp> = object.text("/status/lastScaleTime").parse().ok();
    let is_recent = last.is_some_and(|at| now.duration_since(at).as_secs() < SCALED_WITHIN);
    test(
        "autoscaler",
        current == desired && !is_recent,
        "not scaling",
        format!("{} is scaling, or did so in the last 3 minutes", object.text("/metadata/name")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, budget, healthy, not_ready};
    use crate::proof::options::testing::options;
    use serde_json::json;

    fn failed(world: &World, options: &ProofOptions) -> Vec<&'static str> {
        let snapshot = world.snapshot();
        let workload = snapshot.workloads.iter().find(|it| it.subject.name == "web").unwrap();
        let tests = of_snapshot(&snapshot, workload, options);
        tests.into_iter().filter(|it| it.outcome.is_err()).map(|it| it.what).collect()
    }

    #[test]
    fn what_is_being_deleted_is_left_alone() {
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T23:59:59Z", "finalizers": ["example.com/hold"]}});
        let set = json!({"metadata": {"ownerReferences": null}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": checks::testing::template("web")}});
        let world =
            healthy().without("Deployment/web").edit("ReplicaSet/web-1", set).edit("ReplicaSet/web-1", going);
        let snapshot = world.snapshot();
        let workload = snapshot.workloads.iter().find(|it| it.subject.name == "web-1").unwrap();
        let tests = of_snapshot(&snapshot, workload, &options());
        assert_eq!(
            tests[0].outcome,
            Err("it is being deleted: its controller makes no more pods".to_owned())
        );
    }

    #[test]
    fn each_condition_is_a_refusal_of_its_own() {
        assert_eq!(failed(&healthy(), &options()), [""; 0]);
        let cases = [
            (healthy().edit("Deployment/web", json!({"metadata": {"generation": 2}})), "rollout"),
            (healthy().edit("Deployment/web", json!({"status": {"updatedReplicas": 2}})), "rollout"),
            (healthy().edit("Pod/web-a", not_ready()), "replicas"),
            (healthy().edit("Deployment/web", json!({"spec": {"replicas": 4}})), "replicas"),
            (
                healthy()
                    .edit("Pod/web-a", json!({"metadata": {"deletionTimestamp": "2026-01-01T23:59:59Z"}})),
                "replicas",
            ),
            (
                healthy().edit(
                    "PodDisruptionBudget/web",
                    json!({"status": {"disruptionsAllowed": 0, "currentHealthy": 2}}),
                ),
                "budget",
            ),
            (healthy().edit_all("Node", json!({"spec": {"unschedulable": true}})), "prediction"),
            (healthy().without("Node/n1"), "replicas"),
            (healthy().unknown(Read::ConfigMaps), "findings"),
            (healthy().unknown(Read::Events), "findings"),
        ];
        for (world, what) in cases {
            assert!(failed(&world, &options()).contains(&what), "{what}: {:?}", failed(&world, &options()));
        }
    }

    #[test]
    fn pods_that_are_too_many_are_named() {
        let of = |world: &World| {
            let snapshot = world.snapshot();
            replicas(snapshot.workloads.iter().find(|it| it.subject.name == "web").unwrap(), &snapshot)
                .outcome
        };
        assert_eq!(of(&healthy()), Ok("3 of 3 ready".to_owned()));
        assert_eq!(
            of(&healthy().edit("Deployment/web", json!({"spec": {"replicas": 2}}))),
            Err("3 of 2 ready".to_owned())
        );
        let updating =
            healthy().edit("Pod/web-a", not_ready()).edit("Deployment/web", json!({"spec": {"replicas": 2}}));
        assert_eq!(of(&updating), Err("2 of 2 ready, 1 more not ready".to_owned()));
    }

    /// No node takes a second pod, and a lost pod leaves its place free.
    #[test]
    fn what_a_drain_would_do_is_another_matter() {
        let port = json!({"ports": [{"containerPort": 80, "hostPort": 80}]});
        let world = ["a", "b", "c"].iter().fold(healthy(), |world, pod| {
            let containers = world.objects.iter().find(|it| it["metadata"]["name"] == format!("web-{pod}"));
            let mut container = containers.unwrap()["spec"]["containers"][0].clone();
            cluster_model::build::merge(&mut container, port.clone());
            world.edit(&format!("Pod/web-{pod}"), json!({"spec": {"containers": [container]}}))
        });
        let snapshot = world.snapshot();
        let all = matrix::matrices(&snapshot);
        let matrix = &all.iter().find(|(it, _)| it.subject.name == "web").unwrap().1;
        assert_eq!((matrix.pod_loss.verdict, matrix.drain.verdict), (Verdict::Heals, Verdict::Wont));
        assert_eq!(failed(&world, &options()), [""; 0]);
    }

    #[test]
    fn a_kill_is_refused_where_a_crash_does_not_heal_or_no_pod_may_be_away() {
        let kill = ProofOptions { harm: Harm::Kill, ..options() };
        assert_eq!(failed(&healthy(), &kill), [""; 0]);
        let never = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "main", "image": "shop:1", "restartPolicy": "Never"}, {"name": "other", "image": "shop:1"}]}}}});
        let c1a = healthy().edit("Deployment/web", never);
        assert!(
            failed(&c1a, &kill).contains(&"prediction") && !failed(&c1a, &options()).contains(&"prediction")
        );
        let spent = json!({"status": {"disruptionsAllowed": 0, "currentHealthy": 2}});
        assert!(failed(&healthy().edit("PodDisruptionBudget/web", spent.clone()), &kill).contains(&"budget"));
        // Evictions fail with two budgets; a kill asks none.
        let mut second = budget("web", json!({"maxUnavailable": 1}));
        second["metadata"]["name"] = json!("second");
        let two = healthy().with(second);
        assert!(failed(&two, &options()).contains(&"budget") && !failed(&two, &kill).contains(&"budget"));
        assert!(failed(&two.edit("PodDisruptionBudget/second", spent), &kill).contains(&"budget"));
    }

    #[test]
    fn no_grace_is_refused_where_data_is_at_stake() {
        let none = ProofOptions { grace_seconds: Some(0), ..options() };
        assert_eq!(failed(&healthy(), &none), [""; 0]);
        let volume = json!({"spec": {"template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}});
        assert!(failed(&healthy().edit("Deployment/web", volume), &none).contains(&"grace"));
    }

    #[test]
    fn an_autoscaler_that_scales_is_waited_for() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let of = |status: Value| {
            scaling(&json!({"metadata": {"name": "web"}, "status": status}), now).outcome.is_ok()
        };
        assert!(of(json!({"currentReplicas": 3, "desiredReplicas": 3})));
        assert!(of(
            json!({"currentReplicas": 3, "desiredReplicas": 3, "lastScaleTime": "2026-01-01T23:56:00Z"})
        ));
        assert!(!of(
            json!({"currentReplicas": 3, "desiredReplicas": 3, "lastScaleTime": "2026-01-01T23:58:00Z"})
        ));
        assert!(!of(json!({"currentReplicas": 3, "desiredReplicas": 4})));
    }
}
