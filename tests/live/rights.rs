//! The published roles: enough, and not too much; and what is said when something of them is missing.

use std::path::PathBuf;
use std::time::Duration;

use ::testbed::fake::{Answer, Fake};
use ::testbed::{Audit, Mark, Room, shared, wait};
use serde_json::{Value, json};

use crate::plugin::{Drain, Outcome, drain, text};

const ROLES: &str = include_str!("../../docs/rbac/safe-drain.yaml");
/// The comment in that file behind which everything is optional.
const OPTIONAL: &str = "# From here on";

#[test]
fn the_published_role_is_enough_and_leaves_nothing_unknown() {
    let room = furnished(1);
    let user = User::new(&room, "whole", &published());
    let (outcome, _) = user.drain(&["-l", &room.node_selector()]).watched();
    outcome.expect("drained", 0);
    assert_eq!(unknown(&outcome), [""; 0], "{outcome}");
    let refused = user.refused_since_start();
    assert_eq!(refused.len(), 0, "{refused:?}");
}

#[test]
fn without_the_optional_reads_it_drains_and_names_what_it_did_not_see() {
    let room = furnished(2);
    let user = User::new(&room, "bare", &required());
    let (outcome, record) = user.drain(&[&room.nodes()[0]]).watched();
    outcome.expect("drained", 0);
    for id in ["budgets-not-checked", "owner-not-checked", "volume-not-checked", "webhooks-not-checked"] {
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
    let (outcome, record) = user.drain(&[&room.nodes()[0]]).watched();
    outcome.expect("drained", 0);
    assert_eq!(unknown(&outcome), ["budgets-not-checked"], "{outcome}");
    assert_eq!(record.lowest_healthy("web"), Some(3));
}

/// Every verb of the required part in turn.
#[test]
fn each_missing_right_is_named_with_its_rule_and_nothing_is_changed() {
    let room = furnished(1);
    let before = room.pods().len();
    let cases: Vec<(String, String)> = required()
        .iter()
        .flat_map(|rule| {
            let resource = words(&rule["resources"]).remove(0);
            words(&rule["verbs"]).into_iter().map(move |verb| (resource.clone(), verb))
        })
        .collect();
    assert_eq!(cases.len(), 7, "the required part changed: {cases:?}");
    for (index, (resource, verb)) in cases.iter().enumerate() {
        let user = User::new(&room, &format!("lacks{index}"), &without(&published(), "", resource, verb));
        let outcome = user.drain(&["-l", &room.node_selector()]).run();
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

#[test]
fn deleting_needs_the_other_role_and_evicting_does_not() {
    let room = furnished(1);
    let node = room.nodes()[0].as_str();
    let user = User::new(&room, "evicts", &published());
    let refused = user.drain(&[node, "--disable-eviction"]).run();
    refused.expect("refused", 3);
    assert!(text(&refused.finding("rights-missing"), "subject").starts_with("delete pods"), "{refused}");
    let both = [published(), role("safe-drain-without-budgets")].concat();
    let user = User::new(&room, "deletes", &both);
    user.drain(&[node, "--disable-eviction", "--dry-run=server"]).run().expect("planned", 0);
}

#[test]
fn the_right_to_evict_may_come_from_the_namespace_alone() {
    let room = furnished(2);
    let rules = without(&published(), "", "pods/eviction", "create");
    let user = User::new(&room, "local", &rules);
    let node = room.nodes()[0].as_str();
    user.drain(&[node]).run().expect("refused", 3);

    room.apply(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "evict"},
        "rules": [{"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}]}),
    );
    room.apply(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "evict"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "evict"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name}]}));
    user.may("create", "pods/eviction", Some(room.namespace()));
    let (outcome, _) = user.drain(&[node]).watched();
    outcome.expect("drained", 0);
    assert_eq!(room.pods_on(node).len(), 1, "only the DaemonSet's pod is left");
}

