//! The plan for one node whose pods share a budget with thousands of others, which allows nothing: one that allows something is not
//! asked for its other pods.

use std::time::Duration;

use serde_json::json;
use testbed::{Cluster, annotate, wait};

use crate::crowd::crowd;
use crate::table::Line;
use crate::tool::Tool;

const PODS: usize = 5_000;

pub fn lines(cluster: &Cluster, ours: &Tool) -> Vec<Line> {
    let room = cluster.room(PODS / 100);
    crowd(&room, 0..PODS, room.nodes(), |number, pod| {
        if number == PODS - 1 {
            annotate(pod, "testbed/failure", "never-ready");
        }
    });
    room.budget("crowd", "crowd", json!({"minAvailable": PODS - 1}));
    let path = room.path("policy", "poddisruptionbudgets/crowd");
    wait("the budget to count all pods", Duration::from_secs(600), || {
        (cluster.get(&path)["status"]["currentHealthy"] == PODS - 1).then_some(())
    });
    let line = |tool: &Tool, words: &[&str]| {
        let plan = [words, &[&room.nodes()[0], "--force", "--dry-run=client"]].concat();
        Line { row: "budget".into(), who: tool.name, pieces: PODS, run: tool.run(cluster, &plan) }
    };
    vec![line(ours, &["--allow=all"]), line(&Tool::kubectl(), &["drain"])]
}
