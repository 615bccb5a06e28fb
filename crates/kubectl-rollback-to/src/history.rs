//! The revisions of a workload for machines: docs/revision-history.schema.json.

use cluster_model::managed_fields::template_writer::written;
use cluster_model::rollout::images;
use k8s_openapi::jiff::Timestamp;

use crate::choose::{Past, inherited};
use crate::report::history::{HistoryOf, Precision, RevisionReport};
use crate::timeline::Bound;

/// In ascending order of their numbers.
pub fn history_of(past: Past<'_>) -> HistoryOf {
    let id = &past.rollout.id;
    HistoryOf {
        kind: id.kind.name(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        revisions: (0..past.rollout.revisions.len()).map(|index| revision(past, index)).collect(),
    }
}

fn revision(past: Past<'_>, index: usize) -> RevisionReport {
    let revision = &past.rollout.revisions[index];
    let is_current = past.rollout.current() == Some(index);
    let last = past.timeline.of(index).next_back().map(|(_, stretch)| stretch);
    let from = last.map_or(Bound::Unknown, |stretch| stretch.from);
    let until = last.map(|stretch| stretch.until);
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    RevisionReport {
        revision: revision.number,
        name: revision.name.clone(),
        also_known_as: revision.also_known_as.clone(),
        images: images(&revision.template)
            .into_iter()
            .map(|(name, image)| format!("{name}={image}"))
            .collect(),
        active_from: text(from.latest()),
        active_from_precision: precision(from),
        active_until: text(until.flatten().and_then(Bound::earliest)),
        active_until_precision: match until {
            // That it has not ended is known exactly.
            Some(None) => Precision::Exact,
            Some(Some(bound)) => precision(bound),
            None => Precision::Unknown,
        },
        healthy: past.health[index].clone(),
        change_cause: revision.change_cause.clone(),
        change_cause_inherited: inherited(past.rollout, past.timeline, index),
        written_by: written(&past.rollout.object).filter(|_| is_current).map(|written| written.manager),
        current: is_current,
    }
}

fn precision(bound: Bound) -> Precision {
    match bound {
        Bound::Exact(_) => Precision::Exact,
        Bound::Between(..) => Precision::Bounded,
        Bound::Unknown => Precision::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::fixture::{HOUR, History, at};
    use cluster_model::rollout::CHANGE_CAUSE;
    use cluster_model::rollout::Kind;
    use serde_json::{Value, json};

    fn report(history: &History) -> Vec<RevisionReport> {
        history_of(history.seen(HOUR).past()).revisions
    }

    #[test]
    fn times_are_the_certain_part_and_have_a_precision() {
        let history = History::of(Kind::Deployment)
            .revision(2, "b", 100)
            .emptied(320)
            .revision(3, "a", 1)
            .was("1")
            .written("helm", 320, false);
        let lines: Vec<_> = report(&history)
            .into_iter()
            .map(|r| {
                (
                    r.revision,
                    r.also_known_as,
                    r.active_from,
                    r.active_from_precision,
                    r.active_until,
                    r.active_until_precision,
                    r.written_by,
                    r.current,
                )
            })
            .collect();
        let time = |second| Some(at(second).to_string());
        assert_eq!(
            lines,
            [
                (2, vec![], time(100), Precision::Exact, time(100), Precision::Bounded, None, false),
                (
                    3,
                    vec![1],
                    time(320),
                    Precision::Bounded,
                    None,
                    Precision::Exact,
                    Some("helm".to_owned()),
                    true
                ),
            ]
        );
        let unknown = report(&history.stripped());
        assert_eq!(
            (unknown[1].active_from.as_deref(), unknown[1].active_from_precision),
            (None, Precision::Unknown)
        );
        assert_eq!(unknown[1].written_by, None);
        assert_eq!(unknown[0].images, ["web=web:b"]);
    }

    #[test]
    fn a_cause_is_inherited_only_when_that_is_certain() {
        let with = |kind, first: &str, second: &str, edit: Value| {
            let cause = |text: &str| json!({"metadata": {"annotations": {CHANGE_CAUSE: text}}});
            let history = History::of(kind)
                .revision(1, "a", 1)
                .kept(cause(first))
                .revision(2, "b", 100)
                .kept(cause(second))
                .kept(edit);
            report(&history)[1].change_cause_inherited
        };
        let image = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        let restarted = |image: &str| {
            json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
                "spec": {"containers": [{"name": "web", "image": image}]}}}})
        };
        let deployment = Kind::Deployment;
        let set = "kubectl set image deployment/web web=web:a --record=true";
        for (first, second, edit, expected) in [
            ("release 7", "release 7", json!({}), false),
            (set, set, json!({}), true),
            (set, "kubectl set image deployment/web web=web:b", json!({}), false),
            (set, set, image("web:a"), false),
            ("release 7", "release 7", restarted("web:a"), true),
            ("release 7", "release 8", restarted("web:a"), false),
            ("release 7", "release 7", restarted("web:b"), false),
        ] {
            assert_eq!(with(deployment, first, second, edit.clone()), expected, "{second} {edit}");
        }
        // A ControllerRevision that came back has the cause of its first time.
        let back = History::of(Kind::StatefulSet)
            .revision(2, "b", 100)
            .revision(3, "a", 1)
            .kept(json!({"metadata": {"annotations": {CHANGE_CAUSE: "first"}}}))
            .controller_wrote(300);
        let inherited =
            |history: &History| report(history).iter().map(|r| r.change_cause_inherited).collect::<Vec<_>>();
        assert_eq!(inherited(&back), [false, true]);
        // Unless it was written since it came back, as with `--reason`.
        let explained = |kind, second| {
            History::of(kind)
                .revision(2, "b", 100)
                .revision(3, "a", 1)
                .kept(json!({"metadata": {"annotations": {CHANGE_CAUSE: "incident 7"}}}))
                .controller_wrote(300)
                .cause_written("kubectl-rollback-to", second)
        };
        for kind in [Kind::StatefulSet, Kind::DaemonSet] {
            assert_eq!(inherited(&explained(kind, 303)), [false, false], "{kind:?}");
            assert_eq!(inherited(&explained(kind, 50)), [false, true], "{kind:?}: at an earlier rollout");
        }
    }
}
