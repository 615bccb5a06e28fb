//! Why a drain with unaccepted errors does not start, and what accepting them means.

use cluster_model::Finding;
use plugin_client::Failure;
use plugin_client::cli::findings;

use crate::options::kubectl_flag;

/// Budgets that allow no eviction.
const BLOCKING_BUDGETS: [&str; 2] = ["budget-blocked", "budget-sync-failed"];

pub fn refusal(found: &[Finding]) -> Failure {
    let failure = findings::refusal(found, kubectl_flag);
    let blocking: Vec<&str> =
        found.iter().filter(|f| f.blocks() && BLOCKING_BUDGETS.contains(&f.id)).map(|f| f.id).collect();
    match blocking.first() {
        Some(id) => failure.hint(format!(
            "--allow {id} bypasses no PDB: the other pods are evicted, and the drain waits for the PDB to allow the rest"
        )),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::Severity;

    #[test]
    fn accepting_a_budget_that_blocks_is_explained() {
        let error = |id| Finding::new(id, Severity::Error, "shop/x", "m");
        assert_eq!(
            refusal(&[error("emptydir-data")]).hints,
            ["fix it, or accept it with --delete-emptydir-data"]
        );
        assert_eq!(
            refusal(&[error("budget-blocked"), error("bare-pod")]).hints,
            [
                "fix these, or accept them with --force --allow budget-blocked",
                "--allow budget-blocked bypasses no PDB: the other pods are evicted, and the drain waits for the PDB to allow the rest"
            ]
        );
    }
}
