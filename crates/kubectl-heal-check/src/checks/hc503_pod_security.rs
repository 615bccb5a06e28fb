//! HC503: a template that the namespace's Pod Security level forbids.

use std::collections::BTreeMap;

use cluster_model::Raw;
use cluster_model::pod_security::{ENFORCE, violations};

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Kind, Read, Snapshot};

/// More are counted.
const NAMED: usize = 3;

pub const CHECK: Check = Check {
    id: "HC503",
    name: "pod-security",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Namespaces,
    ],
    fires_when: "the namespace enforces the Pod Security level baseline or restricted, and the template has what that level forbids",
    why: "Pods that run are left alone. Each new one is refused, so that nothing that is lost comes back.",
    remedy: "change the template's securityContext as the finding says, or label the namespace with a level that allows it",
    exceptions: "Exemptions are part of the API server's configuration and cannot be seen: then the pods are admitted all the same. Rules of the newest version of the standards may not be known here.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let all = snapshot.all(Read::Namespaces).iter();
    let levels: BTreeMap<&str, &str> = all.filter_map(|it| Some((it.name(), it.label(ENFORCE)?))).collect();
    for workload in snapshot.posture().filter(|it| it.kind != Kind::Pod && it.replicas != Some(0)) {
        let Some(level) = levels.get(workload.subject.namespace.as_str()) else { continue };
        let Some(template) = &workload.template else { continue };
        let forbidden = violations(&template.spec.to_value(), &template.annotations, level);
        if forbidden.is_empty() {
            continue;
        }
        let more = match forbidden.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "Pod Security {level} of the namespace will likely refuse its next pod: {}{more}",
            forbidden[..forbidden.len().min(NAMED)].join(", ")
        );
        found.add(Error, &workload.subject, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc503_pod_security() {
        let enforces = |name: &str, level: &str| {
            healthy()
                .with(json!({"kind": "Namespace", "metadata": {"name": name, "labels": {ENFORCE: level}}}))
        };
        let context = |context: Value| json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "securityContext": context}]}}}});
        let strict = json!({"runAsNonRoot": true, "allowPrivilegeEscalation": false, "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}});
        let privileged = json!({"privileged": true});
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("E2: it was tightened", enforces("shop", "restricted"), fires),
                (
                    "E2: the template complies",
                    enforces("shop", "restricted").edit("Deployment/web", context(strict)),
                    &[],
                ),
                ("baseline", enforces("shop", "baseline"), &[]),
                (
                    "baseline, and privileged",
                    enforces("shop", "baseline").edit("Deployment/web", context(privileged.clone())),
                    fires,
                ),
                (
                    "the level privileged",
                    enforces("shop", "privileged").edit("Deployment/web", context(privileged)),
                    &[],
                ),
                ("of another namespace", enforces("other", "restricted"), &[]),
            ],
        );
        assert_eq!(
            enforces("shop", "restricted").message(&CHECK),
            "Pod Security restricted of the namespace will likely refuse its next pod: runAsNonRoot is not true (container main), allowPrivilegeEscalation is not false (container main), no seccompProfile (container main) and 1 more"
        );
    }
}
