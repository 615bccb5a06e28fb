//! HC212: a broken update is noticed late or never.

use cluster_model::Raw;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use super::probe::is_ready_when_running;
use crate::finding::Severity::Info;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

const LATE: i64 = 3600;
/// Of Kubernetes itself (`pkg/apis/apps/v1/defaults.go`).
const DEADLINE: i64 = 600;
/// Then there is no deadline (`pkg/controller/deployment/util/deployment_util.go`, HasProgressDeadline).
const NO_DEADLINE: i64 = 2_147_483_647;

pub const CHECK: Check = Check {
    id: "HC212",
    name: "progress-guard",
    about: About::Posture,
    severities: &[Info],
    reads: &[Read::Deployments, Read::StatefulSets],
    fires_when: "nothing delays an update whose pods do not work: no readinessProbe and no minReadySeconds; a progressDeadlineSeconds of more than an hour; a StatefulSet with the update strategy OnDelete",
    why: "An update goes on while its pods count as available, and it is reported as failed only after its deadline.",
    remedy: "what delays an update, or reports one: add a readinessProbe or minReadySeconds; set progressDeadlineSeconds: 600, or the update strategy RollingUpdate",
    exceptions: "StatefulSets of an operator, which replaces the pods itself (OnDelete).",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.replicas != Some(0)) {
        let reasons: Vec<Reason> = match workload.kind {
            Kind::Deployment => counts_at_once(workload).into_iter().chain(late(workload)).collect(),
            Kind::StatefulSet => counts_at_once(workload).into_iter().chain(by_hand(workload)).collect(),
            _ => continue,
        };
        if !reasons.is_empty() {
            let (messages, remedies): (Vec<String>, Vec<String>) = reasons.into_iter().unzip();
            found.add_with(Info, &workload.subject, messages.join("; "), remedies.join("; "));
        }
    }
}

/// With what is to be done about it.
type Reason = (String, String);

fn counts_at_once(workload: &Workload) -> Option<Reason> {
    let waits = workload.object.number("/spec/minReadySeconds").unwrap_or_default() > 0;
    (!waits && is_ready_when_running(workload))
        .then(|| "a new pod counts as available as soon as it runs, whether it works or not".to_owned())
        .map(|it| (it, "add a readinessProbe or minReadySeconds".to_owned()))
}

/// Why its deadline is no guard.
pub fn late(workload: &Workload) -> Option<Reason> {
    let why = match workload.object.number("/spec/progressDeadlineSeconds")? {
        NO_DEADLINE => "an update that makes no progress is never reported".to_owned(),
        seconds if seconds > LATE => {
            format!("an update that makes no progress is reported after {}", span(seconds))
        }
        _ => return None,
    };
    Some((why, format!("set progressDeadlineSeconds: {}", usual_deadline(workload))))
}

/// It has to be more than minReadySeconds (`pkg/apis/apps/validation/validation.go`, ValidateDeploymentSpec).
pub fn usual_deadline(workload: &Workload) -> i64 {
    let waits = workload.object.number("/spec/minReadySeconds").unwrap_or_default();
    if waits < DEADLINE { DEADLINE } else { waits.saturating_add(DEADLINE) }
}

fn by_hand(workload: &Workload) -> Option<Reason> {
    let on_delete = workload.object.text("/spec/updateStrategy/type") == "OnDelete";
    (on_delete && workload.object.controller_ref().is_none())
        .then(|| "an update reaches a pod only when somebody deletes it (OnDelete)".to_owned())
        .map(|it| (it, "set the update strategy RollingUpdate".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, owner, stateful_set};
    use serde_json::{Value, json};

    #[test]
    fn hc212_progress_guard() {
        let web = |spec: Value| healthy().edit("Deployment/web", json!({"spec": spec}));
        let bare = || json!({"template": {"spec": {"containers": [{"name": "main"}]}}});
        let mut waits = bare();
        waits["minReadySeconds"] = json!(10);
        let set = |edit: Value| {
            healthy()
                .with_all(stateful_set("db", 1))
                .edit("StatefulSet/db", json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}))
                .edit("StatefulSet/db", edit)
        };
        let owned = json!({"metadata": {"ownerReferences": [owner("example.com/v1", "Db", "db")]}});
        let fires: &[&str] = &["deployment/web info"];
        cases(
            &CHECK,
            &[
                ("no probe", web(bare()), fires),
                ("minReadySeconds", web(waits), &[]),
                ("two hours", web(json!({"progressDeadlineSeconds": 7200})), fires),
                ("ten minutes", web(json!({"progressDeadlineSeconds": 600})), &[]),
                ("no deadline", web(json!({"progressDeadlineSeconds": NO_DEADLINE})), fires),
                ("OnDelete", set(json!({})), &["statefulset/db info"]),
                ("OnDelete, of an operator", set(owned), &[]),
                ("RollingUpdate", set(json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}})), &[]),
            ],
        );
        let remedy = |world: World| {
            let mut found = Found::by(&CHECK);
            run(&world.snapshot(), &mut found);
            found.findings.remove(0).remedy
        };
        assert_eq!(remedy(web(bare())), "add a readinessProbe or minReadySeconds");
        assert_eq!(remedy(set(json!({}))), "set the update strategy RollingUpdate");
    }
}
