//! What was agreed to, by an answer or by `--yes`: from exactly these templates to exactly those. Compared with what is there before it
//! is used. Pure.

use cluster_model::BeingDeleted;
use cluster_model::rollout::{Id, Rollout, same};
use serde_json::Value;

use crate::choose::{Chosen, Refusal, Target};
use crate::execute::change;
use crate::plan::{Action, Plan};
use crate::render::reason as render;
use crate::snapshot::Snapshot;

pub(super) struct Consent {
    steps: Vec<Agreed>,
}

struct Agreed {
    id: Id,
    /// As it was when the plan was made.
    live: Value,
    target: Target,
    /// Its number, if it is a revision.
    number: Option<i64>,
}

/// Consent to this workload's part does not hold any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lapse {
    pub id: Id,
    /// Who changed what: `changed by helm at … after planning`.
    pub why: String,
}

impl Consent {
    pub fn of(snapshot: &Snapshot, plan: &Plan) -> Self {
        let writes = plan.steps.iter().filter(|step| matches!(step.action, Action::RollBack));
        let agreed = writes.filter_map(|step| {
            let rollout = &snapshot.rollouts[step.rollout];
            let target = step.target.clone()?;
            let number = number(rollout, &target);
            Some(Agreed { id: rollout.id.clone(), live: rollout.object.clone(), target, number })
        });
        Consent { steps: agreed.collect() }
    }

    /// `now`: what is there; `choose`: what the request selects there.
    pub fn lapses(&self, now: &[Rollout], choose: impl Fn(usize) -> Result<Chosen, Refusal>) -> Vec<Lapse> {
        let lapse = |agreed: &Agreed| {
            let why = agreed.lapse(now, &choose)?;
            Some(Lapse { id: agreed.id.clone(), why })
        };
        self.steps.iter().filter_map(lapse).collect()
    }

    /// Whose number of replicas is not the one that was shown. It is nobody's consent that lapses: a rollback leaves it as it is, and an
    /// autoscaler may change it at any time.
    pub fn scaled(&self, now: &[Rollout]) -> Vec<String> {
        let scaled = |agreed: &Agreed| {
            let rollout = now.iter().find(|it| it.id == agreed.id && it.id.uid == agreed.id.uid)?;
            // Absent is one.
            let replicas = |object: &Value| object["spec"]["replicas"].as_u64().unwrap_or(1);
            let (before, after) = (replicas(&agreed.live), replicas(&rollout.object));
            let is_scaled = !rollout.id.kind.rules().is_per_node() && before != after;
            is_scaled.then(|| {
                format!(
                    "{}: scaled from {before} to {after} replicas after planning, which are kept",
                    rollout.id
                )
            })
        };
        self.steps.iter().filter_map(scaled).collect()
    }
}

impl Agreed {
    fn lapse(&self, now: &[Rollout], choose: impl Fn(usize) -> Result<Chosen, Refusal>) -> Option<String> {
        let there = |rollout: &Rollout| rollout.id == self.id && rollout.id.uid == self.id.uid;
        let Some(index) = now.iter().position(there) else {
            return Some("deleted after planning".to_owned());
        };
        let rollout = &now[index];
        if let (None, Some(deletion)) = (BeingDeleted::of(&self.live), BeingDeleted::of(&rollout.object)) {
            return Some(deletion.to_string());
        }
        // Somebody else did the same: nothing is left to write, and nothing is overwritten.
        if same(rollout.template(), &self.target.template) {
            return None;
        }
        if !same(rollout.template(), &self.live["spec"]["template"]) {
            return Some(format!(
                "{} after planning",
                render::change(&change::of_template(&self.live, &rollout.object))
            ));
        }
        if let Some(field) = changed_strategy(&self.live, &rollout.object) {
            return Some(format!("{field} was changed after planning"));
        }
        let by = &self.target.chosen_by;
        match choose(index) {
            Ok(Chosen::Target(target)) if same(&target.template, &self.target.template) => None,
            Ok(Chosen::Target(target)) => Some(format!(
                "{by} now selects {} instead of {} (changed after planning)",
                revision(number(rollout, &target)),
                revision(self.number)
            )),
            Ok(Chosen::NotYetCreated(_)) => {
                Some(format!("{by} no longer selects a revision (changed after planning)"))
            }
            Err(Refusal { failure, .. }) => {
                Some(format!("{by} no longer selects a revision (changed after planning): {failure}"))
            }
        }
    }
}

/// What the plan shows of how it rolls out: a pause, the strategy, and whether any pod runs. An autoscaler may change their number.
fn changed_strategy(seen: &Value, live: &Value) -> Option<&'static str> {
    let is_paused = |object: &Value| object["spec"]["paused"].as_bool().unwrap_or_default();
    // Absent is one, in all three kinds.
    let runs_pods = |object: &Value| object["spec"]["replicas"] != 0;
    if is_paused(seen) != is_paused(live) {
        return Some("spec.paused");
    }
    if runs_pods(seen) != runs_pods(live) {
        return Some("spec.replicas");
    }
    let fields = [
        ("strategy", "spec.strategy"),
        ("updateStrategy", "spec.updateStrategy"),
        ("minReadySeconds", "spec.minReadySeconds"),
    ];
    let changed = fields.into_iter().find(|(field, _)| seen["spec"][*field] != live["spec"][*field]);
    changed.map(|(_, path)| path)
}

fn number(rollout: &Rollout, target: &Target) -> Option<i64> {
    target.revision.and_then(|index| rollout.revisions.get(index)).map(|revision| revision.number)
}

