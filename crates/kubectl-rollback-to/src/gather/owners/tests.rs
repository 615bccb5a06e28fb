//! From a sign and what was read to what is said about the owner.

use cluster_model::Known;
use cluster_model::build::merge;
use cluster_model::rollout::{Kind, Rollout};
use serde_json::{Value, json};
use testbed::fake::{Answer, Fake};

use super::judge::{Sources, judge, progressive};
use super::signs::Sign;
use crate::rehearse::testing::connect;
use crate::snapshot::Reverts;

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
fn flux_by_what_its_objects_say() {
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
        (later(&format!("{next} (revision 11 is deployed now)")), "helm rollback web 9 -n shop".into())
    );
    assert_eq!(
        judged(Some(Known::Unknown("forbidden".into()))),
        (later(next), "helm history web -n shop".into())
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
    let told = |api_version| judge(&web(json!({})), &sign(api_version), &Sources::default()).unwrap();
    assert!(matches!(told("db.example.com/v1").reverts, Reverts::Perhaps(_)));
    assert_eq!(told("db.example.com/v1").instead, "kubectl edit database.db.example.com main -n shop");
    assert_eq!(told("v1").instead, "kubectl edit database main -n shop");
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
        progressive(&web(json!({})).id, sources).into_iter().map(|owner| owner.who).collect::<Vec<_>>()
    };
    assert_eq!(found(&sources("Deployment")), ["Argo Rollouts rollout x", "Flagger canary x"]);
    assert_eq!(found(&sources("DaemonSet")), [""; 0]);
    assert_eq!(found(&Sources::default()), [""; 0], "not installed");
    let unread = Known::Unknown("forbidden".to_owned());
    let unread = Sources { canaries: [("shop".to_owned(), unread)].into(), ..Sources::default() };
    let found = progressive(&web(json!({})).id, &unread);
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
        4,
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

/// Argo CD alone is no reason to look for rollouts of Argo Rollouts, and to say that they could not be read.
#[tokio::test]
async fn of_a_group_only_the_kinds_that_are_installed_are_read() {
    let fake = Fake::start();
    serves(&fake, &["applications"]);
    let found = super::owners(&connect(&fake).await, &[web(json!({}))]).await;
    assert_eq!(found.get("w").map(Vec::len), Some(0), "{found:?}");
    assert_eq!(fake.requests().len(), 2, "{:?}", fake.requests());
}
