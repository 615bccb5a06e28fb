//! HC703: a controller that does not act.

use cluster_model::text::span;
use cluster_model::{Json, Raw};
use k8s_openapi::jiff::Timestamp;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::finding::Subject;
use crate::snapshot::strip::is_behind;
use crate::snapshot::{Read, Snapshot};

/// Controllers act within seconds.
pub const PATIENCE: i64 = 60;

pub const CHECK: Check = Check {
    id: "HC703",
    name: "controller-lag",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Deployments, Read::ReplicaSets, Read::StatefulSets, Read::DaemonSets, Read::Budgets],
    fires_when: "status.observedGeneration of a workload or a PodDisruptionBudget is older than its metadata.generation for more than a minute",
    why: "Its controller has not seen the change: it does not act, so that it does not heal either.",
    remedy: "look at kube-controller-manager: its log, and whether it can reach the API server",
    exceptions: "The first minute. An object that does not record when it was changed is unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.runs_for_good()) {
        judge(&workload.subject, &workload.object, snapshot, found);
    }
    let lagging = snapshot.all(Read::Budgets).iter().filter(|it| is_behind(*it));
    for object in lagging {
        let own = |it: &&crate::snapshot::Budget| {
            it.subject.name == object.name() && it.subject.namespace == object.text("/metadata/namespace")
        };
        if let Some(budget) = snapshot.selected_budgets().find(own) {
            judge(&budget.subject, object, snapshot, found);
        }
    }
}

/// For longer than a controller takes.
pub fn lags(object: &Json, snapshot: &Snapshot) -> bool {
    is_behind(object) && since(object).is_some_and(|at| snapshot.seconds_since(at) > PATIENCE)
}

fn judge(subject: &Subject, object: &Json, snapshot: &Snapshot, found: &mut Found<'_>) {
    if !is_behind(object) {
        return;
    }
    match since(object).map(|at| snapshot.seconds_since(at)) {
        Some(seconds) if seconds > PATIENCE => {
            let message = format!("its controller has not seen its change of {} ago", span(seconds));
            found.add(Error, subject, message);
        }
        Some(_) => {}
        None => {
            found.unknown(format!(
                "{subject}: its controller has not seen its last change, and when that was is not recorded"
            ));
        }
    }
}

fn since(object: &Json) -> Option<Timestamp> {
    let is_new = object.number("/metadata/generation") == Some(1);
    let created = object.time("/metadata/creationTimestamp").filter(|_| is_new);
    object.time("/changed").or(created)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc703_controller_lag() {
        let changed = |at: &str| {
            let entry = json!({"manager": "kubectl", "operation": "Update", "time": at});
            json!({"metadata": {"generation": 2, "managedFields": [entry]}})
        };
        let web = |edit: Value| healthy().edit("Deployment/web", edit);
        let long_ago = || changed("2026-01-01T23:50:00Z");
        cases(
            &CHECK,
            &[
                ("ten minutes ago", web(long_ago()), &["deployment/web error"]),
                ("a moment ago", web(changed("2026-01-01T23:59:50Z")), &[]),
                (
                    "seen",
                    web(long_ago()).edit("Deployment/web", json!({"status": {"observedGeneration": 2}})),
                    &[],
                ),
                (
                    "never seen",
                    web(
                        json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "status": {"observedGeneration": null}}),
                    ),
                    &["deployment/web error"],
                ),
                ("nobody knows when", web(json!({"metadata": {"generation": 2}})), &["unchecked"]),
                (
                    "a budget",
                    healthy().edit("PodDisruptionBudget/web", long_ago()),
                    &["poddisruptionbudget/web error"],
                ),
            ],
        );
    }
}
