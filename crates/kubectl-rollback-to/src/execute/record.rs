//! A rollback is recorded as an Event about the workload. Best effort. Network I/O.

use cluster_model::rollout::{Id, Rollout};
use cluster_model::text::sanitize;
use http::Method;
use k8s_openapi::jiff::Timestamp;
use plugin_client::Cluster;
use serde_json::{Value, json};

use super::wire::{self, Content, Refusal};
use crate::choose::Target;
use crate::options::FIELD_MANAGER;
use crate::outcome::Outcome;
use crate::render::recorded::recorded;

/// Bytes in the `note` of an Event (pkg/apis/core/validation/events.go, NoteLengthLimit).
const NOTE: usize = 1024;

/// Pure.
pub fn event(
    rollout: &Rollout,
    target: &Target,
    reason: Option<&str>,
    outcome: &Outcome,
    now: Timestamp,
) -> Value {
    let (name, kind) =
        if outcome.result.is_failure() { ("RollbackFailed", "Warning") } else { ("RolledBack", "Normal") };
    let note = recorded(rollout, target, reason, outcome);
    let Id { kind: of, namespace, name: workload, uid } = &rollout.id;
    // As client-go names them (tools/record/event.go, makeEvent): a generated name may not end in a dot.
    let object_name = format!("{}.{:x}", workload.get(..200).unwrap_or(workload), now.as_nanosecond());
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": object_name, "namespace": namespace},
        "eventTime": format!("{now:.6}"),
        "action": "RollBack", "reason": name, "type": kind, "note": cut(&note),
        "regarding": {"apiVersion": of.resource().api_version(), "kind": of.name(), "namespace": namespace, "name": workload, "uid": uid},
        "reportingController": FIELD_MANAGER, "reportingInstance": FIELD_MANAGER,
    })
}

fn cut(note: &str) -> String {
    let mut note = sanitize(note).into_owned();
    if note.len() > NOTE {
        note.truncate(note.floor_char_boundary(NOTE - '…'.len_utf8()));
        note.push('…');
    }
    note
}

pub async fn post(cluster: &Cluster, event: &Value) -> Result<(), Refusal> {
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let path = format!("{}/namespaces/{namespace}/events", wire::EVENTS);
    wire::send::<Value>(cluster, Method::POST, &path, Content::Json(event)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::RolloutResult;
    use crate::outcome::reason::Reason;
    use cluster_model::rollout::Kind;

    #[test]
    fn the_event_names_both_revisions_and_the_reason() {
        let revision = |number: &str, image: &str| {
            json!({"metadata": {"name": format!("web-{number}"), "uid": number, "labels": {"pod-template-hash": number},
                    "annotations": {"deployment.kubernetes.io/revision": number},
                    "ownerReferences": [{"uid": "u", "controller": true}]},
                "spec": {"template": template(image)}})
        };
        fn template(image: &str) -> Value {
            json!({"spec": {"containers": [{"name": "web", "image": image}]}})
        }
        let object = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"},
            "spec": {"template": template("shop:1.5")}});
        let histories = [revision("3", "shop:1.4"), revision("7", "shop:1.5")];
        let rollout = Rollout::new(Kind::Deployment, object, &histories, Vec::new());
        let target = Target {
            revision: Some(0),
            template: template("shop:1.4"),
            change_cause: None,
            cause_inherited: false,
            chosen_by: String::new(),
            evidence: String::new(),
        };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let of = |outcome: &Outcome, reason| event(&rollout, &target, reason, outcome, now);
        let done = Outcome::of(RolloutResult::Done);
        let posted = of(&done, Some("incident 7"));
        assert_eq!(posted["note"], "rolled back from revision 7 to revision 3 (web=shop:1.4): incident 7");
        assert_eq!(posted["eventTime"], "2026-01-01T00:00:00.000000Z");
        assert_eq!((&posted["reason"], &posted["type"]), (&json!("RolledBack"), &json!("Normal")));
        let crashed = || Reason::Message("crashed".into());
        let failed = of(&Outcome::new(RolloutResult::Restored, [crashed(), Reason::Restored]), None);
        assert_eq!(
            failed["note"],
            "rollback from revision 7 to revision 3 (web=shop:1.4) failed; crashed; previous template restored"
        );
        assert_eq!((&failed["reason"], &failed["type"]), (&json!("RollbackFailed"), &json!("Warning")));
        let long = of(&Outcome::new(RolloutResult::Failed, [Reason::Message("ü".repeat(5000))]), None);
        let length = long["note"].as_str().unwrap().len();
        assert!((NOTE - 4..=NOTE).contains(&length), "{length}");
    }
}
