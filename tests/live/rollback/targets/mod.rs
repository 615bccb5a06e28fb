//! Where to go back to: by time, image, number and the journal; and what can be seen of the past and of the present.

mod history;
mod image;
mod last;
mod number;
mod status;
mod time;

use ::testbed::Room;
use serde_json::Value;

use crate::plugin::{Outcome, rollback, text};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

fn app(version: &str) -> String {
    format!("example.invalid/app:{version}")
}

/// `deployment/web`
fn word(kind: &str, name: &str) -> String {
    format!("{}/{name}", kind.to_lowercase())
}

/// A workload of that kind with one pod, and image 1.
#[track_caller]
fn begun(room: &Room<'_>, kind: &str, name: &str, edit: impl FnOnce(&mut Value)) {
    match kind {
        "Deployment" => room.deployment_with(name, 1, edit),
        "StatefulSet" => room.statefulset_with(name, 1, edit),
        _ => room.daemonset_with(name, edit),
    };
}

/// Another image, rolled out.
#[track_caller]
fn updated(room: &Room<'_>, kind: &str, name: &str, image: &str) {
    room.update(kind, name, image, None);
    room.observed(kind, name);
    room.rolled_out(kind, name);
}

/// Where a dry run would go: the revision, and why.
#[track_caller]
fn planned(room: &Room<'_>, args: &[&str]) -> (i64, String) {
    let outcome = rollback(room, &[args, &["--dry-run"]].concat()).run();
    assert_eq!(outcome.code, 0, "{args:?} {outcome}");
    let to = outcome.report()["workloads"][0]["to"].take();
    (to["revision"].as_i64().unwrap_or_default(), text(&to, "evidence").to_owned())
}

/// Refused, in these words, and with all of these hints.
#[track_caller]
fn refused(room: &Room<'_>, args: &[&str], words: &str, hints: &[&str]) -> Outcome {
    let outcome = rollback(room, args).run();
    outcome.expect("refused", 3);
    let report = outcome.report();
    assert!(text(&report, "error").contains(words), "no {words:?}: {args:?} {outcome}");
    for hint in hints {
        assert!(outcome.err.contains(hint), "no {hint:?}: {args:?} {outcome}");
    }
    outcome
}
