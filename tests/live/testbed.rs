//! Tests of the bed itself: what every other test relies on.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::testbed::{Cluster, Component, Options, PATIENCE, Watcher, annotate, program, shared, wait};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

#[test]
fn forty_pods_become_ready() {
    let room = shared().room(4);
    room.deployment("web", 40);
    let pods = room.ready("web", 40);
    let nodes = room.nodes();
    assert!(pods.iter().all(|pod| nodes.iter().any(|node| pod["spec"]["nodeName"] == **node)));
    assert_eq!(room.pods_on(&nodes[0]).len() + others(&room.nodes()[1..], &pods), 40);
}

#[test]
fn a_room_spreads_its_nodes_over_two_zones() {
    let room = shared().room(2);
    let zone = |node: &String| room.node(node)["metadata"]["labels"]["topology.kubernetes.io/zone"].clone();
    assert_eq!([zone(&room.nodes()[0]), zone(&room.nodes()[1])], ["zone-a", "zone-b"]);
}

#[test]
fn clusters_live_side_by_side_each_with_its_options_and_end_with_their_owner() {
    let first = shared();
    let brief = Options { event_ttl: Some(Duration::from_secs(3)), ..Options::default() };
    let second = Cluster::start(&brief).unwrap();
    assert_ne!(first.server(), second.server());
    let object = json!({"metadata": {"name": "only-in-second"}});
    second.create("/api/v1/namespaces", &object);
    assert!(second.try_get("/api/v1/namespaces/only-in-second").is_some());
    assert!(first.try_get("/api/v1/namespaces/only-in-second").is_none());

    let about = json!({"kind": "Namespace", "namespace": "default", "name": "default"});
    let events = "/api/v1/namespaces/default/events";
    second.create(events, &json!({"metadata": {"name": "brief"}, "involvedObject": about}));
    wait("the event to expire", PATIENCE, || {
        second.try_get(&format!("{events}/brief")).is_none().then_some(())
    });

    let dir = second.dir().to_owned();
    let owner = std::thread::spawn(move || {
        let _owned = second;
        std::panic::resume_unwind(Box::new("the owner panics"));
    });
    assert!(owner.join().is_err());
    nothing_left(&dir);
}

#[test]
fn the_apiserver_dies_freezes_and_comes_back() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let room = cluster.room(1);
    room.deployment("web", 2);
    room.ready("web", 2);
    let watcher = Watcher::start(&cluster, &room);
    let apiserver = cluster.component(Component::Apiserver);

    apiserver.kill();
    assert!(cluster.try_delete("/api/v1/namespaces/none").unwrap_err().code == 0);
    apiserver.restart();
    let pods = room.ready("web", 2);

    apiserver.freeze();
    let ask = || kubectl(&cluster, &["get", "nodes", "--request-timeout=1s"]);
    assert!(!ask().0);
    apiserver.thaw();
    // Not with that limit: a busy machine may need longer.
    assert!(kubectl(&cluster, &["get", "nodes"]).0);

    // The controllers, the scheduler and kwok have come through, and so has the watcher.
    room.cluster().delete(&room.path("", &format!("pods/{}", name(&pods[0]))));
    room.ready("web", 2);
    let record = watcher.finish();
    assert!(record.deleted_uids().contains(pods[0]["metadata"]["uid"].as_str().unwrap()));
}

#[test]
fn run_returns_the_exit_code_and_leaves_nothing() {
    let mut run = Run::start("exit 7");
    assert_eq!(run.child.wait().unwrap().code(), Some(7));
    nothing_left(&run.dir);
}

#[test]
fn run_leaves_nothing_after_ctrl_c() {
    let mut run = Run::start("read -r _");
    kill_process_group(run.pid(), Signal::INT).unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    nothing_left(&run.dir);
}

#[test]
fn run_leaves_nothing_after_sigkill() {
    let mut run = Run::start("read -r _");
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    nothing_left(&run.dir);
}

#[test]
fn pods_behave_as_annotated() {
    let room = shared().room(1);
    let pod = |name: &str, key: &str, value: &str| room.pod_with(name, |pod| annotate(pod, key, value));
    pod("late", "testbed/ready-after", "2s");
    pod("crashing", "testbed/failure", "crash-loop");
    pod("unpullable", "testbed/failure", "image-pull-error");
    pod("never", "testbed/failure", "never-ready");
    room.job_with("task", |job| annotate(job, "testbed/complete-after", "1s"));

    let late = room.ready("late", 1).remove(0);
    let ready =
        &late["status"]["conditions"].as_array().unwrap().iter().find(|it| it["type"] == "Ready").unwrap();
    assert!(seconds(&ready["lastTransitionTime"]) - seconds(&late["status"]["startTime"]) >= 2);

    let state = |name: &str| {
        let pod = room.cluster().get(&room.path("", &format!("pods/{name}")));
        pod["status"]["containerStatuses"][0].clone()
    };
    wait("a second restart of the crashing pod", PATIENCE, || {
        let state = state("crashing");
        let again = state["restartCount"].as_u64() >= Some(2);
        (again && state["state"]["waiting"]["reason"] == "CrashLoopBackOff").then_some(())
    });
    wait("the other pods to be what they are to be", PATIENCE, || {
        let pull = state("unpullable")["state"]["waiting"]["reason"] == "ImagePullBackOff";
        (pull && state("never")["state"]["running"].is_object()).then_some(())
    });
    assert_eq!(state("never")["ready"], false);
    let job = room.path("batch", "jobs/task");
    wait("the job to succeed", PATIENCE, || {
        (room.cluster().get(&job)["status"]["succeeded"] == 1).then_some(())
    });
}

