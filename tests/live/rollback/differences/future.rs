//! Fields that a newer server keeps in a pod template. kubectl 1.37 and the API of 1.37 are one release: the real server has none that
//! this kubectl does not know. So here a scripted server of a later release keeps some.

use ::testbed::fake::{Answer, Fake, Request};
use ::testbed::shared;
use serde_json::{Value, json};

use super::output_of;
use crate::plugin::rollback;

fn template(version: usize, hash: Option<&str>) -> Value {
    let mut labels = json!({"app": "web"});
    if let Some(hash) = hash {
        labels["pod-template-hash"] = json!(hash);
    }
    json!({
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "main", "image": super::app(version), "futureProbe": {"every": "5s", "on": version}}],
            "futurePolicy": ["a", "b"],
        },
    })
}

fn deployment(namespace: &str, template: &Value, generation: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": "web", "uid": "web", "resourceVersion": "7", "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    })
}

fn replicaset(namespace: &str, version: usize) -> Value {
    let hash = format!("hash{version}");
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "web", "controller": true});
    json!({
        "metadata": {"namespace": namespace, "name": format!("web-{hash}"), "uid": hash, "resourceVersion": "5",
            "creationTimestamp": format!("2026-01-0{version}T00:00:00Z"), "labels": {"app": "web", "pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": version.to_string()}, "ownerReferences": [owner]},
        "spec": {"replicas": version - 1, "selector": {"matchLabels": {"app": "web", "pod-template-hash": hash}},
            "template": template(version, Some(&hash))},
    })
}

/// A Deployment `web` with two revisions, and what kubectl reads of a server before it requests it.
fn later_release(namespace: &str) -> Fake {
    let fake = Fake::start();
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    fake.on("GET", "/api").answer(Answer::json(json!({"kind": "APIVersions", "versions": ["v1"]})));
    let version = json!({"groupVersion": "apps/v1", "version": "v1"});
    fake.on("GET", "/apis").answer(Answer::json(json!({"kind": "APIGroupList", "apiVersion": "v1",
        "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}]})));
    let kind = |kind: &str, name: &str, singular: &str| json!({"kind": kind, "name": name, "singularName": singular, "namespaced": true, "verbs": ["get", "list", "patch"]});
    fake.on("GET", "/apis/apps/v1").answer(Answer::json(
        json!({"kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": "apps/v1", "resources": [kind("Deployment", "deployments", "deployment"),
        kind("ReplicaSet", "replicasets", "replicaset")]}),
    ));
    fake.on("GET", "/api/v1").answer(Answer::json(json!({"kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": "v1", "resources": [kind("Pod", "pods", "pod")]})));
    let live = deployment(namespace, &template(2, None), 1);
    fake.on("GET", &format!("{apps}/deployments/web")).answer(Answer::json(live));
    let kept = vec![replicaset(namespace, 1), replicaset(namespace, 2)];
    let kept = json!({"apiVersion": "apps/v1", "kind": "ReplicaSetList", "metadata": {"resourceVersion": "7"}, "items": kept});
    fake.on("GET", &format!("{apps}/replicasets")).answer(Answer::json(kept));
    let none =
        json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": []});
    fake.on("GET", &format!("/api/v1/namespaces/{namespace}/pods")).answer(Answer::json(none));
    let allowed = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {}, "status": {"allowed": true}});
    fake.on("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").answer(Answer::json(allowed));
    let namespace = namespace.to_owned();
    let patched = move |request: &Request| match written(request) {
        Some(template) => Answer::json(deployment(&namespace, &template, 2)),
        None => Answer::status(400, "BadRequest", "no template is replaced"),
    };
    fake.on("PATCH", &format!("{apps}/deployments/web")).answer(Answer::compute(patched));
    fake
}

/// The template that a JSON patch writes.
fn written(request: &Request) -> Option<Value> {
    let patch = request.json();
    let of = patch.as_array()?.iter().find(|op| op["op"] == "replace" && op["path"] == "/spec/template")?;
    Some(of["value"].clone())
}

/// What the one real write of a run made of the template.
#[track_caller]
fn the_write(fake: &Fake) -> Value {
    let all = fake.requests();
    let real = all.iter().filter(|request| request.method == "PATCH" && !request.query.contains("dryRun"));
    let templates: Vec<Value> = real.filter_map(written).collect();
    assert_eq!(templates.len(), 1, "{templates:#?}");
    templates[0].clone()
}

#[test]
fn fields_that_kubectl_does_not_know_survive() {
    let room = shared().room(0);
    let folder = tempfile::tempdir().unwrap();

    let fake = later_release(room.namespace());
    let config = fake.kubeconfig(folder.path());
    let outcome =
        rollback(&room, &["deployment/web", "--to-revision=1", "--no-wait"]).kubeconfig(&config).run();
    outcome.expect("done", 0);
    assert_eq!(the_write(&fake), template(1, None));

    let fake = later_release(room.namespace());
    let config = fake.kubeconfig(folder.path());
    let mut kubectl = room.cluster().kubectl();
    kubectl.env("KUBECONFIG", config).arg("--cache-dir").arg(folder.path().join("cache"));
    kubectl.args(["--namespace", room.namespace(), "rollout", "undo", "deployment/web", "--to-revision=1"]);
    let output = output_of(&mut kubectl);
    assert_eq!(output.code, 0, "{}", output.text);
    let kubectl = the_write(&fake);
    assert_eq!(kubectl["spec"]["containers"][0]["image"], super::app(1));
    assert!(!kubectl.to_string().contains("future"), "strike it from the list of differences: {kubectl:#}");
}
