//! What the commands of the pages find in the cluster: a namespace and nodes that the pages call `shop`, `node-1`, `node-2`, `node-3`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use ::testbed::{PATIENCE, Policy, Room, is_complete, poll, shared, wait};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::shell;

type Build = fn(&Room<'static>) -> Vec<Policy<'static>>;

const FIXTURES: &[(&str, Build)] = &[
    ("three nodes", |_| Vec::new()),
    ("a node with web under a budget", web_under_a_budget),
    ("a node with web, worker and agent under a budget", node_with_worker),
    ("a node with web, worker, db and agent under a budget", full_node),
    ("web, worker and agent to check", workloads_to_check),
    ("self-healing deployment", one_release),
    ("rolling update with change causes", one_release),
    ("a failed update", failed_update),
    ("a Deployment with a good, a bad and a worse revision", bad_and_worse),
    ("a StatefulSet stuck at a broken pod", stuck_statefulset),
];

pub struct Fixture {
    id: String,
    /// Before the room, which would otherwise be deleted under them.
    policies: Vec<Policy<'static>>,
    room: Room<'static>,
    kubeconfig: PathBuf,
}

pub fn is_known(name: &str) -> bool {
    FIXTURES.iter().any(|(known, _)| *known == name)
}

impl Fixture {
    pub fn new(name: &str) -> Option<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let (_, build) = FIXTURES.iter().find(|(known, _)| *known == name)?;
        // As long as `shop`, and `ID-1` as `node-1`: columns keep their widths. No generated name contains 0.
        let id = format!("dx{:02}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let room = shared().room_named(&id, &id, 3);
        let policies = build(&room);
        let kubeconfig = shared().dir().join(format!("{id}.kubeconfig"));
        std::fs::copy(shared().kubeconfig(), &kubeconfig).unwrap();
        let fixture = Self { id, policies, room, kubeconfig };
        // Pages may leave out `-n shop`.
        let namespace = format!("kubectl config set-context --current --namespace={}", fixture.id);
        assert_eq!(fixture.shell(&namespace, false).0, 0);
        Some(fixture)
    }

    /// Runs a command as a page has it: its exit code, and its output with the page's names.
    pub fn run(&self, command: &str, on_terminal: bool) -> (i32, Vec<String>) {
        self.settle();
        let (code, text) = self.shell(&self.with_own_names(command), on_terminal);
        let mut lines: Vec<String> =
            self.with_page_names(&text).lines().map(|l| l.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        (code, lines.into_iter().skip_while(String::is_empty).collect())
    }

    /// Runs a command as a page has it on a terminal: its exit code, and the screen with this fixture's names.
    pub fn screen(&self, command: &str) -> (i32, vt100::Parser) {
        self.settle();
        shell::on_a_terminal(self.command(&self.with_own_names(command)))
    }

    fn command(&self, command: &str) -> Command {
        let mut shell: Command = shared().command("sh");
        shell.args(["-c", command]).env("KUBECONFIG", &self.kubeconfig).env("TZ", "UTC").env("TERM", "xterm");
        shell.env("XDG_STATE_HOME", shared().dir().join("state").join(&self.id));
        for name in ["NO_COLOR", "COLUMNS", "KUBECTL_EXTERNAL_DIFF"] {
            shell.env_remove(name);
        }
        shell
    }

    fn shell(&self, command: &str, on_terminal: bool) -> (i32, String) {
        let shell = self.command(command);
        if on_terminal {
            let (code, screen) = shell::on_a_terminal(shell);
            (code, screen.screen().contents())
        } else {
            shell::in_a_pipe(shell, &shared().dir().join(format!("{}.out", self.id)))
        }
    }

    fn with_own_names(&self, command: &str) -> String {
        let words = command.split(' ').map(|word| if word == "shop" { &self.id } else { word });
        let command = words.collect::<Vec<_>>().join(" ");
        // Other tests have nodes too.
        let command = command.replace("get nodes", &format!("get nodes -l room={}", self.id));
        (1..=3).fold(command, |text, n| text.replace(&format!("node-{n}"), &format!("{}-{n}", self.id)))
    }

    pub fn with_page_names(&self, text: &str) -> String {
        let text = (1..=3)
            .fold(text.to_owned(), |text, n| text.replace(&format!("{}-{n}", self.id), &format!("node-{n}")));
        text.replace(&self.id, "shop")
    }

    /// Waits until what the last command has caused is over: every workload is complete, or waits for pods that cannot start.
    fn settle(&self) {
        let workloads = ["Deployment", "StatefulSet", "DaemonSet"];
        let settled = poll(PATIENCE, || {
            let pods = self.room.pods();
            let all = workloads.iter().flat_map(|kind| {
                shared().list(&self.room.path_of(kind, "")).into_iter().map(|it| (*kind, it))
            });
            let is_settled = |(kind, workload): (&str, Value)| {
                let app = &workload["spec"]["selector"]["matchLabels"]["app"];
                let pods: Vec<&Value> =
                    pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == *app).collect();
                pods.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null())
                    && (is_complete(kind, &workload) || pods.iter().any(|pod| is_broken(pod)))
            };
            all.map(is_settled).fold(true, |all, settled| all & settled).then_some(())
        });
        assert!(settled.is_some(), "{} does not settle: {:#?}", self.id, self.room.pods());
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.policies.clear();
    }
}

