//! Who else keeps the workload: found by what they leave on it, weighed by what is read of them.

use ::testbed::{Cluster, Options, PATIENCE, Room, shared, wait};
use serde_json::{Value, json};

use super::{app, back, expect_finding, expect_no_finding, plan, refused, two_templates};
use crate::plugin::{rollback_to, text};

fn mark(room: &Room<'_>, name: &str, metadata: &Value) {
    room.cluster().merge(&room.path_of("Deployment", name), &json!({"metadata": metadata}));
}

#[test]
fn an_owner_that_certainly_reverts_it_refuses_it_until_it_is_accepted_by_name() {
    let room = shared().room(1);
    shared().install_gitops_crds();
    let id = room.namespace();
    two_templates(&room, "web", |_| ());
    let tracking = format!("shop:apps/Deployment:{id}/web");
    mark(&room, "web", &json!({"annotations": {"argocd.argoproj.io/tracking-id": tracking}}));
    let heal = |on: bool| json!({"spec": {"syncPolicy": {"automated": {"selfHeal": on}}}});
    let mut application = heal(true);
    application["apiVersion"] = json!("argoproj.io/v1alpha1");
    application["kind"] = json!("Application");
    application["metadata"] = json!({"name": "shop"});
    application["status"] =
        json!({"resources": [{"group": "apps", "kind": "Deployment", "namespace": id, "name": "web"}]});
    room.apply(application);
    let outcome = refused(&room, "web", &[]);
    let found = expect_finding(
        &outcome,
        "owner-reverts",
        "error",
        "restores its own template at once: self-heal is on",
    );
    assert!(text(&found, "message").contains("shop"), "{found:#}");
    assert!(text(&found, "remedy").contains("argocd app set shop"), "{found:#}");

    let path = room.path_of("Application", "shop");
    room.cluster().merge(&path, &heal(false));
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(&outcome, "owner-out-of-date", "warning", "at its next automatic sync");
    room.cluster().merge(&path, &json!({"spec": {"syncPolicy": null}}));
    let found = expect_finding(&plan(&room, "web"), "owner-out-of-date", "warning", "at its next sync");
    assert_eq!(found["remedy"], format!("argocd app rollback shop -N {id}"));

    room.cluster().merge(&path, &heal(true));
    let outcome = back(&room, "web", &["--allow", "owner-reverts"]);
    outcome.expect("done", 0);
    assert_eq!(text(&outcome.finding("owner-reverts"), "accepted"), "--allow owner-reverts");
    assert_eq!(room.image("Deployment", "web"), app(1));
}

#[test]
fn flux_weighs_as_much_as_its_objects_say() {
    let room = shared().room(1);
    shared().install_gitops_crds();
    let id = room.namespace();
    for name in ["web", "api"] {
        two_templates(&room, name, |_| ());
    }
    let label = |tool: &str| {
        json!({"labels": {format!("{tool}.toolkit.fluxcd.io/name"): "shop",
        format!("{tool}.toolkit.fluxcd.io/namespace"): id}})
    };
    mark(&room, "web", &label("kustomize"));
    mark(&room, "api", &label("helm"));
    // Named on the object, and nowhere to be found.
    expect_finding(&plan(&room, "web"), "owner-may-revert", "warning", "does not exist");
    room.apply(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "shop"}, "spec": {"interval": "10m"}}));
    room.apply(json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "shop"}, "spec": {"interval": "5m"}}));
    let outcome = refused(&room, "web", &[]);
    let found = expect_finding(&outcome, "owner-reverts", "error", "at its next reconciliation, every 10m");
    assert!(
        text(&found, "remedy").contains(&format!("flux suspend kustomization shop -n {id}")),
        "{found:#}"
    );
    expect_finding(&plan(&room, "api"), "owner-out-of-date", "warning", "it does not correct drift");

    let suspended = json!({"spec": {"suspend": true}});
    room.cluster().merge(&room.path_of("Kustomization", "shop"), &suspended);
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(&outcome, "owner-out-of-date", "warning", "once it is resumed");
    let corrects = json!({"spec": {"driftDetection": {"mode": "enabled"}}});
    room.cluster().merge(&room.path_of("HelmRelease", "shop"), &corrects);
    expect_finding(&refused(&room, "api", &[]), "owner-reverts", "error", "Flux HelmRelease");
}

#[test]
fn helm_and_operators_are_recognised_and_their_own_command_is_offered() {
    let room = shared().room(1);
    let id = room.namespace();
    for name in ["web", "api", "free"] {
        two_templates(&room, name, |_| ());
    }
    let release = json!({"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": id},
        "labels": {"app.kubernetes.io/managed-by": "Helm"}});
    mark(&room, "web", &release);
    for (version, status) in [("1", "superseded"), ("2", "deployed")] {
        let labels = json!({"owner": "helm", "name": "shop", "status": status, "version": version});
        room.apply(json!({"kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": format!("sh.helm.release.v1.shop.v{version}"), "labels": labels}}));
    }
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    let found = expect_finding(&outcome, "owner-out-of-date", "warning", "Helm release shop");
    // Which of them has the target template is recorded in Secrets, which are not read.
    assert!(text(&found, "remedy").contains(&format!("helm history shop -n {id}")), "{found:#}");

    // Any controller is an operator; this one is no more than a name.
    let owner = room.apply(json!({"kind": "ConfigMap", "metadata": {"name": "shop"}}));
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "shop", "controller": true,
        "uid": owner["metadata"]["uid"]});
    mark(&room, "api", &json!({"ownerReferences": [reference]}));
    let outcome = plan(&room, "api");
    expect_finding(&outcome, "owner-may-revert", "warning", "ConfigMap shop");
    expect_no_finding(
        &plan(&room, "free"),
        &["owner-reverts", "owner-may-revert", "owner-out-of-date", "owner-not-checked"],
    );
}

