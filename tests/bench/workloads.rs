//! Many workloads, rolled back together by their label.

use serde_json::json;
use testbed::Cluster;

use crate::measure::{second_revision, settled};
use crate::table::Line;
use crate::tool::Tool;

const WORKLOADS: usize = 60;
const PODS_EACH: usize = 2;
const FEW_FILES: u32 = 64;

pub fn lines(cluster: &Cluster, ours: &Tool) -> Vec<Line> {
    let room = cluster.room(2);
    let names: Vec<String> = (1..=WORKLOADS).map(|number| format!("web-{number}")).collect();
    for name in &names {
        room.deployment_with(name, PODS_EACH, |web| web["metadata"]["labels"]["group"] = json!("webs"));
    }
    let all_settled = || names.iter().for_each(|name| settled(&room, "Deployment", name));
    all_settled();
    names.iter().for_each(|name| second_revision(&room, "Deployment", name));

    let kubectl = Tool::kubectl();
    let mut lines = Vec::new();
    for (row, files) in
        [("workloads".to_owned(), None), (format!("workloads, {FEW_FILES} files"), Some(FEW_FILES))]
    {
        for tool in [ours, &kubectl] {
            all_settled();
            let tool = files.map_or_else(|| tool.clone(), |files| tool.with_open_files(files));
            let run = tool.rollback(cluster, &["deployment", "-l", "group=webs", "-n", room.namespace()]);
            lines.push(Line { row: row.clone(), who: tool.name, pieces: WORKLOADS, run });
        }
    }
    lines
}
