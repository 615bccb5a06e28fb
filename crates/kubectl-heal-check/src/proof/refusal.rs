//! Why the server does not evict a pod.

use plugin_client::api::eviction::EvictionAnswer;

/// In words, of an answer that is no reason to wait.
pub fn refusal(answer: EvictionAnswer) -> String {
    match answer {
        EvictionAnswer::SeveralBudgets { message }
        | EvictionAnswer::Webhook { message }
        | EvictionAnswer::Denied { message }
        | EvictionAnswer::NoEvictionApi { message }
        | EvictionAnswer::Refused { message }
        | EvictionAnswer::BudgetSpent { message }
        | EvictionAnswer::NotYet { message, .. }
        | EvictionAnswer::Unknown { message } => message,
        EvictionAnswer::NamespaceTerminating => "its namespace is being deleted".to_owned(),
        EvictionAnswer::Conflict => "it is another pod by now".to_owned(),
        EvictionAnswer::NotFound => "there is no such pod".to_owned(),
        EvictionAnswer::Busy { .. } => "the server is busy".to_owned(),
        EvictionAnswer::Accepted => String::new(),
    }
}
