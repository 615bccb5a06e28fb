//! The one guarded write per workload: what it sets, and how it goes over the wire. Network I/O.

use cluster_model::Raw;
use cluster_model::rollout::{CHANGE_CAUSE, Id, ResourceType, Rollout};
use http::Method;
use plugin_client::{Cluster, Failure, Right, is_forbidden, is_not_found, is_unauthorised};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::guarded_patch::{Act, GuardedPatch, ReadResult, Wrote};
use super::wire::{self, Content, Refusal};
use super::write_answer;
use crate::choose::Target;
use crate::last_applied::{self, LAST_APPLIED};
use crate::options::Options;

/// Where requests report that the server does not answer, while they go on trying.
pub type ConnectionFailures = UnboundedSender<Failure>;

/// The annotations a rollback sets, or removes for `None`; all others stay. Pure.
pub fn annotations(rollout: &Rollout, target: &Target, options: &Options) -> Vec<(String, Option<String>)> {
    let live = rollout.object.annotation(CHANGE_CAUSE);
    // The live change cause is about the template that is replaced.
    let cause = options.reason.as_deref().or(target.change_cause.as_deref());
    let mut set = Vec::new();
    if cause != live {
        set.push((CHANGE_CAUSE.to_owned(), cause.map(str::to_owned)));
    }
    if options.sync_last_applied {
        let revision = target.revision.and_then(|index| rollout.revisions.get(index)).map(|r| &r.object);
        if let Some(synced) = last_applied::synced(rollout, &target.template, revision) {
            set.push((LAST_APPLIED.to_owned(), Some(synced)));
        }
    }
    set
}

/// The same keys as they were at the start. Pure.
pub fn annotations_back(
    start: &Value,
    changed: &[(String, Option<String>)],
) -> Vec<(String, Option<String>)> {
    changed.iter().map(|(key, _)| (key.clone(), start.annotation(key).map(str::to_owned))).collect()
}

pub async fn write(cluster: &Cluster, mut attempt: GuardedPatch, failures: &ConnectionFailures) -> Wrote {
    let mut next = attempt.start();
    loop {
        tokio::time::sleep(next.wait).await;
        next = match next.act {
            Act::End(wrote) => return wrote,
            Act::Send(ops) => {
                let answer = patch(cluster, attempt.id(), &ops, attempt.manager()).await;
                if let Err(refusal) = &answer {
                    report(refusal, failures);
                }
                let right = patch_right(attempt.id());
                attempt.on_answer(write_answer::of(answer, &doing("write", attempt.id()), &right))
            }
            Act::Read => {
                let found = get(cluster, attempt.id()).await;
                if let Err(refusal) = &found {
                    report(refusal, failures);
                }
                attempt.on_read(match found {
                    Ok(found) => ReadResult::Found(found),
                    Err(refusal) => {
                        let message = refusal.message(&doing("read", attempt.id()));
                        let denied = is_forbidden(&refusal.error) || is_unauthorised(&refusal.error);
                        if denied { ReadResult::Denied(message) } else { ReadResult::NoAnswer(message) }
                    }
                })
            }
        };
    }
}

pub async fn patch(cluster: &Cluster, id: &Id, ops: &[Value], manager: &str) -> Result<Value, Refusal> {
    let path = format!("{}?fieldManager={}", of_workload(id), wire::query(manager));
    wire::send(cluster, Method::PATCH, &path, Content::Patch(ops)).await
}

/// The workload as it is now; `None`: there is none of this name.
pub async fn get(cluster: &Cluster, id: &Id) -> Result<Option<Value>, Refusal> {
    match wire::send(cluster, Method::GET, &of_workload(id), Content::None).await {
        Ok(object) => Ok(Some(object)),
        Err(refusal) if is_not_found(&refusal.error) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Reports a failure of the connection, or of the server.
pub fn report(refusal: &Refusal, failures: &ConnectionFailures) {
    if plugin_client::lost(&refusal.error) || plugin_client::unreachable(&refusal.error) {
        // The run is over if it is not received.
        let _ = failures.send(Failure::from_kube("reach the server", &refusal.error));
    }
}

/// The right to write this workload.
pub fn patch_right(id: &Id) -> Right {
    let ResourceType { group, plural, .. } = id.kind.resource();
    Right::new("patch", group, plural)
}

fn of_workload(id: &Id) -> String {
    format!("{}/{}", id.kind.resource().path(&id.namespace), id.name)
}

fn doing(verb: &str, id: &Id) -> String {
    format!("{verb} {id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn rollout(cause: Option<&str>) -> Rollout {
        let annotations = cause.map_or(json!({"other": "x"}), |cause| json!({CHANGE_CAUSE: cause}));
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u", "annotations": annotations},
            "spec": {"template": {}}});
        Rollout::new(Kind::Deployment, object, &[], Vec::new())
    }

    fn target(cause: Option<&str>) -> Target {
        Target {
            revision: None,
            template: json!({}),
            change_cause: cause.map(str::to_owned),
            cause_inherited: false,
            chosen_by: String::new(),
            evidence: String::new(),
        }
    }

    #[test]
    fn the_cause_is_the_reason_or_the_targets_own_never_that_of_the_bad_version() {
        let set = |value: &str| vec![(CHANGE_CAUSE.to_owned(), Some(value.to_owned()))];
        let cases = [
            (Some("bad"), Some("good"), None, set("good")),
            (Some("bad"), Some("good"), Some("incident 7"), set("incident 7")),
            (Some("bad"), None, None, vec![(CHANGE_CAUSE.to_owned(), None)]),
            (None, Some("good"), None, set("good")),
            (None, None, None, vec![]),
            (Some("good"), Some("good"), None, vec![]),
        ];
        for (live, own, reason, expected) in cases {
            let options = Options { reason: reason.map(str::to_owned), ..Options::default() };
            assert_eq!(annotations(&rollout(live), &target(own), &options), expected, "{live:?} {own:?}");
        }
    }

    #[test]
    fn what_was_changed_goes_back_key_by_key() {
        let start = json!({"metadata": {"annotations": {"a": "1", "untouched": "x"}}});
        let changed = [("a".to_owned(), None), ("b".to_owned(), Some("2".to_owned()))];
        assert_eq!(
            annotations_back(&start, &changed),
            [("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)]
        );
    }
}
