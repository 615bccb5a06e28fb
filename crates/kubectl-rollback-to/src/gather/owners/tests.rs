//! From a sign and what was read to what is reported about the owner.

use cluster_model::Known;
use cluster_model::build::merge;
use cluster_model::rollout::{Kind, Rollout};
use serde_json::{Value, json};
use testbed::fake::{Answer, Fake};

use super::judge::{Sources, judge};
use super::progressive::progressive;
use super::signs::Sign;
use crate::server_dry_run::testing::connect;
use crate::snapshot::{Controls, Reverts};

fn web(edit: Value) -> Rollout {
    let mut object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"}});
    merge(&mut object, edit);
    Rollout::new(Kind::Deployment, object, &[], Vec::new())
}

fn certainly(when: &str) -> Reverts {
    Reverts::Certainly(when.into())
}

fn perhaps(why: &str) -> Reverts {
    Reverts::Perhaps(why.into())
}

fn later(when: &str) -> Reverts {
    Reverts::Later(when.into())
}

#[test]
fn flux_is_judged_by_its_objects() {
    let kustomization = Sign::FluxKustomization { namespace: "flux".into(), name: "apps".into() };
    let release = Sign::FluxHelmRelease { namespace: "flux".into(), name: "apps".into() };
    let seen = |spec: Value| Known::Seen(Some(json!({"spec": spec})));
    let drift = |mode: &str| seen(json!({"interval": "5m", "driftDetection": {"mode": mode}}));
    let next = certainly("at its next reconciliation, every 10m");
    let cases = [
        (&kustomization, seen(json!({"interval": "10m"})), next),
        (&kustomization, seen(json!({"interval": "10m", "suspend": true})), later("once it is resumed")),
        (&kustomization, Known::Seen(None), perhaps("it is named on the object and does not exist")),
        (&kustomization, Known::Unknown("forbidden".into()), perhaps("forbidden")),
        (&release, drift("enabled"), certainly("at its next reconciliation, every 5m")),
        (&release, drift("warn"), later("at its next upgrade: it does not correct drift")),
        (&release, seen(json!({})), later("at its next upgrade: it does not correct drift")),
    ];
    for (sign, object, expected) in cases {
        let sources = Sources { objects: [(sign.clone(), object.clone())].into(), ..Sources::default() };
        let owner = judge(&web(json!({})), sign, &sources).unwrap();
        assert_eq!(owner.reverts, expected, "{sign:?} {object:?}");
        assert!(
            owner.instead.contains("flux suspend") && owner.instead.ends_with("apps -n flux"),
            "{}",
            owner.instead
        );
    }
    let off =
        web(json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}));
    let sources = Sources {
        objects: [(kustomization.clone(), seen(json!({"interval": "10m"})))].into(),
        ..Sources::default()
    };
    assert!(matches!(judge(&off, &kustomization, &sources).unwrap().reverts, Reverts::Later(_)));
}

fn application(name: &str, sync: Value, resources: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "argocd"}, "spec": {"syncPolicy": sync}, "status": {"resources": resources}})
}

#[test]
fn argo_cd_by_its_sync_policy() {
    let sign = |sure| Sign::ArgoCd { namespace: None, application: "shop".into(), sure };
    let it = || json!([{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}]);
    let applications =
        |list: Vec<Value>| Sources { applications: Some(Known::Seen(list)), ..Sources::default() };
    let cases = [
        (
            json!({"automated": {"selfHeal": true}}),
            certainly("at once: self-heal is on"),
            "--sync-policy none",
        ),
        (
            json!({"automated": {"selfHeal": true, "enabled": false}}),
            later("at its next sync"),
            "argocd app rollback shop -N argocd",
        ),
        (
            json!({"automated": {}}),
            later("at its next automatic sync: with the next commit"),
            "--sync-policy none",
        ),
        (json!({}), later("at its next sync"), "argocd app rollback shop -N argocd"),
    ];
    for (sync, expected, instead) in cases {
        let owner =
            judge(&web(json!({})), &sign(false), &applications(vec![application("shop", sync, it())]))
                .unwrap();
        assert_eq!((owner.who.as_str(), owner.reverts), ("Argo CD application argocd/shop", expected));
        assert!(owner.instead.contains(instead), "{}", owner.instead);
    }
    // A chart's label is a sign only if the Application of that name has this object.
    let judged =
        |sure, sources: &Sources| judge(&web(json!({})), &sign(sure), sources).map(|owner| owner.reverts);
    let heals = json!({"automated": {"selfHeal": true}});
    let other = applications(vec![application("shop", heals, json!([]))]);
    assert_eq!(judged(false, &other), None);
    assert_eq!(judged(true, &other), Some(certainly("at once: self-heal is on")));
    assert_eq!(judged(false, &applications(vec![])), None);
    assert!(matches!(judged(true, &applications(vec![])), Some(Reverts::Perhaps(_))));
    let forbidden = Sources { applications: Some(Known::Unknown("forbidden".into())), ..Sources::default() };
    assert_eq!(judged(true, &forbidden), Some(perhaps("forbidden")));
    assert!(matches!(judged(false, &forbidden), Some(Reverts::Unknown(_))), "a label that charts set too");
    assert_eq!(judged(false, &Sources::default()), None, "not installed");
}

