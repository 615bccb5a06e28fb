//! HC508: the server refuses a dry run of a new pod.

use super::check::{About, Check, Found};
use super::hc502_quota::without_room_for_one_more;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::server_answers::Replacement;
use crate::snapshot::{Read, Snapshot, Workload};

/// Quotas are the last that admission looks at (`pkg/kubeapiserver/options/plugins.go`): the rest has admitted the pod.
const NO_ROOM: &str = "exceeded quota: ";

pub const CHECK: Check = Check {
    id: "HC508",
    name: "replacement-refused",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[Read::Pods, Read::Deployments, Read::ReplicaSets, Read::StatefulSets, Read::DaemonSets],
    fires_when: "with --ask-server: the server refuses the dry run of a pod made from the template, as its controller would make it. Of a quota that has no room for one pod more as in HC502, which text then leaves out: the server has confirmed it",
    why: "The same admission looks at the replacement of a pod that is lost: quotas, Pod Security, webhooks and policies, LimitRanges, the ServiceAccount, the priority class.",
    remedy: "correct what the server names, or the template",
    exceptions: "The dry run is sent as you, the pod is made by its controller: exemptions and policies by user name may differ. Without the right to create pods, or with a webhook that does not support dry runs, it is unchecked. A full quota says nothing of a StatefulSet or DaemonSet, whose pods are replaced once they are gone. Namespaces that begin with kube- are not asked about.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let Some(answers) = &snapshot.answers else {
        return found.unknown("the server is asked only with --ask-server");
    };
    for workload in snapshot.posture() {
        match answers.replacements.get(&*workload.uid) {
            Some(Replacement::Refused(message)) => refused(workload, message, found),
            Some(Replacement::Unknown(why)) => found.unknown(why),
            Some(Replacement::Admitted) | None => {}
        }
    }
}

fn refused(workload: &Workload, message: &str, found: &mut Found<'_>) {
    if !message.starts_with(NO_ROOM) {
        let message = format!("a new pod is refused by the server: {message}");
        return found.add(Error, &workload.subject, message);
    }
    if let Some((severity, what)) = without_room_for_one_more(workload) {
        found.add(severity, &workload.subject, format!("{what}: the server says {message}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, stateful_set};
    use serde_json::json;

    fn said(world: World, uid: &str, replacement: Replacement) -> World {
        let mut world = world;
        world.answers.replacements.insert(uid.to_owned(), replacement);
        world
    }

    #[test]
    fn hc508_replacement_refused() {
        let web = |replacement| said(healthy(), "Deployment-web", replacement);
        let refused = |message: &str| Replacement::Refused(message.to_owned());
        let full = || refused("exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3");
        let in_place = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}});
        let error: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("E2: refused", web(refused("violates PodSecurity \"restricted:latest\"")), error),
                ("admitted", web(Replacement::Admitted), &[]),
                (
                    "E5: no dry run",
                    web(Replacement::Unknown("does not support dry run".to_owned())),
                    &["unchecked"],
                ),
                ("E3: a full quota", web(full()), error),
                (
                    "a full quota, and an old pod goes first",
                    web(full()).edit("Deployment/web", in_place),
                    &["deployment/web warning"],
                ),
                (
                    "a full quota, of a StatefulSet",
                    said(healthy().with_all(stateful_set("db", 2)), "StatefulSet-db", full()),
                    &[],
                ),
                (
                    "refused, of a StatefulSet",
                    said(healthy().with_all(stateful_set("db", 2)), "StatefulSet-db", refused("no")),
                    &["statefulset/db error"],
                ),
            ],
        );
        assert_eq!(
            web(refused("no PriorityClass with name x was found")).message(&CHECK),
            "a new pod is refused by the server: no PriorityClass with name x was found"
        );
    }

    #[test]
    fn what_was_not_asked_is_unchecked() {
        let snapshot = Snapshot { answers: None, ..healthy().snapshot() };
        let mut found = Found::by(&CHECK);
        run(&snapshot, &mut found);
        assert_eq!((found.findings.len(), found.unchecked.len()), (0, 1));
    }
}
