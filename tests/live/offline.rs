//! Plans from files: the same as from the cluster, and nothing is requested for them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ::testbed::{Cluster, Options, Room};
use serde_json::{Value, json};

use crate::findings::crowded::furnish;
use crate::plugin::{Outcome, safe_drain};

const KINDS: &str = "nodes,pods,poddisruptionbudgets,replicasets,statefulsets,daemonsets,jobs,replicationcontrollers,\
    persistentvolumeclaims,persistentvolumes,storageclasses,csinodes,csidrivers,volumeattachments,namespaces,\
    validatingwebhookconfigurations,mutatingwebhookconfigurations,services";

/// Neither may be in a snapshot.
const SECRETS: [&str; 4] = ["hunter2-env", "hunter2-argument", "hunter2-annotation", "aHVudGVyMi1zZWNyZXQ="];

#[test]
fn a_plan_from_files_is_the_plan_of_the_cluster() {
    // Rooms of other tests would be seen in it, at different times.
    let cluster = Cluster::start(&Options::default()).unwrap_or_else(|error| panic!("no cluster: {error}"));
    let room = cluster.room(1);
    let node = room.nodes()[0].clone();
    let _cleanup = furnish(&room, &node);
    secrets(&room);
    one_of_each_kind(&room, &node);
    // It would be overdue by half a minute, which is another finding, between two of the plans.
    cluster.merge(&room.path("", "pods/stuck"), &json!({"metadata": {"finalizers": null}}));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let run = |args: &[&str]| safe_drain(&room, args).run();

    let snapshot = file("snapshot.json");
    let written = run(&["--snapshot", path(&snapshot)]);
    assert_eq!(written.code, 0, "{written}");
    assert!(written.out.contains("2 nodes, "), "{written}");
    let mode = fs::metadata(&snapshot).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&snapshot).unwrap();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in the snapshot");
    }
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));

    let live = |format: &str| run(&[&node, "--dry-run", "-o", format]);
    let from = |file: &Path, format: &str| run(&[&node, "--from", path(file), "-o", format]);
    let is_the_same = |file: &Path| {
        for format in ["text", "wide", "json", "yaml"] {
            let (live, offline) = (live(format), from(file, format));
            assert_eq!(offline.code, live.code, "{offline}");
            assert_eq!(
                without_times(&offline.out),
                without_times(&live.out),
                "{format} of {}\n{offline}",
                file.display()
            );
            let (source, rest): (Vec<&str>, Vec<&str>) =
                offline.err.lines().partition(|line| line.starts_with("from "));
            assert_eq!(rest.join("\n").trim(), live.err.trim(), "{format}");
            assert!(source.len() == 1 && source[0].contains(": 2 nodes, "), "{source:?}");
        }
        from(file, "json").expect("refused", 3);
    };
    is_the_same(&snapshot);

    for format in ["json", "yaml"] {
        let file = file(&format!("dump.{format}"));
        kubectl(&cluster, &["get", KINDS, "-A", "-o", format], &file);
        is_the_same(&file);
    }

    // It has neither budgets nor volumes.
    let dump = file("dump");
    kubectl(&cluster, &["cluster-info", "dump", "-A", "--output-directory", path(&dump)], &file("out"));
    let offline = from(&dump, "json");
    for id in ["budgets-not-checked", "webhooks-not-checked", "volume-not-checked", "bare-pod"] {
        offline.finding(id);
    }
    assert!(offline.err.contains("not in it: poddisruptionbudgets, "), "{offline}");
    let budgets = offline.finding("budgets-not-checked");
    assert!(budgets["remedy"].as_str().unwrap().contains("kubectl get poddisruptionbudgets -A"), "{budgets}");

    cut_off(&room, &node, &text, &file("cut.json"));
    nothing_is_contacted(&room, &node, &snapshot, &file("kubeconfig"));
}

/// Values that are a user's own business.
fn secrets(room: &Room<'_>) {
    room.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "data": {"password": "aHVudGVyMi1zZWNyZXQ="}}));
    room.deployment_with("private", 1, |private| {
        let spec = &mut private["spec"]["template"]["spec"];
        let container = &mut spec["containers"][0];
        container["env"] = json!([{"name": "PASSWORD", "value": "hunter2-env"}]);
        container["args"] = json!(["--password=hunter2-argument"]);
        private["spec"]["template"]["metadata"]["annotations"] =
            json!({"example.invalid/password": "hunter2-annotation"});
    });
    room.ready("private", 1);
}