#[test]
fn helm_by_the_labels_of_its_releases() {
    let sign = Sign::Helm { namespace: "shop".into(), release: "web".into() };
    let secret =
        |version: &str, status: &str| json!({"metadata": {"labels": {"version": version, "status": status}}});
    let judged = |secrets: Option<Known<Vec<Value>>>| {
        let releases = secrets.map(|secrets| (sign.clone(), secrets)).into_iter().collect();
        let owner = judge(&web(json!({})), &sign, &Sources { releases, ..Sources::default() }).unwrap();
        (owner.reverts, owner.instead)
    };
    let next = "at the next helm upgrade";
    let all = vec![
        secret("9", "superseded"),
        secret("10", "failed"),
        secret("11", "deployed"),
        secret("2", "superseded"),
    ];
    assert_eq!(
        judged(Some(Known::Seen(all))),
        (
            later(&format!("{next} (revision 11 is deployed now)")),
            "helm history web -n shop, then helm rollback web REVISION -n shop".into()
        )
    );
    assert_eq!(
        judged(Some(Known::Unknown("forbidden".into()))),
        (later(next), "helm history web -n shop, then helm rollback web REVISION -n shop".into())
    );
    let busy = judged(Some(Known::Seen(vec![secret("2", "pending-upgrade")])));
    assert!(matches!(busy.0, Reverts::Perhaps(_)), "{busy:?}");
}

#[test]
fn an_operator_may_revert_and_is_named_with_its_group() {
    let sign = |api_version: &str| Sign::Operator {
        api_version: api_version.into(),
        kind: "Database".into(),
        name: "main".into(),
    };
    let judged_as = |api_version| judge(&web(json!({})), &sign(api_version), &Sources::default()).unwrap();
    assert!(matches!(judged_as("db.example.com/v1").reverts, Reverts::Perhaps(_)));
    assert_eq!(judged_as("db.example.com/v1").instead, "kubectl edit database.db.example.com main -n shop");
    assert_eq!(judged_as("v1").instead, "kubectl edit database main -n shop");
}

#[test]
fn whoever_takes_the_template_as_a_start_is_found_by_its_reference() {
    let at = |kind: &str| {
        Known::Seen(vec![json!({"metadata": {"name": "x"}, "spec": {
        "workloadRef": {"kind": kind, "name": "web"}, "targetRef": {"kind": kind, "name": "web"}}})])
    };
    let sources = |kind: &str| Sources {
        canaries: [("shop".to_owned(), at(kind))].into(),
        rollouts: [("shop".to_owned(), at(kind))].into(),
        ..Sources::default()
    };
    let found = |sources: &Sources| {
        progressive(&web(json!({})), sources).into_iter().map(|owner| owner.who).collect::<Vec<_>>()
    };
    assert_eq!(found(&sources("Deployment")), ["Argo Rollouts rollout x", "Flagger canary x"]);
    assert_eq!(found(&sources("DaemonSet")), [""; 0]);
    assert_eq!(found(&Sources::default()), [""; 0], "not installed");
    let unread = Known::Unknown("forbidden".to_owned());
    let unread = Sources { canaries: [("shop".to_owned(), unread)].into(), ..Sources::default() };
    let found = progressive(&web(json!({})), &unread);
    assert_eq!(found[0].reverts, Reverts::Unknown("forbidden".into()), "not the same as none");
}

