use super::*;

#[test]
fn the_last_healthy_one() {
    let complete = json!({"status": {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}});
    // What runs well is where it is already.
    let fine = abc(Kind::Deployment).edit(complete);
    assert_eq!(number(&fine, &Choice::LastHealthy), 3);
    assert!(evidence(&fine, &Choice::LastHealthy).starts_with("revision 3 (current) is healthy: all 3 pods"));
    // good, bad, bad: kubectl goes to 2.
    let stuck = History::of(Kind::Deployment)
        .revision(1, "a", 1)
        .serves(3, 3)
        .revision(2, "b", HOUR)
        .emptied(3 * HOUR)
        .revision(3, "c", 3 * HOUR)
        .serves(0, 1)
        .crashing_pod("web-x");
    assert_eq!((number(&stuck, &Choice::LastHealthy), number(&stuck, &Choice::Previous)), (1, 2));
    assert_eq!(
        evidence(&stuck, &Choice::LastHealthy),
        "revision 1 is the newest healthy one: serves 3 pods that are available now"
    );
    let sts = History::of(Kind::StatefulSet)
        .revision(1, "a", 1)
        .pod("web-0")
        .revision(2, "b", HOUR)
        .revision(3, "c", 3 * HOUR)
        .crashing_pod("web-2")
        .edit(json!({"status": {"currentRevision": "web-a", "updateRevision": "web-c"}}));
    assert_eq!((number(&sts, &Choice::LastHealthy), number(&sts, &Choice::Previous)), (1, 2));
    let ds = History::of(Kind::DaemonSet)
        .revision(1, "a", 1)
        .pod("web-x")
        .revision(2, "b", HOUR)
        .revision(3, "c", 3 * HOUR)
        .crashing_pod("web-y");
    assert_eq!((number(&ds, &Choice::LastHealthy), number(&ds, &Choice::Previous)), (1, 2));
    // The pods of good ones are gone; the status still names it.
    let sts = History::of(Kind::StatefulSet)
        .revision(1, "a", 1)
        .revision(2, "b", HOUR)
        .revision(3, "c", 3 * HOUR)
        .crashing_pod("web-0")
        .edit(json!({"status": {"currentRevision": "web-b", "updateRevision": "web-c"}}));
    assert_eq!(number(&sts, &Choice::LastHealthy), 2);
    // Inferred, and marked so.
    let inferred = abc(Kind::Deployment).crashing_pod("web-x");
    assert_eq!(number(&inferred, &Choice::LastHealthy), 2);
    assert!(
        evidence(&inferred, &Choice::LastHealthy)
            .starts_with("revision 2 was likely healthy (inferred, not observed): was active for 1h")
    );
    // Nothing distinguishes the two where old pods go first.
    let tie =
        refused(&inferred.edit(json!({"spec": {"strategy": {"type": "Recreate"}}})), &Choice::LastHealthy);
    assert_eq!(
        tie.message,
        "revisions 1 and 2 of deployment/web may have been healthy, and there is no evidence to choose between them"
    );
    assert_eq!(tie.hints[0], "kubectl rollback-to deployment/web -n shop --to-revision 2");
    let single =
        History::of(Kind::DaemonSet).revision(1, "a", 1).revision(2, "b", HOUR).crashing_pod("web-y");
    assert_eq!(number(&single, &Choice::LastHealthy), 1);
    // Too short to judge.
    let short = History::of(Kind::DaemonSet).revision(1, "a", 1).revision(2, "b", 60).crashing_pod("web-y");
    let none = refused(&short, &Choice::LastHealthy);
    assert_eq!(none.message, "no revision of daemonset/web is known to have been healthy");
    assert_eq!(none.hints[0], "kubectl rollback-to daemonset/web -n shop --to-revision 1");
    assert_eq!(listed(&short, &Choice::LastHealthy), ["web-a", "web-b"]);
}

