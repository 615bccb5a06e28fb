//! Admission webhooks for evictions whose backend is not there.

use ::testbed::{shared, wait};
use serde_json::json;

use super::PATIENCE;
use crate::plugin::drain;

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

#[test]
fn a_webhook_that_is_down_is_named_once_and_the_drain_goes_on_without_it() {
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let name = format!("{}-guard", room.namespace());
    let label = "kubernetes.io/metadata.name";
    let configuration = json!({
        "metadata": {"name": name},
        "webhooks": [{
            "name": "guard.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            // Nobody listens there, nor will a test that looks for a free port.
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "namespaceSelector": {"matchLabels": {label: room.namespace()}},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"]}],
        }],
    });
    let node = room.nodes()[0].as_str();
    shared().create(WEBHOOKS, &configuration);
    // The API server observes it a moment later.
    let pod = crate::plugin::text(&room.pods_on(node)[0]["metadata"], "name").to_owned();
    let probe = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod, "namespace": room.namespace()}, "deleteOptions": {"dryRun": ["All"]}});
    let path = room.path("", &format!("pods/{pod}/eviction"));
    wait("the webhook to be asked", PATIENCE, || shared().try_create(&path, &probe).is_err().then_some(()));

    let run = drain(&room, &[node]).watch();
    run.wait_for_output("guard.example.com");
    wait("a second refusal", PATIENCE, || (run.requests().evictions().len() >= 2).then_some(()));
    shared().delete(&format!("{WEBHOOKS}/{name}"));
    let (outcome, _, audit) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.err.matches("guard.example.com").count(), 1, "{outcome}");
    assert!(outcome.err.contains("connection refused"), "{outcome}");
    assert_eq!(audit.evictions().filter(|eviction| eviction.accepted()).len(), 1);
}
