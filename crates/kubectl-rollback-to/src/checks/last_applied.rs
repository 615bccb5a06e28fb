//! What a later `kubectl apply` of the newer manifest would leave behind.

use cluster_model::{Finding, Severity};

use super::Case;
use crate::last_applied::stuck;
use crate::merge_tree::listed;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let stuck = stuck(case.rollout(), case.template());
    if stuck.is_empty() || case.options.sync_last_applied {
        return Vec::new();
    }
    let message = format!(
        "brings back fields that are not in last-applied-configuration, so kubectl apply would not remove them: {}",
        listed(&stuck)
    );
    vec![
        case.finding("last-applied-stale", Severity::Warning, message)
            .remedy("add --sync-last-applied, or apply the older manifest instead"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::last_applied::LAST_APPLIED;
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn applied(template: serde_json::Value) -> Fixture {
        let configuration = json!({"spec": {"template": template}}).to_string();
        Fixture::of(Kind::Deployment)
            .live(json!({"metadata": {"annotations": {LAST_APPLIED: configuration}}}))
            .then_container(json!({"env": [{"name": "OLD", "value": "1"}]}))
    }

    #[test]
    fn last_applied_stale() {
        let newer = || applied(template(json!({"image": "web:2"})));
        let older = applied(template(json!({"env": [{"name": "OLD", "value": "1"}]})));
        fires("last-applied-stale", Severity::Warning, &newer(), &older);
        assert!(newer().message_of("last-applied-stale").ends_with(": spec.containers[web].env"));
        let mut synced = newer();
        synced.options.sync_last_applied = true;
        fires("last-applied-stale", Severity::Warning, &newer(), &synced);
        let never =
            Fixture::of(Kind::Deployment).then_container(json!({"env": [{"name": "OLD", "value": "1"}]}));
        fires("last-applied-stale", Severity::Warning, &newer(), &never);
    }
}
