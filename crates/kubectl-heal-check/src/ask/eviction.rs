//! The dry run of the eviction of one ready pod of a workload: the newest one.

use std::cmp::Reverse;

use cluster_model::secret::clean;
use cluster_model::text::shorten;
use plugin_client::api::dry_run::DRY_RUN_UNSUPPORTED;
use plugin_client::api::eviction::{EvictionAnswer, EvictionRequest, evict};
use plugin_client::{Cluster, Right};

use super::Denied;
use crate::snapshot::server_answers::{Eviction, EvictionVerdict};
use crate::snapshot::{Kind, PodState, Workload};

/// The first one may be gone by now; then the next newest is asked about.
const PODS: usize = 3;
const LONGEST: usize = 400;

#[derive(Debug, PartialEq)]
enum Meaning {
    Said(EvictionVerdict),
    /// It is another pod by now, or none.
    Gone,
    Denied,
    /// Why the server did not say.
    Unanswered(String),
}

/// `None`: a drain evicts none of its pods, or none is ready.
pub async fn of(cluster: &Cluster, workload: &Workload, denied: &Denied) -> Option<Result<Eviction, String>> {
    if workload.kind == Kind::DaemonSet {
        return None;
    }
    let mut pods: Vec<&PodState> = workload.ready().filter(|pod| !pod.is_mirror).collect();
    pods.sort_by_key(|pod| Reverse((pod.created, &pod.name)));
    if pods.is_empty() {
        return None;
    }
    let namespace = &workload.subject.namespace;
    let right = Right::new("create", "", "pods").subresource("eviction").namespace(namespace);
    let subject = &workload.subject;
    for pod in pods.into_iter().take(PODS) {
        if let Some(why) = denied.why(&right) {
            return Some(Err(why));
        }
        let request = EvictionRequest {
            namespace: namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.to_string(),
            grace_seconds: None,
            dry_run: true,
        };
        match meaning(evict(cluster, &request).await) {
            Meaning::Said(verdict) => {
                return Some(Ok(Eviction { pod: pod.name.clone(), uid: pod.uid.to_string(), verdict }));
            }
            Meaning::Denied => {
                denied.note(&right);
                return denied.why(&right).map(Err);
            }
            Meaning::Unanswered(why) => return Some(Err(format!("{subject}: {why}"))),
            Meaning::Gone => {}
        }
    }
    Some(Err(format!("{subject}: its pods went while the server was asked about them")))
}

fn meaning(answer: EvictionAnswer) -> Meaning {
    let shown = |message: &str| shorten(&clean(message), LONGEST);
    match answer {
        EvictionAnswer::Accepted => Meaning::Said(EvictionVerdict::Accepted),
        EvictionAnswer::SeveralBudgets { .. } => Meaning::Said(EvictionVerdict::SeveralBudgets),
        EvictionAnswer::NotYet { message, .. } => Meaning::Said(EvictionVerdict::NotYet(shown(&message))),
        // Of a real eviction it may still be asked.
        EvictionAnswer::Webhook { message } if message.contains(DRY_RUN_UNSUPPORTED) => {
            Meaning::Unanswered(shown(&message))
        }
        EvictionAnswer::BudgetSpent { message }
        | EvictionAnswer::Webhook { message }
        | EvictionAnswer::Refused { message } => Meaning::Said(EvictionVerdict::Refused(shown(&message))),
        EvictionAnswer::NamespaceTerminating => {
            Meaning::Said(EvictionVerdict::Refused("its namespace is being deleted".to_owned()))
        }
        EvictionAnswer::NotFound | EvictionAnswer::Conflict => Meaning::Gone,
        EvictionAnswer::Denied { .. } => Meaning::Denied,
        EvictionAnswer::Busy { .. } => Meaning::Unanswered("the server is too busy to say".to_owned()),
        EvictionAnswer::Unknown { message } | EvictionAnswer::NoEvictionApi { message } => {
            Meaning::Unanswered(shown(&message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_say_about_a_drain() {
        let text = |text: &str| text.to_owned();
        let refused = |message: &str| Meaning::Said(EvictionVerdict::Refused(message.to_owned()));
        let no_dry_run = "admission webhook \"w\" does not support dry run";
        let cases = [
            (EvictionAnswer::Accepted, Meaning::Said(EvictionVerdict::Accepted)),
            (EvictionAnswer::BudgetSpent { message: text("needs 2 pods") }, refused("needs 2 pods")),
            (
                EvictionAnswer::SeveralBudgets { message: text("more than one") },
                Meaning::Said(EvictionVerdict::SeveralBudgets),
            ),
            (
                EvictionAnswer::Webhook { message: text("denied the request: no") },
                refused("denied the request: no"),
            ),
            (EvictionAnswer::Webhook { message: text(no_dry_run) }, Meaning::Unanswered(text(no_dry_run))),
            (EvictionAnswer::Conflict, Meaning::Gone),
            (EvictionAnswer::NotFound, Meaning::Gone),
            (EvictionAnswer::Denied { message: text("cannot create") }, Meaning::Denied),
            (EvictionAnswer::Unknown { message: text("no answer") }, Meaning::Unanswered(text("no answer"))),
        ];
        for (answer, expected) in cases {
            assert_eq!(meaning(answer.clone()), expected, "{answer:?}");
        }
    }
}