fn is_broken(pod: &Value) -> bool {
    let containers = pod["status"]["containerStatuses"].as_array();
    containers.into_iter().flatten().any(|container| container["state"]["waiting"]["reason"].is_string())
}

fn web_under_a_budget(room: &Room<'static>) -> Vec<Policy<'static>> {
    web(room, "web", "registry.example/web:1.0", 3, "release 1.0");
    room.budget("web", "web", json!({"minAvailable": 2}));
    room.ready("web", 3);
    room.budget_allows("web", 1);
    Vec::new()
}

fn workloads_to_check(room: &Room<'static>) -> Vec<Policy<'static>> {
    crate::heal::leases();
    node_with_worker(room)
}

/// The only pod of the worker is on node-1.
fn node_with_worker(room: &Room<'static>) -> Vec<Policy<'static>> {
    let others = |unschedulable: Value| {
        for node in &room.nodes()[1..] {
            shared()
                .merge(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": unschedulable}}));
        }
    };
    others(json!(true));
    worker(room, 1);
    others(Value::Null);
    open_to_the_scheduler(room, &room.nodes()[1..]);
    room.daemonset("agent");
    room.ready("agent", 3);
    web_under_a_budget(room)
}

/// Waits until the scheduler, too, has noticed that the nodes take pods: it binds one to each.
fn open_to_the_scheduler(room: &Room<'_>, nodes: &[String]) {
    for node in nodes {
        room.pod_with("probe", |pod| {
            pod["spec"]["nodeSelector"]["kubernetes.io/hostname"] = json!(node);
        });
        room.ready("probe", 1);
        shared().delete(&room.path("", "pods/probe"));
        room.ready("probe", 0);
    }
}

/// Two of six pods of web, and one of each of the others, are on each node.
fn full_node(room: &Room<'static>) -> Vec<Policy<'static>> {
    web(room, "main", "registry.example/shop/web:1.4", 6, "release 1.4");
    room.budget("web", "web", json!({"minAvailable": 5}));
    room.statefulset("db", 3);
    room.daemonset("agent");
    worker(room, 3);
    for (app, pods) in [("web", 6), ("db", 3), ("agent", 3)] {
        room.ready(app, pods);
    }
    room.budget_allows("web", 1);
    Vec::new()
}

fn worker(room: &Room<'_>, replicas: usize) {
    room.deployment_with("worker", replicas, |worker| {
        worker["spec"]["template"]["spec"]["volumes"] = json!([{"name": "cache", "emptyDir": {}}]);
    });
    room.ready("worker", replicas);
}

fn one_release(room: &Room<'static>) -> Vec<Policy<'static>> {
    web(room, "web", "registry.example/web:1.0", 3, "release 1.0");
    room.ready("web", 3);
    room.rolled_out("Deployment", "web");
    // Servers note who wrote what in whole seconds: a page names the author of the next release.
    let web = shared().get(&room.path_of("Deployment", "web"));
    let made: Timestamp = web["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
    wait("the next second", PATIENCE, || (Timestamp::now().as_second() > made.as_second()).then_some(()));
    Vec::new()
}

/// 1.0 and 1.1.
fn two_releases(room: &Room<'static>) -> Vec<Policy<'static>> {
    one_release(room);
    release(room, "registry.example/web:1.1", json!({}), Some("release 1.1"));
    room.rolled_out("Deployment", "web");
    Vec::new()
}

/// 1.0, 1.1 and 1.2 worked; the image of 1.3 cannot be pulled.
fn failed_update(room: &Room<'static>) -> Vec<Policy<'static>> {
    let policy = room.fail_pods("1.3", "image-pull-error");
    two_releases(room);
    release(room, "registry.example/web:1.2", json!({}), Some("release 1.2"));
    room.rolled_out("Deployment", "web");
    room.ready("web", 3);
    release(room, "registry.example/web:1.3", json!({}), Some("release 1.3"));
    broken(room, "registry.example/web:1.3", 1, 4);
    vec![policy]
}

fn bad_and_worse(room: &Room<'static>) -> Vec<Policy<'static>> {
    let policies = ["1.5", "1.5.1"].map(|tag| room.fail_pods(tag, "image-pull-error"));
    web(room, "main", "registry.example/shop/web:1.4", 4, "release 1.4");
    // One pod at a time, so that one is broken.
    let strategy = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}});
    shared().merge(&room.path_of("Deployment", "web"), &strategy);
    room.ready("web", 4);
    room.rolled_out("Deployment", "web");
    let debug = json!({"env": [{"name": "LOG_LEVEL", "value": "debug"}]});
    for (image, cause) in [
        ("registry.example/shop/web:1.5", "release 1.5"),
        ("registry.example/shop/web:1.5.1", "hotfix 1.5.1"),
    ] {
        release(room, image, debug.clone(), Some(cause));
        broken(room, image, 1, 5);
    }
    policies.into()
}

fn stuck_statefulset(room: &Room<'static>) -> Vec<Policy<'static>> {
    let policy = room.fail_pods("7.2", "crash-loop");
    room.statefulset_with("db", 3, |db| {
        db["spec"]["podManagementPolicy"] = json!("OrderedReady");
        db["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("release 7.1");
        db["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/shop/db:7.1");
    });
    room.ready("db", 3);
    room.rolled_out("StatefulSet", "db");
    room.update("StatefulSet", "db", "registry.example/shop/db:7.2", None);
    broken(room, "registry.example/shop/db:7.2", 1, 3);
    vec![policy]
}

fn web(room: &Room<'_>, container: &str, image: &str, replicas: usize, cause: &str) {
    room.deployment_with("web", replicas, |web| {
        web["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!(cause);
        let first = &mut web["spec"]["template"]["spec"]["containers"][0];
        first["name"] = json!(container);
        first["image"] = json!(image);
        if container == "main" {
            first["env"] = json!([{"name": "LOG_LEVEL", "value": "info"}]);
        }
    });
}

/// An update of web with its cause, in one write.
fn release(room: &Room<'_>, image: &str, changes: Value, cause: Option<&str>) {
    let mut container = room.template("Deployment", "web")["spec"]["containers"][0].take();
    container["image"] = json!(image);
    for (field, value) in changes.as_object().into_iter().flatten() {
        container[field] = value.clone();
    }
    let patch = json!({
        "metadata": {"annotations": {"kubernetes.io/change-cause": cause}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    });
    shared().merge(&room.path_of("Deployment", "web"), &patch);
}

/// Waits until so many pods of an image cannot start, and so many pods are there in all.
fn broken(room: &Room<'_>, image: &str, count: usize, total: usize) {
    wait(&format!("{count} pods of {image} to be broken"), PATIENCE, || {
        let pods = room.pods();
        let of_image = |pod: &&Value| pod["spec"]["containers"][0]["image"] == image;
        let broken = pods.iter().filter(of_image).filter(|pod| is_broken(pod)).count();
        (broken == count && pods.len() == total).then_some(())
    });
}
