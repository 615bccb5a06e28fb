//! How long a shell waits after TAB, beside kubectl's own completion of the same.

use std::path::Path;

use testbed::{Cluster, status};

use crate::measure::{start_up, two_revisions};

/// A user should not notice it.
const GOAL_MS: f64 = 50.0;

pub fn rows(cluster: &Cluster, safe_drain: &Path, rollback_to: &Path) {
    let room = two_revisions(cluster, "Deployment", 1);
    let complete = |program: &Path, words: &[&str]| {
        start_up(cluster.command(program).args(["__complete", "-n", room.namespace()]).args(words)) * 1e3
    };
    let kubectl = Path::new("kubectl");
    let lines = [
        (
            "nodes",
            complete(safe_drain, &[""]),
            start_up(cluster.command(kubectl).args(["__complete", "drain", ""])) * 1e3,
        ),
        ("workloads", complete(rollback_to, &[""]), {
            let words = ["__complete", "rollout", "undo", "deployment", "-n", room.namespace(), ""];
            start_up(cluster.command(kubectl).args(words)) * 1e3
        }),
    ];
    status::line("\nTAB, median:");
    for (what, ours, kubectl) in lines {
        status::line(&format!("{what:<12} ours {ours:>6.1} ms {}   kubectl {kubectl:>6.1} ms", judged(ours)));
    }
    let ours = complete(rollback_to, &["deployment/web", "--to-revision", ""]);
    status::line(&format!("{:<12} ours {ours:>6.1} ms {}", "revisions", judged(ours)));
}

fn judged(ms: f64) -> &'static str {
    if ms <= GOAL_MS { "(<= 50 ms ok)" } else { "(<= 50 ms missed)" }
}
