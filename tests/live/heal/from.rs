//! A dump of a cluster says the same as the cluster, and nothing is requested for it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use ::testbed::{Cluster, Options, Room};
use serde_json::json;

use super::{LEASES, lease, unchecked};
use crate::plugin::{Outcome, heal_check};

const PAGE: &str = include_str!("../../../docs/heal-check.md");

/// The commands of the page that write a dump into the folder `dump`.
fn recipe() -> &'static str {
    let section = &PAGE[PAGE.find("## From files").unwrap()..];
    let (_, block) = section.split_once("```\n").unwrap();
    block.split_once("\n```").unwrap().0
}

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
    room.deployment_with("web", 2, |web| {
        let container = &mut web["spec"]["template"]["spec"]["containers"][0];
        container["envFrom"] = json!([{"configMapRef": {"name": "none"}}]);
    });
    room.statefulset("db", 1);
    room.ready("web", 2);
    room.ready("db", 1);
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    let output = cluster.command("bash").args(["-ec", recipe()]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = |args: &[&str]| heal_check(&room, args).run();
    for format in ["text", "wide", "json", "yaml"] {
        let (live, offline) = (run(&["-o", format]), run(&["--from", path(&dump), "-o", format]));
        // What to type next names the dump.
        let same = |out: &str| {
            let lines = out.lines().filter(|line| !line.starts_with("what to change: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!((offline.code, same(&offline.out)), (live.code, same(&live.out)), "{format}\n{offline}");
        assert!(offline.err.contains(": 3 nodes, ") || offline.err.contains(": 2 nodes, "), "{offline}");
        assert!(offline.err.contains("; written "), "{offline}");
        // All that is read is in it, but what is read only with --secrets.
        assert!(!offline.err.contains("not in it"), "{offline}");
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
    assert_eq!((cut.code, cut.out.as_str()), (5, ""), "{cut}");
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
