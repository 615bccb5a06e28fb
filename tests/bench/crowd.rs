//! Pods that are only there: bound to nodes by name, without a scheduler or a controller.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use testbed::Room;

/// Requests at once; with fewer, ten thousand pods take minutes.
const AT_ONCE: usize = 16;

/// Pods `crowd-NUMBER` of the range, a hundred on each node, labelled `app=crowd`.
pub fn crowd(
    room: &Room<'_>,
    numbers: Range<usize>,
    nodes: &[String],
    edit: impl Fn(usize, &mut Value) + Sync,
) {
    let next = AtomicUsize::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    room.pod_with(&format!("crowd-{number}"), |pod| {
                        pod["metadata"]["labels"]["app"] = json!("crowd");
                        pod["spec"]["nodeName"] = json!(nodes[number / 100]);
                        // Some of these nodes never report: their pods stay all the same.
                        pod["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
                        edit(number, pod);
                    });
                }
            });
        }
    });
}
