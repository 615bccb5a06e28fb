//! What has to hold before each round, and the plan that follows from it. Pure.

use super::options::ProofOptions;
use super::plan::Plan;
use super::preflight::{self, Test, failures};
use crate::snapshot::{Snapshot, Workload};

pub enum Conditions {
    Hold(Vec<Test>, Box<Plan>),
    /// At least one of them does not.
    Fail(Vec<Test>),
}

impl Conditions {
    /// As far as the snapshot shows them.
    pub fn of(snapshot: &Snapshot, workload: &Workload, options: &ProofOptions) -> Self {
        let mut tests = preflight::of_snapshot(snapshot, workload, options);
        match Plan::of(snapshot, workload, options) {
            Some(plan) => Conditions::judged(tests, Box::new(plan)),
            None => {
                let why = "its pods belong to several controllers: a rollout is under way".to_owned();
                tests.push(Test { what: "controller", outcome: Err(why) });
                Conditions::Fail(tests)
            }
        }
    }

    pub fn judged(tests: Vec<Test>, plan: Box<Plan>) -> Self {
        match failures(&tests).is_empty() {
            true => Conditions::Hold(tests, plan),
            false => Conditions::Fail(tests),
        }
    }

    /// Why the next round of a proof that was agreed to may not begin. Its pods are compared by the watch, which knows what became of each.
    pub fn obstacle(&self, agreed: &Plan) -> Option<String> {
        match self {
            Conditions::Fail(tests) => Some(failures(tests).join("; ")),
            Conditions::Hold(_, now) => now.difference(agreed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, budget, healthy, not_ready, pod};
    use crate::proof::options::testing::options;
    use serde_json::json;

    fn of(world: &World) -> Conditions {
        let snapshot = world.snapshot();
        let workload = snapshot.selected().find(|it| it.subject.name == "web").unwrap();
        Conditions::of(&snapshot, workload, &options())
    }

    fn obstacle(now: &World) -> String {
        let Conditions::Hold(_, agreed) = of(&healthy()) else { panic!("it is not healthy") };
        of(now).obstacle(&agreed).unwrap_or_default()
    }

    #[test]
    fn the_next_round_needs_the_conditions_of_the_first_one() {
        // One pod was replaced, as each round does.
        let mut replacement = pod("web-d", "web", "n1");
        replacement["metadata"]["ownerReferences"] = healthy()
            .objects
            .iter()
            .find(|it| it["metadata"]["name"] == "web-a")
            .unwrap()["metadata"]["ownerReferences"]
            .clone();
        assert_eq!(obstacle(&healthy().without("Pod/web-a").with(replacement)), "");

        let spent = json!({"status": {"disruptionsAllowed": 0, "currentHealthy": 2}});
        let mut second = budget("web", json!({"maxUnavailable": 1}));
        second["metadata"]["name"] = json!("second");
        let cases = [
            (healthy().edit_all("Node", json!({"spec": {"unschedulable": true}})), "it will not recover"),
            (healthy().edit("Pod/web-a", not_ready()), "2 of 3 ready, 1 more not ready"),
            (healthy().edit("PodDisruptionBudget/web", spent), "web allows no eviction now"),
            (healthy().without("PodDisruptionBudget/web"), "budget web is gone"),
            (
                healthy().without("PodDisruptionBudget/web").with(second.clone()),
                "budget web is gone, budget second is new",
            ),
            (healthy().with(second), "2 budgets select its pods"),
            (healthy().without("Service/web"), "Service web is gone"),
            (
                healthy().edit("Deployment/web", json!({"spec": {"minReadySeconds": 5}})),
                "the workload was changed",
            ),
        ];
        for (now, why) in cases {
            let found = obstacle(&now);
            assert!(found.starts_with(why) || found.contains(why), "{why}: {found}");
        }
    }
}
