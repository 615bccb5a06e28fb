//! `make demo`: a real cluster, a node drained under a disruption budget, a bad update rolled back, recovery proven by evictions, and what an
//! independent watcher saw of it.

use std::process::{Command, ExitCode};

use serde_json::{Value, json};
use testbed::{Cluster, Options, Room, Watcher, annotate, is_complete, status};

fn main() -> ExitCode {
    status::line("starting a real control plane and three nodes");
    let cluster = match Cluster::start(&Options::default()) {
        Ok(cluster) => cluster,
        Err(error) => {
            status::line(&format!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let room = furnish(&cluster);
    let watcher = Watcher::start(&cluster, &room);
    kubectl(&cluster, "get pods -n shop -o wide");
    // Refused: the worker's scratch data would be lost, and nobody has agreed to that yet.
    kubectl(&cluster, "safe-drain node-1 --dry-run");
    let drained = kubectl(&cluster, "safe-drain node-1 --yes --delete-emptydir-data");
    print_watcher_record(watcher);
    let back = kubectl(&cluster, "safe-drain node-1 --uncordon") && kubectl(&cluster, "get nodes");
    let healthy = rolled_back(&cluster, &room);
    let proven = proven(&cluster, &room);
    drop(room);
    drop(cluster);
    status::line("the cluster is gone; nothing is left running");
    if drained && back && healthy && proven { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Three nodes in two zones: a web shop whose replacements take seconds to be ready, a database, an agent on every node,
/// and workers that stop slowly.
fn furnish(cluster: &Cluster) -> Room<'_> {
    let room = cluster.room_named("shop", "node", 3);
    room.deployment_with("web", 6, |web| {
        annotate(web, "testbed/ready-after", "3s");
        let container = &mut web["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("registry.example/shop/web:1.4");
        container["readinessProbe"] =
            json!({"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 3});
    });
    room.budget("web", "web", json!({"minAvailable": 5}));
    room.statefulset_with("db", 3, |db| annotate(db, "testbed/delete-after", "2s"));
    room.daemonset("agent");
    room.deployment_with("worker", 3, |worker| {
        annotate(worker, "testbed/delete-after", "6s");
        worker["spec"]["template"]["spec"]["volumes"] = json!([{"name": "cache", "emptyDir": {}}]);
    });
    for (app, pods) in [("web", 6), ("db", 3), ("agent", 3), ("worker", 3)] {
        room.ready(app, pods);
    }
    room.budget_allows("web", 1);
    room
}

/// Two updates of the web shop whose images cannot be pulled, and the way back to what worked. `kubectl rollout undo` would bring the
/// first of the two. Is it healthy again?
fn rolled_back(cluster: &Cluster, room: &Room<'_>) -> bool {
    let good = room.template("Deployment", "web");
    for image in ["registry.example/shop/web:1.5", "registry.example/shop/web:1.5.1"] {
        status::line(&format!("\nsomebody updates web to {image}, which cannot be pulled"));
        room.update("Deployment", "web", image, Some("image-pull-error"));
        room.observed("Deployment", "web");
    }
    let watcher = Watcher::start(cluster, room);
    // Does not end by itself; the exit code of both reports that it is stuck.
    kubectl(cluster, "rollout status deployment/web -n shop --timeout=2s");
    kubectl(cluster, "rollback-to deployment/web -n shop --status");
    kubectl(cluster, "rollback-to deployment/web -n shop --history");
    let back = kubectl(cluster, "rollback-to deployment/web -n shop --last-healthy --yes --reason=INC-42");
    let record = watcher.finish();
    let last = record.events.iter().rfind(|event| event.kind == "Deployment" && event.name() == "web");
    let is_back = last.is_some_and(|event| {
        event.object["spec"]["template"] == good && is_complete("Deployment", &event.object)
    });
    let image = good["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    let ready =
        room.ready("web", 6).iter().filter(|pod| pod["spec"]["containers"][0]["image"] == image).count();
    let word = if is_back { "is" } else { "IS NOT" };
    status::line(&format!(
        "\nAn independent watcher saw {} events. The template {word} the one from before both updates; {ready} of 6 pods with {image} are ready.",
        record.events.len()
    ));
    back && is_back && ready == 6
}

/// Two pods of the web shop are evicted, one after the other, and their recovery measured. Was nothing else touched?
fn proven(cluster: &Cluster, room: &Room<'_>) -> bool {
    room.budget_allows("web", 1);
    let watcher = Watcher::start(cluster, room);
    let proven =
        kubectl(cluster, "heal-check deployment/web -n shop --prove=evict --rounds=2 --interval=2s --yes");
    let record = watcher.finish();
    let deleted = record.deleted_uids().len();
    status::line(&format!("\nAn independent watcher saw {deleted} pods deleted, of 2 evictions."));
    proven && deleted == 2
}

/// Shows the command as it would be typed, and runs it on this terminal.
fn kubectl(cluster: &Cluster, words: &str) -> bool {
    status::line(&format!("\n$ kubectl {words}"));
    let mut command: Command = cluster.command("kubectl");
    command.args(words.split(' ')).status().is_ok_and(|status| status.success())
}

fn print_watcher_record(watcher: Watcher<'_>) {
    let record = watcher.finish();
    let budget = record.events.iter().rfind(|event| event.kind == "PodDisruptionBudget");
    let desired = budget.map_or(Value::Null, |event| event.object["status"]["desiredHealthy"].clone());
    let lowest = record.lowest_healthy("web").map_or("none".to_owned(), |n| n.to_string());
    status::line(&format!(
        "\nAn independent watcher saw {} events. The healthy pods of PDB web never fell below {lowest}; it requires {desired}.",
        record.events.len()
    ));
    match record.budget_violations().as_slice() {
        [] => status::line("Budget violations seen: none."),
        broken => broken.iter().for_each(|line| status::line(&format!("VIOLATION  {line}"))),
    }
}
