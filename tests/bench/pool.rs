//! A pool of nodes, drained by its label under many budgets.

use serde_json::{Value, json};
use testbed::{Cluster, Room, annotate};

use crate::measure::settled;
use crate::table::Line;
use crate::tool::Tool;

const NODES: usize = 30;
/// For the replacements.
const SPARE: usize = 10;
/// Each with a budget of its own.
const APPS: usize = 30;
const PODS_EACH: usize = 20;
const MAY_BE_GONE: u64 = 5;

pub fn lines(cluster: &Cluster, ours: &Tool) -> Vec<Line> {
    let run = |tool: &Tool, words: &[&str]| {
        let room = pool(cluster);
        let selector = format!("pool={}", room.namespace());
        let run = tool.run(cluster, &[words, &["-l", &selector]].concat());
        Line { row: "pool".into(), who: tool.name, pieces: APPS * PODS_EACH, run }
    };
    vec![run(ours, &["--yes"]), run(&Tool::kubectl(), &["drain"])]
}

fn pool(cluster: &Cluster) -> Room<'_> {
    pool_of(cluster, NODES, SPARE, |room| {
        let apps: Vec<String> = (1..=APPS).map(|number| format!("app-{number}")).collect();
        for app in &apps {
            room.deployment_with(app, PODS_EACH, |app| {
                annotate(app, "testbed/delete-after", "1s");
                annotate(app, "testbed/ready-after", "1s");
            });
            room.budget(app, app, json!({"maxUnavailable": MAY_BE_GONE}));
        }
        for app in &apps {
            settled(room, "Deployment", app);
            room.budget_allows(app, MAY_BE_GONE);
        }
    })
}

/// Nodes with the label `pool=NAMESPACE`, on which everything is that `furnish` makes, and empty ones for the replacements.
pub fn pool_of(cluster: &Cluster, nodes: usize, spare: usize, furnish: impl FnOnce(&Room<'_>)) -> Room<'_> {
    let room = cluster.room(nodes + spare);
    let (pool, spare) = room.nodes().split_at(nodes);
    let edit = |nodes: &[String], patch: Value| {
        for node in nodes {
            cluster.merge(&format!("/api/v1/nodes/{node}"), &patch);
        }
    };
    edit(pool, json!({"metadata": {"labels": {"pool": room.namespace()}}}));
    edit(spare, json!({"spec": {"unschedulable": true}}));
    furnish(&room);
    edit(spare, json!({"spec": {"unschedulable": null}}));
    room
}