#[tokio::test]
async fn owners_are_read_only_as_far_as_the_signs_go() {
    let fake = Fake::start();
    serves(&fake, &["rollouts", "applications"]);
    let none = json!({"kind": "List", "metadata": {}, "items": []});
    fake.on("GET", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts").answer(Answer::json(none));
    let labels = json!({"version": "2", "status": "deployed"});
    let secret = json!({"metadata": {"name": "sh.helm.release.v1.web.v2", "labels": labels}});
    fake.on("GET", "/api/v1/namespaces/shop/secrets").answer(Answer::json(
        json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": [secret]}),
    ));
    let web = web(json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "web"}}}));
    let found = super::owners(&connect(&fake).await, std::slice::from_ref(&web)).await;
    let owners = found.get("w").unwrap();
    assert_eq!(owners.len(), 1, "{owners:?}");
    assert_eq!(owners[0].reverts, later("at the next helm upgrade (revision 2 is deployed now)"));
    let requests = fake.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(
        paths.len(),
        5,
        "no Applications without a sign of them, no Canaries without Flagger: {paths:?}"
    );
    let secrets = requests.iter().find(|request| request.path.ends_with("secrets")).unwrap();
    assert!(secrets.headers["accept"].contains("as=PartialObjectMetadataList;"), "{secrets:?}");
    assert!(secrets.query.contains("labelSelector=owner%3Dhelm%2Cname%3Dweb"), "{secrets:?}");
}

/// This of Argo, and nothing of Flagger.
fn serves(fake: &Fake, plurals: &[&str]) {
    let of = |plural: &&str| json!({"name": plural, "kind": "X", "namespaced": true, "singularName": "", "verbs": []});
    let resources: Vec<Value> = plurals.iter().map(of).collect();
    let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "argoproj.io/v1alpha1",
        "resources": resources});
    fake.on("GET", "/apis/argoproj.io/v1alpha1").answer(Answer::json(list));
    fake.on("GET", "/apis/flagger.app/v1beta1").answer(Answer::text(404, "404 page not found"));
}

/// Argo CD alone is no reason to look for rollouts of Argo Rollouts, and to report that they could not be read.
#[tokio::test]
async fn of_a_group_only_the_kinds_that_are_installed_are_read() {
    let fake = Fake::start();
    serves(&fake, &["applications"]);
    let found = super::owners(&connect(&fake).await, &[web(json!({}))]).await;
    assert_eq!(found.get("w").map(Vec::len), Some(0), "{found:?}");
    assert_eq!(fake.requests().len(), 3, "{:?}", fake.requests());
}

/// OpenKruise by its reference (in both versions), by what it leaves on the object, and never taken for none if it cannot be read.
#[test]
fn kruise_is_found_by_its_reference_and_by_its_marks() {
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let list = |spec: Value| Known::Seen(vec![json!({"metadata": {"name": "x"}, "spec": spec})]);
    let v1beta1 = || list(json!({"workloadRef": reference}));
    let v1alpha1 = list(json!({"objectRef": {"workloadRef": reference}}));
    let none = Known::Seen(vec![]);
    let forbidden = || Known::Unknown("forbidden".to_owned());
    let marked = |name: &str| {
        web(
            json!({"metadata": {"annotations": {"rollouts.kruise.io/in-progressing": json!({"rolloutName": name}).to_string()}}}),
        )
    };
    let label = web(json!({"metadata": {"labels": {"rollouts.kruise.io/workload-type": "deployment"}}}));
    let plain = || web(json!({}));
    let found = |rollout: &Rollout, list: Option<Known<Vec<Value>>>| {
        let kruise = list.map(|list| ("shop".to_owned(), list)).into_iter().collect();
        let mut owners = progressive(rollout, &Sources { kruise, ..Sources::default() });
        assert!(owners.iter().all(|owner| owner.controls == Controls::Progress));
        owners.pop().map(|owner| (owner.who, owner.reverts))
    };
    let steps = |name: &str| {
        let why = "it takes this template and rolls it out by its own steps";
        Some((format!("OpenKruise rollout {name}"), perhaps(why)))
    };
    assert_eq!(found(&plain(), Some(v1beta1())), steps("x"));
    assert_eq!(found(&plain(), Some(v1alpha1)), steps("x"));
    assert_eq!(
        found(&plain(), Some(list(json!({"workloadRef": {"kind": "Deployment", "name": "api"}})))),
        None
    );
    assert_eq!(found(&plain(), Some(list(json!({"workloadRef": reference, "disabled": true})))), None);
    assert_eq!(found(&marked("y"), Some(v1beta1())), steps("x"), "what was read is more than a mark");
    let lost = perhaps("it is named on the object, and no such Rollout was found");
    assert_eq!(found(&marked("y"), Some(none.clone())), Some(("OpenKruise rollout y".into(), lost.clone())));
    assert_eq!(found(&marked("$(y)"), Some(none.clone())), Some(("an OpenKruise rollout".into(), lost)));
    assert_eq!(found(&label, Some(none)), None, "left behind");
    assert_eq!(
        found(&marked("y"), Some(forbidden())),
        Some(("OpenKruise rollout y".into(), perhaps("forbidden")))
    );
    assert_eq!(
        found(&label, Some(forbidden())),
        Some(("an OpenKruise rollout".into(), perhaps("forbidden")))
    );
    let unknown = Some(("OpenKruise Rollouts".into(), Reverts::Unknown("forbidden".into())));
    assert_eq!(found(&plain(), Some(forbidden())), unknown);
    assert!(found(&marked("y"), None).is_some());
    assert_eq!(found(&plain(), None), None, "not installed");
    let owner = progressive(&marked("y"), &Sources::default()).remove(0);
    assert!(owner.instead.starts_with("kubectl kruise rollout undo rollout/y -n shop;"), "{}", owner.instead);
}

