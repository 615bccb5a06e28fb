//! What a drain must never claim or do, however the cluster behaves: one file for each way in which it once did.

mod busy;
mod clock;
mod cordon;
mod deleted_owner;
mod denied;
mod late;
mod pinned;
mod priorities;
mod selected;
mod several_nodes;
mod uncordoned;

use ::testbed::PATIENCE;
use serde_json::Value;

use crate::plugin::{Outcome, text};

/// The report's entry for the pod with this UID.
#[track_caller]
fn row(outcome: &Outcome, uid: &str) -> Value {
    let found = outcome.pods().into_iter().find(|pod| text(pod, "uid") == uid);
    found.unwrap_or_else(|| panic!("nothing of pod {uid}\n{outcome}"))
}

fn uids(pods: &[Value]) -> Vec<String> {
    pods.iter().map(|pod| text(&pod["metadata"], "uid").to_owned()).collect()
}
