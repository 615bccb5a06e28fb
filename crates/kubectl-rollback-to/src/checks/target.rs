//! Is it worth going there: was it healthy, is it another program at all, will it be the same bits, and is there a way back?

use cluster_model::rollout::{self, containers};
use cluster_model::{Finding, Raw, Severity, secret};
use serde_json::Value;

use super::Case;
use crate::choose::to_last_healthy;
use crate::health::Verdict;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(health(case));
    findings.extend(restart_only(case));
    findings.extend(mutable(case));
    findings.extend(history(case));
    findings.extend(reason(case));
    findings
}

/// Is there one with better evidence?
fn health(case: &Case<'_>) -> Option<Finding> {
    let index = case.target.revision?;
    let mine = case.past.health.get(index)?;
    let revisions = &case.rollout().revisions;
    let number = revisions.get(index)?.number;
    let healthy = case.past.health.iter().rposition(|health| health.verdict == Verdict::Healthy);
    let better =
        healthy.and_then(|index| Some((index, revisions.get(index)?.number, &case.past.health[index])));
    let known = match (mine.verdict, better) {
        (Verdict::Unhealthy, _) => {
            format!("rolls back to revision {number}, which was not healthy: {}", mine.evidence)
        }
        (Verdict::Unknown, Some(_)) => {
            format!("rolls back to revision {number}, which is not known to have worked")
        }
        _ => return None,
    };
    let (message, remedy) = match better {
        Some((better, number, health)) if case.rollout().current() == Some(better) => (
            format!("{known}; the current revision {number} is healthy: {}", health.evidence),
            format!(
                "keep it, or choose another: kubectl rollback-to {} --history",
                case.rollout().id.typed()
            ),
        ),
        Some((better, number, health)) => (
            format!("{known}; revision {number} was healthy: {}", health.evidence),
            format!(
                "kubectl rollback-to {} {}",
                case.rollout().id.typed(),
                to_last_healthy(case.rollout(), better)
            ),
        ),
        None => (known, format!("kubectl rollback-to {} --history", case.rollout().id.typed())),
    };
    Some(case.finding("target-never-healthy", Severity::Warning, message).remedy(remedy))
}

fn restart_only(case: &Case<'_>) -> Option<Finding> {
    rollout::restart_only(case.rollout().template(), case.template()).then(|| {
        let message =
            "runs the same as now: only a restart separates the two revisions; its pods are replaced anyway";
        case.finding("restart-only", Severity::Info, message)
    })
}

/// A tag can be moved, and `Always` pulls what it points to now.
fn mutable(case: &Case<'_>) -> Vec<Finding> {
    let moved = |container: &&Value| {
        container.text("/imagePullPolicy") == "Always" && !container.text("/image").contains('@')
    };
    containers(case.template())
        .filter(moved)
        .map(|container| {
            let (image, name) = (container.text("/image"), container.text("/name"));
            let message = format!("pulls {image} for container {name} again: its tag may have been moved");
            case.finding("image-mutable", Severity::Info, message)
        })
        .collect()
}

/// With a limit of 0 the controller removes every ReplicaSet that is not in use (pkg/controller/deployment/sync.go, cleanupDeployment).
fn history(case: &Case<'_>) -> Option<Finding> {
    let limit = case.rollout().object.number("/spec/revisionHistoryLimit")?;
    (limit == 0).then(|| {
        let message =
            "keeps no history (revisionHistoryLimit is 0): the current template is deleted after the rollback";
        let kind_and_name = case.rollout().id.typed();
        case.finding("history-limited", Severity::Warning, message).remedy(format!(
            "kubectl patch {kind_and_name} --type merge -p '{{\"spec\":{{\"revisionHistoryLimit\":10}}}}'"
        ))
    })
}

/// It is recorded as typed; whoever typed a password into it is warned before.
fn reason(case: &Case<'_>) -> Option<Finding> {
    case.options.reason.as_deref().filter(|reason| secret::text(reason))?;
    // Its words are not repeated: they would stay in the log of this run, too.
    let message = "would be written with a --reason that may contain a secret: everybody who may read the workload or its \
                   events can see it, and the journal of this machine keeps it";
    Some(
        case.finding("reason-looks-secret", Severity::Warning, message)
            .remedy("give another --reason, or none"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::health::{Health, Verdict};
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn healths(verdicts: [Verdict; 2]) -> Fixture {
        let mut fixture = Fixture::of(Kind::Deployment);
        let health = |verdict| Health { verdict, evidence: "3 pods crashed".into() };
        fixture.health = verdicts.map(health).to_vec();
        fixture
    }

    #[test]
    fn target_never_healthy() {
        use Verdict::{Healthy, Likely, Unhealthy, Unknown};
        let good = healths([Healthy, Healthy]);
        fires("target-never-healthy", Severity::Warning, &healths([Unhealthy, Unknown]), &good);
        fires(
            "target-never-healthy",
            Severity::Warning,
            &healths([Unknown, Healthy]),
            &healths([Unknown, Unknown]),
        );
        fires(
            "target-never-healthy",
            Severity::Warning,
            &healths([Unhealthy, Healthy]),
            &healths([Likely, Healthy]),
        );
        let found = healths([Unhealthy, Healthy]).of_id("target-never-healthy").remove(0);
        // `--last-healthy` would have nothing to do.
        assert_eq!(
            found.remedy,
            "keep it, or choose another: kubectl rollback-to deployment/web -n shop --history"
        );
        assert!(found.message.contains("the current revision 2 is healthy"), "{}", found.message);
    }

    #[test]
    fn reason_looks_secret() {
        let given = |reason: &str| {
            let mut fixture = Fixture::of(Kind::Deployment);
            fixture.options.reason = Some(reason.into());
            fixture
        };
        let good = given("the password was rotated, incident 7");
        let id = "reason-looks-secret";
        fires(id, Severity::Warning, &given("set DB_PASSWORD=hunter2, incident 7"), &good);
        fires(
            id,
            Severity::Warning,
            &given("https://bob:hunter2@db.shop is down"),
            &Fixture::of(Kind::Deployment),
        );
        let found = given("pushed with ghp_0123456789abcdefghijABCDEFGHIJ012345").of_id(id).remove(0);
        assert!(!format!("{found:?}").contains("ghp_"), "{found:?}");
    }

    #[test]
    fn restart_only() {
        let at = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}});
        let with = |image: &str| {
            Fixture::of(Kind::Deployment)
                .live(json!({"spec": {"template": template(json!({"image": image}))}}))
                .live(json!({"spec": {"template": at}}))
        };
        fires("restart-only", Severity::Info, &with("web:1"), &with("web:2"));
    }

    #[test]
    fn image_mutable() {
        let with = |image: &str, policy: &str| {
            Fixture::of(Kind::Deployment).then_container(json!({"image": image, "imagePullPolicy": policy}))
        };
        let bad = with("web:latest", "Always");
        fires("image-mutable", Severity::Info, &bad, &with("web:latest", "IfNotPresent"));
        fires("image-mutable", Severity::Info, &bad, &with("web@sha256:00", "Always"));
    }

    #[test]
    fn history_limited() {
        let with =
            |limit: i64| Fixture::of(Kind::Deployment).live(json!({"spec": {"revisionHistoryLimit": limit}}));
        fires("history-limited", Severity::Warning, &with(0), &with(1));
    }
}
