//! Findings as they are shown: what two checks say of one thing is there once. Other formats have both, each with the result of its check.

use crate::finding::Finding;

/// Without those of HC502 about a quota that the server itself named when it refused the pod (HC508).
pub fn once(findings: &[Finding]) -> Vec<&Finding> {
    let is_covered = |finding: &Finding| {
        let predicted = predicted(finding);
        let is_same = |other: &Finding| {
            other.subject == finding.subject
                && other.severity >= finding.severity
                && refused(other) == predicted
        };
        predicted.is_some() && findings.iter().any(is_same)
    };
    findings.iter().filter(|it| !is_covered(it)).collect()
}

#[derive(PartialEq)]
enum Lack {
    /// The quota has no room.
    Room,
    /// It takes no pods that do not say how much they want.
    Amount,
}

/// The quota that HC502 names, and why it takes no pod.
fn predicted(finding: &Finding) -> Option<(&str, Lack)> {
    let (_, rest) = finding.message.split_once("quota ").filter(|_| finding.id == "HC502")?;
    let (quota, why) = rest.split_once(' ')?;
    Some((quota, if why.starts_with("takes only ") { Lack::Amount } else { Lack::Room }))
}

/// The same of HC508, in the server's words (`staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`).
fn refused(finding: &Finding) -> Option<(&str, Lack)> {
    let of = |begin: &str, end: char| Some(finding.message.split_once(begin)?.1.split_once(end)?.0);
    if finding.id != "HC508" {
        return None;
    }
    let room = of("exceeded quota: ", ',').map(|quota| (quota, Lack::Room));
    room.or_else(|| of("failed quota: ", ':').map(|quota| (quota, Lack::Amount)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use crate::checks::testing::{World, deployment, healthy, stateful_set};
    use crate::snapshot::server_answers::Replacement;
    use serde_json::{Value, json};

    fn quota(name: &str, hard: Value, used: Value) -> Value {
        json!({"kind": "ResourceQuota", "metadata": {"namespace": "shop", "name": name}, "status": {"hard": hard, "used": used}})
    }

    /// The messages of both checks, of which the server said this; what is shown of them.
    #[track_caller]
    fn shown(mut world: World, uid: &str, said: &str, found: usize) -> Vec<String> {
        world.answers.replacements.insert(uid.to_owned(), Replacement::Refused(said.to_owned()));
        let is_asked = |check: &checks::Check| ["HC502", "HC508"].contains(&check.id);
        let (findings, _) = checks::run(&world.snapshot(), is_asked);
        assert_eq!(findings.len(), found, "{findings:?}");
        let quota = |it: &Finding| predicted(it).or(refused(it)).map_or("other", |it| it.0).to_owned();
        once(&findings).into_iter().map(|it| format!("{} {}", it.id, quota(it))).collect()
    }

    #[test]
    fn a_quota_that_the_server_named_is_shown_once() {
        let full = |name: &str| quota(name, json!({"pods": "3"}), json!({"pods": "3"}));
        let limits = || quota("b", json!({"limits.cpu": "9"}), json!({"limits.cpu": "1"}));
        let (no_room, unsaid) = (
            "exceeded quota: a, requested: pods=1, used: pods=3, limited: pods=3",
            "failed quota: b: must specify limits.cpu for: main",
        );
        let web = "Deployment-web";
        assert_eq!(shown(healthy().with(full("a")), web, no_room, 2), ["HC508 a"]);
        assert_eq!(shown(healthy().with(limits()), web, unsaid, 2), ["HC508 b"]);
        let two = || healthy().with(full("a")).with(full("b"));
        assert_eq!(shown(two(), web, no_room, 3), ["HC502 b", "HC508 a"], "the server names one");
        assert_eq!(
            shown(two(), web, unsaid, 3),
            ["HC502 a", "HC502 b", "HC508 b"],
            "another lack of the same quota"
        );
        let other = "violates PodSecurity \"restricted:latest\"";
        assert_eq!(shown(healthy().with(full("a")), web, other, 2), ["HC502 a", "HC508 other"]);
        // Its pods are replaced once they are gone: the server's answer says nothing of it.
        let over = quota("a", json!({"pods": "2"}), json!({"pods": "3"}));
        let set = healthy().without("Deployment/web").with_all(stateful_set("db", 2)).with(over);
        assert_eq!(shown(set, "StatefulSet-db", no_room, 1), ["HC502 a"]);
        let both = healthy().with(full("a")).with(deployment("api", 1));
        assert_eq!(shown(both, "Deployment-api", no_room, 3), ["HC502 a", "HC508 a"], "of another workload");
    }
}
