//! Which revision of a workload is current: the one rule for it.

use serde_json::Value;

use super::kind::Kind;
use super::revision::Revision;
use super::template::same;
use super::workload_kind::Candidate;
use crate::Raw;

pub(super) fn of(kind: Kind, object: &Value, revisions: &[Revision]) -> Option<usize> {
    let live = &object["spec"]["template"];
    let candidates = revisions.iter().map(|it| Candidate {
        number: it.number,
        created: it.created,
        name: &it.name,
        equal: same(&it.template, live),
    });
    let generation = object.number("/metadata/generation");
    let observed = generation.is_some() && object.number("/status/observedGeneration") >= generation;
    choose(kind, object, observed, &candidates.collect::<Vec<_>>())
}

/// Of candidates in ascending order. The live template decides, and among equal ones its controller does. Where defaults changed with the
/// cluster's version, so that no kept template is equal any more, only its controller's status is left.
/// `observed`: it has seen the live template.
pub fn choose(kind: Kind, object: &Value, observed: bool, candidates: &[Candidate<'_>]) -> Option<usize> {
    let equal: Vec<usize> =
        candidates.iter().enumerate().filter(|(_, it)| it.equal).map(|(index, _)| index).collect();
    let rules = kind.rules();
    let reported = observed.then(|| rules.named_by_controller(object, candidates)).flatten();
    match reported {
        _ if equal.is_empty() => reported,
        Some(_) if rules.update_revision().is_some() => reported,
        Some(index) if equal.contains(&index) => {
            // A number is given once: of several that have it, the others are copies.
            let number = candidates[index].number;
            let alike: Vec<usize> = equal.into_iter().filter(|&it| candidates[it].number == number).collect();
            rules.reused(candidates, &alike)
        }
        // It has not seen the template yet.
        _ => rules.reused(candidates, &equal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::merge;
    use crate::rollout::{REVISION, Rollout};
    use serde_json::json;

    fn template(image: &str) -> Value {
        json!({"spec": {"containers": [{"name": "web", "image": image}]}})
    }

    /// Revisions as (number, image, second of creation), each named after its number; the live template has that image.
    fn of(kind: Kind, revisions: &[(i64, &str, i64)], live: &str, edit: Value) -> Option<i64> {
        let histories: Vec<Value> = revisions
            .iter()
            .map(|(number, image, created)| {
                let name = format!("web-{number}");
                let meta = json!({"name": name, "uid": name, "creationTimestamp": format!("2026-01-01T00:00:{created:02}Z"),
                    "ownerReferences": [{"uid": "w", "controller": true}],
                    "labels": {"pod-template-hash": "same", "controller-revision-hash": "same"},
                    "annotations": {REVISION: number.to_string()}});
                json!({"metadata": meta, "revision": number, "spec": {"template": template(image)},
                    "data": {"spec": {"template": template(image)}}})
            })
            .collect();
        let mut object = json!({"metadata": {"name": "web", "uid": "w", "generation": 2}, "spec": {"template": template(live)},
            "status": {"observedGeneration": 2}});
        merge(&mut object, edit);
        let rollout = Rollout::new(kind, object, &histories, Vec::new());
        rollout.current().map(|index| rollout.revisions[index].number)
    }

    fn reported(number: i64) -> Value {
        json!({"metadata": {"annotations": {REVISION: number.to_string()}}, "status": {"updateRevision": format!("web-{number}")}})
    }

    /// It was rolled back, and no controller has seen that.
    fn unseen() -> Value {
        let mut edit = reported(3);
        merge(&mut edit, json!({"status": {"observedGeneration": 1}}));
        edit
    }

    #[test]
    fn the_template_decides_before_its_controller_has_observed_it() {
        let abc = [(1, "a", 1), (2, "b", 2), (3, "c", 3)];
        for kind in Kind::ALL {
            assert_eq!(of(kind, &abc, "a", unseen()), Some(1), "{kind:?}");
            assert_eq!(of(kind, &abc, "c", reported(3)), Some(3), "{kind:?}");
            // One hash for all of them is no reason to mix them up.
            assert_eq!(of(kind, &abc, "b", reported(2)), Some(2), "{kind:?}");
            assert_eq!(of(kind, &abc, "d", unseen()), None, "{kind:?}: not made yet");
            assert_eq!(of(kind, &[], "a", reported(1)), None, "{kind:?}");
        }
    }

    #[test]
    fn where_no_kept_template_is_equal_any_more_its_controller_decides() {
        let abc = [(1, "a", 1), (2, "b", 2), (3, "c", 3)];
        for kind in [Kind::Deployment, Kind::StatefulSet] {
            assert_eq!(of(kind, &abc, "c with new defaults", reported(2)), Some(2), "{kind:?}");
            assert_eq!(
                of(kind, &abc, "c with new defaults", reported(9)),
                None,
                "{kind:?}: it was not listed"
            );
        }
        assert_eq!(of(Kind::DaemonSet, &abc, "c with new defaults", json!({})), Some(3));
        assert_eq!(of(Kind::Deployment, &abc, "c with new defaults", json!({})), Some(3), "no number on it");
        let mut paused = reported(3);
        merge(&mut paused, json!({"spec": {"paused": true}}));
        assert_eq!(of(Kind::Deployment, &abc, "d", paused.clone()), None, "it is not rolled out");
        assert_eq!(of(Kind::Deployment, &abc, "b", paused), Some(2));
        let unnumbered = json!({"metadata": {"generation": null}});
        assert_eq!(of(Kind::Deployment, &abc, "d", unnumbered), None);
    }

    /// Adopted from a workload that was deleted without its pods, or made twice after a collision of hashes.
    #[test]
    fn of_equal_ones_it_is_the_one_that_its_controller_takes() {
        // Numbers and ages need not agree.
        let twice = [(2, "a", 9), (3, "b", 5), (4, "a", 1), (5, "a", 7)];
        assert_eq!(of(Kind::Deployment, &twice, "a", unseen()), Some(4), "the oldest");
        for kind in [Kind::StatefulSet, Kind::DaemonSet] {
            assert_eq!(of(kind, &twice, "a", unseen()), Some(5), "{kind:?}: the newest");
        }
        assert_eq!(of(Kind::StatefulSet, &twice, "a", reported(3)), Some(3), "equal for its controller");
        for kind in [Kind::Deployment, Kind::StatefulSet] {
            assert_eq!(of(kind, &twice, "a", reported(2)), Some(2), "{kind:?}: its status names it");
        }
        assert_eq!(
            of(Kind::Deployment, &twice, "a", reported(3)),
            Some(4),
            "its number is not of this template"
        );
    }
}
