//! Objects in manifests that no server takes: heal-check and the real server agree.

use std::fs;
use std::process::Command;

use ::testbed::{plugins_dir, shared};
use cluster_model::build::merge;
use serde_json::{Value, json};

fn deployment(edit: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}}});
    merge(&mut object, edit);
    object
}

fn of_kind(kind: &str, edit: Value) -> Value {
    let mut object = deployment(json!({"kind": kind}));
    if kind == "DaemonSet" {
        object["spec"].as_object_mut().unwrap().remove("replicas");
    }
    merge(&mut object, edit);
    object
}

fn job(policy: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": {"restartPolicy": policy,
        "containers": [{"name": "main", "image": "shop:1"}]}}}})
}

fn cron_job(name: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": job("Never")["spec"]}}})
}

fn budget(spec: Value) -> Value {
    let mut object = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}}});
    merge(&mut object["spec"], spec);
    object
}

fn autoscaler(least: i64, most: i64) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {"minReplicas": least,
        "maxReplicas": most, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
}

fn refused() -> Vec<Value> {
    let template = |edit: Value| deployment(json!({"spec": {"template": edit}}));
    let named = |name: &str| json!({"metadata": {"name": name}});
    vec![
        deployment(json!({"spec": {"replicas": -5}})),
        deployment(named("My_App")),
        deployment(named("web.-a")),
        of_kind("StatefulSet", named(&"a".repeat(254))),
        deployment(json!({"metadata": {"labels": {"a b": "c"}}})),
        template(json!({"metadata": {"labels": {"team": "-x"}}})),
        template(json!({"metadata": {"labels": {"app": "other"}}})),
        of_kind("DaemonSet", json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}})),
        deployment(json!({"spec": {"selector": {"matchLabels": null}}})),
        deployment(json!({"spec": {"minReadySeconds": 600}})),
        deployment(json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}}})),
        template(json!({"spec": {"restartPolicy": "Never"}})),
        template(json!({"spec": {"containers": [{"name": "Main", "image": "shop:1"}]}})),
        template(json!({"spec": {"initContainers": [{"name": "main", "image": "shop:1"}]}})),
        job("Always"),
        cron_job(&"a".repeat(53)),
        budget(json!({"minAvailable": 1, "maxUnavailable": 1})),
        budget(json!({"maxUnavailable": -1})),
        budget(json!({"minAvailable": "101%"})),
        autoscaler(3, 2),
    ]
}

fn accepted() -> Vec<Value> {
    let long = json!({"metadata": {"name": format!("{}.b-1", "a".repeat(70))}});
    vec![
        deployment(json!({"metadata": {"labels": {"example.com/Team_1": ""}}, "spec": {"replicas": 0}})),
        deployment(
            json!({"spec": {"minReadySeconds": 599, "strategy": {"rollingUpdate": {"maxUnavailable": 0}}}}),
        ),
        of_kind("DaemonSet", long),
        of_kind("StatefulSet", json!({"spec": {"serviceName": "web"}})),
        job("OnFailure"),
        cron_job(&"a".repeat(52)),
        budget(json!({"minAvailable": "100%"})),
        autoscaler(2, 2),
    ]
}

#[test]
fn what_heal_check_refuses_the_server_refuses() {
    let room = shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.json");
    fs::write(&good, deployment(json!({"metadata": {"name": "good"}})).to_string()).unwrap();
    let cases =
        refused().into_iter().map(|it| (it, false)).chain(accepted().into_iter().map(|it| (it, true)));
    for (index, (object, is_accepted)) in cases.enumerate() {
        let file = folder.path().join(format!("{index}.json"));
        fs::write(&file, object.to_string()).unwrap();
        let asked = room.try_kubectl(&["create", "--dry-run=server", "-f", file.to_str().unwrap()]);
        assert_eq!(asked.is_ok(), is_accepted, "the server: {object}\n{asked:?}");
        let checked = Command::new(plugins_dir().join("kubectl-heal_check"))
            .args(["-f", good.to_str().unwrap(), "-f", file.to_str().unwrap()])
            .env("KUBECONFIG", "/no/such/kubeconfig")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        let is_refused = said.contains("every server would refuse it") && checked.status.code() == Some(5);
        assert_eq!(is_refused, !is_accepted, "heal-check: {object}\n{said}");
        assert!(is_accepted || said.contains(file.to_str().unwrap()) && checked.stdout.is_empty(), "{said}");
    }
}
