//! A dump of a cluster says the same as the cluster, and nothing is requested for it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use ::testbed::{Cluster, Options, Room};
use serde_json::json;

use super::{LEASES, lease, unchecked};
use crate::plugin::{Outcome, heal_check};

/// As docs/heal-check.md lists them.
const LISTS: [(&str, &str); 29] = [
    ("pods", "/api/v1/pods"),
    ("nodes", "/api/v1/nodes"),
    ("services", "/api/v1/services"),
    ("namespaces", "/api/v1/namespaces"),
    ("replicationcontrollers", "/api/v1/replicationcontrollers"),
    ("configmaps", "/api/v1/configmaps"),
    ("serviceaccounts", "/api/v1/serviceaccounts"),
    ("resourcequotas", "/api/v1/resourcequotas"),
    ("limitranges", "/api/v1/limitranges"),
    ("events", "/api/v1/events"),
    ("persistentvolumeclaims", "/api/v1/persistentvolumeclaims"),
    ("persistentvolumes", "/api/v1/persistentvolumes"),
    ("deployments", "/apis/apps/v1/deployments"),
    ("replicasets", "/apis/apps/v1/replicasets"),
    ("statefulsets", "/apis/apps/v1/statefulsets"),
    ("daemonsets", "/apis/apps/v1/daemonsets"),
    ("jobs", "/apis/batch/v1/jobs"),
    ("cronjobs", "/apis/batch/v1/cronjobs"),
    ("poddisruptionbudgets", "/apis/policy/v1/poddisruptionbudgets"),
    ("horizontalpodautoscalers", "/apis/autoscaling/v2/horizontalpodautoscalers"),
    ("leases", LEASES),
    ("priorityclasses", "/apis/scheduling.k8s.io/v1/priorityclasses"),
    ("runtimeclasses", "/apis/node.k8s.io/v1/runtimeclasses"),
    ("endpointslices", "/apis/discovery.k8s.io/v1/endpointslices"),
    (
        "validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    ),
    ("mutatingwebhookconfigurations", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
    ("storageclasses", "/apis/storage.k8s.io/v1/storageclasses"),
    ("csinodes", "/apis/storage.k8s.io/v1/csinodes"),
    ("volumeattachments", "/apis/storage.k8s.io/v1/volumeattachments"),
];

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_dump_says_the_same_as_the_cluster() {
    // Rooms of other tests would be seen in it, at different times.
    let cluster = Cluster::start(&Options::default()).unwrap_or_else(|error| panic!("no cluster: {error}"));
    let room = cluster.room(2);
    for name in ["kube-controller-manager", "kube-scheduler"] {
        cluster.create(LEASES, &lease(name));
    }
    room.deployment("web", 2);
    room.statefulset("db", 1);
    room.ready("web", 2);
    room.ready("db", 1);
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    for (name, list) in LISTS {
        let output = cluster.command("kubectl").args(["get", "--raw", list]).output().unwrap();
        assert!(output.status.success(), "{list}: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(dump.join(format!("{name}.json")), output.stdout).unwrap();
    }
    let run = |args: &[&str]| heal_check(&room, args).run();
    for format in ["text", "wide", "json", "yaml"] {
        let (live, offline) = (run(&["-o", format]), run(&["--from", path(&dump), "-o", format]));
        assert_eq!((offline.code, &offline.out), (live.code, &live.out), "{format}\n{offline}");
        assert!(offline.err.contains(": 3 nodes, ") || offline.err.contains(": 2 nodes, "), "{offline}");
        assert!(offline.err.contains("; written "), "{offline}");
    }
    let named = run(&["--from", path(&dump), "deploy/web", "-o", "json"]);
    assert_eq!(named.report()["workloads"].as_array().unwrap().len(), 1, "{named}");

    let budgets = dump.join("poddisruptionbudgets.json");
    let text = fs::read(&budgets).unwrap();
    fs::remove_file(&budgets).unwrap();
    let without = run(&["--from", path(&dump), "-o", "json", "--fail-on=critical"]);
    without.expect("incomplete", 5);
    assert!(unchecked(&without).contains(&"HC203".to_owned()), "{without}");
    assert!(without.out.contains("/apis/policy/v1/poddisruptionbudgets"), "{without}");
    fs::write(&budgets, &text[..text.len() / 2]).unwrap();
    let cut = run(&["--from", path(&dump)]);
    assert_eq!((cut.code, cut.out.as_str()), (1, ""), "{cut}");
    assert!(cut.err.contains("cannot read "), "{cut}");
    fs::write(&budgets, &text).unwrap();
    nothing_is_contacted(&room, &dump, &folder.path().join("kubeconfig"));
}

fn nothing_is_contacted(room: &Room<'_>, dump: &Path, kubeconfig: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}], "users": [],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}]});
    fs::write(kubeconfig, config.to_string()).unwrap();
    let run = |args: &[&str]| -> Outcome { heal_check(room, args).kubeconfig(kubeconfig).run() };
    let offline = run(&["--from", path(dump), "-o", "json", "--fix"]);
    assert!(listener.accept().is_err(), "it has contacted the server\n{offline}");
    assert!(offline.report()["findings"][0]["id"].is_string(), "{offline}");
    // Without --from that address is contacted.
    let live = run(&["--request-timeout=1s"]);
    assert!(listener.accept().is_ok(), "{live}");
}
