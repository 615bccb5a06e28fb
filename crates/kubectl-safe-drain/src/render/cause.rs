//! The words for typed causes, on the terminal and in the report.

use crate::execute::End;
use crate::execute::cause::{
    Blocker, BudgetReason, FailureReason, NodeProblem, NodeReason, NotEvicted, OtherCordon, RemainReason,
    Stall, WaitsFor,
};
use crate::plan::NO_LONGER_SELECTED;

pub const OUTCOME_UNKNOWN: &str = "whether the server accepted its eviction is not known";

pub fn budget(key: &str) -> String {
    format!("PDB {key}")
}

pub fn blocker(by: &Blocker) -> String {
    let words = match by {
        Blocker::Budget(key) => return budget(key),
        Blocker::Finalizers(names) => return format!("blocked by finalizer {}", names.join(", ")),
        Blocker::BudgetAnswer { message }
        | Blocker::Webhook { message }
        | Blocker::Forbidden { message }
        | Blocker::NoAnswer { message } => message,
        Blocker::ServerBusy => "the API server is busy",
        Blocker::NamespaceTerminating => "its namespace is being deleted",
        Blocker::NotFound => "the server returned NotFound",
        Blocker::PreconditionFailed => "its precondition failed",
        Blocker::NoLongerSelected => NO_LONGER_SELECTED,
        Blocker::StillListed => "was reported as deleted but is still listed",
        Blocker::NotTerminating => "its eviction was accepted but it is not terminating",
        Blocker::Kubelet => "it has no finalizer; check the node's kubelet and its volumes",
    };
    words.to_owned()
}

pub fn failure(reason: &FailureReason) -> String {
    match reason {
        FailureReason::Attempts { count, last } => {
            let by = last.as_ref().map_or_else(|| "the server".to_owned(), blocker);
            format!("not evicted after {count} attempts: {by}")
        }
        FailureReason::SeveralBudgets(keys) => format!("selected by several budgets: {}", keys.join(", ")),
        FailureReason::Blocked(by) => blocker(by),
        FailureReason::NoEvictionApi { message } => {
            format!("this server has no evictions in policy/v1: {message}")
        }
        FailureReason::Refused { message } => message.clone(),
    }
}

pub fn remains(reason: &RemainReason) -> String {
    match reason {
        RemainReason::AfterDrained => "came after the node was found drained".to_owned(),
        RemainReason::NotProvisioned => {
            "may still be bound here: its volume was not provisioned in time".to_owned()
        }
        RemainReason::CameLate(why) => format!("came after the plan: {}", not_evicted(why)),
        RemainReason::Changed(why) => format!("has changed since the plan: {}", not_evicted(why)),
    }
}

fn not_evicted(why: &NotEvicted) -> &str {
    match why {
        NotEvicted::Finding { message } => message,
        NotEvicted::Recreated { why } => why,
        NotEvicted::KeepsRecreating => {
            "its controller keeps recreating pods here although the node is cordoned"
        }
        NotEvicted::IgnoresCordon => "it was bound here although the node is cordoned",
    }
}

fn budget_reason(reason: &BudgetReason) -> String {
    match reason {
        BudgetReason::Stale { rule } => format!("{rule}: its controller has not caught up with it"),
        BudgetReason::SyncFailed { rule, message } => format!("{rule}: cannot be computed: {message}"),
        BudgetReason::Needs { rule, desired, healthy, expected, even_if_all_are_healthy } => {
            let never = if *even_if_all_are_healthy && healthy < expected {
                format!("; it allows none even with all {expected} healthy")
            } else {
                String::new()
            };
            format!("{rule}: needs {desired} healthy, has {healthy} of {expected}{never}")
        }
    }
}

/// `unhealthy`: its pods that are not Ready.
pub fn budget_status(reason: &BudgetReason, unhealthy: Option<&str>) -> String {
    let status = budget_reason(reason);
    unhealthy.map_or(status.clone(), |pods| format!("{status}; not Ready: {pods}"))
}

pub fn node_problem(problem: NodeProblem) -> &'static str {
    match problem {
        NodeProblem::Gone => "was deleted, or is another node of that name now",
        NodeProblem::Uncordoned => "was uncordoned by someone else",
    }
}

pub fn node(reason: &NodeReason) -> String {
    match reason {
        NodeReason::Problem(problem) => node_problem(*problem).to_owned(),
        NodeReason::Recreated { pod, why } => format!("{pod} will come back: {why}"),
    }
}

pub fn other_cordon(cordon: &OtherCordon) -> String {
    match cordon {
        OtherCordon::By { manager, at } => {
            let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
            format!("{manager} cordoned it{at}, after this run did")
        }
        OtherCordon::Unknown => "it is not known whose cordon it is".to_owned(),
        OtherCordon::Again => "someone else uncordoned it, and it was cordoned again".to_owned(),
    }
}

pub fn stall(stall: &Stall) -> String {
    let pods: Vec<String> = stall.pods.iter().map(|(pod, what)| waits(pod, what)).collect();
    let pods = if pods.is_empty() { "the API server's answers".to_owned() } else { pods.join("; ") };
    if stall.more == 0 { pods } else { format!("{pods}; and {} more", stall.more) }
}

fn waits(pod: &str, what: &WaitsFor) -> String {
    match what {
        WaitsFor::Blocker(by) => format!("{pod} (blocked by {})", blocker(by)),
        WaitsFor::Termination(Some(by)) => format!("{pod} (terminating, {})", blocker(by)),
        WaitsFor::Termination(None) => format!("{pod} (terminating)"),
        WaitsFor::Request => format!("{pod} (eviction not requested yet)"),
    }
}

/// Why a run is over before every node was drained or given up.
pub fn end(end: &End) -> Option<String> {
    match end {
        End::Finished => None,
        End::Interrupted => Some("interrupted".to_owned()),
        End::Timeout => Some("--timeout passed".to_owned()),
        End::Stopped { node, problem } => Some(format!("node/{node} {}", node_problem(*problem))),
        End::Stalled(_) => Some("no progress".to_owned()),
        End::Failed(failure) => Some(failure.to_string()),
    }
}
