//! What the update strategy makes of a new template: at once, one by one, not at all.

use cluster_model::pod::issue::not_ready_reason;
use cluster_model::rollout::blocking_pod::InTheWay;
use cluster_model::rollout::ordinal;
use cluster_model::rollout::update_strategy::{Moves, Strategy};
use cluster_model::text::count;
use cluster_model::{Finding, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use super::Case;
use crate::blocking::after_rollback;
use crate::resume_command::GoOn;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let strategy = case.rollout().strategy();
    if strategy.paused {
        return vec![paused(case)];
    }
    match strategy.moves {
        Moves::Recreate => downtime(case),
        Moves::OnDelete => vec![on_delete(case)],
        Moves::Descending { kept, first_ordinal, .. } => held_back(case, &strategy, kept, first_ordinal)
            .into_iter()
            .chain(stuck(case, first_ordinal))
            .collect(),
        Moves::Rolling { .. } | Moves::Unknown(_) => Vec::new(),
    }
}

/// kubectl refuses too; a template written now would come with whatever else is changed before it is resumed.
fn paused(case: &Case<'_>) -> Finding {
    let by = match case.go_on() {
        GoOn::Owner(owner) => format!(" by {}", owner.who),
        GoOn::Kubectl | GoOn::Unknown(_) => String::new(),
    };
    // Resumed first, it would roll out the template that is to be left.
    let resume = format!(
        "--allow paused rolls back anyway; then, not before: kubectl rollout resume {}",
        case.rollout().id.typed()
    );
    case.finding("paused", Severity::Error, format!("is paused{by}: no pods would be updated"))
        .remedy(case.go_on().remedy(resume))
}

fn on_delete(case: &Case<'_>) -> Finding {
    let message = "updates a pod only when it is deleted: its update strategy is OnDelete";
    case.finding("on-delete", Severity::Warning, message).remedy(case.go_on().remedy(format!(
        "after the update, not before: kubectl delete pod NAME -n {} for each pod",
        case.rollout().id.namespace
    )))
}

fn downtime(case: &Case<'_>) -> Vec<Finding> {
    if case.rollout().desired() == 0 {
        return Vec::new();
    }
    let message = "stops all its pods before the first new one starts: its strategy is Recreate";
    vec![
        case.finding("recreate-downtime", Severity::Warning, message)
            .remedy("plan for the downtime, or set the strategy to RollingUpdate first"),
    ]
}

fn held_back(case: &Case<'_>, strategy: &Strategy, kept: i64, first: i64) -> Option<Finding> {
    let (name, desired) = (&case.rollout().id.name, strategy.desired);
    let pods = match kept {
        0 => return None,
        1 => format!("{name}-{first}"),
        _ => format!("{name}-{first} to {name}-{}", first + kept - 1),
    };
    let message = format!("does not update {kept} of its {desired} pods: its partition excludes {pods}");
    let patch = r#"'{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"#;
    Some(case.finding("partition-holds-back", Severity::Warning, message).remedy(case.go_on().remedy(
        format!(
            "after the update, not before: kubectl patch {} --type merge -p {patch}",
            case.rollout().id.typed()
        ),
    )))
}

