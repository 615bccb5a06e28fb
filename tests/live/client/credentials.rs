//! Long runs: credentials that live a second, from a plugin that sometimes fails and once hangs.

use std::path::Path;

use ::testbed::{Audit, PATIENCE, Room, annotate, poll, shared};
use serde_json::{Value, json};

use super::{lines, login};
use crate::plugin::{drain, needed_rights, text};

/// A plugin that hangs is ended after twice this; the requests of a run on a busy machine are answered within it.
const REQUEST_TIMEOUT: &str = "--request-timeout=6s";

/// Once `draining` is there: the first run never answers, and of the others every fourth fails. `$run` is in `answer-0` or `answer-1`.
const FAULTY: &str = "
if [ -e draining ]; then
  [ -e hung ] || { touch hung; sleep 600; }
  [ $((run % 4)) != 0 ] || { echo failed >> failures; echo 'not now' >&2; exit 1; }
  echo ok >> renewals
fi
end=$(date -u -d '+1 seconds' +%FT%TZ 2>/dev/null || date -u -v+1S +%FT%TZ)
sed \"s/ENDS/$end/\" answer-$((run % 2))";

fn write_answers(folder: &Path, status: impl Fn(usize) -> Value) {
    for answer in [0, 1] {
        let mut status = status(answer);
        status["expirationTimestamp"] = json!("ENDS");
        let text = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status});
        std::fs::write(folder.join(format!("answer-{answer}")), text.to_string()).unwrap();
    }
}

/// Pods leave one by one, and a finalizer keeps the last one until there were ten renewals. Requests go on meanwhile, as these rights do not
/// include to watch nodes: each node is read again every two seconds.
fn drains_across_renewals(room: &Room<'static>, folder: &Path) -> Audit {
    room.deployment_with("web", 4, |web| {
        annotate(web, "testbed/delete-after", "1s");
        annotate(web, "testbed/ready-after", "1s");
    });
    room.deployment_with("held", 1, |held| {
        held["spec"]["template"]["metadata"]["finalizers"] = json!(["example.com/hold"]);
    });
    room.ready("web", 4);
    let held = room.ready("held", 1).remove(0);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.budget_allows("web", 1);
    let config = login(room, folder, FAULTY);
    let run = drain(room, &[text(&held["spec"], "nodeName"), REQUEST_TIMEOUT]).kubeconfig(&config).watch();
    run.wait_for_output("cordoned");
    std::fs::write(folder.join("draining"), "").unwrap();
    let renewed = poll(PATIENCE, || {
        let enough = lines(folder, "renewals") >= 10 && lines(folder, "failures") >= 2;
        (enough || run.is_over()).then_some(enough)
    });
    assert_eq!(renewed, Some(true), "ten renewals and two failures during the drain\n{}", run.stderr());
    let path = room.path("", &format!("pods/{}", text(&held["metadata"], "name")));
    shared().merge(&path, &json!({"metadata": {"finalizers": null}}));
    let (outcome, _, audit) = run.finish();
    outcome.expect("drained", 0);
    assert!(folder.join("hung").exists(), "{outcome}");
    assert!(outcome.err.contains("not now"), "what the credential plugin prints is shown\n{outcome}");
    audit
}

#[test]
fn a_drain_goes_on_across_ten_tokens() {
    let room = shared().room(2);
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}-tokens", room.namespace());
    shared().user(&name, &[], &needed_rights());
    shared().create(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &json!({"metadata": {"name": format!("{name}-account")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("testbed-user:{name}")},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": room.namespace()}]}),
    );
    write_answers(folder.path(), |_| {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}});
        let token = shared().create(&room.path("", "serviceaccounts/default/token"), &request);
        json!({"token": token["status"]["token"]})
    });
    drains_across_renewals(&room, folder.path());
}

#[test]
fn a_drain_goes_on_across_ten_certificates() {
    let room = shared().room(2);
    let folder = tempfile::tempdir().unwrap();
    // Two users, so that the server's log shows which certificate a request came with.
    let users = [0, 1].map(|answer| format!("{}-certificate-{answer}", room.namespace()));
    write_answers(folder.path(), |answer| {
        let config = shared().user(&users[answer], &[], &needed_rights());
        let config: Value = serde_json::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
        let read = |field: &str| {
            std::fs::read_to_string(config["users"][0]["user"][field].as_str().unwrap()).unwrap()
        };
        json!({"clientCertificateData": read("client-certificate"), "clientKeyData": read("client-key")})
    });
    let audit = drains_across_renewals(&room, folder.path());
    for user in users {
        assert!(audit.iter().any(|entry| entry.user == user), "{user} sent nothing:\n{audit}");
    }
}