#[tokio::test]
async fn kruise_is_read_in_the_version_that_is_served() {
    for (versions, expected) in [(&["v1alpha1", "v1beta1"][..], "v1beta1"), (&["v1alpha1"], "v1alpha1")] {
        let fake = Fake::start();
        let versions: Vec<Value> = versions
            .iter()
            .map(|it| json!({"groupVersion": format!("rollouts.kruise.io/{it}"), "version": it}))
            .collect();
        fake.on("GET", "/apis/rollouts.kruise.io").answer(Answer::json(
            json!({"kind": "APIGroup", "apiVersion": "v1", "name": "rollouts.kruise.io", "versions": versions}),
        ));
        let spec = json!({"workloadRef": {"kind": "Deployment", "name": "web"}});
        let items = json!([{"metadata": {"name": "x"}, "spec": spec}]);
        let path = format!("/apis/rollouts.kruise.io/{expected}/namespaces/shop/rollouts");
        fake.on("GET", &path)
            .answer(Answer::json(json!({"kind": "RolloutList", "metadata": {}, "items": items})));
        let web = web(json!({}));
        let found = super::progress_owners(&connect(&fake).await, &[&web]).await;
        assert_eq!(found["w"][0].who, "OpenKruise rollout x", "{expected}: {:?}", fake.requests());
    }
}

#[test]
fn an_image_trigger_reverts_the_image_it_follows() {
    let triggers = json!([{"from": {"kind": "ImageStreamTag", "name": "web:latest"},
        "fieldPath": "spec.template.spec.containers[?(@.name==\"web\")].image"}]);
    let with = |annotation: &str| {
        web(json!({"metadata": {"annotations": {"image.openshift.io/triggers": annotation}},
            "spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}}))
    };
    let judged = |annotation: &str, image_streams: Option<Known<bool>>| {
        let web = with(annotation);
        let sources = Sources { image_streams, ..Sources::default() };
        let owners: Vec<_> =
            super::recognise(&web).iter().filter_map(|sign| judge(&web, sign, &sources)).collect();
        owners
    };
    let triggers = triggers.to_string();
    let found = judged(&triggers, Some(Known::Seen(true)));
    assert_eq!(
        found[0].who,
        "the image trigger of container web, which follows ImageStreamTag shop/web:latest"
    );
    assert_eq!(found[0].reverts, certainly("as soon as it is written"));
    assert_eq!(found[0].instead, "oc set triggers deployment/web -n shop --manual");
    assert_eq!(found[0].controls, Controls::Image("web".into()));
    assert_eq!(judged(&triggers, Some(Known::Unknown("timeout".into())))[0].reverts, perhaps("timeout"));
    assert!(judged(&triggers, Some(Known::Seen(false))).is_empty(), "no controller follows it");
    assert!(matches!(judged("[{", None)[0].reverts, Reverts::Unknown(_)), "broken is not none");
    assert!(judged("[]", None).is_empty());
}