/// With OrderedReady the controller waits for the lowest pod that is not ready and never gets to replace it
/// (kubernetes/kubernetes#67250; pkg/controller/statefulset/stateful_set_control.go, processReplica).
fn stuck(case: &Case<'_>, start: i64) -> Option<Finding> {
    let rollout = case.rollout();
    let target = case.target.revision.and_then(|index| rollout.revisions.get(index));
    let on_target = |pod: &Pod| target.is_some_and(|revision| revision.made(pod));
    let (first, kept) = match after_rollback(rollout, case.target.revision)? {
        InTheWay::Replaceable(_) if case.options.unstick => return None,
        InTheWay::Replaceable(pod) => (pod, false),
        InTheWay::Kept(pod) => (pod, true),
    };
    let why = not_ready_reason(first).unwrap_or_else(|| first.phase().to_owned());
    let waits = format!("is blocked by {} ({why})", first.name());
    let finding = |message: String| case.finding("statefulset-stuck", Severity::Warning, message);
    if kept {
        return Some(
            finding(format!(
                "{waits}, which its partition excludes: no later pod is replaced until it is Ready"
            ))
            .remedy(format!("make {} Ready, or lower the partition", first.name())),
        );
    }
    let waits_for = |pod: &&Pod| {
        let number = ordinal(&rollout.object, pod);
        number.is_some_and(|number| (start..start + rollout.desired()).contains(&number))
            && !pod.is_ready()
            && !pod.is_terminating()
            && !on_target(pod)
    };
    let others = match rollout.pods.iter().filter(waits_for).count().saturating_sub(1) {
        0 => String::new(),
        n => format!(" and {}", count(n, "more pod")),
    };
    Some(
        finding(format!(
            "{waits}{others}: until it is Ready, it gets the target template only if it is deleted"
        ))
        .remedy("--unstick deletes such pods, one at a time, after the update"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::resume_command::tests::kruise;
    use crate::snapshot::Reverts;
    use cluster_model::Severity;
    use cluster_model::build::PodBuild;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    #[test]
    fn paused() {
        let with = |paused: bool| Fixture::of(Kind::Deployment).live(json!({"spec": {"paused": paused}}));
        fires("paused", Severity::Error, &with(true), &with(false));
        assert_eq!(
            with(true).of_id("paused")[0].remedy,
            "--allow paused rolls back anyway; then, not before: kubectl rollout resume deployment/web -n shop"
        );
    }

    /// No other command then resumes what is paused.
    #[test]
    fn what_a_progressive_rollout_holds_back_is_left_to_it() {
        let on_delete = json!({"spec": {"updateStrategy": {"type": "OnDelete"}}});
        let partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}});
        for (id, kind, edit) in [
            ("paused", Kind::Deployment, json!({"spec": {"paused": true}})),
            ("partition-holds-back", Kind::StatefulSet, partition),
            ("on-delete", Kind::DaemonSet, on_delete),
        ] {
            let mut fixture = Fixture::of(kind).live(edit);
            let alone = fixture.of_id(id).remove(0).remedy;
            assert!(alone.contains("not before: kubectl "), "{alone}");
            fixture.snapshot.owners.insert("w".into(), vec![kruise(Reverts::Perhaps("steps".into()))]);
            assert_eq!(fixture.of_id(id)[0].remedy, "kubectl kruise rollout undo rollout/x -n shop");
            fixture.snapshot.owners.insert("w".into(), vec![kruise(Reverts::Unknown("forbidden".into()))]);
            let unread = fixture.of_id(id).remove(0).remedy;
            assert!(unread.starts_with("first check") && !unread.contains("kubectl"), "{unread}");
        }
    }

    #[test]
    fn on_delete() {
        for kind in [Kind::StatefulSet, Kind::DaemonSet] {
            let bad = Fixture::of(kind).live(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}));
            fires("on-delete", Severity::Warning, &bad, &Fixture::of(kind));
        }
    }

    #[test]
    fn recreate_downtime() {
        let recreate = json!({"spec": {"strategy": {"type": "Recreate"}}});
        let bad = Fixture::of(Kind::Deployment).live(recreate.clone());
        fires("recreate-downtime", Severity::Warning, &bad, &Fixture::of(Kind::Deployment));
        let none = Fixture::of(Kind::Deployment).live(recreate).live(json!({"spec": {"replicas": 0}}));
        fires("recreate-downtime", Severity::Warning, &bad, &none);
        let set =
            Fixture::of(Kind::StatefulSet).live(json!({"spec": {"updateStrategy": {"type": "Recreate"}}}));
        fires("recreate-downtime", Severity::Warning, &set, &Fixture::of(Kind::StatefulSet));
    }

    #[test]
    fn partition_holds_back() {
        let with = |partition: i64, start: i64| {
            Fixture::of(Kind::StatefulSet).live(json!({"spec": {"ordinals": {"start": start},
                "updateStrategy": {"rollingUpdate": {"partition": partition}}}}))
        };
        fires("partition-holds-back", Severity::Warning, &with(2, 0), &with(0, 0));
        fires("partition-holds-back", Severity::Warning, &with(1, 5), &with(0, 5));
        let message = |fixture: Fixture| fixture.message_of("partition-holds-back");
        assert_eq!(
            message(with(2, 0)),
            "does not update 2 of its 3 pods: its partition excludes web-0 to web-1"
        );
        assert_eq!(message(with(1, 5)), "does not update 1 of its 3 pods: its partition excludes web-5");
        assert!(message(with(99, 0)).starts_with("does not update 3 of its 3 pods"));
    }

    #[test]
    fn statefulset_stuck() {
        let broken = |name: &str, revision: i64| {
            let mut fixture = Fixture::of(Kind::StatefulSet);
            fixture.rollout().pods.truncate(1);
            let pod = pod(Kind::StatefulSet, name, revision).waiting("CrashLoopBackOff");
            fixture.rollout().pods.push(pod);
            fixture
        };
        let bad = broken("web-1", 2);
        fires("statefulset-stuck", Severity::Warning, &bad, &Fixture::of(Kind::StatefulSet));
        assert_eq!(
            bad.message_of("statefulset-stuck"),
            "is blocked by web-1 (CrashLoopBackOff): until it is Ready, it gets the target template only if it is deleted"
        );
        fires("statefulset-stuck", Severity::Warning, &bad, &broken("web-1", 1));
        fires("statefulset-stuck", Severity::Warning, &bad, &broken("web-7", 2));
        let parallel = json!({"spec": {"podManagementPolicy": "Parallel"}});
        fires("statefulset-stuck", Severity::Warning, &bad, &broken("web-1", 2).live(parallel));
        let mut agreed = broken("web-1", 2);
        agreed.options.unstick = true;
        fires("statefulset-stuck", Severity::Warning, &bad, &agreed);
        // What it does not delete it does not promise to.
        let partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}});
        let mut kept = broken("web-1", 2).live(partition);
        kept.options.unstick = true;
        assert_eq!(
            kept.message_of("statefulset-stuck"),
            "is blocked by web-1 (CrashLoopBackOff), which its partition excludes: no later pod is replaced until it is Ready"
        );
    }
}
