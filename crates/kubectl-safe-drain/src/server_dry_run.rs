//! `--dry-run=server`: every eviction is sent to the server as a dry run, so that budgets, webhooks and rights are checked.
//! A dry run spends no budget, so each pod is judged alone; the plan adds them up.

use futures::stream::{self, StreamExt};
use plugin_client::api::eviction::{EvictionAnswer as Answer, EvictionRequest};
use plugin_client::{Cluster, Failure};

use crate::execute::cause::{Blocker, FailureReason};
use crate::execute::requests::{Removal, remove};
use crate::options::Options;
use crate::plan::{Plan, Step};
use crate::render::cause;
use crate::report::{DrainReport, NodeResult, PodResult};

pub async fn probe(
    cluster: &Cluster,
    plan: &Plan,
    options: &Options,
    mut report: DrainReport,
) -> Result<DrainReport, Failure> {
    let steps = plan.steps().filter(|s| s.evicts() && !s.already_terminating);
    let answers: Vec<(&Step, Answer)> = stream::iter(steps)
        .map(|step| async move {
            let eviction = EvictionRequest {
                namespace: step.namespace.clone(),
                name: step.name.clone(),
                uid: step.uid.clone(),
                grace_seconds: options.grace_period,
                dry_run: true,
            };
            (step, remove(cluster, &Removal { eviction, action: step.action }).await)
        })
        .buffer_unordered(options.concurrency.max(1))
        .collect()
        .await;
    for (step, answer) in answers {
        let Some((result, message)) = no(answer, step.budget.as_deref()) else { continue };
        let pods = report.nodes.iter_mut().flat_map(|n| &mut n.pods);
        for pod in pods.filter(|p| p.uid == step.uid) {
            pod.result = result;
            pod.blocked_by = Some(message.clone());
        }
    }
    for node in &mut report.nodes {
        if node.pods.iter().any(|p| matches!(p.result, PodResult::Blocked | PodResult::Failed)) {
            node.result = NodeResult::Blocked;
            report.result = NodeResult::Blocked;
        }
    }
    Ok(report)
}

/// The server's objection, if it has one. Its words name a budget without its namespace.
fn no(answer: Answer, budget: Option<&str>) -> Option<(PodResult, String)> {
    match answer {
        Answer::Accepted | Answer::NotFound => None,
        Answer::BudgetSpent { message } => {
            let budget = budget.map(|key| format!("{}: ", cause::budget(key))).unwrap_or_default();
            Some((PodResult::Blocked, format!("{budget}{message}")))
        }
        Answer::NotYet { message, .. } | Answer::Webhook { message } => Some((PodResult::Blocked, message)),
        Answer::Busy { .. } => Some((PodResult::Blocked, cause::blocker(&Blocker::ServerBusy))),
        Answer::NamespaceTerminating => {
            Some((PodResult::Blocked, cause::blocker(&Blocker::NamespaceTerminating)))
        }
        Answer::Conflict => Some((PodResult::Failed, "it was replaced while the plan was made".into())),
        Answer::NoEvictionApi { message } => {
            Some((PodResult::Failed, cause::failure(&FailureReason::NoEvictionApi { message })))
        }
        Answer::SeveralBudgets { message }
        | Answer::Unknown { message }
        | Answer::Denied { message }
        | Answer::Refused { message } => Some((PodResult::Failed, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_named_with_its_namespace() {
        let message = "The disruption budget half needs 1 healthy pods and has 1 currently".to_owned();
        let spent = Answer::BudgetSpent { message: message.clone() };
        assert_eq!(
            no(spent.clone(), Some("shop/half")),
            Some((PodResult::Blocked, format!("PDB shop/half: {message}")))
        );
        assert_eq!(no(spent, None), Some((PodResult::Blocked, message)));
    }
}
