//! How soon the end of a rollback is noticed: from the moment in which a watcher of the bench gets the controller's final status to
//! the exit of whoever waits for it.

use serde_json::Value;
use testbed::{Cluster, Room, Watcher, is_complete, status};

use crate::measure::{distribution, two_revisions};
use crate::tool::Tool;

/// Of each contender, for each kind: enough for a ninth tenth.
const ROLLBACKS: usize = 20;
const PODS: usize = 10;

pub fn rows(cluster: &Cluster, ours: &Tool) {
    status::line(&format!(
        "\n{ROLLBACKS} rollbacks each, {PODS} pods; exit after the controller's final status, in ms (less than 0: before the watcher had it)\n"
    ));
    status::line("kind         who         min  median     p90     max   whole run, median");
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for tool in [ours, &Tool::kubectl()] {
            row(cluster, kind, tool);
        }
    }
}

fn row(cluster: &Cluster, kind: &str, tool: &Tool) {
    let room = two_revisions(cluster, kind, PODS);
    let (mut late, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROLLBACKS {
        let (after, seconds) = rollback(&room, kind, tool);
        late.push(after * 1e3);
        whole.push(seconds);
    }
    let [min, median, p90, max] = distribution(late);
    let [_, seconds, ..] = distribution(whole);
    status::line(&format!(
        "{kind:<12} {:<8} {min:>6.0}  {median:>6.0}  {p90:>6.0}  {max:>6.0}   {seconds:>6.2}s",
        tool.name
    ));
}

/// Seconds from the final status to the exit, and of the whole run.
fn rollback(room: &Room<'_>, kind: &str, tool: &Tool) -> (f64, f64) {
    let target = format!("{}/web", kind.to_lowercase());
    let before = generation(&room.workload(kind, "web"));
    let watcher = Watcher::start(room.cluster(), room);
    let run = tool.rollback(room.cluster(), &[&target, "-n", room.namespace()]).or_panic();
    let record = watcher.finish();
    let last = record.events.iter().find(|event| {
        event.kind == kind && generation(&event.object) > before && is_complete(kind, &event.object)
    });
    let last = last.unwrap_or_else(|| panic!("{target} ended before its rollout was complete"));
    // An exit before that is less than nothing.
    let late = match run.ended.checked_duration_since(last.at) {
        Some(late) => late.as_secs_f64(),
        None => -last.at.duration_since(run.ended).as_secs_f64(),
    };
    (late, run.seconds)
}

fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}
