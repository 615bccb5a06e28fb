use super::*;
use std::collections::BTreeSet;

use crate::server_dry_run::testing::{connect, deny};
use cluster_model::build::{self, PodBuild};
use cluster_model::rollout::Kind;
use serde_json::json;
use testbed::fake::{Answer, Fake};

fn rollout(kind: Kind) -> Rollout {
    let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"}});
    Rollout::new(kind, object, &[], Vec::new())
}

fn rights_of(kind: Kind, options: &Options, write: bool, needed: bool) -> BTreeSet<String> {
    let mode = if write { Mode::Rollback } else { Mode::Plan };
    let all = required_rights(&[&rollout(kind)], options, mode);
    let of = all.iter().filter(|it| it.is_required() == needed);
    of.map(|it| it.right.to_string().replace(" in namespace shop", "")).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_rollback_needs_no_more_rights_than_it_uses() {
    let plain = Options::default();
    let of = |write, needed| rights_of(Kind::Deployment, &plain, write, needed);
    let look = set(&["get deployments.apps web", "list replicasets.apps", "list pods"]);
    assert_eq!((of(false, true), of(false, false)), (look.clone(), set(&["list events"])));
    let written = &look | &set(&["patch deployments.apps web"]);
    let watched =
        ["list deployments.apps web", "watch deployments.apps web", "watch replicasets.apps", "watch pods"];
    assert_eq!(of(true, true), &written | &set(&watched));
    let events = ["create events.events.k8s.io", "list events.events.k8s.io", "watch events.events.k8s.io"];
    assert_eq!(of(true, false), &set(&events) | &set(&["get pods/log", "list events"]));
    let no_wait = Options { wait: false, ..Options::default() };
    assert_eq!(rights_of(Kind::Deployment, &no_wait, true, true), written);
}

#[test]
fn flags_need_rights_of_their_own() {
    let options = Options { unstick: true, reason: Some("because".into()), ..Options::default() };
    let has = |kind, needed, text: &str| rights_of(kind, &options, true, needed).contains(text);
    assert!(has(Kind::StatefulSet, true, "delete pods"));
    assert!(!has(Kind::DaemonSet, true, "delete pods"), "nothing else sticks");
    assert!(has(Kind::DaemonSet, false, "patch controllerrevisions.apps"));
    assert!(!has(Kind::Deployment, false, "patch replicasets.apps"), "its controller copies the cause");
}

fn stuck(ready: [bool; 3]) -> Rollout {
    let object =
        json!({"metadata": {"name": "db", "namespace": "shop", "uid": "uid-db"}, "spec": {"replicas": 3}});
    let pod = |(ordinal, ready): (usize, bool)| {
        let ready = if ready { "True" } else { "False" };
        build::pod(&format!("shop/db-{ordinal}"), "n1")
            .owned_by("apps/v1", "StatefulSet", "db")
            .edit(json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}}))
    };
    let pods = ready.into_iter().enumerate().map(pod).collect();
    Rollout::new(Kind::StatefulSet, object, &[], pods)
}

/// A role may name the pods that may be deleted.
#[tokio::test]
async fn the_right_to_delete_a_pod_is_checked_by_its_name() {
    let options = Options { unstick: true, ..Options::default() };
    let only = |allowed: &'static str| {
        let fake = Fake::start();
        fake.on("POST", "*selfsubjectaccessreviews").answer(Answer::compute(move |request| {
            let attributes = request.json()["spec"]["resourceAttributes"].clone();
            let allowed = attributes["verb"] != "delete" || attributes["name"] == allowed;
            Answer::json(json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": {}, "status": {"allowed": allowed}}))
        }));
        fake
    };
    let denied = async |fake: &Fake, ready| {
        let rollouts = [stuck(ready)];
        let denied = check(&connect(fake).await, &rollouts, &options, Mode::Rollback).await.unwrap();
        denied.iter().map(Right::to_string).collect::<Vec<_>>()
    };
    let blocked = [true, false, true];
    assert_eq!(denied(&only("db-1"), blocked).await, [""; 0]);
    assert_eq!(denied(&only("db-0"), blocked).await, ["delete pods db-1 in namespace shop"]);
    // None is broken so far: whichever may be in the way.
    assert_eq!(
        denied(&only("db-0"), [true; 3]).await,
        ["delete pods db-1 in namespace shop", "delete pods db-2 in namespace shop"]
    );
}

#[test]
fn a_missing_right_is_an_error_if_it_is_needed_and_reported_if_it_is_optional() {
    let web = rollout(Kind::Deployment);
    let found = |verb: &str, group: &str, resource: &str, name: Option<&str>| {
        let mut right = Right::new(verb, group, resource).namespace("shop");
        right.name = name.map(str::to_owned);
        findings(&[right], &[&web], &Options::default(), Mode::Rollback)
    };
    let patch = found("patch", "apps", "deployments", Some("web"));
    assert_eq!((patch[0].id, patch[0].severity), (RIGHTS_MISSING, Severity::Error));
    assert_eq!(
        patch[0].remedy,
        r#"grant {apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["web"], verbs: ["patch"]}"#
    );
    let events = found("list", "", "events", None);
    assert_eq!((events[0].id, events[0].severity), (RIGHTS_LIMITED, Severity::Info));
    assert_eq!(findings(&[], &[&web], &Options::default(), Mode::Rollback), []);
    assert_eq!(found("delete", "", "nodes", None), [], "not asked for");
    let unchecked = not_checked(&Failure::failed("cannot ask"));
    assert_eq!((unchecked.id, unchecked.severity), (RIGHTS_NOT_CHECKED, Severity::Unknown));
}

#[tokio::test]
async fn names_are_checked_only_where_the_right_to_all_is_denied() {
    let web = |name: &str| {
        let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name}});
        Rollout::new(Kind::Deployment, object, &[], Vec::new())
    };
    let all: Vec<Rollout> = (0..9).map(|number| web(&format!("web-{number}"))).collect();
    for (denied, requests) in [(&[][..], 13), (&["deployments"][..], 13 + 4 * 9)] {
        let fake = Fake::start();
        deny(&fake, denied);
        let missing = check(&connect(&fake).await, &all, &Options::default(), Mode::Rollback).await.unwrap();
        assert_eq!(missing.len(), if denied.is_empty() { 0 } else { 4 * 9 });
        assert!(missing.iter().all(|right| right.name.is_some()), "{missing:?}");
        assert_eq!(fake.requests().len(), requests);
    }
}

#[test]
fn two_workloads_share_what_they_share() {
    let (a, b) = (rollout(Kind::Deployment), rollout(Kind::StatefulSet));
    let both = required_rights(&[&a, &b], &Options::default(), Mode::Plan);
    assert_eq!(both.iter().filter(|it| it.right.resource == "pods").count(), 1);
}
