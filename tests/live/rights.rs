//! The printed roles: enough, and not too much; and what is reported when a part of them is missing.

use ::testbed::fake::{Answer, Fake};
use ::testbed::{Room, shared};
use serde_json::{Value, json};

use crate::plugin::{Outcome, drain, text};
use crate::rbac::{Printed, User, verbs, without};

const BY_SELECTOR: [&str; 2] = ["-l", "pool=old"];

#[test]
fn the_published_role_is_enough_and_leaves_nothing_unknown() {
    let room = furnished(1);
    let user = User::new(&room, "whole", &published());
    let (outcome, _) = user.run(drain, &["-l", &room.node_selector()]).watched();
    outcome.expect("drained", 0);
    assert_eq!(unknown(&outcome), [""; 0], "{outcome}");
    let refused = user.refused_since_start();
    assert_eq!(refused.len(), 0, "{refused:?}");
}

#[test]
fn without_the_optional_rights_it_drains_and_names_what_was_not_checked() {
    let room = furnished(2);
    let user = User::new(&room, "bare", &required());
    let (outcome, record) = user.run(drain, &[&room.nodes()[0]]).watched();
    outcome.expect("drained", 0);
    let all = [
        "budgets-not-checked",
        "nodes-not-watched",
        "owner-not-checked",
        "volume-not-checked",
        "webhooks-not-checked",
    ];
    for id in all {
        assert!(unknown(&outcome).iter().any(|it| it == id), "{id}\n{outcome}");
    }
    // Nobody could read the budget, and it was kept: the server does that.
    assert_eq!(record.lowest_healthy("web"), Some(3));
    room.ready("agent", 2);
}

#[test]
fn budgets_that_may_be_read_but_not_watched_are_kept_too() {
    let room = furnished(2);
    let rules = without(&published(), "policy", "poddisruptionbudgets", "watch");
    let user = User::new(&room, "unwatched", &rules);
    let (outcome, record) = user.run(drain, &[&room.nodes()[0]]).watched();
    outcome.expect("drained", 0);
    assert_eq!(unknown(&outcome), ["budgets-not-checked"], "{outcome}");
    assert_eq!(record.lowest_healthy("web"), Some(3));
}

/// Every verb of the required part in turn.
#[test]
fn each_missing_right_is_named_with_its_rule_and_nothing_is_changed() {
    let room = furnished(1);
    let before = room.pods().len();
    let cases: Vec<(String, String)> =
        verbs(&required()).into_iter().map(|it| (it.resource, it.verb)).collect();
    assert_eq!(cases.len(), 7, "the required part changed: {cases:?}");
    for (index, (resource, verb)) in cases.iter().enumerate() {
        let user = User::new(&room, &format!("lacks{index}"), &without(&published(), "", resource, verb));
        let outcome = user.run(drain, &["-l", &room.node_selector()]).run();
        outcome.expect("refused", 3);
        assert!(outcome.err.contains(&format!("{verb} {resource}")), "{verb} {resource}\n{outcome}");
        let flat = outcome.err.replace('\n', " ");
        for part in [format!("resources: [\"{resource}\"]"), format!("verbs: [\"{verb}\"]")] {
            assert!(flat.contains(&part), "{part}\n{outcome}");
        }
        let changed = user.writes_since_start();
        assert_eq!(changed.len(), 0, "{verb} {resource}: {changed:?}");
    }
    assert_eq!(room.pods().len(), before);
}

/// What is looked up only for a Job, a ReplicationController, a webhook, affinity to pods of other namespaces or CSI volumes: there is none
/// of them.
const UNUSED: [&str; 8] = [
    "jobs",
    "replicationcontrollers",
    "services",
    "namespaces",
    "storageclasses",
    "csidrivers",
    "csinodes",
    "volumeattachments",
];

/// Every verb of the optional part in turn.
#[test]
fn each_missing_optional_right_is_reported_as_what_was_not_checked() {
    let room = furnished(1);
    let printed = Printed::of("safe-drain", &BY_SELECTOR);
    let mut cases = verbs(&printed.optional());
    cases.retain(|it| !UNUSED.contains(&it.resource.as_str()));
    assert_eq!(cases.len(), 12, "the optional part changed: {cases:?}");
    let runs: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(index, case)| {
            let user = User::new(&room, &format!("blind{index}"), &case.taken_from(&printed.all()));
            let running = user.run(drain, &["-l", &room.node_selector(), "--dry-run"]).spawn();
            (case, user, running)
        })
        .collect();
    for (case, _user, running) in runs {
        let outcome = running.finish();
        outcome.expect("planned", 0);
        let id = match case.resource.as_str() {
            "persistentvolumeclaims" | "persistentvolumes" if case.verb == "list" => "room-not-checked",
            "nodes" => "nodes-not-watched",
            "poddisruptionbudgets" => "budgets-not-checked",
            "persistentvolumeclaims" | "persistentvolumes" => "volume-not-checked",
            "validatingwebhookconfigurations" | "mutatingwebhookconfigurations" => "webhooks-not-checked",
            _ => "owner-not-checked",
        };
        let mut found = unknown(&outcome);
        // Pods of other tests wait for a node, and their claims cannot be read either.
        if case.resource == "persistentvolumeclaims" {
            found.retain(|id| id != "awaited-not-checked");
        }
        assert_eq!(found, [id], "without {case:?}\n{outcome}");
    }
}

