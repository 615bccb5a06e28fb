//! Who else keeps the workload: found by what they leave on it, weighed by what is read of them.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{app, back, plan, refused, says, silent, two_templates};
use crate::plugin::text;

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
    let found =
        says(&outcome, "owner-reverts", "error", "puts its own template back at once: self-heal is on");
    assert!(text(&found, "message").contains("shop"), "{found:#}");
    assert!(text(&found, "remedy").contains("argocd app set shop"), "{found:#}");

    let path = room.path_of("Application", "shop");
    room.cluster().merge(&path, &heal(false));
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    says(&outcome, "owner-out-of-date", "warning", "at its next automatic sync");
    room.cluster().merge(&path, &json!({"spec": {"syncPolicy": null}}));
    let found = says(&plan(&room, "web"), "owner-out-of-date", "warning", "at its next sync");
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
    says(&plan(&room, "web"), "owner-may-revert", "warning", "does not exist");
    room.apply(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "shop"}, "spec": {"interval": "10m"}}));
    room.apply(json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "shop"}, "spec": {"interval": "5m"}}));
    let outcome = refused(&room, "web", &[]);
    let found = says(&outcome, "owner-reverts", "error", "at its next reconciliation, every 10m");
    assert!(
        text(&found, "remedy").contains(&format!("flux suspend kustomization shop -n {id}")),
        "{found:#}"
    );
    says(&plan(&room, "api"), "owner-out-of-date", "warning", "it does not correct drift");

    let suspended = json!({"spec": {"suspend": true}});
    room.cluster().merge(&room.path_of("Kustomization", "shop"), &suspended);
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    says(&outcome, "owner-out-of-date", "warning", "once it is resumed");
    let corrects = json!({"spec": {"driftDetection": {"mode": "enabled"}}});
    room.cluster().merge(&room.path_of("HelmRelease", "shop"), &corrects);
    says(&refused(&room, "api", &[]), "owner-reverts", "error", "Flux HelmRelease");
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
    let found = says(&outcome, "owner-out-of-date", "warning", "Helm release shop");
    assert!(text(&found, "remedy").contains("helm rollback shop 1"), "{found:#}");

    // Any controller is an operator; this one is no more than a name.
    let owner = room.apply(json!({"kind": "ConfigMap", "metadata": {"name": "shop"}}));
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "shop", "controller": true,
        "uid": owner["metadata"]["uid"]});
    mark(&room, "api", &json!({"ownerReferences": [reference]}));
    let outcome = plan(&room, "api");
    says(&outcome, "owner-may-revert", "warning", "ConfigMap shop");
    silent(
        &plan(&room, "free"),
        &["owner-reverts", "owner-may-revert", "owner-out-of-date", "owner-not-checked"],
    );
}
