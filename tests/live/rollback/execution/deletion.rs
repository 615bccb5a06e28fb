//! A workload that is being deleted, and that a finalizer keeps: no controller rolls out what is written to it.

use ::testbed::{Room, shared, wait};
use serde_json::{Value, json};

use super::{KINDS, PATIENCE, cause, typed, updated_with_unready_pods};
use crate::plugin::{rollback, rollback_to};

const FINALIZER: &str = "example.invalid/held";
const WORDS: &str = "its controller rolls nothing out; finalizers: example.invalid/held";

fn keep(room: &Room<'_>, kind: &str, name: &str, finalizers: Value) {
    room.cluster().merge(&room.path_of(kind, name), &json!({"metadata": {"finalizers": finalizers}}));
}

#[test]
fn nothing_is_waited_for_or_written_once_it_is_being_deleted() {
    let room = shared().room(1);
    for kind in KINDS {
        let name = kind.to_lowercase();
        let target = typed(kind, &name);
        updated_with_unready_pods(&room, kind, &name, 1, |_| ());
        keep(&room, kind, &name, json!([FINALIZER]));

        let run = rollback(&room, &[&target, "--to-revision=1", "--on-failure=restore"]).spawn();
        run.wait_for_output("updated; waiting for its pods");
        room.kubectl(&["delete", &target, "--wait=false"]);
        let outcome = run.finish();
        outcome.expect("failed", 1);
        let why = cause(&outcome, &name);
        assert!(why.starts_with("it is being deleted since 2") && why.ends_with(WORDS), "{outcome}");

        let status = rollback_to(&room, &[&target, "--status"]).run();
        assert_eq!(status.code, 1, "{status}");
        assert!(status.out.contains(" is being deleted since 2"), "{status}");
        assert!(!status.out.contains("rolling out"), "{status}");

        let mark = room.cluster().audit_mark();
        for flags in ["--previous", "--previous --unstick"] {
            let words: Vec<&str> = std::iter::once(target.as_str()).chain(flags.split(' ')).collect();
            let refused = rollback(&room, &words).run();
            refused.expect("refused", 3);
            assert!(refused.findings().iter().any(|id| id == "being-deleted"), "{refused}");
            assert!(refused.err.contains(WORDS), "{refused}");
        }
        let changes = room.writes(mark, "kubectl-rollback-to").changes();
        assert!(changes.is_empty(), "{changes}");

        keep(&room, kind, &name, Value::Null);
        wait("it to be gone", PATIENCE, || room.try_kubectl(&["get", &target]).err());
    }
}
