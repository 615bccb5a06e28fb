//! What has to hold before a pod is evicted. Pure: the snapshot, the matrix and a few answers of the server, judged.

use cluster_model::text::count;
use cluster_model::{BudgetStatus, Raw, selector};
use k8s_openapi::jiff::Timestamp;
use plugin_client::Right;
use plugin_client::api::eviction::EvictionAnswer;
use serde_json::Value;

use super::options::ProofOptions;
use super::plan::Plan;
use super::refusal::refusal;
use crate::checks::{self, About};
use crate::finding::{Finding, Severity};
use crate::matrix::{Matrix, Verdict};
use crate::snapshot::{Kind, Snapshot, Workload, is_system};
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

/// What the snapshot shows.
pub fn of_snapshot(
    snapshot: &Snapshot,
    workload: &Workload,
    matrix: Option<&Matrix>,
    findings: &[Finding],
    options: &ProofOptions,
) -> Vec<Test> {
    let namespace = workload.subject.namespace.as_str();
    let mut tests = vec![
        test(
            "kind",
            workload.runs_for_good(),
            "a controller makes its pods again",
            "only Deployments, StatefulSets, DaemonSets and ReplicaSets can be proven",
        ),
        test(
            "namespace",
            !is_system(namespace),
            namespace,
            format!("{namespace} belongs to Kubernetes itself"),
        ),
        healthy(workload, findings),
        rollout(workload),
        replicas(workload),
        budgets(snapshot, workload),
        prediction(matrix),
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

fn healthy(workload: &Workload, findings: &[Finding]) -> Test {
    let is_about = |it: &&Finding| {
        it.subject == workload.subject
            || (it.subject.namespace == workload.subject.namespace
                && it.subject.kind == "Pod"
                && workload.pods.iter().any(|pod| pod.name == it.subject.name))
    };
    let counts = |it: &&Finding| it.severity >= Severity::Error && is_in_the_way(it.id);
    let error = findings.iter().filter(counts).find(is_about);
    Test {
        what: "findings",
        outcome: error.map_or(Ok("nothing is wrong with it now".to_owned()), |it| {
            Err(format!("{} {}", it.id, it.message))
        }),
    }
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

fn replicas(workload: &Workload) -> Test {
    let wanted = workload.replicas.or(workload.object.number("/status/desiredNumberScheduled")).unwrap_or(0);
    let ready = workload.ready().count();
    let leaving = workload.pods.iter().filter(|pod| pod.is_terminating()).count();
    let is_complete =
        i64::try_from(ready) == Ok(wanted) && workload.active().count() == ready && leaving == 0;
    let holds = is_complete && ready > 0;
    test(
        "replicas",
        holds,
        format!("{ready} of {wanted} ready"),
        format!("{ready} of {wanted} ready, {leaving} terminating"),
    )
}

fn budgets(snapshot: &Snapshot, workload: &Workload) -> Test {
    let labels = workload.active().next().map(|pod| &pod.labels);
    let all = workload.budgets.iter().map(|at| &snapshot.budgets[*at].budget);
    let selecting: Vec<_> = all.filter(|it| selector::selects(it.selector(), labels)).collect();
    let outcome = match selecting.as_slice() {
        [] if snapshot.unknown.contains_key(&crate::snapshot::Read::Budgets) => {
            Err("the budgets are not known".to_owned())
        }
        [] => Ok("none selects its pods".to_owned()),
        [one] => match one.status() {
            BudgetStatus::Allows(n) => Ok(format!("{} allows {n}", one.name())),
            _ => Err(format!("{} allows no eviction now", one.name())),
        },
        more => Err(format!("{} select its pods: every eviction fails", count(more.len(), "budget"))),
    };
    Test { what: "budget", outcome }
}

fn prediction(matrix: Option<&Matrix>) -> Test {
    let outcome = match matrix {
        None => Err("nothing is known about it".to_owned()),
        Some(matrix) => {
            let wont = [&matrix.pod_loss, &matrix.drain].into_iter().find(|it| it.verdict == Verdict::Wont);
            let eta =
                matrix.pod_loss.eta_seconds.map_or(String::new(), |it| format!(" in {}", spans::seconds(it)));
            match (wont, matrix.pod_loss.verdict) {
                (Some(cell), _) => Err(format!("it will not recover: {}", cell.reason)),
                (None, Verdict::Unknown) => {
                    Ok(format!("nothing known speaks against it; not certain: {}", matrix.pod_loss.reason))
                }
                (None, _) => Ok(format!("it recovers{eta}")),
            }
        }
    };
    Test { what: "prediction", outcome }
}

/// What the server was asked: rights, its own dry run of the first eviction, and the autoscaler.
pub fn of_server(
    missing: &[Right],
    dry_run: EvictionAnswer,
    autoscaler: Option<&Value>,
    now: Timestamp,
    plan: &Plan,
) -> Vec<Test> {
    let denied: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let mut tests =
        vec![test("rights", denied.is_empty(), "all there", format!("you may not {}", denied.join(", ")))];
    if let Some(object) = autoscaler {
        tests.push(scaling(object, now));
    }
    let victim = plan.members.first().map(|it| it.name.clone()).unwrap_or_default();
    tests.push(Test {
        what: "dry run",
        outcome: match dry_run {
            EvictionAnswer::Accepted => Ok(format!("the server accepts the eviction of {victim}")),
            other => Err(format!("the server refuses the eviction of {victim}: {}", refusal(other))),
        },
    });
    tests
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
    use crate::checks::testing::{World, healthy, not_ready};
    use crate::{checks, matrix};
    use serde_json::json;

    fn options() -> ProofOptions {
        ProofOptions {
            rounds: 3,
            max_recovery: None,
            max_unavailable: 1,
            grace_seconds: None,
            interval: None,
            yes: true,
        }
    }

    fn failed(world: &World, options: &ProofOptions) -> Vec<&'static str> {
        let snapshot = world.snapshot();
        let (findings, _) = checks::run(&snapshot, |_| true);
        let (workload, matrix) =
            matrix::matrices(&snapshot).into_iter().find(|(it, _)| it.subject.name == "web").unwrap();
        let tests = of_snapshot(&snapshot, workload, Some(&matrix), &findings, options);
        tests.into_iter().filter(|it| it.outcome.is_err()).map(|it| it.what).collect()
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
        ];
        for (world, what) in cases {
            assert!(failed(&world, &options()).contains(&what), "{what}: {:?}", failed(&world, &options()));
        }
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