/// A kind of somebody else's, whatever its fields.
fn define(cluster: &Cluster, group: &str, version: &str, kind: &str, plural: &str) {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true, "schema": schema}]}});
    cluster.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    wait(&format!("{kind} to be served"), PATIENCE, || {
        cluster.request(Default::default(), &format!("/apis/{group}/{version}/{plural}"), None).ok()
    });
}

#[test]
fn an_openshift_image_trigger_is_detected_before_it_reverts() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    let trigger = |more: &Value| {
        let mut trigger = json!({"from": {"kind": "ImageStreamTag", "name": "app:latest"},
            "fieldPath": "spec.template.spec.containers[?(@.name==\"main\")].image"});
        for (key, value) in more.as_object().unwrap() {
            trigger[key] = value.clone();
        }
        let annotation = json!([trigger]).to_string();
        mark(&room, "web", &json!({"annotations": {"image.openshift.io/triggers": annotation}}));
    };
    let ids = ["owner-reverts", "owner-may-revert", "owner-out-of-date", "owner-not-checked"];
    trigger(&json!({}));
    expect_no_finding(&plan(&room, "web"), &ids);
    define(room.cluster(), "image.openshift.io", "v1", "ImageStream", "imagestreams");
    let outcome = refused(&room, "web", &[]);
    let found =
        expect_finding(&outcome, "owner-reverts", "error", "restores its own image as soon as it is written");
    let tag = format!("follows ImageStreamTag {}/app:latest", room.namespace());
    assert!(text(&found, "message").contains(&tag), "{found:#}");
    assert_eq!(found["remedy"], format!("oc set triggers deployment/web -n {} --manual", room.namespace()));

    trigger(&json!({"paused": true}));
    expect_no_finding(&plan(&room, "web"), &ids);
    mark(&room, "web", &json!({"annotations": {"image.openshift.io/triggers": "[{"}}));
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(&outcome, "owner-not-checked", "unknown", "image.openshift.io/triggers");
}

/// On a cluster of its own: elsewhere nobody may have OpenKruise, or its rights would be needed everywhere.
#[test]
fn a_deployment_that_kruise_paused_is_left_to_kruise() {
    let cluster = Cluster::start(&Options::default()).unwrap_or_else(|error| panic!("no cluster: {error}"));
    let room = cluster.room(1);
    define(&cluster, "rollouts.kruise.io", "v1beta1", "Rollout", "rollouts");
    two_templates(&room, "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.kubectl(&["rollout", "pause", "deployment/web"]);
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let rollout = json!({"apiVersion": "rollouts.kruise.io/v1beta1", "kind": "Rollout",
        "metadata": {"name": "canary"}, "spec": {"workloadRef": reference}});
    let rollouts = format!("/apis/rollouts.kruise.io/v1beta1/namespaces/{}/rollouts", room.namespace());
    cluster.create(&rollouts, &rollout);
    let undo = format!("kubectl kruise rollout undo rollout/canary -n {}", room.namespace());

    let outcome = refused(&room, "web", &[]);
    let found = expect_finding(&outcome, "paused", "error", "is paused by OpenKruise rollout canary");
    assert!(text(&found, "remedy").starts_with(&undo), "{found:#}");
    expect_finding(&outcome, "owner-may-revert", "warning", "OpenKruise rollout canary");
    assert!(!outcome.err.contains("rollout resume"), "{outcome}");
    let status = rollback_to(&room, &["deployment/web", "--status"]).run();
    assert!(status.out.contains("managed by:  OpenKruise rollout canary"), "{status}");
    assert!(status.out.contains(&undo) && !status.out.contains("rollout resume"), "{status}");

    // Without the right to read its Rollouts it is unknown whether there are any.
    let user = cluster.user("reader", &[], &[
        json!({"apiGroups": ["apps", ""], "resources": ["deployments", "replicasets", "pods", "events"], "verbs": ["get", "list"]}),
    ]);
    wait("the reader to be allowed to read", PATIENCE, || {
        let status = rollback_to(&room, &["deployment/web", "--status"]).kubeconfig(&user).run();
        (status.code == 4 || status.code == 0).then_some(())
    });
    let status = rollback_to(&room, &["deployment/web", "--status"]).kubeconfig(&user).run();
    assert!(status.out.contains("unknown:") && !status.out.contains("rollout resume"), "{status}");
    // It leaves its name on what it works on.
    let state = json!({"rolloutName": "canary"}).to_string();
    mark(&room, "web", &json!({"annotations": {"rollouts.kruise.io/in-progressing": state}}));
    let status = rollback_to(&room, &["deployment/web", "--status"]).kubeconfig(&user).run();
    assert!(status.out.contains(&undo) && !status.out.contains("rollout resume"), "{status}");

    cluster.delete(&format!("{rollouts}/canary"));
    mark(&room, "web", &json!({"annotations": {"rollouts.kruise.io/in-progressing": null}}));
    let status = rollback_to(&room, &["deployment/web", "--status"]).run();
    assert!(status.out.contains("to resume:   kubectl rollout resume deployment/web"), "{status}");
}
