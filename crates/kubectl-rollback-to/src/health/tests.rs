use super::*;
use crate::timeline::fixture::{HOUR, History, at};
use cluster_model::rollout::Kind;
use serde_json::json;

/// An hour after the third revision.
const NOW: i64 = 4 * HOUR;

fn health_of(history: &History) -> Vec<(Verdict, String)> {
    history.seen(NOW).health.into_iter().map(|health| (health.verdict, health.evidence)).collect()
}

fn verdicts(history: &History) -> Vec<Verdict> {
    health_of(history).into_iter().map(|(verdict, _)| verdict).collect()
}

fn status(edit: Value) -> Value {
    json!({"status": edit})
}

/// Good and serving, then bad, then bad: no rollout after the first got on.
fn good_bad_bad(kind: Kind) -> History {
    let good = History::of(kind).revision(1, "good", 1);
    match kind {
        Kind::Deployment => good
            .serves(3, 3)
            .revision(2, "bad", HOUR)
            .emptied(3 * HOUR)
            .revision(3, "worse", 3 * HOUR)
            .serves(0, 1)
            .crashing_pod("web-x"),
        Kind::StatefulSet => good
            .pod("web-0")
            .pod("web-1")
            .revision(2, "bad", HOUR)
            .revision(3, "worse", 3 * HOUR)
            .crashing_pod("web-2")
            .edit(status(json!({"currentRevision": "web-good", "updateRevision": "web-worse", "replicas": 3, "updatedReplicas": 1}))),
        Kind::DaemonSet => good
            .pod("web-x")
            .pod("web-y")
            .revision(2, "bad", HOUR)
            .revision(3, "worse", 3 * HOUR)
            .crashing_pod("web-z")
            .edit(status(json!({"updatedNumberScheduled": 1, "currentNumberScheduled": 3, "numberAvailable": 2}))),
    }
}

#[test]
fn good_bad_bad_is_recognised_for_all_three_kinds() {
    for kind in Kind::ALL {
        let found = health_of(&good_bad_bad(kind));
        assert_eq!(found[0].0, Verdict::Healthy, "{kind:?} {found:?}");
        assert!(found[0].1.starts_with("serves") && found[0].1.ends_with("available now"), "{found:?}");
        assert_eq!(found[2].0, Verdict::Unhealthy, "{kind:?} {found:?}");
        assert!(found[2].1.contains("CrashLoopBackOff"), "{found:?}");
    }
    // It ran for two hours, but the numbers show that it never replaced anything.
    let middle = |kind| health_of(&good_bad_bad(kind))[1].clone();
    assert_eq!(
        middle(Kind::Deployment),
        (Verdict::Unknown, "was active for 2h, but never replaced all pods of revision 1".into())
    );
    assert_eq!(
        middle(Kind::StatefulSet),
        (Verdict::Unknown, "was active for 2h, but status.currentRevision did not move to it".into())
    );
    assert_eq!(middle(Kind::DaemonSet), (Verdict::Likely, "was active for 2h; no other evidence".into()));
}

