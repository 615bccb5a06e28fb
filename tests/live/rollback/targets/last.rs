//! `--last`: the undo of the undo, from the journal of this machine.

use ::testbed::{PATIENCE, shared, wait};
use serde_json::json;

use super::{KINDS, app, begun, refused, updated, word};
use crate::plugin::{plugin, rollback, rollback_to, text};

#[test]
fn the_last_rollback_is_undone_and_so_is_its_undoing() {
    let room = shared().room(1);
    for name in ["web", "api"] {
        begun(&room, "Deployment", name, |_| ());
        room.rolled_out("Deployment", name);
        updated(&room, "Deployment", name, &app("2"));
    }
    refused(&room, &["--last"], "the journal on this machine has no such rollback", &["--history"]);
    rollback(&room, &["deployment/web", "--previous", "--reason=too slow"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app("1"));
    // Named or not; and somebody else's rollback is not it.
    let words = "the journal on this machine has no such rollback";
    refused(&room, &["deployment/api", "--last"], words, &[]);
    let outcome = rollback(&room, &["--last"]).run();
    outcome.expect("done", 0);
    let to = outcome.report()["workloads"][0]["to"].take();
    assert_eq!(text(&to, "chosenBy"), "--last");
    assert!(text(&to, "evidence").contains("(too slow)"), "{to:#}");
    assert_eq!(room.image("Deployment", "web"), app("2"));
    rollback(&room, &["deployment/web", "--last"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app("1"));
    assert_eq!(room.image("Deployment", "api"), app("2"));
}

#[test]
fn the_last_rollback_is_undone_also_when_the_cluster_keeps_that_revision_no_longer() {
    let room = shared().room(1);
    for kind in KINDS {
        begun(&room, kind, "web", |_| ());
        room.rolled_out(kind, "web");
        updated(&room, kind, "web", &app("2"));
        rollback(&room, &[&word(kind, "web"), "--previous"]).run().expect("done", 0);
        let none = json!({"spec": {"revisionHistoryLimit": 0}});
        room.cluster().merge(&room.path_of(kind, "web"), &none);
        wait("the second revision to be pruned", PATIENCE, || {
            (room.images(kind, "web") == [(3, app("1"))]).then_some(())
        });
        let outcome = rollback(&room, &[&word(kind, "web"), "--last"]).run();
        outcome.expect("done", 0);
        let workload = outcome.report()["workloads"][0].take();
        assert!(workload["to"]["revision"].is_null(), "{workload:#}");
        assert_eq!(workload["to"]["images"][0], format!("main={}", app("2")));
        assert_eq!(room.image(kind, "web"), app("2"));
        // The revision that was left is gone too, and that was reported.
        assert_eq!(outcome.finding("history-limited")["severity"], "warning");
    }
}

#[test]
fn a_namespace_that_was_given_wins_over_where_the_last_rollback_was() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    rollback(&room, &["deployment/web", "--previous"]).run().expect("done", 0);
    let mark = room.cluster().audit_mark();
    let outcome = plugin(&room, "rollback-to", &["--last", "--yes", "-o", "json", "-n", "default"]).run();
    outcome.expect("refused", 3);
    let there = format!("-n {}", room.namespace());
    let report = outcome.report();
    let words = format!("of deployment/web in namespace {}", room.namespace());
    assert!(text(&report, "error").contains(&words), "{outcome}");
    assert!(
        outcome.err.contains("kubectl rollback-to --last --context") && outcome.err.contains(&there),
        "{outcome}"
    );
    let changes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(changes.is_empty(), "{changes}{outcome}");
    assert_eq!(room.image("Deployment", "web"), app("1"));
    // Without one it goes to where that was.
    plugin(&room, "rollback-to", &["--last", "--yes", "-o", "json"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app("2"));
}

/// A read of a FIFO would block until somebody writes to it, whatever the signal or the timeout.
#[cfg(unix)]
#[test]
fn a_journal_that_is_no_file_stops_no_run() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    let run = rollback(&room, &["deployment/web", "--previous"]);
    let folder = run.state_home().join("kubectl-rollback-to");
    std::fs::create_dir_all(&folder).unwrap();
    mknodat(CWD, folder.join("journal.jsonl"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    for mode in ["--dry-run", "--print-rbac"] {
        let outcome = rollback_to(&room, &["--last", mode]).run();
        assert_eq!(outcome.code, 1, "{outcome}");
        assert!(outcome.err.contains("cannot read the journal"), "{outcome}");
        assert!(outcome.err.contains("is not a regular file; remove it"), "{outcome}");
    }
    let outcome = run.run();
    outcome.expect("done", 0);
    assert!(outcome.err.contains("--last will not know: "), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app("1"));
}

/// A colleague's rollback is recorded in the journal of their machine, and has the same field manager.
#[test]
fn a_rollback_from_another_machine_is_not_undone_with_ones_own() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    updated(&room, "Deployment", "web", &app("3"));
    rollback(&room, &["deployment/web", "1"]).run().expect("done", 0);
    let elsewhere = tempfile::tempdir().unwrap();
    let theirs = rollback(&room, &["deployment/web", "2"]);
    theirs.env("XDG_STATE_HOME", elsewhere.path().to_str().unwrap()).run().expect("done", 0);
    refused(&room, &["deployment/web", "--last"], "was changed after that rollback", &["--to-revision 3"]);
    assert_eq!(room.image("Deployment", "web"), app("2"));
}

/// The command that is shown undoes this run: of several, of another cluster than the kubeconfig's current one.
#[test]
fn the_command_that_undoes_a_rollback_names_its_workloads_and_its_cluster() {
    let room = shared().room(1);
    for name in ["api", "web"] {
        begun(&room, "Deployment", name, |_| ());
        room.rolled_out("Deployment", name);
        updated(&room, "Deployment", name, &app("2"));
    }
    let kubeconfig = room.cluster().kubeconfig().to_str().unwrap();
    let of_web = ["deployment/web", "--previous", "--yes", "--kubeconfig", kubeconfig];
    let outcome = rollback_to(&room, &of_web).run();
    let shown = format!(
        "kubectl rollback-to deployment/web -n {} --last --kubeconfig {kubeconfig}",
        room.namespace()
    );
    assert!(outcome.out.contains(&shown), "{outcome}");
    // Another run, which began later, is not what it undoes.
    rollback(&room, &["deployment/api", "--previous"]).run().expect("done", 0);
    rollback(&room, &["deployment/web", "--last", "--kubeconfig", kubeconfig]).run().expect("done", 0);
    assert_eq!((room.image("Deployment", "web"), room.image("Deployment", "api")), (app("2"), app("1")));
    let words = "the last rollback of deployment/web";
    refused(&room, &["deployment/web", "deployment/api", "--last"], words, &["undo each on its own"]);
}
