//! One large workload, rolled back.

use testbed::Cluster;

use crate::measure::two_revisions;
use crate::table::Line;
use crate::tool::Tool;

/// A Deployment as large as this bed makes in reasonable time.
const PODS: usize = 300;

pub fn lines(cluster: &Cluster, ours: &Tool) -> Vec<Line> {
    let room = two_revisions(cluster, "Deployment", PODS);
    let line = |tool: &Tool| {
        let run = tool.rollback(cluster, &["deployment/web", "-n", room.namespace()]);
        Line { row: "rollback-300".into(), who: tool.name, pieces: PODS, run }
    };
    vec![line(ours), line(&Tool::kubectl())]
}
