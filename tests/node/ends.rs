//! However a real node ends, the machine is as it was.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ::testbed::{PATIENCE, poll, program};
use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::without;

const NOTE: &str = "/run/testbed-node";

/// A few pods, among them one that ignores SIGTERM; says so when they run, and then waits for its end.
const PODS: &str = r#"
create() {
    kubectl create deployment "$1" --image=example.invalid/app:1 --replicas=2 --dry-run=client -o yaml -- sh -c "$2" |
        kubectl patch -f - --dry-run=client -o yaml --type=merge -p \
        '{"spec":{"template":{"spec":{"nodeSelector":{"room":"real"},"tolerations":[{"key":"room","operator":"Exists"}]}}}}' |
        kubectl apply -f - >/dev/null
}
create web 'while :; do sleep 1; done'
create stubborn "trap '' TERM; while :; do sleep 1; done"
kubectl wait deployment --all --for=condition=Available --timeout=180s >/dev/null && echo running
"#;

/// `testbed run --real-node` with pods on the node.
struct Bed(Child);

impl Bed {
    #[track_caller]
    fn start(after: &str) -> Self {
        let mut child = Command::new(program("testbed"))
            .args(["run", "--nodes", "0", "--real-node", "--", "sh", "-c", &format!("{PODS}{after}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run testbed: {error}"));
        let mut line = String::new();
        let _ = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        assert_eq!(line, "running\n");
        Self(child)
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a real node could leave, one line each.
fn machine() -> BTreeSet<String> {
    let lines = |path: &str, keep: &dyn Fn(&str) -> bool| -> Vec<String> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter(|line| keep(line)).map(|line| format!("{path} {line}")).collect()
    };
    let mut found: BTreeSet<String> = BTreeSet::new();
    found.extend(lines("/proc/self/mounts", &|line| {
        line.contains("testbed-node") || line.contains("kubelet")
    }));
    // Of the interfaces alone: names of others come and go.
    found.extend(lines("/proc/net/route", &|line| !line.starts_with("Iface")));
    for (folder, of_node) in [
        ("/sys/class/net", "testbed-node"),
        ("/run", "testbed-node"),
        ("/dev/shm", "testbed-node-"),
        ("/tmp", "testbed-node-"),
        ("/var/lib", "kubelet"),
        ("/var/lib", "cni"),
        ("/var/log", "containers"),
        ("/var/log", "pods"),
        ("/run", "containerd"),
        ("/opt", "containerd"),
    ] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.path()).filter(|path| name(path).starts_with(of_node));
        found.extend(names.map(|path| path.display().to_string()));
    }
    found.extend(sysctls());
    found.extend(cgroups());
    found.extend(processes());
    found
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn sysctls() -> Vec<String> {
    let conf = fs::read_dir("/proc/sys/net/ipv4/conf").into_iter().flatten().flatten().map(|it| it.path());
    let of_interfaces = conf
        .filter(|path| !name(path).starts_with("veth"))
        .flat_map(|path| [path.join("forwarding"), path.join("accept_redirects")]);
    let others = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"]
        .map(|it| Path::new("/proc/sys").join(it));
    let all = of_interfaces.chain(others);
    all.filter_map(|path| Some(format!("{} {}", path.display(), fs::read_to_string(&path).ok()?.trim())))
        .collect()
}

fn cgroups() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let roots = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words[2].starts_with("cgroup"));
    let made = roots.flat_map(|words| ["kubepods", "k8s.io"].map(|name| Path::new(words[1]).join(name)));
    made.filter(|path| path.exists()).map(|path| path.display().to_string()).collect()
}

fn processes() -> Vec<String> {
    let output = Command::new("ps").args(["-eo", "stat=,comm=,args="]).output();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('Z') && line.contains("testbed-node"))
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn same_as(before: &BTreeSet<String>) {
    let same = poll(PATIENCE, || (machine() == *before).then_some(()));
    let now = machine();
    let difference: Vec<&String> = now.symmetric_difference(before).collect();
    assert!(same.is_some(), "left or changed: {difference:#?}");
}

#[track_caller]
fn guard() -> Pid {
    let output = Command::new("pgrep").args(["-f", &format!("testbed-node-guard {NOTE}")]).output().unwrap();
    let pid = String::from_utf8_lossy(&output.stdout).lines().next().and_then(|line| line.parse().ok());
    pid.and_then(Pid::from_raw).unwrap_or_else(|| panic!("there is no guard"))
}

/// What such a test must see is there while the node is: else it would compare nothing.
#[track_caller]
fn changed(before: &BTreeSet<String>) {
    let now = machine();
    for part in [
        "mounts",
        "/sys/class/net/testbed-node",
        "kubepods",
        "/var/lib/kubelet",
        "containerd-shim",
        "overcommit_memory 1",
    ] {
        assert!(
            now.difference(before).any(|line| line.contains(part))
                || before.iter().any(|line| line.contains(part)),
            "{part}: {now:#?}"
        );
    }
}

#[test]
fn nothing_is_left_after_the_command() {
    let _none = without();
    let before = machine();
    let mut bed = Bed::start("");
    assert!(bed.0.wait().unwrap().success());
    same_as(&before);
}

#[test]
fn nothing_is_left_after_sigkill_of_the_owner() {
    let _none = without();
    let before = machine();
    let mut bed = Bed::start("read -r _");
    changed(&before);
    bed.kill();
    same_as(&before);
}

/// The guard was killed too: the next real node removes what is there.
#[test]
fn the_next_node_removes_what_nobody_did() {
    let _none = without();
    let before = machine();
    let mut bed = Bed::start("read -r _");
    kill_process(guard(), Signal::KILL).unwrap();
    bed.kill();
    changed(&before);
    let mut next = Bed::start("");
    assert!(next.0.wait().unwrap().success());
    same_as(&before);
}