/// Scaled to 0 and updated to something that never ran: that is not where it was healthy.
#[test]
fn what_never_had_a_pod_is_not_the_last_healthy_one() {
    let none = json!({"spec": {"replicas": 0}});
    let never = json!({"metadata": {"generation": 1, "annotations": {"deployment.kubernetes.io/desired-replicas": "0"}},
        "spec": {"replicas": 0}});
    let rested = json!({"metadata": {"annotations": {"deployment.kubernetes.io/desired-replicas": "0"}}});
    let progressed = "ReplicaSet \"web-c\" has successfully progressed.";
    let ran = History::of(Kind::Deployment).revision(1, "a", 1).emptied(HOUR + 60).revision(2, "b", HOUR);
    let ran = ran.emptied(2 * HOUR).kept(rested.clone());
    let slept = ran.revision(3, "c", 3 * HOUR).kept(never.clone()).edit(none.clone()).condition(
        "Progressing",
        "True",
        "NewReplicaSetAvailable",
        progressed,
        3 * HOUR,
    );
    // b replaced all pods of a: that one had pods.
    assert_eq!(number(&slept, &Choice::LastHealthy), 2);
    assert!(evidence(&slept, &Choice::LastHealthy).contains("while its predecessors were at 0"));

    let first = History::of(Kind::Deployment).revision(1, "a", 1).emptied(2 * HOUR).kept(rested);
    let never = first.revision(2, "c", 3 * HOUR).kept(never).edit(none);
    let refusal = refused(&never, &Choice::LastHealthy);
    assert_eq!(refusal.message, "no revision of deployment/web is known to have been healthy");
    assert_eq!(refusal.hints[0], "kubectl rollback-to deployment/web -n shop --to-revision 1");
    assert_eq!(listed(&never, &Choice::LastHealthy), ["web-a", "web-c"]);
    assert!(never.seen(NOW).health.iter().any(|health| health.evidence.contains("never had a pod")));
}

#[test]
fn a_revision_that_is_known_to_be_broken_is_not_suggested() {
    let history = History::of(Kind::StatefulSet).revision(1, "a", 1).revision(2, "b", 30);
    let stuck = history.crashing_pod("web-1").revision(3, "c", 60);
    let refusal = refused(&stuck, &Choice::LastHealthy);
    let hints = refusal.hints.join("\n");
    assert!(!hints.contains("--to-revision 2"), "{hints}");
    assert!(hints.contains("--to-revision 1"), "{hints}");
}

/// The rollback that is tried again: the live template is the wanted one, and nothing but a broken pod is in its way.
#[test]
fn a_suggestion_that_is_blocked_by_a_broken_pod_comes_with_unstick() {
    let blocked = || {
        let set =
            History::of(Kind::StatefulSet).revision(2, "b", 30).crashing_pod("web-1").revision(3, "a", 60);
        set.edit(json!({"spec": {"replicas": 2}, "status": {"updateRevision": "web-a"}})).pod("web-0")
    };
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let hint = |history: &History| refused(history, &Choice::LastHealthy).hints[0].clone();
    let command = "kubectl rollback-to statefulset/web -n shop --to-revision 3";
    let by_pod = blocked().edit(json!({"metadata": {"generation": 1}}));
    assert_eq!(hint(&by_pod), format!("{command} --unstick"));
    // Its controller waits for one that has the wanted template.
    let waits = History::of(Kind::StatefulSet).revision(2, "b", 30).crashing_pod("web-1");
    let waits = waits.revision(3, "a", 60).pod_with("web-0", unready);
    let waits = waits.edit(json!({"spec": {"replicas": 2}, "status": {"updateRevision": "web-a"}}));
    // The live revision is no suggestion: nothing would be written.
    assert_eq!(hint(&waits), "list the revisions: kubectl rollback-to statefulset/web -n shop --history");
}

/// The same rule as the plan's, whichever revision is suggested.
#[test]
fn another_revision_that_a_broken_pod_of_the_live_one_blocks_comes_with_unstick_too() {
    let update = |policy: &str| {
        let set = History::of(Kind::StatefulSet).revision(1, "a", 1).pod("web-0").revision(2, "b", HOUR);
        set.crashing_pod("web-1").edit(json!({"spec": {"replicas": 2, "podManagementPolicy": policy},
            "status": {"currentRevision": "web-a", "updateRevision": "web-b"}}))
    };
    for (policy, flags) in [("OrderedReady", "--last-healthy --unstick"), ("Parallel", "--last-healthy")] {
        let seen = update(policy).seen(NOW);
        let index = last_healthy(seen.past()).unwrap();
        assert_eq!(seen.rollout.revisions[index].number, 1);
        assert_eq!(to_last_healthy(&seen.rollout, index), flags);
        let hints = Failure::refused("").take(seen.past(), &[index]).hints;
        let unstick = if policy == "OrderedReady" { " --unstick" } else { "" };
        assert_eq!(hints, [format!("kubectl rollback-to statefulset/web -n shop --to-revision 1{unstick}")]);
    }
}
