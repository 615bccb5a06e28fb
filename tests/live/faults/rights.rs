//! Rights and credentials that end half-way.

use std::path::{Path, PathBuf};

use ::testbed::{Cluster, Room, shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, end_all_on, endless, terminating};
use crate::plugin::{drain, needed_rights, text};

const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

/// A budget that allows one eviction and blocks the other: one request is in flight and one is still to be made.
fn half_way(room: &Room<'_>) {
    endless(room, "web", 2);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.budget_allows("web", 1);
    let other = super::node_path(&room.nodes()[1]);
    room.cluster().merge(&other, &json!({"spec": {"unschedulable": true}}));
}

#[test]
fn a_right_that_is_taken_away_ends_the_drain_at_once() {
    let room = shared().room(2);
    half_way(&room);
    let node = room.nodes()[0].as_str();
    let user = format!("{}-drainer", room.namespace());
    let kubeconfig = shared().user(&user, &[], &needed_rights());
    let run = drain(&room, &[node, "--allow=drain-deadlock,no-room"]).kubeconfig(&kubeconfig).watch();
    wait("a pod to stop", PATIENCE, || (terminating(&room, node) == 1).then_some(()));
    run.wait_for_output("blocked by PDB");
    shared().delete(&format!("{BINDINGS}/testbed-user:{user}"));
    // A change of the budget makes it request the second eviction.
    room.cluster()
        .merge(&room.path("policy", "poddisruptionbudgets/web"), &json!({"spec": {"maxUnavailable": 2}}));
    let (outcome, _, audit) = run.finish();
    outcome.expect("partial", 4);
    assert_eq!((outcome.count("terminating"), outcome.count("blocked")), (1, 1), "{outcome}");
    assert!(
        text(&outcome.report(), "error").contains("cannot create resource \"pods/eviction\""),
        "{outcome}"
    );
    assert!(outcome.err.contains(&user), "{outcome}");
    let forbidden = audit.evictions().filter(|eviction| eviction.code == 403);
    assert_eq!(forbidden.len(), 1, "{audit}");
    end_all_on(&room, node);
}

/// All evictions were requested already: only the last read of the node needs the missing right.
#[test]
fn a_right_that_is_taken_away_while_pods_stop_is_no_endless_wait() {
    let room = shared().room(2);
    endless(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let user = format!("{}-drainer", room.namespace());
    let kubeconfig = shared().user(&user, &[], &needed_rights());
    let run = drain(&room, &[node]).kubeconfig(&kubeconfig).watch();
    wait("the pods to stop", PATIENCE, || (terminating(&room, node) == 2).then_some(()));
    shared().delete(&format!("{BINDINGS}/testbed-user:{user}"));
    end_all_on(&room, node);
    let (outcome, _, _) = run.finish();
    outcome.expect("partial", 4);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
    let error = outcome.report()["error"].clone();
    assert!(error.as_str().is_some_and(|error| error.contains("forbidden")), "{outcome}");
}

#[test]
fn a_token_that_dies_ends_the_drain_with_the_report() {
    let room = shared().room(2);
    half_way(&room);
    let node = room.nodes()[0].as_str();
    let account = Account::new(&room);
    let run = drain(&room, &[node, "--allow=drain-deadlock,no-room"]).kubeconfig(&account.kubeconfig).watch();
    wait("a pod to stop", PATIENCE, || (terminating(&room, node) == 1).then_some(()));
    shared().delete(&account.secret);
    wait("the server to refuse the token", PATIENCE, || account.is_refused().then_some(()));
    room.cluster()
        .merge(&room.path("policy", "poddisruptionbudgets/web"), &json!({"spec": {"maxUnavailable": 2}}));
    let (outcome, _, audit) = run.finish();
    shared().delete(&account.binding);
    outcome.expect("partial", 4);
    // Another request may have been refused while the second eviction was under way.
    let left = outcome.count("blocked") + outcome.count("unknown");
    assert_eq!((outcome.count("terminating"), left), (1, 1), "{outcome}");
    assert!(text(&outcome.report(), "error").contains("Unauthorized"), "{outcome}");
    assert!(outcome.err.contains("log in again"), "{outcome}");
    // The write is not repeated. Reads that are under way end with it; if the server did not answer for a moment, as on a machine that has
    // much to do, they are repeated for 15 s, because a server that is starting refuses everybody.
    let refused = audit.filter(|request| request.code == 401);
    assert!(refused.evictions().len() <= 1, "{outcome}\n{audit}");
    assert!(refused.len() <= 5 + 2 * 15, "{outcome}\n{audit}");
    end_all_on(&room, node);
}

/// A service account that may drain, and its token, which ends with a Secret.
struct Account<'a> {
    cluster: &'a Cluster,
    kubeconfig: PathBuf,
    secret: String,
    binding: String,
}

impl<'a> Account<'a> {
    fn new(room: &Room<'a>) -> Self {
        let cluster = room.cluster();
        let role = format!("{}-drainer", room.namespace());
        let metadata = json!({"name": role});
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        cluster.create(roles, &json!({"metadata": metadata, "rules": needed_rights()}));
        let subject = json!({"kind": "ServiceAccount", "name": "default", "namespace": room.namespace()});
        let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
        let binding = json!({"metadata": metadata, "subjects": [subject], "roleRef": role_ref});
        cluster.create(BINDINGS, &binding);
        let secret =
            room.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "session"}}));
        let request = json!({"spec": {"audiences": [], "boundObjectRef": {
            "kind": "Secret", "apiVersion": "v1", "name": "session", "uid": secret["metadata"]["uid"],
        }}});
        let granted = cluster.create(&room.path("", "serviceaccounts/default/token"), &request);
        let kubeconfig = cluster.dir().join(format!("{role}.kubeconfig"));
        write_kubeconfig(&kubeconfig, cluster, text(&granted["status"], "token"));
        let secret = room.path("", "secrets/session");
        Account { cluster, kubeconfig, secret, binding: format!("{BINDINGS}/{role}") }
    }

    fn is_refused(&self) -> bool {
        let mut ask = self.cluster.command("kubectl");
        ask.args(["get", "nodes", "-o", "name", "--kubeconfig"]).arg(&self.kubeconfig);
        ask.output().is_ok_and(|output| String::from_utf8_lossy(&output.stderr).contains("Unauthorized"))
    }
}

fn write_kubeconfig(path: &Path, cluster: &Cluster, token: &str) {
    let ca = path.with_extension("ca.crt");
    let config: Value = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": cluster.server(), "certificate-authority": ca}}],
        "users": [{"name": "a", "user": {"token": token}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    let written =
        std::fs::write(&ca, cluster.ca_pem()).and_then(|()| std::fs::write(path, config.to_string()));
    if let Err(error) = written {
        panic!("cannot write {}: {error}", path.display());
    }
}
