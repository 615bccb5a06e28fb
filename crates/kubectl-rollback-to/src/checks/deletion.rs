//! Is it being deleted? Then no template that is written is rolled out, and no pod that is deleted comes back.

use cluster_model::BeingDeleted;
use cluster_model::{Finding, Severity};

use super::Case;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some(deletion) = BeingDeleted::of(&case.rollout().object) else { return Vec::new() };
    let remedy = format!(
        "wait until it is gone, then create it again: kubectl wait --for=delete {}; a finalizer stays until whoever set it removes it",
        case.rollout().id.typed()
    );
    vec![case.finding("being-deleted", Severity::Error, deletion.to_string()).remedy(remedy)]
}

#[cfg(test)]
mod tests {
    use super::super::check_unchanged;
    use super::super::testing::*;
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    #[test]
    fn being_deleted() {
        let metadata = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x.io/hold"]});
        for kind in Kind::ALL {
            let bad = Fixture::of(kind).live(json!({"metadata": metadata}));
            let held = Fixture::of(kind).live(json!({"metadata": {"finalizers": ["x.io/hold"]}}));
            fires("being-deleted", Severity::Error, &bad, &held);
            assert_eq!(
                bad.message_of("being-deleted"),
                "is being deleted since 2026-01-01T00:00:00Z: its controller rolls nothing out; finalizers: x.io/hold"
            );
            // Where the template is there already, pods might still be deleted for it.
            assert_eq!(check_unchanged(&bad.case()), bad.of_id("being-deleted"));
        }
    }
}
