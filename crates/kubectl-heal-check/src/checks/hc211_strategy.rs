//! HC211: an update that stops everything.

use super::check::{About, Check, Found};
use super::shared_volume::one_node_claim;
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC211",
    name: "strategy",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[Read::Deployments, Read::Autoscalers, Read::Claims],
    fires_when: "a Deployment of two or more replicas has the strategy Recreate, or may stop all of its pods at once in an update (maxUnavailable)",
    why: "Every update is an outage until new pods are ready, and one that does not start stays an outage.",
    remedy: "use the strategy RollingUpdate with maxUnavailable: 0",
    exceptions: "One replica (HC201). Information only where the pods share a volume of one node or one pod, which needs Recreate.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.kind == Kind::Deployment && it.least() >= 2) {
        let replicas = workload.replicas.unwrap_or(1);
        match workload.update_steps() {
            None if workload.is_recreated_at_once() => match one_node_claim(snapshot, workload) {
                Some(claim) => {
                    let message = format!(
                        "an update stops all {replicas} pods first, as their volume {claim} requires"
                    );
                    found.add_with(
                        Info,
                        &workload.subject,
                        message,
                        "use a volume of several nodes (ReadWriteMany), if all of them have to serve",
                    );
                }
                None => {
                    let message =
                        format!("an update stops all {replicas} pods before it starts others (Recreate)");
                    found.add(Warning, &workload.subject, message);
                }
            },
            Some((_, unavailable)) if replicas >= 2 && unavailable >= replicas => {
                let message = format!("an update may stop all {replicas} pods at once (maxUnavailable)");
                found.add(Warning, &workload.subject, message);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, claim, deployment, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc211_strategy() {
        let web = |strategy: Value| -> World {
            healthy().edit("Deployment/web", json!({"spec": {"strategy": strategy}}))
        };
        let rolling = |surge: Value, unavailable: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        let recreate = || json!({"type": "Recreate"});
        let volume = json!({"spec": {"template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}});
        let shared =
            |mode: &str| web(recreate()).edit("Deployment/web", volume.clone()).with(claim("d", mode));
        let one = healthy()
            .with(deployment("api", 1))
            .edit("Deployment/api", json!({"spec": {"strategy": recreate()}}));
        let warns: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("Recreate", web(recreate()), warns),
                ("all may be missing", web(rolling(json!(0), json!("100%"))), warns),
                ("one may be missing", web(rolling(json!(0), json!(1))), &[]),
                ("the default", web(json!({"type": "RollingUpdate"})), &[]),
                ("a volume of one node", shared("ReadWriteOnce"), &["deployment/web info"]),
                ("a volume of several", shared("ReadWriteMany"), warns),
                ("one replica", one, &[]),
            ],
        );
    }
}
