//! ConfigMaps and Secrets do not roll back with a template (kubernetes/kubernetes#22368): the old pods meet new data.

use std::collections::BTreeSet;

use cluster_model::managed_fields;
use cluster_model::{Finding, Known, Severity};
use k8s_openapi::jiff::Timestamp;

use super::Case;
use crate::timeline::Bound;
use cluster_model::references::references_of;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some((number, ended)) = ended(case) else { return Vec::new() };
    let needed = references_of(case.template(), &case.rollout().id.namespace);
    let data: BTreeSet<_> = needed
        .into_iter()
        .map(|needed| needed.reference)
        .filter(|reference| matches!(reference.kind, "ConfigMap" | "Secret"))
        .collect();
    data.into_iter()
        .filter_map(|reference| {
            let Some(Known::Seen(Some(found))) = case.snapshot.references.get(&reference) else {
                return None;
            };
            let (written, by) = managed_fields::data_written(&found.object)?;
            // Somewhere in between is not after.
            let after = match ended {
                Bound::Exact(ended) if written > ended => format!("(until {ended})"),
                Bound::Between(_, latest) if written > latest => format!("(until {latest} at the latest)"),
                _ => return None,
            };
            let message = format!(
                "reads {} {}, which {by} changed at {written}, after revision {number} last ran {after}",
                reference.kind, reference.name
            );
            let look = format!(
                "check that revision {number} works with it; a rollback does not restore the old data"
            );
            Some(case.finding("config-changed-since", Severity::Warning, message).remedy(look))
        })
        .collect()
}

/// When the target last ran; `None` if it is not known, or runs now.
fn ended(case: &Case<'_>) -> Option<(i64, Bound)> {
    let index = case.target.revision?;
    let mine = case.past.timeline.stretches.iter().filter(|stretch| stretch.revision == index);
    let last = mine.max_by_key(|stretch| latest(stretch.until))?;
    Some((case.rollout().revisions.get(index)?.number, last.until?))
}

/// What still runs ends last.
fn latest(until: Option<Bound>) -> Timestamp {
    match until {
        None | Some(Bound::Unknown) => Timestamp::MAX,
        Some(Bound::Exact(at) | Bound::Between(_, at)) => at,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::timeline::{Bound, Stretch};
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::json;

    /// Written so many minutes ago; the target ran until an hour ago.
    fn written(minutes: i64) -> Fixture {
        let fields = json!([{"manager": "kubectl-edit", "time": ago(minutes).to_string(), "fieldsV1": {"f:data": {"f:a": {}}}}]);
        let object = json!({"metadata": {"managedFields": fields}});
        Fixture::of(Kind::Deployment)
            .then_container(json!({"envFrom": [{"configMapRef": {"name": "app"}}]}))
            .refers("ConfigMap", "app", Known::Seen(Some(object)))
    }

    #[test]
    fn config_changed_since() {
        fires("config-changed-since", Severity::Warning, &written(30), &written(90));
        let said = written(30).message_of("config-changed-since");
        assert!(said.starts_with("reads ConfigMap app, which kubectl-edit changed at 2027-"), "{said}");
    }

    #[test]
    fn only_the_last_end_counts_and_only_if_it_is_known() {
        let ended = |until: Option<Bound>| {
            let mut fixture = written(30);
            fixture.timeline.stretches.push(Stretch {
                revision: 0,
                from: Bound::Unknown,
                until,
                then_lost: false,
            });
            fixture
        };
        let bad = written(30);
        for (until, why) in [
            (Some(Bound::Exact(ago(10))), "it ran again since"),
            (Some(Bound::Between(ago(40), ago(20))), "perhaps before its end"),
            (Some(Bound::Unknown), "unknown end"),
            (None, "it still runs"),
        ] {
            assert_eq!(ended(until).of_id("config-changed-since"), [], "{why}");
        }
        fires(
            "config-changed-since",
            Severity::Warning,
            &ended(Some(Bound::Between(ago(50), ago(40)))),
            &written(90),
        );
        let mut journal = bad;
        journal.target.revision = None;
        assert_eq!(journal.of_id("config-changed-since"), []);
    }
}
