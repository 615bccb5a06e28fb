//! How exactly a proof by eviction measures: its durations beside those of the independent watcher, in one run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Change, Cluster, PATIENCE, Record, Watcher, annotate, status, wait};

use crate::measure::distribution;

const ROUNDS: usize = 10;
/// What the durations may differ by at most, in ms.
const GOAL: f64 = 100.0;

pub fn rows(cluster: &Cluster, heal_check: &Path) -> Result<(), String> {
    let room = cluster.room(2);
    room.deployment_with("web", 3, |web| {
        annotate(web, "testbed/ready-after", "1s");
        web["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
            json!({"httpGet": {"path": "/ready", "port": 8080}});
    });
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}));
    room.ready("web", 3);
    let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", room.namespace());
    wait("the Service to have its pods", PATIENCE, || {
        let slices = cluster.list(&slices);
        let all = slices.iter().flat_map(|it| it["endpoints"].as_array().into_iter().flatten());
        (all.filter(|it| it["conditions"]["ready"] == true).count() == 3).then_some(())
    });
    let watcher = Watcher::start(cluster, &room);
    let rounds = ROUNDS.to_string();
    let args =
        ["-n", room.namespace(), "deployment/web", "--prove=evict", "--yes", "--interval=0s", "-o", "json"];
    let output = cluster.command(heal_check).args(args).args(["--rounds", &rounds]).output();
    let output = output.map_err(|error| format!("heal-check does not run: {error}"))?;
    let record = watcher.finish();
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("no report: {error}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    let rounds = report["proof"]["rounds"].as_array().cloned().unwrap_or_default();
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (phase, difference) in rounds.iter().flat_map(|round| differences(round, &record)) {
        all.entry(phase).or_default().push(difference);
    }
    status::line(&format!(
        "\na proof of {} rounds; its durations and those that the watcher saw differ by, in ms\n",
        rounds.len()
    ));
    status::line("phase        min  median     p90     max");
    let mut worst = 0.0_f64;
    for (phase, differences) in all {
        let [min, median, p90, max] = distribution(differences);
        worst = worst.max(max);
        status::line(&format!("{phase:<9} {min:>6.1}  {median:>6.1}  {p90:>6.1}  {max:>6.1}"));
    }
    let reached = if worst <= GOAL { "reached" } else { "missed" };
    status::line(&format!("\ngoal: at most {GOAL:.0} ms: {reached} ({worst:.1} ms)"));
    if rounds.len() == ROUNDS { Ok(()) } else { Err("the proof has not all its rounds".to_owned()) }
}

/// Both begin when the victim is seen to be going.
fn differences(round: &Value, record: &Record) -> Vec<(&'static str, f64)> {
    let uid = |name: &str| round[name].as_str().unwrap_or_default().to_owned();
    let (victim, replacement) = (uid("victimUid"), uid("replacementUid"));
    let first = |uid: &str, is_it: &dyn Fn(&Value) -> bool| -> Option<Instant> {
        let mut events = record.events.iter().filter(|it| it.kind == "Pod" && it.uid() == uid);
        events.find(|it| is_it(&it.object)).map(|it| it.at)
    };
    let Some(since) = first(&victim, &|it| !it["metadata"]["deletionTimestamp"].is_null()) else {
        return Vec::new();
    };
    let gone = record.events.iter().find(|it| it.uid() == victim && it.change == Change::Deleted);
    let watched = [
        ("gone", gone.map(|it| it.at)),
        ("created", first(&replacement, &|_| true)),
        ("scheduled", first(&replacement, &|it| !it["spec"]["nodeName"].is_null())),
        ("ready", first(&replacement, &is_ready)),
    ];
    let difference = |(phase, at): (&'static str, Option<Instant>)| {
        let reported = Duration::from_secs_f64(round["seconds"][phase].as_f64()?);
        let watched = at?.saturating_duration_since(since);
        Some((phase, reported.abs_diff(watched).as_secs_f64() * 1e3))
    };
    watched.into_iter().filter_map(difference).collect()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}
