//! Who drains the node.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::Room;

use crate::measure;
use crate::tool::{Run, Tool};

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
    pub peak_mib: Option<f64>,
}

const IN_FLIGHT: usize = 20;
/// Between two looks at something that goes on by itself.
const TICK: Duration = Duration::from_millis(20);

impl Figures {
    fn of(run: Run) -> Self {
        let run = run.or_panic();
        Self { seconds: run.seconds, requests: Some(run.requests.len()), peak_mib: Some(run.peak_mib) }
    }
}

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
                Figures::of(Tool::safe_drain(plugin).run(room.cluster(), &[node, "--yes"]))
            }
            Contender::Kubectl => Figures::of(Tool::kubectl().run(room.cluster(), &["drain", node])),
        }
    }
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
    Figures { seconds: start.elapsed().as_secs_f64(), requests: None, peak_mib: None }
}