fn revision(number: Option<i64>) -> String {
    number.map_or("an earlier template".to_owned(), |number| format!("revision {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Diff;
    use crate::plan::Step;
    use cluster_model::rollout::Kind;
    use k8s_openapi::jiff::Timestamp;
    use plugin_client::Failure;
    use serde_json::json;

    fn template(image: &str) -> Value {
        json!({"spec": {"containers": [{"name": "web", "image": image}]}})
    }

    fn rollout(uid: &str, image: &str, replicas: i64) -> Rollout {
        let object = json!({"metadata": {"namespace": "shop", "name": "web", "uid": uid,
                "resourceVersion": replicas.to_string(), "managedFields": [
                    {"manager": "hotfix", "operation": "Update", "time": "2026-01-01T00:00:07Z",
                        "fieldsV1": {"f:spec": {"f:template": {"image": {image: {}}}}}}]},
            "spec": {"replicas": replicas, "template": template(image)}});
        let kept = |number: i64| {
            json!({"metadata": {"name": format!("web-{number}"), "uid": number.to_string(),
                    "labels": {"pod-template-hash": number.to_string()},
                    "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
                    "ownerReferences": [{"uid": uid, "controller": true}]},
                "spec": {"template": template(&format!("v{number}"))}})
        };
        Rollout::new(Kind::Deployment, object, &[kept(2), kept(3), kept(4)], Vec::new())
    }

    fn target(index: usize) -> Target {
        Target {
            revision: Some(index),
            template: template(&format!("v{}", index + 2)),
            change_cause: None,
            cause_inherited: false,
            chosen_by: "--previous".into(),
            evidence: String::new(),
        }
    }

    /// From 3 to 2.
    fn consent() -> Consent {
        let mut snapshot = Snapshot::empty(Timestamp::UNIX_EPOCH);
        snapshot.rollouts.push(rollout("u", "v3", 1));
        let step = Step {
            rollout: 0,
            action: Action::RollBack,
            target: Some(target(0)),
            dry_run: None,
            diff: Diff::default(),
            deletes: None,
        };
        Consent::of(&snapshot, &Plan { steps: vec![step] })
    }

    #[test]
    fn it_does_not_hold_for_another_way_there() {
        let with = |field: &str, value: Value| {
            let mut rollout = rollout("u", "v3", 1);
            rollout.object["spec"][field] = value;
            let lapses = consent().lapses(&[rollout], |_| Ok(Chosen::Target(target(0))));
            lapses.first().map(|lapse| lapse.why.clone())
        };
        for (field, value) in [
            ("paused", json!(true)),
            ("replicas", json!(0)),
            ("strategy", json!({"type": "Recreate"})),
            ("updateStrategy", json!({"type": "OnDelete"})),
            ("minReadySeconds", json!(60)),
        ] {
            assert_eq!(with(field, value), Some(format!("spec.{field} was changed after planning")));
        }
        assert_eq!(with("replicas", json!(9)), None, "an autoscaler's business");
    }

    #[test]
    fn that_it_was_scaled_is_reported() {
        assert_eq!(consent().scaled(&[rollout("u", "v3", 1)]), Vec::<String>::new());
        assert_eq!(consent().scaled(&[rollout("other", "v3", 9)]), Vec::<String>::new(), "another one");
        assert_eq!(
            consent().scaled(&[rollout("u", "v3", 9)]),
            ["deployment/web: scaled from 1 to 9 replicas after planning, which are kept"]
        );
    }

    #[test]
    fn it_holds_for_what_was_shown_and_for_nothing_else() {
        type Choice = Result<Chosen, Refusal>;
        let same_target = || Ok(Chosen::Target(target(0)));
        let mut being_deleted = rollout("u", "v2", 1);
        being_deleted.object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:09Z");
        let cases: Vec<(&str, Vec<Rollout>, Choice, Option<&str>)> = vec![
            ("nothing changed", vec![rollout("u", "v3", 1)], same_target(), None),
            ("somebody did the same", vec![rollout("u", "v2", 1)], Ok(Chosen::Target(target(2))), None),
            ("it was scaled", vec![rollout("u", "v3", 9)], same_target(), None),
            (
                "somebody deployed",
                vec![rollout("u", "v4", 1)],
                same_target(),
                Some("changed by hotfix at 2026-01-01T00:00:07Z (web: v3 → v4) after planning"),
            ),
            (
                "the choice leads elsewhere",
                vec![rollout("u", "v3", 1)],
                Ok(Chosen::Target(target(2))),
                Some("--previous now selects revision 4 instead of revision 2 (changed after planning)"),
            ),
            (
                "the choice leads nowhere",
                vec![rollout("u", "v3", 1)],
                Err(Failure::refused("no such revision").into()),
                Some("--previous no longer selects a revision (changed after planning): no such revision"),
            ),
            ("made again", vec![rollout("other", "v3", 1)], same_target(), Some("deleted after planning")),
            ("deleted", vec![], same_target(), Some("deleted after planning")),
            (
                "being deleted",
                vec![being_deleted],
                same_target(),
                Some("is being deleted since 2026-01-01T00:00:09Z: its controller rolls nothing out"),
            ),
        ];
        for (case, now, choice, expected) in cases {
            let lapses = consent().lapses(&now, |_| choice.clone());
            assert_eq!(lapses.first().map(|lapse| lapse.why.as_str()), expected, "{case}");
        }
    }
}
