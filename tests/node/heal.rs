//! heal-check on this node, and when it says that a container is started again.

use ::testbed::{PATIENCE, Room, wait};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::shared;
use crate::containers::{in_back_off, main_of, pod};
use crate::plugin::{Outcome, heal_check};

pub fn heal(room: &Room<'_>, args: &[&str]) -> Outcome {
    heal_check(room, &[args, &["-o", "json"]].concat()).run()
}

/// The cell `crash` of a Deployment.
#[track_caller]
pub fn crash_cell(outcome: &Outcome, app: &str) -> Value {
    let report = outcome.report();
    let rows = report["workloads"].as_array().into_iter().flatten();
    let mut found = rows.filter(|row| row["kind"] == "Deployment" && row["name"] == app);
    found.next().unwrap_or_else(|| panic!("no row of {app}\n{outcome}"))["matrix"]["crash"].clone()
}

/// HC601 names the second of the next start, and the kubelet starts it then: for two waits of different length.
#[test]
fn the_next_attempt_comes_when_it_was_announced() {
    let cluster = shared();
    let room = cluster.real_room();
    room.pod_with("web", |pod| pod["spec"]["containers"][0]["command"] = json!(["sh", "-c", "exit 3"]));
    let mut compared = 0;
    let mut restarts = 0;
    while compared < 2 {
        restarts = in_back_off(&room, "web", restarts);
        let outcome = heal(&room, &["pod/web"]);
        let main = main_of(&pod(&room, "web")).clone();
        if main["restartCount"].as_u64() != Some(restarts) {
            // The answer took longer than the wait: the next wait is twice as long.
            continue;
        }
        let finding = outcome.finding("HC601");
        let announced = announced(finding["message"].as_str().unwrap_or_default());
        let ended = second_of_day(&main["lastState"]["terminated"]["finishedAt"]);
        let back_off = 5 << restarts;
        assert_eq!((announced - ended).rem_euclid(86400), back_off, "{outcome}");
        let started = wait("the next start", PATIENCE, || {
            let main = main_of(&pod(&room, "web")).clone();
            (main["restartCount"].as_u64() > Some(restarts)).then(|| second_of_day(&last_start(&main)))
        });
        // The kubelet may be late on a busy machine, and is never early. Times are whole seconds.
        let late = (started - announced + 43200).rem_euclid(86400) - 43200;
        assert!((-1..=back_off).contains(&late), "after restart {restarts}: {late} s late");
        compared += 1;
    }
}

fn last_start(main: &Value) -> Value {
    let ended = &main["lastState"]["terminated"]["startedAt"];
    let runs = [&main["state"]["running"]["startedAt"], &main["state"]["terminated"]["startedAt"], ended];
    runs.into_iter().find(|it| it.is_string()).cloned().unwrap_or_default()
}

/// `… next attempt not before 12:34:56 UTC (in 8s)`
#[track_caller]
fn announced(message: &str) -> i64 {
    let time = message.split("next attempt not before ").nth(1).and_then(|rest| rest.get(..8));
    let parts: Vec<i64> = time.unwrap_or_default().split(':').filter_map(|it| it.parse().ok()).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("no next attempt in {message:?}") };
    hours * 3600 + minutes * 60 + seconds
}

#[track_caller]
fn second_of_day(time: &Value) -> i64 {
    let time: Timestamp =
        time.as_str().unwrap_or_default().parse().unwrap_or_else(|error| panic!("{time}: {error}"));
    time.as_second().rem_euclid(86400)
}