#[test]
fn pods_stop_at_once_slowly_or_never() {
    let room = shared().room(1);
    let cluster = room.cluster();
    room.pod("quick");
    room.pod_with("slow", |pod| annotate(pod, "testbed/delete-after", "2s"));
    room.pod_with("stubborn", |pod| annotate(pod, "testbed/delete-after", "500s"));
    room.pod_with("stuck", |pod| annotate(pod, "testbed/failure", "stuck-terminating"));
    let path = |name: &str| room.path("", &format!("pods/{name}"));
    let gone =
        |name: &str| wait("the pod to go", PATIENCE, || cluster.try_get(&path(name)).is_none().then_some(()));
    for name in ["quick", "slow", "stubborn", "stuck"] {
        room.ready(name, 1);
    }

    let asked = Instant::now();
    cluster.delete(&path("slow"));
    // Its grace period ends it, whatever it does.
    cluster.delete(&format!("{}?gracePeriodSeconds=1", path("stubborn")));
    cluster.delete(&format!("{}?gracePeriodSeconds=1", path("stuck")));
    cluster.delete(&path("quick"));
    gone("quick");
    gone("slow");
    assert!(asked.elapsed() >= Duration::from_secs(2));
    gone("stubborn");
    assert!(cluster.get(&path("stuck"))["metadata"]["deletionTimestamp"].is_string());
    cluster.delete(&format!("{}?gracePeriodSeconds=0", path("stuck")));
    gone("stuck");
}

/// It goes by names, and a StatefulSet gives them again.
#[test]
fn kwok_that_is_late_touches_no_other_pod_of_that_name() {
    let room = shared().room(1);
    room.pod("next");
    room.ready("next", 1);
    let delete =
        ["delete", "pod", "next", "--dry-run=server", "--as=testbed:kwok", "--as-group=system:masters"];
    wait("the deletion to be refused", PATIENCE, || {
        room.try_kubectl(&delete).err().filter(|message| message.contains("nobody asked this pod to go"))
    });
    let status = format!("{}/status", room.path_of("Pod", "next"));
    let late = json!({"metadata": {"uid": "another"}, "status": {"phase": "Failed"}});
    let refused = room.cluster().try_merge(&status, &late).unwrap_err();
    assert!(refused.message.contains("metadata.uid"), "{refused}");
}

#[test]
fn nodes_fail_and_come_back() {
    let room = shared().room(2);
    let [broken, silent] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    // Each of these returns when Kubernetes has noticed.
    room.node_not_ready(broken);
    room.node_silent(silent);
    assert_eq!(ready(&room.node(broken)), "False");
    assert_eq!(ready(&room.node(silent)), "Unknown");
    room.node_ready(broken);
    room.node_ready(silent);
    room.deployment("web", 2);
    room.ready("web", 2);
}

#[test]
fn the_watcher_reports_a_broken_budget_and_only_that() {
    let room = shared().room(2);
    room.deployment_with("web", 3, |web| annotate(web, "testbed/ready-after", "1s"));
    room.budget("web", "web", json!({"minAvailable": 3}));
    let pods = room.ready("web", 3);
    room.budget_allows("web", 0);

    let watcher = Watcher::start(shared(), &room);
    room.cluster()
        .merge(&format!("/api/v1/nodes/{}", room.nodes()[0]), &json!({"spec": {"unschedulable": true}}));
    let calm = watcher.finish();
    calm.assert_budgets_respected();
    assert_eq!(calm.lowest_healthy("web"), Some(3));
    let cordons: Vec<bool> =
        calm.cordon_history(&room.nodes()[0]).iter().map(|(_, cordoned)| *cordoned).collect();
    assert_eq!(cordons, [false, true]);

    let watcher = Watcher::start(shared(), &room);
    room.cluster().delete(&room.path("", &format!("pods/{}", name(&pods[0]))));
    room.ready("web", 3);
    let broken = watcher.finish();
    assert_eq!(broken.lowest_healthy("web"), Some(2));
    assert!(!broken.budget_violations().is_empty());
}

