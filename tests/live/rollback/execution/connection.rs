//! However many workloads a run has, its requests and watches share one connection.

use ::testbed::shared;
use serde_json::{Value, json};

use super::{app, updated};
use crate::faults::few_files::limited;
use crate::plugin::rollback;

/// More than the standard streams and the runtime need, and less than a watch of its own for each workload would.
const FILES: usize = 20;

#[test]
fn several_workloads_are_rolled_back_with_few_file_descriptors() {
    let room = shared().room(1);
    let names = ["a", "b", "c", "d", "e", "f"];
    let labelled = |object: &mut Value| object["metadata"]["labels"]["part-of"] = json!("shop");
    for name in names {
        updated(&room, "Deployment", name, 1, None, labelled);
    }
    let run = rollback(&room, &["-l", "part-of=shop", "--to-revision=1"]);
    let output = limited(&run, FILES).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(!err.contains("open files"), "{err}");
    for name in names {
        assert_eq!(room.image("Deployment", name), app(1), "{out}{err}");
    }
}