/// kubectl goes on, evicts everything and exits 0 (kubernetes/kubectl#1568).
#[test]
fn a_refused_cordon_ends_the_drain_even_if_the_missing_right_was_accepted() {
    let room = furnished(1);
    let node = room.nodes()[0].as_str();
    let user = User::new(&room, "no-cordon", &without(&published(), "", "nodes", "patch"));
    let (outcome, record) = user.drain(&[node, "--allow=rights-missing"]).watched();
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
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

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

/// Somebody with these rights in every namespace, and no others.
struct User<'r> {
    room: &'r Room<'static>,
    name: String,
    kubeconfig: PathBuf,
    since: Mark,
}

impl<'r> User<'r> {
    fn new(room: &'r Room<'static>, name: &str, rules: &[Value]) -> Self {
        let name = format!("{}-{name}", room.namespace());
        let since = shared().audit_mark();
        let kubeconfig = shared().user(&name, &[], rules);
        let user = User { room, name, kubeconfig, since };
        // The authoriser hears of a role a moment after it was made, and of all its rules at once.
        let rule = &rules[0];
        user.may(&words(&rule["verbs"])[0], &words(&rule["resources"])[0], None);
        user
    }

    /// Waits until the server allows it.
    fn may(&self, verb: &str, resource: &str, namespace: Option<&str>) {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes =
            json!({"verb": verb, "resource": resource, "subresource": subresource, "namespace": namespace});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": self.name, "resourceAttributes": attributes}});
        wait(&format!("{} to be allowed to {verb} {resource}", self.name), Duration::from_secs(30), || {
            let answer = shared().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review);
            (answer["status"]["allowed"] == true).then_some(())
        });
    }

    fn drain(&self, args: &[&str]) -> Drain<'r> {
        drain(self.room, args).kubeconfig(&self.kubeconfig)
    }

    fn requests(&self) -> Audit {
        shared().audit_since(self.since).filter(|entry| entry.user == self.name)
    }

    /// Asking about rights is a create that changes nothing.
    fn writes_since_start(&self) -> Vec<String> {
        lines(&self.requests().writes().filter(|entry| entry.resource != "selfsubjectaccessreviews"))
    }

    fn refused_since_start(&self) -> Vec<String> {
        lines(&self.requests().filter(|entry| entry.code == 403))
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        for kind in ["clusterrolebindings", "clusterroles"] {
            let _ = shared().try_delete(&format!("{RBAC}/{kind}/testbed-user:{}", self.name));
        }
    }
}

/// The rules of a role in docs/rbac/safe-drain.yaml.
fn role(name: &str) -> Vec<Value> {
    for document in ROLES.split("\n---\n") {
        match serde_saphyr::from_str::<Value>(document) {
            Ok(role) if role["metadata"]["name"] == name => {
                return role["rules"].as_array().cloned().unwrap_or_default();
            }
            Ok(_) => {}
            Err(error) => panic!("docs/rbac/safe-drain.yaml is no YAML: {error}"),
        }
    }
    panic!("docs/rbac/safe-drain.yaml has no role {name}")
}

fn published() -> Vec<Value> {
    role("safe-drain")
}

/// What stands before the comment that calls the rest optional.
fn required() -> Vec<Value> {
    let Some((before, _)) = ROLES.split_once(OPTIONAL) else { panic!("no {OPTIONAL:?} in the file") };
    published()[..before.matches("- apiGroups:").count()].to_vec()
}

fn without(rules: &[Value], group: &str, resource: &str, verb: &str) -> Vec<Value> {
    let mut fewer = Vec::new();
    for rule in rules {
        let (groups, verbs) = (words(&rule["apiGroups"]), words(&rule["verbs"]));
        for each in words(&rule["resources"]) {
            let hit = each == resource && groups.iter().any(|it| it == group);
            let left: Vec<&String> = verbs.iter().filter(|it| !(hit && *it == verb)).collect();
            fewer.push(json!({"apiGroups": groups, "resources": [each], "verbs": left}));
        }
    }
    fewer.retain(|rule| !words(&rule["verbs"]).is_empty());
    fewer
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn unknown(outcome: &Outcome) -> Vec<String> {
    let report = outcome.report();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        findings.iter().filter(|f| f["severity"] == "unknown").map(|f| text(f, "id").to_owned()).collect();
    ids.dedup();
    ids
}

fn lines(audit: &Audit) -> Vec<String> {
    audit.to_string().lines().map(str::to_owned).collect()
}
