//! Whatever numbers the objects have, every check and the matrix come to an end: the API server takes the largest ones, and files any.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::run;
use super::testing::{World, healthy, owner, pod, stateful_set};
use crate::checks::testing::budget;
use crate::fix::Workbench;
use crate::matrix::matrices;
use crate::options::Options;
use crate::refused::refused;
use crate::snapshot::{Read, Selection};

/// What the API takes as an `int32`, and what as an `int64`.
#[derive(Clone, Debug)]
struct Numbers {
    small: Vec<i64>,
    large: Vec<i64>,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let small = [i64::from(i32::MAX), i64::from(i32::MIN), i64::from(i32::MAX) - 1, -1, 0, 1, 600];
    let large = [i64::MAX, i64::MIN, i64::MAX - 1, i64::MAX / 2, -1, 0, 30, 366 * 86400];
    let large = large.into_iter().chain(small).collect::<Vec<_>>();
    let small = prop::collection::vec(prop::sample::select(small.to_vec()), 16);
    let large = prop::collection::vec(prop::sample::select(large), 16);
    (small, large).prop_map(|(small, large)| Numbers { small, large })
}

fn world(numbers: &Numbers) -> World {
    let (mut small, mut large) = (numbers.small.iter().cycle(), numbers.large.iter().cycle());
    let (mut small, mut large) = (|| *small.next().unwrap(), || *large.next().unwrap());
    let mut probe = |asked: Value| {
        let mut probe = json!({"initialDelaySeconds": small(), "periodSeconds": small(), "timeoutSeconds": small(),
            "failureThreshold": small(), "successThreshold": small(), "terminationGracePeriodSeconds": large()});
        cluster_model::build::merge(&mut probe, asked);
        probe
    };
    let get = json!({"httpGet": {"path": "/", "port": 80}});
    let container = json!({"name": "main", "image": "shop:1", "livenessProbe": probe(get.clone()), "readinessProbe": probe(get)});
    let starting = json!({"name": "main", "image": "shop:1", "startupProbe": probe(json!({"exec": {"command": ["a"]}}))});
    let mut template = |container: Value| {
        let mut container = container;
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": large()}}});
        let tolerations = ["not-ready", "unreachable"].map(|key| {
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": large()})
        });
        json!({"terminationGracePeriodSeconds": large(), "activeDeadlineSeconds": large(),
            "containers": [container], "tolerations": tolerations})
    };
    let (web, db) = (template(container), template(starting));
    let share = |n: i64| json!(format!("{n}%"));
    let deployment = json!({"spec": {"template": {"spec": web}, "replicas": small(), "minReadySeconds": small(),
        "progressDeadlineSeconds": small(), "revisionHistoryLimit": small(),
        "strategy": {"rollingUpdate": {"maxSurge": share(small()), "maxUnavailable": small()}}},
        "status": {"availableReplicas": small(), "readyReplicas": small(), "updatedReplicas": small()}});
    let set = json!({"spec": {"template": {"spec": db}, "replicas": small(), "minReadySeconds": small(),
        "ordinals": {"start": small()},
        "updateStrategy": {"rollingUpdate": {"partition": small(), "maxUnavailable": share(small())}}},
        "status": {"availableReplicas": small()}});
    let mut daemon = pod("agent-a", "agent", "n1");
    daemon["metadata"]["ownerReferences"] = json!([owner("apps/v1", "DaemonSet", "agent")]);
    let job = json!({"template": {"spec": web}, "backoffLimit": small(), "activeDeadlineSeconds": large(),
        "ttlSecondsAfterFinished": small(), "parallelism": small(), "completions": small()});
    let meta =
        |kind: &str, name: &str| json!({"namespace": "shop", "name": name, "uid": format!("{kind}-{name}")});
    healthy()
        .edit("Deployment/web", deployment)
        .with_all(stateful_set("db", 3))
        .edit("StatefulSet/db", set)
        .edit_all("Pod", json!({"spec": db}))
        .edit("Pod/web-a", json!({"spec": web}))
        .edit("Pod/web-b", json!({"status": {"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": small(),
            "state": {"running": {"startedAt": "2026-01-01T00:00:02Z"}}}]}}))
        .with(daemon)
        .with(json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("DaemonSet", "agent"),
            "spec": {"template": {"spec": web}, "minReadySeconds": small(), "updateStrategy": {"rollingUpdate": {"maxSurge": share(small())}}},
            "status": {"desiredNumberScheduled": small(), "numberAvailable": small(), "numberReady": small()}}))
        .with(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta("Job", "once"), "spec": job,
            "status": {"failed": small()}}))
        .with(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta("CronJob", "nightly"),
            "spec": {"schedule": "@daily", "startingDeadlineSeconds": large(), "jobTemplate": {"spec": job}}}))
        .with(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta("HorizontalPodAutoscaler", "web"),
            "spec": {"minReplicas": small(), "maxReplicas": small(),
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}))
        .edit("PodDisruptionBudget/web", json!({"spec": {"maxUnavailable": small()}, "status": {
            "disruptionsAllowed": small(), "currentHealthy": small(), "desiredHealthy": small(), "expectedPods": small()}}))
        .with(budget("db", json!({"minAvailable": share(small()), "selector": {"matchLabels": {"app": "db"}}})))
        .edit("Lease/kube-scheduler", json!({"spec": {"leaseDurationSeconds": small()}}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn extreme_numbers_overflow_nowhere(numbers in numbers()) {
        let world = world(&numbers);
        let snapshot = world.snapshot();
        let (findings, _) = run(&snapshot, |_| true);
        prop_assert!(!matrices(&snapshot).is_empty());
        let workbench = Workbench::new(world.gathered(), Selection::All, false, &Options::default());
        findings.iter().for_each(|finding| drop(workbench.fix(finding, &snapshot)));
        for object in &world.objects {
            let read = Read::ALL.into_iter().find(|read| object["kind"] == read.api().0);
            read.into_iter().for_each(|read| drop(refused(read, object)));
        }
    }
}
