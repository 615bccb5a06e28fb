//! Objects in manifests that no server takes: heal-check and the real server agree.

use std::fs;
use std::process::Command;

use ::testbed::{plugins_dir, shared};
use serde_json::{Value, json};

fn of_kind(kind: &str) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}}});
    if kind != "DaemonSet" {
        object["spec"]["replicas"] = json!(2);
    }
    object
}

/// With another value of one field.
fn with(mut object: Value, field: &str, value: Value) -> Value {
    let mut place = &mut object;
    for name in field.split('.') {
        place = &mut place[name];
    }
    *place = value;
    object
}

fn deployment(field: &str, value: Value) -> Value {
    with(of_kind("Deployment"), field, value)
}

fn job(policy: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": {"restartPolicy": policy,
        "containers": [{"name": "main", "image": "shop:1"}]}}}})
}

fn cron_job(name: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": job("Never")["spec"]}}})
}

fn budget(field: &str, value: Value) -> Value {
    with(
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}}}),
        field,
        value,
    )
}

fn autoscaler(least: i64, most: i64) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {"minReplicas": least,
        "maxReplicas": most, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
}

fn tolerating(effect: Value) -> Value {
    json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": effect, "tolerationSeconds": 30}])
}

fn probing(probe: Value) -> Value {
    json!([{"name": "main", "image": "shop:1", "readinessProbe": probe}])
}

fn container_with(edit: Value) -> Value {
    let mut container = json!({"name": "main", "image": "shop:1"});
    for (field, value) in edit.as_object().into_iter().flatten() {
        container[field] = value.clone();
    }
    json!([container])
}

/// A Deployment whose container has these fields, too.
fn main(edit: Value) -> Value {
    deployment("spec.template.spec.containers", container_with(edit))
}

fn mounting(mounts: Value) -> Value {
    with(main(json!({"volumeMounts": mounts})), "spec.template.spec.volumes", json!([{"name": "data"}]))
}

fn scheduled(schedule: &str) -> Value {
    with(cron_job("often"), "spec.schedule", json!(schedule))
}

fn service(ports: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}})
}

fn refused() -> Vec<Value> {
    let other = || json!({"app": "other"});
    let container = |name: &str| json!([{"name": name, "image": "shop:1"}]);
    let nothing = json!({"maxUnavailable": 0, "maxSurge": "0%"});
    vec![
        deployment("spec.replicas", json!(-5)),
        deployment("metadata.name", json!("My_App")),
        deployment("metadata.name", json!("web.-a")),
        with(of_kind("StatefulSet"), "metadata.name", json!("a".repeat(254))),
        deployment("metadata.labels", json!({"a b": "c"})),
        deployment("spec.template.metadata.labels.team", json!("-x")),
        deployment("spec.template.metadata.labels", other()),
        with(of_kind("DaemonSet"), "spec.selector.matchLabels", other()),
        deployment("spec.selector.matchLabels", Value::Null),
        deployment("spec.minReadySeconds", json!(600)),
        deployment("spec.strategy.rollingUpdate", nothing),
        deployment("spec.template.spec.restartPolicy", json!("Never")),
        deployment("spec.template.spec.containers", container("Main")),
        deployment("spec.template.spec.initContainers", container("main")),
        deployment("spec.template.spec.tolerations", tolerating(Value::Null)),
        deployment("spec.template.spec.containers", probing(json!({"periodSeconds": 5}))),
        job("Always"),
        cron_job(&"a".repeat(53)),
        with(budget("spec.minAvailable", json!(1)), "spec.maxUnavailable", json!(1)),
        budget("spec.maxUnavailable", json!(-1)),
        budget("spec.minAvailable", json!("101%")),
        autoscaler(3, 2),
        main(json!({"ports": [{"containerPort": 0}]})),
        main(json!({"ports": [{"containerPort": 80, "hostPort": 70000}]})),
        main(json!({"ports": [{"containerPort": 80, "name": "8080"}]})),
        main(json!({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]})),
        main(json!({"readinessProbe": {"periodSeconds": -1, "tcpSocket": {"port": 80}}})),
        main(json!({"livenessProbe": {"successThreshold": 2, "tcpSocket": {"port": 80}}})),
        main(json!({"livenessProbe": {"httpGet": {"port": "80"}}})),
        main(json!({"livenessProbe": {"grpc": {"port": 65536}}})),
        main(json!({"resources": {"requests": {"cpu": "1K"}}})),
        main(json!({"resources": {"requests": {"cpu": ""}}})),
        with(
            of_kind("StatefulSet"),
            "spec.template.spec.containers",
            container_with(json!({"resources": {"limits": {"memory": "1 Gi"}}})),
        ),
        main(json!({"volumeMounts": [{"name": "data", "mountPath": "/d"}]})),
        mounting(json!([{"name": "data", "mountPath": "/d"}, {"name": "data", "mountPath": "/d"}])),
        deployment("spec.template.spec.volumes", json!([{"name": "v"}, {"name": "v"}])),
        deployment("spec.template.spec.volumes", json!([{"name": "V"}])),
        deployment("spec.template.spec.volumes", json!([{"name": "v", "emptyDir": {"sizeLimit": "much"}}])),
        scheduled("0 0 * * 7"),
        scheduled("0 0 * * 5-1"),
        scheduled("@often"),
        service(json!([{"port": 70000}])),
        service(json!([{"port": 80, "targetPort": "a--b"}])),
        service(json!([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}])),
    ]
}

fn accepted() -> Vec<Value> {
    vec![
        deployment("metadata.labels", json!({"example.com/Team_1": ""})),
        deployment("spec.replicas", json!(0)),
        deployment("spec.minReadySeconds", json!(599)),
        deployment("spec.strategy.rollingUpdate", json!({"maxUnavailable": 0})),
        with(of_kind("DaemonSet"), "metadata.name", json!(format!("{}.b-1", "a".repeat(70)))),
        with(of_kind("StatefulSet"), "spec.serviceName", json!("web")),
        deployment("spec.template.spec.tolerations", tolerating(json!("NoExecute"))),
        deployment("spec.template.spec.containers", probing(json!({"tcpSocket": {"port": 80}}))),
        with(of_kind("StatefulSet"), "spec.revisionHistoryLimit", json!(-1)),
        job("OnFailure"),
        cron_job(&"a".repeat(52)),
        budget("spec.minAvailable", json!("100%")),
        autoscaler(2, 2),
        deployment("spec.replicas", json!(2.0)),
        deployment("metadata.labels", json!({"a": null})),
        deployment("metadata.labels", Value::Null),
        // Its kubelet refuses that.
        main(json!({"image": " Shop/My App:1 "})),
        main(json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 80}]})),
        main(json!({"livenessProbe": {"httpGet": {"port": "http"}, "successThreshold": 0},
            "readinessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}})),
        main(
            json!({"resources": {"requests": {"cpu": " 1. ", "memory": "1e3"}, "limits": {"cpu": 1.5, "memory": "9E"}}}),
        ),
        main(json!({"resources": {"requests": {"cpu": "m", "memory": "."}}})),
        mounting(json!([{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}])),
        scheduled("@every 1.5h"),
        scheduled(",0 0,, *-5 * mon-FRI/2"),
        service(
            json!([{"port": 80, "targetPort": 0, "name": "a"}, {"port": 81, "name": "b", "targetPort": "c"}]),
        ),
    ]
}

#[test]
fn what_heal_check_refuses_the_server_refuses() {
    let room = shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.json");
    fs::write(&good, deployment("metadata.name", json!("good")).to_string()).unwrap();
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
