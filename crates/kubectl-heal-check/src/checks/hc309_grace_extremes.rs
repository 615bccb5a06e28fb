//! HC309: a grace period of nothing, or of far too long.

use cluster_model::Raw;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Kind, Read, Snapshot};

const LONG: i64 = 600;

pub const CHECK: Check = Check {
    id: "HC309",
    name: "grace-extremes",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "terminationGracePeriodSeconds is 0 in a StatefulSet or with a volume claim, or more than ten minutes; or that of a probe is 0",
    why: "Without a grace period a process is killed while it writes, and a pod of a StatefulSet may be replaced while it still runs. With a very long one drains and updates wait for it.",
    remedy: "set terminationGracePeriodSeconds to what a clean stop takes",
    exceptions: "Sessions that are meant to last for long: ignore the finding.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        match workload.spec().number("/terminationGracePeriodSeconds") {
            Some(0) if workload.kind == Kind::StatefulSet || workload.has_claims() => {
                let harm = match workload.has_claims() {
                    true => "and have data",
                    false => "and on a lost node another one of the same name may start while one still runs",
                };
                found.add(
                    Warning,
                    &workload.subject,
                    format!("its pods are killed without a grace period, {harm}"),
                );
            }
            Some(seconds) if seconds > LONG => {
                let message =
                    format!("a pod may take {} to stop: drains and updates wait for it", span(seconds));
                found.add(Warning, &workload.subject, message);
            }
            _ => {}
        }
        for container in workload.running_containers() {
            let at_once = ["livenessProbe", "startupProbe"]
                .into_iter()
                .find(|probe| container[probe].number("/terminationGracePeriodSeconds") == Some(0));
            if let Some(probe) = at_once {
                let message =
                    format!("{probe} of container {} kills without a grace period", container.text("/name"));
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, stateful_set};
    use serde_json::{Value, json};

    #[test]
    fn hc309_grace_extremes() {
        let template = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
        let web = |spec: Value| healthy().edit("Deployment/web", template(spec));
        let grace = |seconds: i64| json!({"terminationGracePeriodSeconds": seconds});
        let db = |seconds: i64| {
            healthy().with_all(stateful_set("db", 1)).edit("StatefulSet/db", template(grace(seconds)))
        };
        let mut data = grace(0);
        data["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]);
        let probe =
            json!({"containers": [{"name": "main", "livenessProbe": {"terminationGracePeriodSeconds": 0}}]});
        let warns: &[&str] = &["deployment/web warning"];
        assert!(web(data.clone()).message(&CHECK).ends_with("and have data"));
        assert!(!db(0).message(&CHECK).contains("data"), "it has no volume");
        cases(
            &CHECK,
            &[
                ("none, in a StatefulSet", db(0), &["statefulset/db warning"]),
                ("one second", db(1), &[]),
                ("none, with a claim", web(data), warns),
                ("none, without data", web(grace(0)), &[]),
                ("eleven minutes", web(grace(660)), warns),
                ("ten minutes", web(grace(600)), &[]),
                ("a probe", web(probe), warns),
            ],
        );
    }
}
