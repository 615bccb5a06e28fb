//! Manifests: what is found in a bad set, and what is no manifest.

use std::fs;
use std::net::TcpListener;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use ::testbed::{plugins_dir, shared};
use serde_json::{Value, json};

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
    let fix = &found.finding("HC204")["fix"];
    assert!(fix["commands"].is_null() && fix["location"]["line"] == 16, "no cluster has it: {found}");

    let three = file("three.yaml", &GOOD.replace("replicas: 2", "replicas: 3"));
    let template = file("template.yaml", &GOOD.replace("replicas: 2", "replicas: {{ .Values.replicas }}"));
    for (args, parts) in [
        (&["-f", &service][..], &["nothing in", "1 Service"][..]),
        (&["-f", &bad, "-f", &three], &["three.yaml", "was there in", "bad.yaml"]),
        (&["-f", &template], &["template.yaml", "line 5", "helm template"]),
    ] {
        let outcome = run(args);
        assert_eq!(outcome.code, 5, "{outcome}");
        for part in parts {
            assert!(outcome.err.contains(part), "{part}\n{outcome}");
        }
    }
    for args in [
        &["-f", &bad, "-A"][..],
        &["-f", &bad, "--from", &bad],
        &["-f", &bad, "--context", "c"],
        &["-f", "/no/such/file"],
        &["-f", &bad, "--config", "/no/such/file"],
    ] {
        assert_eq!(run(args).code, 2, "{args:?}");
    }
    assert!(listener.accept().is_err(), "a cluster was contacted");
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/live/heal/manifests/bad");
const CRON_JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/heal-check-cronjob.yaml");

/// Where there is neither a cluster nor a kubeconfig.
fn without_cluster(args: &[&str]) -> Command {
    let mut command = Command::new(plugins_dir().join("kubectl-heal_check"));
    command.args(args).env("KUBECONFIG", "/no/such/kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
    command
}

/// As `HC204 poddisruptionbudget/web`, with the lines of the files where they are.
fn found(args: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = without_cluster(&[args, &["-o", "json"]].concat()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let shown = |it: &Value| {
        let (subject, place) = (&it["subject"], &it["location"]);
        let file = text(place, "file").rsplit('/').next().unwrap_or_default();
        format!(
            "{} {}/{} {file}:{}",
            text(it, "id"),
            text(subject, "kind").to_lowercase(),
            text(subject, "name"),
            place["line"]
        )
    };
    let mut all: Vec<String> = report["findings"].as_array().unwrap().iter().map(shown).collect();
    all.sort();
    (output.status.code(), all)
}

#[test]
fn of_a_bad_set_all_is_found_that_the_page_says() {
    let expected = [
        "HC101 pod/tool jobs.yaml:16",
        "HC204 poddisruptionbudget/web web.yaml:22",
        "HC205 poddisruptionbudget/renamed db.yaml:25",
        "HC206 deployment/worker worker.yaml:1",
        "HC207 poddisruptionbudget/db db.yaml:19",
        "HC209 poddisruptionbudget/worker worker.yaml:20",
        "HC211 deployment/worker worker.yaml:1",
        "HC212 deployment/web web.yaml:1",
        "HC212 deployment/worker worker.yaml:1",
        "HC301 deployment/web web.yaml:1",
        "HC302 deployment/web web.yaml:1",
        "HC303 statefulset/db db.yaml:1",
        "HC306 deployment/worker worker.yaml:1",
        "HC308 deployment/worker worker.yaml:1",
        "HC309 statefulset/db db.yaml:1",
        "HC409 deployment/web web.yaml:1",
        "HC409 deployment/worker worker.yaml:1",
        "HC411 deployment/web web.yaml:1",
        "HC506 deployment/web web.yaml:1",
        "HC903 cronjob/report jobs.yaml:1",
    ];
    assert_eq!(found(&["-f", FOLDER]), (Some(1), expected.map(str::to_owned).to_vec()));
}

/// The page of the CronJob says to replace IMAGE. Why the Job is not repeated is in its annotation.
#[test]
fn of_the_manifests_of_this_repository_what_is_known_is_found() {
    let expected = ["HC506 cronjob/heal-check heal-check-cronjob.yaml:43"];
    assert_eq!(found(&["-f", CRON_JOB]), (Some(0), expected.map(str::to_owned).to_vec()));
}

#[test]
fn code_scanning_gets_the_files_and_lines() {
    let output = without_cluster(&["-f", "live/heal/manifests/bad", "-o", "sarif"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = report["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|it| it["ruleId"] == "HC204").unwrap();
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "live/heal/manifests/bad/web.yaml", "{place:#}");
    assert_eq!(place["region"]["startLine"], 22, "{place:#}");
    assert_eq!(report["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

/// In KiB, with what is only reserved: less than what is written.
const MEMORY: u64 = 1_000_000;

/// Far more than is read: neither memory nor disk is taken for it, and the writer is not waited for.
#[test]
fn a_gigabyte_of_yaml_is_refused_early() {
    // The most memory that a child had begins with that of this process: a limit says it instead.
    let limited = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .arg(plugins_dir().join("kubectl-heal_check"))
        .args(["-f", "-", "-o", "json"])
        .env("KUBECONFIG", "/no/such/kubeconfig")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let document = GOOD.repeat(1000);
        let mut written = 0;
        while written < 1 << 30 && stdin.write_all(document.as_bytes()).is_ok() {
            written += document.len();
        }
        written
    });
    let (mut out, mut error) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5), "{error}");
    assert!(error.contains("more than 8 MiB") && error.contains("--from"), "{error}");
    assert!(!out.contains("findings\":[{"), "{out}");
    let written = writer.join().unwrap();
    assert!(written < 64 << 20, "{} MiB were taken", written >> 20);
}
