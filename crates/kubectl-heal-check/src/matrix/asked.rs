//! What the server said to the dry run of an eviction, and what was predicted from the budgets: where they differ the server is right.

use super::cell::{Cell, Evidence};
use crate::snapshot::server_answers::{Eviction, EvictionVerdict, ServerAnswers};
use crate::snapshot::{Snapshot, Workload};

pub fn eviction<'s>(workload: &Workload, snapshot: &'s Snapshot) -> Option<&'s Eviction> {
    snapshot.answers.as_ref().and_then(|it: &ServerAnswers| it.evictions.get(&*workload.uid))
}

/// Of an eviction that was not accepted. `predicted`: what the budgets say, if it is not simply yes.
pub fn not_accepted(eviction: &Eviction, predicted: Option<&Cell>) -> Option<Cell> {
    let pod = &eviction.pod;
    let (refusal, is_known) = match &eviction.verdict {
        EvictionVerdict::Accepted => return None,
        EvictionVerdict::Refused(message) => {
            (format!("the server refuses a dry-run eviction of {pod}: {message}"), true)
        }
        EvictionVerdict::SeveralBudgets => (
            format!(
                "several budgets select its pods: the server fails every eviction, as that of {pod} (HC206)"
            ),
            true,
        ),
        EvictionVerdict::NotYet(message) => {
            (format!("the server cannot say yet whether {pod} can be evicted: {message}"), false)
        }
    };
    if !is_known {
        return Some(Cell::unknown(refusal));
    }
    let reason = match predicted {
        None => format!("{refusal}, although the budgets that were read allow it"),
        Some(cell)
            if eviction.verdict == EvictionVerdict::SeveralBudgets || cell.evidence == Evidence::Unknown =>
        {
            refusal
        }
        Some(cell) => format!("{}; {refusal}", cell.reason),
    };
    Some(Cell::wont(reason).observed())
}

/// Of one that was accepted: the rest of the cell remains a prediction. `predicted`: what the budgets of this pod said against it.
pub fn accepted(eviction: &Eviction, cell: Cell, predicted: Option<&Cell>) -> Cell {
    let although = predicted.map_or(String::new(), |it| format!(", although {}", it.reason));
    let said = format!("the server accepts a dry-run eviction of {}{although}", eviction.pod);
    let is_observed = cell.promises();
    if !is_observed && predicted.is_none() {
        return cell;
    }
    let cell = Cell { reason: format!("{}; {said}", cell.reason), ..cell };
    if is_observed { cell.observed() } else { cell }
}

#[cfg(test)]
mod tests {
    use super::super::{Matrix, Verdict, matrices};
    use super::*;
    use crate::checks::testing::{World, budget, healthy};
    use serde_json::json;

    fn drain(world: World, verdict: EvictionVerdict) -> Cell {
        let eviction = Eviction { pod: "web-a".to_owned(), uid: "pod-web-a".to_owned(), verdict };
        let answers = ServerAnswers {
            evictions: [("Deployment-web".to_owned(), eviction)].into(),
            ..ServerAnswers::default()
        };
        let mut snapshot = world.snapshot();
        snapshot.answers = Some(answers);
        let all: Vec<Matrix> = matrices(&snapshot).into_iter().map(|it| it.1).collect();
        all[0].drain.clone()
    }

    #[test]
    fn the_server_confirms_or_corrects_what_was_predicted() {
        use EvictionVerdict::{Accepted, NotYet, Refused, SeveralBudgets};
        let blocked = || {
            healthy().edit("PodDisruptionBudget/web", json!({"spec": {"maxUnavailable": 0}, "status": {"disruptionsAllowed": 0, "desiredHealthy": 3}}))
        };
        let two = || healthy().with(budget("other", json!({"maxUnavailable": 1})));
        let no = || Refused("needs 3 healthy pods".to_owned());
        let cases = [
            (
                "yes, as predicted",
                healthy(),
                Accepted,
                Verdict::Heals,
                Evidence::Observed,
                "accepts a dry-run eviction of web-a",
            ),
            (
                "no, as predicted",
                blocked(),
                no(),
                Verdict::Wont,
                Evidence::Observed,
                "HC204); the server refuses a dry-run eviction of web-a: needs 3",
            ),
            (
                "yes, against the prediction",
                blocked(),
                Accepted,
                Verdict::Heals,
                Evidence::Observed,
                "web-a, although budget shop/web never",
            ),
            (
                "no, against the prediction",
                healthy(),
                no(),
                Verdict::Wont,
                Evidence::Observed,
                "needs 3 healthy pods, although the budgets",
            ),
            ("two budgets", two(), SeveralBudgets, Verdict::Wont, Evidence::Observed, "HC206"),
            (
                "two budgets that were not read",
                healthy(),
                SeveralBudgets,
                Verdict::Wont,
                Evidence::Observed,
                "although",
            ),
            (
                "not yet",
                healthy(),
                NotYet("computing".to_owned()),
                Verdict::Unknown,
                Evidence::Unknown,
                "computing",
            ),
        ];
        for (name, world, verdict, expected, evidence, part) in cases {
            let cell = drain(world, verdict);
            assert_eq!((cell.verdict, cell.evidence), (expected, evidence), "{name}: {cell:?}");
            assert!(cell.reason.contains(part), "{name}: {}", cell.reason);
        }
    }

    /// The server evicts a pod although the budget was not computed for all of them.
    #[test]
    fn how_many_go_at_once_is_not_known_of_a_stale_budget() {
        let stale =
            |world: World| world.edit("PodDisruptionBudget/web", json!({"metadata": {"generation": 2}}));
        let on_one_node = || healthy().edit_all("Pod", json!({"spec": {"nodeName": "n1"}}));
        let alone = || healthy().without("Pod/web-b").without("Pod/web-c");
        for (world, expected) in
            [(stale(healthy()), Some(false)), (stale(on_one_node()), None), (stale(alone()), Some(true))]
        {
            let cell = drain(world, EvictionVerdict::Accepted);
            assert_eq!((cell.verdict, cell.outage), (Verdict::Heals, expected), "{}", cell.reason);
        }
    }

    /// The others of its pods may be under another budget.
    #[test]
    fn one_pod_speaks_only_for_those_under_its_budgets() {
        let world = healthy()
            .with(budget(
                "b",
                json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web", "tier": "b"}}}),
            ))
            .edit("Pod/web-b", json!({"metadata": {"labels": {"tier": "b"}}}))
            .edit("PodDisruptionBudget/b", json!({"status": {"disruptionsAllowed": 0}}));
        let cell = drain(world, EvictionVerdict::Accepted);
        assert_eq!(cell.verdict, Verdict::Wont, "{cell:?}");
    }
}