/// kubectl prints no trace of a kind of which there is no object.
fn one_of_each_kind(room: &Room<'_>, node: &str) {
    let cluster = room.cluster();
    let name = json!({"name": "one"});
    room.statefulset("set", 1);
    room.ready("set", 1);
    room.apply(json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": name, "spec": {"replicas": 0,
        "selector": {"app": "one"}, "template": {"metadata": {"labels": {"app": "one"}}, "spec": {"containers": [{"name": "one", "image": "one"}]}}}}));
    let storage = "/apis/storage.k8s.io/v1";
    cluster.create(
        &format!("{storage}/storageclasses"),
        &json!({"metadata": name, "provisioner": "example.invalid/one"}),
    );
    cluster.create(&format!("{storage}/csidrivers"), &json!({"metadata": name, "spec": {}}));
    cluster.create(
        &format!("{storage}/csinodes"),
        &json!({"metadata": {"name": node}, "spec": {"drivers": []}}),
    );
    cluster.create(
        &format!("{storage}/volumeattachments"),
        &json!({"metadata": name, "spec": {"attacher": "one.example.invalid",
        "nodeName": node, "source": {"persistentVolumeName": "one"}}}),
    );
    cluster.create(
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        &json!({"metadata": name}),
    );
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn kubectl(cluster: &Cluster, args: &[&str], file: &Path) {
    let output = cluster.command("kubectl").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(file, output.stdout).unwrap();
}

/// When a run was, and for how long a pod is overdue.
fn without_times(out: &str) -> String {
    let is_time = |line: &&str| {
        let line = line.trim_start();
        ["\"startedAt\"", "\"finishedAt\"", "startedAt:", "finishedAt:"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let lines = out.lines().filter(|line| !is_time(line)).map(|line| match line.contains("overdue") {
        true => line.replace(|c: char| c.is_ascii_digit(), ""),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn cut_off(room: &Room<'_>, node: &str, text: &str, file: &PathBuf) {
    let length = text.trim_end().len();
    for end in [0, 1, length / 7, length / 2, length - 40, length - 2, length - 1] {
        fs::write(file, &text.as_bytes()[..end]).unwrap();
        let outcome = safe_drain(room, &[node, "--from", path(file)]).run();
        assert_eq!((outcome.code, outcome.out.as_str()), (1, ""), "{end} of {length}\n{outcome}");
        assert!(outcome.err.contains("cannot read "), "{outcome}");
    }
}

fn nothing_is_contacted(room: &Room<'_>, node: &str, snapshot: &Path, kubeconfig: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}], "users": [],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}]});
    fs::write(kubeconfig, config.to_string()).unwrap();
    let run = |args: &[&str]| safe_drain(room, args).kubeconfig(kubeconfig).run();
    let is_silent = || listener.accept().is_err();
    let offline = run(&[node, "--from", path(snapshot), "-o", "json"]);
    offline.expect("refused", 3);
    assert!(is_silent(), "it has contacted the server\n{offline}");
    let allowed = run(&[node, "--from", path(snapshot), "-o", "json", "--allow=all"]);
    allowed.expect("planned", 0);
    assert!(is_silent(), "it has contacted the server\n{allowed}");
    fs::write(kubeconfig, "this is no kubeconfig").unwrap();
    run(&[node, "--from", path(snapshot), "-o", "json"]).expect("refused", 3);
    // Without --from that address is contacted.
    fs::write(kubeconfig, config.to_string()).unwrap();
    let live = run(&[node, "--dry-run", "--request-timeout=1s"]);
    assert!(!is_silent(), "{live}");
}

#[test]
fn what_makes_no_sense_offline_is_a_usage_error() {
    let room = ::testbed::shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.json");
    fs::write(&file, "{}").unwrap();
    let run = |args: &[&str]| -> Outcome {
        safe_drain(&room, &[&["n", "--from", path(&file)], args].concat()).run()
    };
    for args in [
        &["--cordon-only"][..],
        &["--uncordon"],
        &["--yes"],
        &["--snapshot", "x"],
        &["--dry-run=server"],
        &["--context", "c"],
        &["--server", "https://example.invalid"],
        &["--pod-selector", "a in"],
    ] {
        let outcome = run(args);
        assert_eq!(outcome.code, 2, "{args:?}\n{outcome}");
    }
    let not_there = safe_drain(&room, &["n", "--from", path(&folder.path().join("none"))]).run();
    assert_eq!(not_there.code, 2, "{not_there}");
    let empty = run(&[]);
    assert!(empty.code == 1 && empty.err.contains("it has no kind"), "{empty}");

    let taken = folder.path().join("folder");
    fs::create_dir(&taken).unwrap();
    let refused = safe_drain(&room, &["--snapshot", path(&taken)]).run();
    assert!(refused.code == 3 && refused.err.contains("is no regular file"), "{refused}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