#[test]
fn deleting_needs_the_other_role_and_evicting_does_not() {
    let room = furnished(1);
    let node = room.nodes()[0].as_str();
    let user = User::new(&room, "evicts", &published());
    let refused = user.run(drain, &[node, "--disable-eviction"]).run();
    refused.expect("refused", 3);
    assert!(text(&refused.finding("rights-missing"), "subject").starts_with("delete pods"), "{refused}");
    let deletes = Printed::of("safe-drain", &[&BY_SELECTOR[..], &["--disable-eviction"]].concat()).all();
    let user = User::new(&room, "deletes", &deletes);
    user.run(drain, &[node, "--disable-eviction", "--dry-run=server"]).run().expect("planned", 0);
}

#[test]
fn the_right_to_evict_may_come_from_the_namespace_alone() {
    let room = furnished(2);
    let rules = without(&published(), "", "pods/eviction", "create");
    let user = User::new(&room, "local", &rules);
    let node = room.nodes()[0].as_str();
    user.run(drain, &[node]).run().expect("refused", 3);

    room.apply(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "evict"},
        "rules": [{"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}]}),
    );
    room.apply(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "evict"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "evict"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name}]}));
    user.may("create", "pods/eviction", Some(room.namespace()));
    let (outcome, _) = user.run(drain, &[node]).watched();
    outcome.expect("drained", 0);
    assert_eq!(room.pods_on(node).len(), 1, "only the DaemonSet's pod is left");
}

/// kubectl goes on, evicts everything and exits 0 (kubernetes/kubectl#1568).
#[test]
fn a_refused_cordon_ends_the_drain_even_if_the_missing_right_was_accepted() {
    let room = furnished(1);
    let node = room.nodes()[0].as_str();
    let user = User::new(&room, "no-cordon", &without(&published(), "", "nodes", "patch"));
    let (outcome, record) = user.run(drain, &[node, "--allow=rights-missing"]).watched();
    outcome.expect("refused", 3);
    assert!(outcome.err.contains("no pod was evicted"), "{outcome}");
    assert_eq!(outcome.report()["nodes"][0]["cordoned"], false);
    assert_eq!(record.deleted_uids().len(), 0);
    assert!(
        user.writes_since_start().iter().all(|line| line.contains("/nodes/")),
        "only the cordon was tried"
    );
}

/// A server whose authoriser cannot be asked is scripted: a real one always answers.
#[test]
fn rights_that_cannot_be_asked_about_are_unknown() {
    let list = |kind: &str| json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    let room = shared().room(0);
    for (answer, expected) in [
        (Answer::status(503, "ServiceUnavailable", "the authoriser is away"), true),
        (
            Answer::json(
                json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {}, "status": {"allowed": true}}),
            ),
            false,
        ),
    ] {
        let fake = Fake::start();
        fake.on("POST", "*/selfsubjectaccessreviews").answer(answer);
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "u1"}});
        fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(node));
        fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list("PodList")));
        let folder = tempfile::tempdir().unwrap();
        let outcome = drain(&room, &["n1", "--dry-run"]).kubeconfig(&fake.kubeconfig(folder.path())).run();
        outcome.expect("planned", 0);
        assert_eq!(unknown(&outcome).iter().any(|id| id == "rights-not-checked"), expected, "{outcome}");
    }
}

/// Four web pods under a budget, a StatefulSet's with a claim, and a DaemonSet's.
fn furnished(nodes: usize) -> Furnished {
    let room = Furnished(shared().room(nodes));
    room.deployment("web", 4);
    room.daemonset("agent");
    // The volume has no namespace, and borrows the room's name.
    let volume = room.namespace();
    let size = json!({"storage": "1Gi"});
    shared().create(
        VOLUMES,
        &json!({"metadata": {"name": volume}, "spec": {
            "capacity": size, "accessModes": ["ReadWriteMany"], "storageClassName": "",
            "nfs": {"server": "nfs.invalid", "path": "/"}, "claimRef": {"namespace": volume, "name": "data"},
        }}),
    );
    room.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": volume, "resources": {"requests": size},
    }}));
    room.statefulset_with("db", nodes, |db| {
        let volumes = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        db["spec"]["template"]["spec"]["volumes"] = volumes;
    });
    // Where there is nowhere to go, the budget lets all of them go.
    let away = if nodes == 1 { 4 } else { 1 };
    room.budget("web", "web", json!({"maxUnavailable": away}));
    room.ready("web", 4);
    room.ready("agent", nodes);
    room.ready("db", nodes);
    room.budget_allows("web", away);
    room
}

const VOLUMES: &str = "/api/v1/persistentvolumes";

struct Furnished(Room<'static>);

impl std::ops::Deref for Furnished {
    type Target = Room<'static>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Furnished {
    fn drop(&mut self) {
        let _ = shared().try_delete(&format!("{VOLUMES}/{}", self.0.namespace()));
    }
}

fn published() -> Vec<Value> {
    Printed::of("safe-drain", &BY_SELECTOR).all()
}

/// What no drain can do without.
fn required() -> Vec<Value> {
    Printed::of("safe-drain", &BY_SELECTOR).required()
}

fn unknown(outcome: &Outcome) -> Vec<String> {
    let report = outcome.report();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        findings.iter().filter(|f| f["severity"] == "unknown").map(|f| text(f, "id").to_owned()).collect();
    ids.dedup();
    ids
}
