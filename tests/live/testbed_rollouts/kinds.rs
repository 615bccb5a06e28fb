//! Objects around a workload: their controllers run, and GitOps owners can be made.

use ::testbed::{shared, wait};
use serde_json::json;

use super::PATIENCE;

#[test]
fn an_autoscaler_scales_and_a_service_finds_its_pods() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.apply(json!({
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 3,
            "maxReplicas": 5,
        },
    }));
    room.apply(json!({
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }));
    room.ready("web", 3);
    assert_eq!(room.workload("Deployment", "web")["spec"]["replicas"], 3);
    let slices =
        format!("{}?labelSelector=kubernetes.io/service-name=web", room.path_of("EndpointSlice", ""));
    wait("the service to have three endpoints", PATIENCE, || {
        let slices = room.cluster().list(&slices);
        let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
        (endpoints.filter(|it| it["conditions"]["ready"] == true).count() == 3).then_some(())
    });
}

#[test]
fn a_room_can_contain_the_objects_that_refer_to_workloads() {
    let room = shared().room(0);
    let objects = [
        json!({"kind": "NetworkPolicy", "spec": {"podSelector": {}}}),
        json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
        json!({"kind": "ControllerRevision", "revision": 7, "data": {}}),
    ];
    for mut object in objects {
        object["metadata"]["name"] = json!("some");
        room.apply(object.clone());
        assert!(room.cluster().try_get(&room.path_of(object["kind"].as_str().unwrap(), "some")).is_some());
    }
}

#[test]
fn gitops_kinds_are_installed_on_request() {
    let cluster = shared();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| cluster.install_gitops_crds());
        }
    });
    let room = cluster.room(0);
    let automated = json!({"syncPolicy": {"automated": {"selfHeal": true}}});
    let application = room.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop"}, "spec": automated}));
    assert_eq!(application["spec"], automated);
    for (kind, version) in
        [("Kustomization", "kustomize.toolkit.fluxcd.io/v1"), ("HelmRelease", "helm.toolkit.fluxcd.io/v2")]
    {
        room.apply(json!({"apiVersion": version, "kind": kind, "metadata": {"name": "shop"}, "spec": {"interval": "5m"}}));
        let path = room.path_of(kind, "shop");
        cluster.merge_status(&path, &json!({"lastAppliedRevision": "main@sha1:1"}));
        let now = cluster.get(&path);
        assert_eq!(
            (&now["spec"]["interval"], &now["status"]["lastAppliedRevision"]),
            (&json!("5m"), &json!("main@sha1:1")),
            "{kind}"
        );
    }
}