#[test]
fn a_complete_rollout_is_healthy() {
    let complete = |kind| {
        let counts = json!({"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3, "readyReplicas": 3, "updatedNumberScheduled": 3, "numberAvailable": 3});
        History::of(kind).revision(1, "a", 1).edit(status(counts))
    };
    for kind in Kind::ALL {
        assert_eq!(health_of(&complete(kind)), [(Verdict::Healthy, "all 3 pods are available now".into())]);
        let field = if kind == Kind::DaemonSet { "numberAvailable" } else { "availableReplicas" };
        for edit in [json!({"status": {field: 2}}), json!({"metadata": {"generation": 2}})] {
            let found = verdicts(&complete(kind).edit(edit.clone()));
            assert_ne!(found, [Verdict::Healthy], "{kind:?} {edit}");
        }
    }
    let one = complete(Kind::Deployment).edit(json!({"spec": {"replicas": 1}, "status": {"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}}));
    assert_eq!(health_of(&one)[0].1, "its pod is available now");
    // Ready between two crashes.
    let flapping = |name: &str, ago: i64| {
        json!({"metadata": {"name": name}, "status": {
        "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 5,
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": at(NOW - ago)}}}]}})
    };
    let flaps = one.clone().serves(1, 1).pod_with("web-x", flapping("web-x", 40));
    assert_eq!(
        health_of(&flaps),
        [(
            Verdict::Unknown,
            "its pod is available now, but web-x restarted 5 times, the last time 40s ago".into()
        )]
    );
    assert_eq!(verdicts(&one.serves(1, 1).pod_with("web-x", flapping("web-x", 700))), [Verdict::Healthy]);
    let one_of_three =
        complete(Kind::StatefulSet).pod("web-0").pod("web-1").pod_with("web-2", flapping("web-2", 40));
    assert_eq!(verdicts(&one_of_three), [Verdict::Healthy], "{:?}", health_of(&one_of_three));
}

#[test]
fn a_deployments_condition_counts_for_the_replicaset_it_names() {
    let base = || History::of(Kind::Deployment).revision(1, "a", 1).emptied(50).revision(2, "b", HOUR);
    let progressed = |name: &str| format!("ReplicaSet \"web-{name}\" has successfully progressed.");
    let with = |name: &str| {
        base().condition("Progressing", "True", "NewReplicaSetAvailable", &progressed(name), 2 * HOUR)
    };
    assert_eq!(
        health_of(&with("b").serves(2, 3))[1],
        (Verdict::Healthy, "rolled out completely 2h ago; 2 of 3 pods available now".into())
    );
    assert_eq!(
        health_of(&with("b").serves(0, 3))[1],
        (Verdict::Unknown, "rolled out completely 2h ago, but 0 of 3 pods available now".into())
    );
    assert_eq!(verdicts(&with("b").serves(0, 3).crashing_pod("web-x"))[1], Verdict::Unhealthy);
    assert_eq!(health_of(&with("x").serves(1, 3))[1].1, "1 of 3 pods available so far");
    // The controller has not seen the new template yet.
    assert_eq!(health_of(&with("a"))[0], (Verdict::Healthy, "rolled out completely 2h ago".into()));

    let late = |name: &str| {
        let message = format!("ReplicaSet \"web-{name}\" has timed out progressing.");
        base().serves(2, 3).condition("Progressing", "False", "ProgressDeadlineExceeded", &message, 2 * HOUR)
    };
    assert_eq!(
        health_of(&late("b"))[1],
        (Verdict::Unhealthy, "did not roll out within its deadline of 10m: 2 of 3 pods available".into())
    );
    // Inherited from the one before (jordigilh/kubernaut#199).
    assert_ne!(health_of(&late("a"))[1].0, Verdict::Unhealthy);
    let quota =
        base().condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: q", HOUR).serves(0, 0);
    assert_eq!(
        health_of(&quota)[1],
        (Verdict::Unhealthy, "its pods cannot be created: exceeded quota: q".into())
    );
}

#[test]
fn a_statefulsets_current_revision_rolled_out() {
    let stuck = |number: i64| {
        History::of(Kind::StatefulSet)
            .revision(number, "a", HOUR)
            .revision(number + 1, "b", 3 * HOUR)
            .edit(status(json!({"currentRevision": "web-a", "updateRevision": "web-b"})))
    };
    assert_eq!(
        health_of(&stuck(4))[0],
        (
            Verdict::Likely,
            "was the last to roll out completely (status.currentRevision), unless that was with 0 replicas"
                .into()
        )
    );
    // It is that from the start.
    assert_eq!(verdicts(&stuck(1))[0], Verdict::Likely);
    // Nobody moves it with OnDelete, so it is no evidence.
    let by_hand = stuck(4).edit(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}));
    assert_eq!(verdicts(&by_hand)[0], Verdict::Likely);
    assert!(health_of(&by_hand)[0].1.starts_with("was active for 2h;"), "{:?}", health_of(&by_hand));
    // Complete once, one pod is missing now; the first may never have been.
    let degraded = |number: i64| {
        History::of(Kind::StatefulSet).revision(number, "a", 3 * HOUR + 3500).pod("web-0").edit(status(json!({
            "currentRevision": "web-a", "updateRevision": "web-a", "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2})))
    };
    assert_eq!(
        health_of(&degraded(4)),
        [(Verdict::Healthy, "rolled out completely before; 2 of 3 pods available now".into())]
    );
    assert_eq!(health_of(&degraded(1)), [(Verdict::Unknown, "2 of 3 pods available so far".into())]);
}

#[test]
fn half_a_daemonset() {
    let half = History::of(Kind::DaemonSet)
        .revision(1, "a", 1)
        .pod("web-x")
        .revision(2, "b", NOW - 60)
        .pod("web-y")
        .edit(status(
            json!({"updatedNumberScheduled": 1, "currentNumberScheduled": 3, "numberAvailable": 2}),
        ));
    assert_eq!(
        health_of(&half),
        [
            (Verdict::Healthy, "serves 1 pod that is available now".into()),
            (Verdict::Unknown, "1 of 3 pods available so far".into())
        ]
    );
    // One node is away for long: it is a running workload all the same.
    let counts = json!({"updatedNumberScheduled": 3, "currentNumberScheduled": 3, "numberAvailable": 2});
    let degraded = History::of(Kind::DaemonSet).revision(1, "a", 1).edit(status(counts));
    assert_eq!(
        health_of(&degraded),
        [(Verdict::Likely, "2 of 3 pods available now, and active for 3h59m".into())]
    );
}

#[test]
fn what_left_no_pods_is_inferred_at_best() {
    let three = |a_gone: Option<i64>, b_until: i64| {
        let a = History::of(Kind::Deployment).revision(1, "a", 1);
        let a = a_gone.map_or_else(|| a.clone().serves(0, 1), |at| a.clone().emptied(at));
        a.revision(2, "b", HOUR).emptied(b_until + 30).revision(3, "c", b_until)
    };
    let b = |history: &History| health_of(history)[1].clone();
    let likely = (Verdict::Likely, "was active for 2h, while its predecessors were at 0".to_owned());
    assert_eq!(b(&three(Some(HOUR + 60), 3 * HOUR)), likely);
    // The one edit that takes it away: a was emptied by its successor, b was short, traces are stripped, old pods do not wait.
    assert_eq!(
        b(&three(Some(3 * HOUR + 60), 3 * HOUR)).1,
        "was active for 2h, but never replaced all pods of revision 1"
    );
    assert_eq!(b(&three(None, 3 * HOUR)).1, "was active for 2h, but never replaced all pods of revision 1");
    let short = (Verdict::Unknown, "was active for less than 10m, no other evidence".to_owned());
    assert_eq!(b(&three(Some(HOUR + 60), HOUR + 599)), short);
    assert_eq!(b(&three(Some(HOUR + 60), HOUR + 600)).0, Verdict::Likely);
    let patient = three(Some(HOUR + 60), HOUR + 600).edit(json!({"spec": {"progressDeadlineSeconds": 601}}));
    assert_eq!(b(&patient).0, Verdict::Unknown);
    let stripped = three(Some(HOUR + 60), 3 * HOUR).stripped();
    assert_eq!(
        b(&stripped),
        (Verdict::Unknown, "was active for 2h, but unknown whether it replaced its predecessors".into())
    );
    assert_eq!(b(&stripped.scaled("a", 1, 0, HOUR + 60)), likely, "events show it too");
    for strategy in [
        json!({"type": "Recreate"}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}),
    ] {
        let free = three(Some(HOUR + 60), 3 * HOUR).edit(json!({"spec": {"strategy": strategy}}));
        assert_eq!(b(&free), (Verdict::Likely, "was active for 2h; no other evidence".into()));
    }
    // The first one has nothing to be compared with.
    assert_eq!(health_of(&three(Some(HOUR + 60), 3 * HOUR))[0].0, Verdict::Likely);
}

#[test]
fn old_pods_wait_unless_the_strategy_lets_them_go() {
    let cases = [
        (json!({}), true),
        (json!({"rollingUpdate": {"maxUnavailable": 2}}), true),
        (json!({"rollingUpdate": {"maxUnavailable": 3}}), false),
        (json!({"rollingUpdate": {"maxUnavailable": "99%"}}), true),
        (json!({"rollingUpdate": {"maxUnavailable": "100%"}}), false),
        (json!({"type": "Recreate"}), false),
    ];
    let one = json!({"spec": {"replicas": 1, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}}});
    assert!(
        !old_pods_wait(&History::of(Kind::Deployment).edit(one).rollout()),
        "ResolveFenceposts: one goes first"
    );
    for (strategy, expected) in cases {
        let history = History::of(Kind::Deployment).edit(json!({"spec": {"strategy": strategy}}));
        assert_eq!(old_pods_wait(&history.rollout()), expected, "{strategy}");
    }
    let none = json!({"spec": {"replicas": 0, "strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}});
    assert!(!old_pods_wait(&History::of(Kind::Deployment).edit(none).rollout()), "100% of none");
    assert!(!old_pods_wait(&History::of(Kind::StatefulSet).rollout()));
}

/// Scaled to 0, whoever counts pods finds every rollout complete.
#[test]
fn no_pods_prove_nothing() {
    let none = json!({"spec": {"replicas": 0}, "status": {"desiredNumberScheduled": 0}});
    let progressed = "ReplicaSet \"web-b\" has successfully progressed.";
    let rested = |kind| {
        let history = History::of(kind).revision(1, "a", 1);
        // Its pods went with the Deployment's replicas, not with a rollout.
        let annotations =
            json!({"metadata": {"annotations": {"deployment.kubernetes.io/desired-replicas": "0"}}});
        let history =
            if kind == Kind::Deployment { history.emptied(HOUR).kept(annotations) } else { history };
        let names = json!({"currentRevision": "web-b", "updateRevision": "web-b"});
        let history = history.revision(2, "b", 2 * HOUR).edit(none.clone()).edit(status(names));
        history.condition("Progressing", "True", "NewReplicaSetAvailable", progressed, 2 * HOUR)
    };
    let made_without = json!({"metadata": {"generation": 1}, "spec": {"replicas": 0}});
    for kind in Kind::ALL {
        let history =
            if kind == Kind::Deployment { rested(kind).kept(made_without.clone()) } else { rested(kind) };
        assert_eq!(verdicts(&history), [Verdict::Unknown; 2], "{kind:?} {:?}", health_of(&history));
        let third = history.revision(3, "c", 3 * HOUR).edit(none.clone());
        assert_eq!(verdicts(&third), [Verdict::Unknown; 3], "{kind:?} {:?}", health_of(&third));
    }
    let never = rested(Kind::Deployment).kept(made_without.clone());
    assert_eq!(health_of(&never)[1].1, "never had a pod: it was scaled to 0");
    assert_eq!(health_of(&rested(Kind::DaemonSet))[1].1, "no node matches: no pods run");
    // Scaled up since, and nothing came of it: what was made without a pod is still no good.
    let up =
        never.clone().revision(3, "c", 3 * HOUR).crashing_pod("web-x").edit(json!({"spec": {"replicas": 3}}));
    assert_eq!(health_of(&up)[1], (Verdict::Unknown, "never had a pod: it was scaled to 0".into()));
    // With pods it replaced all of its predecessor's, and only then was it scaled to 0.
    let after = History::of(Kind::Deployment).revision(1, "a", 1).emptied(HOUR + 60).revision(2, "b", HOUR);
    let after =
        after.kept(json!({"metadata": {"generation": 3}, "spec": {"replicas": 0}})).edit(none.clone());
    assert_eq!(
        health_of(&after)[1],
        (Verdict::Likely, "is scaled to 0 now; before, it replaced all pods of its predecessors".into())
    );
}
