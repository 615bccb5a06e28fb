//! Hundreds of nodes, drained by their label with few open files.

use testbed::Cluster;

use crate::measure::settled;
use crate::pool::pool_of;
use crate::table::Line;
use crate::tool::Tool;

const NODES: usize = 300;
const SPARE: usize = 10;
const PODS: usize = 2 * NODES;
const FEW_FILES: u32 = 128;

pub fn lines(cluster: &Cluster, ours: &Tool) -> Vec<Line> {
    let run = |tool: &Tool, words: &[&str]| {
        let room = pool_of(cluster, NODES, SPARE, |room| {
            room.deployment("web", PODS);
            settled(room, "Deployment", "web");
        });
        let selector = format!("pool={}", room.namespace());
        // Whoever cannot go on may wait for ever.
        let args = [words, &["-l", &selector, "--timeout=15m"]].concat();
        let run = tool.with_open_files(FEW_FILES).run(cluster, &args);
        Line { row: "nodes".into(), who: tool.name, pieces: PODS, run }
    };
    vec![run(ours, &["--yes"]), run(&Tool::kubectl(), &["drain"])]
}
