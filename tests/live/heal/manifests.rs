//! Manifests: what is found in a bad set, and what is no manifest.

use std::fs;
use std::net::TcpListener;

use ::testbed::shared;
use serde_json::json;

use crate::plugin::{heal_check, text};

const GOOD: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: shop:1
        livenessProbe: {httpGet: {path: /live, port: 80}}
        readinessProbe: {httpGet: {path: /ready, port: 80}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
";

#[test]
fn manifests_are_checked_without_a_cluster() {
    let room = shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", listener.local_addr().unwrap())}}],
        "users": [], "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}]});
    fs::write(&kubeconfig, config.to_string()).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let run =
        |args: &[&str]| heal_check(&room, &[args, &["-o", "json"]].concat()).kubeconfig(&kubeconfig).run();

    let good = run(&["-f", &file("good.yaml", GOOD), "--fail-on=warning"]);
    good.expect("ok", 0);
    assert!(good.err.contains("not read: 1 ConfigMap"), "{good}");

    let bad = GOOD
        .replace("maxUnavailable: 1", "maxUnavailable: 0")
        .replace("        readiness", "        # readiness");
    let bad = file("bad.yaml", &bad);
    let service = file(
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}}\n",
    );
    let found = run(&["-f", &bad, "-f", &service, "--fix"]);
    found.expect("findings", 1);
    for (id, line) in [("HC204", 16), ("HC302", 1)] {
        let finding = found.finding(id);
        assert_eq!(
            (text(&finding["location"], "file"), &finding["location"]["line"]),
            (bad.as_str(), &json!(line)),
            "{found}"
        );
    }
    assert_eq!(found.finding("HC204")["fix"]["proof"]["resolved"], true, "{found}");
    assert!(found.finding("HC302")["fix"].is_null(), "{found}");

    let three = file("three.yaml", &GOOD.replace("replicas: 2", "replicas: 3"));
    let template = file("template.yaml", &GOOD.replace("replicas: 2", "replicas: {{ .Values.replicas }}"));
    for (args, parts) in [
        (&["-f", &service][..], &["nothing in", "1 Service"][..]),
        (&["-f", &bad, "-f", &three], &["three.yaml", "was there in", "bad.yaml"]),
        (&["-f", &template], &["template.yaml", "line 1", "helm template"]),
        (&["-f", "/no/such/file"], &["/no/such/file"]),
    ] {
        let outcome = run(args);
        assert_eq!(outcome.code, 1, "{outcome}");
        for part in parts {
            assert!(outcome.err.contains(part), "{part}\n{outcome}");
        }
    }
    for args in [&["-f", &bad, "-A"][..], &["-f", &bad, "--from", &bad], &["-f", &bad, "--context", "c"]] {
        assert_eq!(run(args).code, 2, "{args:?}");
    }
    assert!(listener.accept().is_err(), "a cluster was contacted");
}