#[test]
fn the_audit_log_and_the_watcher_judge_a_drain() {
    let room = shared().room(2);
    room.deployment("web", 4);
    room.budget("web", "web", json!({"maxUnavailable": 2}));
    room.ready("web", 4);
    room.budget_allows("web", 2);
    let node = &room.nodes()[0];
    let pods = room.pods_on(node);
    let watcher = Watcher::start(shared(), &room);
    let mark = shared().audit_mark();

    let (drained, output) = kubectl(shared(), &["drain", node]);
    assert!(drained, "{output}");

    let audit = shared()
        .audit_since(mark)
        .by_user_agent_prefix("kubectl")
        .filter(|entry| entry.namespace == room.namespace() || entry.name == *node);
    let record = watcher.finish();
    let evictions = audit.evictions().filter(|entry| entry.accepted());
    assert_eq!(evictions.len(), pods.len());
    assert!(
        evictions.iter().all(|entry| entry.user == "admin" && entry.request_object["kind"] == "Eviction")
    );
    assert_eq!(audit.writes().filter(|entry| entry.resource == "nodes").len(), 1);

    let report = |action: &str, result: &str, cordoned: bool| {
        let row = |pod: &Value| {
            let metadata = &pod["metadata"];
            json!({
                "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"],
                "action": action, "result": result,
            })
        };
        let pods: Vec<Value> = pods.iter().map(row).collect();
        json!({"kind": "DrainReport", "nodes": [{"name": node, "cordoned": cordoned, "pods": pods}]})
    };
    record.assert_invariants(&report("evict", "gone", true), &audit);
    // And it can fail: what was evicted was not kept, is not alive, and the node is cordoned.
    let lie = record.broken_invariants(&report("keep", "blocked", false), &audit);
    for part in ["was to be kept", "is reported as", "cordoned=false", "0 planned"] {
        assert!(lie.iter().any(|line| line.contains(part)), "{part}: {lie:?}");
    }
}

#[test]
fn a_user_may_do_what_the_rules_allow_and_no_more() {
    let room = shared().room(0);
    let rules = [json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})];
    let user = format!("{}-reader", room.namespace());
    let kubeconfig = shared().user(&user, &[], &rules);
    let ask = |what: &str| {
        let kubeconfig = kubeconfig.to_str().unwrap();
        kubectl(shared(), &["get", what, "-n", room.namespace(), "--kubeconfig", kubeconfig])
    };
    assert!(ask("pods").0);
    let (allowed, output) = ask("services");
    assert!(!allowed && output.contains("Forbidden") && output.contains(&user), "{output}");
}

/// `testbed run` with a shell script, once the script runs.
struct Run {
    child: Child,
    dir: PathBuf,
}

impl Run {
    fn start(script: &str) -> Self {
        let script = format!("echo \"$KUBECONFIG\"; {script}");
        // A group of its own, as a shell gives to a foreground job; the pipe blocks `read` until this ends.
        let mut child = Command::new(program("testbed"))
            .args(["run", "--nodes", "1", "--", "sh", "-c", &script])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run testbed: {error}"));
        let mut kubeconfig = String::new();
        if let Some(stdout) = child.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut kubeconfig);
        }
        let dir = Path::new(kubeconfig.trim()).parent().map(Path::to_owned).unwrap_or_default();
        assert!(dir.is_dir(), "testbed run printed {kubeconfig:?}");
        Self { child, dir }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// No directory, and no process that names it: every component and the guard do.
fn nothing_left(dir: &Path) {
    wait(&format!("{} and its processes to go", dir.display()), PATIENCE, || {
        let output = Command::new("ps").args(["-eo", "stat=,args="]).output().ok()?;
        let processes = String::from_utf8_lossy(&output.stdout).into_owned();
        let name = dir.display().to_string();
        let alive = processes.lines().any(|line| line.contains(&name) && !line.starts_with('Z'));
        (!alive && !dir.exists()).then_some(())
    });
}

/// Whether it succeeded, and all that it printed.
fn kubectl(cluster: &Cluster, args: &[&str]) -> (bool, String) {
    match cluster.command("kubectl").args(args).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        }
        Err(error) => panic!("cannot run kubectl: {error}"),
    }
}

fn ready(node: &Value) -> &str {
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|it| it["type"] == "Ready"));
    ready.and_then(|it| it["status"].as_str()).unwrap_or_default()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn others(nodes: &[String], pods: &[Value]) -> usize {
    pods.iter().filter(|pod| nodes.iter().any(|node| pod["spec"]["nodeName"] == **node)).count()
}

/// Seconds into the month of a timestamp such as 2026-01-31T12:00:00Z: good enough for a difference.
fn seconds(timestamp: &Value) -> i64 {
    let text = timestamp.as_str().unwrap_or_default();
    let part = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0)
    };
    ((part(8..10) * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19)
}
