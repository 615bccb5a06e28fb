//! Who drains the node.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::Room;

use crate::measure::{self, peak_kib};

pub enum Contender {
    /// Posts every eviction, twenty at a time, and waits until the pods are gone: no drain can be quicker on this cluster.
    Limit,
    Ours(PathBuf),
    Kubectl,
}

#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub seconds: f64,
    /// By the API server's own audit log; the limit polls, which is nobody's measure.
    pub requests: Option<usize>,
    pub peak_kib: Option<u64>,
}

const IN_FLIGHT: usize = 20;
/// Between two looks at something that goes on by itself.
const TICK: Duration = Duration::from_millis(20);

impl Contender {
    pub fn name(&self) -> &'static str {
        match self {
            Contender::Limit => "limit",
            Contender::Ours(_) => "ours",
            Contender::Kubectl => "kubectl",
        }
    }

    /// Drains the room's first node.
    pub fn drain(&self, room: &Room<'_>) -> Figures {
        let node = room.nodes()[0].as_str();
        match self {
            Contender::Limit => limit(room, node),
            Contender::Ours(plugin) => {
                let mut command = room.cluster().command(plugin);
                command.args([node, "--yes"]);
                timed(room, command, "kubectl-safe-drain/")
            }
            Contender::Kubectl => {
                let mut command = room.cluster().command("kubectl");
                command.args(["drain", node]);
                timed(room, command, "kubectl/")
            }
        }
    }
}

fn timed(room: &Room<'_>, mut command: Command, agent: &str) -> Figures {
    let mark = room.cluster().audit_mark();
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (pid, over) = (child.id(), AtomicBool::new(false));
    let (status, seconds, peak_kib) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = None;
            while !over.load(Ordering::Relaxed) {
                peak = peak_kib(pid).or(peak);
                std::thread::sleep(TICK);
            }
            peak
        });
        let status = child.wait().unwrap_or_else(|error| panic!("lost {command:?}: {error}"));
        let seconds = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (status, seconds, sampler.join().unwrap_or_default())
    });
    assert!(status.success(), "{command:?} failed: {status}");
    let requests = room.cluster().audit_since(mark).by_user_agent_prefix(agent).len();
    Figures { seconds, requests: Some(requests), peak_kib }
}

fn limit(room: &Room<'_>, node: &str) -> Figures {
    let start = Instant::now();
    let pods: Vec<String> = room.pods_on(node).iter().map(measure::name).collect();
    room.cluster().merge(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": true}}));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                while let Some(pod) = pods.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": room.namespace()}});
                    room.cluster().create(&room.path("", &format!("pods/{pod}/eviction")), &eviction);
                }
            });
        }
    });
    let left = format!("pods?fieldSelector=spec.nodeName={node}&resourceVersion=0");
    while !room.cluster().list(&room.path("", &left)).is_empty() {
        std::thread::sleep(TICK);
    }
    Figures { seconds: start.elapsed().as_secs_f64(), requests: None, peak_kib: None }
}
