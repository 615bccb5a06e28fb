//! Defects that were seen or read once, each as the engine's own test.

use super::*;
use crate::execute::cause::WaitsFor;

fn web_1(what: WaitsFor) -> (String, WaitsFor) {
    ("shop/web-1".to_owned(), what)
}

#[test]
fn a_list_that_is_older_than_the_watch_makes_no_pod_gone() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(after(1));
    e.pod_gone("uid-web-1", after(2));
    let commands = e.next(after(2));
    assert!(commands.iter().any(|c| matches!(c, Command::VerifyNode { .. })), "{commands:?}");
    // Bound by a scheduler that was late, after the list was made and before its answer came.
    e.pod_seen("n1", web(2), after(2));
    e.node_read_last("n1", Ok(cordoned(vec![])), after(2));
    assert!(!e.is_drained("n1"), "web-2 is there, and the list is older than it");
    assert!(e.pods().any(|p| p.step.uid == "uid-web-2" && p.phase != Phase::Gone));
}

#[test]
fn a_pod_on_a_fresh_list_is_not_gone() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(after(1));
    e.pod_gone("uid-web-1", after(2));
    e.next(after(2));
    e.node_read_last("n1", Ok(cordoned(vec![web(1)])), after(2));
    assert!(!e.is_drained("n1"));
}

#[test]
fn a_missing_pod_is_not_gone_before_it_was_read() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(after(1));
    e.answered_last("uid-web-1", EvictionAnswer::NotFound, after(1));
    assert_ne!(e.pods().next().unwrap().phase, Phase::Gone, "a status code is no proof");
}

#[test]
fn a_node_whose_pods_failed_is_not_drained() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.next(after(1));
    e.answered_last("uid-web-1", EvictionAnswer::Refused { message: "no".into() }, after(1));
    e.next(after(2));
    e.node_read_last("n1", Ok(cordoned(vec![web(1)])), after(2));
    assert!(!e.is_drained("n1"));
    assert!(!e.take_events().iter().any(|event| matches!(event, Event::Drained { .. })));
}

#[test]
fn a_higher_priority_waits_for_the_answers_to_the_lower_ones() {
    let pods = vec![
        pod("a/high", "n1").priority(1000),
        pod("a/low", "n1").priority(-5),
        pod("a/mid", "n1").priority(10),
    ];
    let mut e = engine(&inventory_of(pods));
    assert_eq!(evicted(&e.next(after(1))), ["uid-low"]);
    e.answered_last("uid-low", EvictionAnswer::Accepted, after(1));
    assert_eq!(evicted(&e.next(after(1))), ["uid-mid"]);
}

/// A Deployment whose template names the node: its ReplicaSet recreates each pod, however often it is evicted.
#[test]
fn pods_that_come_back_are_evicted_a_bounded_number_of_times() {
    let mut e = engine(&inventory_of(vec![web(1), web(2)]));
    let mut evictions = 0;
    let mut next = 3;
    for second in 1..200 {
        for command in e.next(after(second)) {
            match command {
                Command::Evict { uid, .. } => {
                    evictions += 1;
                    e.answered_last(&uid, EvictionAnswer::Accepted, after(second));
                    e.pod_gone(&uid, after(second));
                    e.pod_seen("n1", web(next), after(second));
                    next += 1;
                }
                Command::VerifyNode { node, .. } => {
                    let pods = vec![web(next - 1), web(next - 2)];
                    e.node_read_last(&node, Ok(cordoned(pods)), after(second));
                }
                _ => {}
            }
        }
    }
    assert!(evictions <= 4, "{evictions} evictions for two pods");
}

#[test]
fn a_drain_that_goes_nowhere_ends_by_itself() {
    let options = Options { stalled_after: Some(STALLED_AFTER), ..options() };
    let mut e = engine_with(&guarded(vec![web(1)], 0), options);
    e.next(now());
    assert_eq!(e.stalled(), None);
    let hour = 3600;
    e.budget_seen(web_budget(0, 1), after(hour / 2));
    e.next(after(hour));
    assert!(
        e.stalled().is_some_and(|stall| stall.pods == [web_1(WaitsFor::Blocker(Blocker::Budget("shop/web".into())))]),
        "{:?}",
        e.stalled()
    );
    assert_eq!(e.next(after(hour)), [], "no request after the end");
}

#[test]
fn a_budget_that_gets_nearer_and_a_long_grace_period_are_no_stall() {
    let options = Options { stalled_after: Some(STALLED_AFTER), ..options() };
    let mut e = engine_with(&guarded(vec![web(1)], 0), options.clone());
    e.budget_seen(web_budget(0, 3), after(1800));
    e.next(after(3600));
    assert_eq!(e.stalled(), None);
    let mut e = engine_with(&inventory_of(vec![web(1)]), options);
    e.next(now());
    e.answered_last("uid-web-1", EvictionAnswer::Accepted, now());
    e.pod_seen("n1", web(1).deleted(&after(7200).to_string()), now());
    e.next(after(7000));
    assert_eq!(e.stalled(), None);
    e.next(after(7200 + 3600));
    assert!(
        e.stalled().is_some_and(|stall| stall.pods == [web_1(WaitsFor::Blocker(Blocker::Kubelet))]),
        "{:?}",
        e.stalled()
    );
}

fn selective(pods: Vec<Pod>) -> Engine {
    engine_with(&inventory_of(pods), Options { pod_selector: Some("app=web".into()), ..options() })
}

#[test]
fn a_pod_that_was_relabelled_is_not_gone() {
    let mut e = selective(vec![web(1)]);
    // The watch reports "deleted" for a pod that its selector no longer selects.
    e.pod_gone("uid-web-1", after(1));
    let commands = e.next(after(1));
    assert!(matches!(commands.as_slice(), [Command::GetPod { .. }]), "{commands:?}");
    e.pod_read("uid-web-1", Ok(Some(web(1))), after(1));
    let state = e.pods().next().unwrap();
    assert_eq!(
        (state.phase, state.step.reason.as_str()),
        (Phase::Ignored, "no longer matches --pod-selector")
    );
}

#[test]
fn a_pod_that_was_evicted_and_relabelled_is_waited_for() {
    let mut e = selective(vec![web(1)]);
    e.next(after(1));
    e.answered_last("uid-web-1", EvictionAnswer::Accepted, after(1));
    e.pod_gone("uid-web-1", after(2));
    e.next(after(2));
    e.pod_read("uid-web-1", Ok(Some(terminating(web(1)))), after(2));
    assert!(!e.pods().next().unwrap().phase.is_final(), "it still stops");
    assert!(
        e.next(after(20)).iter().any(|c| matches!(c, Command::GetPod { .. })),
        "the watch does not report when it is gone"
    );
    e.pod_read("uid-web-1", Ok(None), after(20));
    assert_eq!(e.pods().next().unwrap().phase, Phase::Gone);
}

#[test]
fn a_pod_that_loses_its_controller_needs_the_consent_of_an_unmanaged_pod() {
    for (force, leaves) in [(false, false), (true, true)] {
        let mut e = engine_with(&guarded(vec![web(1)], 0), Options { force, ..options() });
        e.next(now());
        let orphan = web(1).unmanaged();
        e.pod_seen("n1", orphan.clone(), after(1));
        let commands = e.next(after(1));
        answer_get_pod_context(&mut e, &commands, after(1));
        let phase = e.pods().next().unwrap().phase;
        assert_eq!(matches!(phase, Phase::Waiting { .. }), leaves, "{phase:?}");
        assert_eq!(phase == Phase::Remaining, !leaves, "{phase:?}");
    }
}

/// Bound after the plan, and its controller begins to be deleted meanwhile.
#[test]
fn a_late_pod_of_a_controller_that_is_being_deleted_needs_the_consent_of_an_orphaned_one() {
    for (force, leaves) in [(false, false), (true, true)] {
        let mut e = engine_with(&inventory_of(vec![]), Options { force, ..options() });
        e.pod_seen("n1", web(1), now());
        e.next(now());
        e.pod_context_read("uid-web-1", &being_deleted(inventory_of(vec![web(1)])), now());
        let phase = e.pods().next().unwrap().phase;
        assert_eq!(matches!(phase, Phase::Waiting { .. }), leaves, "{phase:?}");
        assert_eq!(phase == Phase::Remaining, !leaves, "{phase:?}");
    }
}

/// With WaitForFirstConsumer the scheduler has chosen the node before the cordon, and binds the pod minutes later.
#[test]
fn a_pod_whose_volume_is_being_provisioned_here_is_waited_for_and_leaves() {
    let mut e = engine(&inventory_of(vec![]));
    let unbound = || pod("shop/db-0", "");
    assert_eq!(verified(&e.next(after(1))), ["n1"]);
    e.node_read_last("n1", Ok(NodeNow { awaited: Some(vec![unbound()]), ..cordoned(vec![]) }), after(1));
    assert!(!e.is_done());
    assert!(matches!(e.take_events().as_slice(), [Event::Awaited { .. }]));
    let bound = pod("shop/db-0", "n1").edit(json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": after(120).to_string()}]}}));
    e.pod_seen("n1", bound.clone(), after(120));
    let commands = settle(&mut e, vec![bound], after(120));
    assert_eq!(evicted(&commands), ["uid-db-0"], "however long after the cordon");
}

#[test]
fn a_pod_that_is_awaited_too_long_is_named() {
    let mut e = engine(&inventory_of(vec![]));
    let unbound = || pod("shop/db-0", "");
    for minute in 0..13 {
        let at = after(1 + minute * 60);
        if verified(&e.next(at)) == ["n1"] {
            e.node_read_last("n1", Ok(NodeNow { awaited: Some(vec![unbound()]), ..cordoned(vec![]) }), at);
        }
    }
    assert!(e.is_done() && !e.is_drained("n1"));
    assert_eq!(remaining(&e), 1);
}

#[test]
fn an_awaited_pod_that_goes_elsewhere_is_forgotten() {
    let mut e = engine(&inventory_of(vec![]));
    e.next(after(1));
    e.node_read_last(
        "n1",
        Ok(NodeNow { awaited: Some(vec![pod("shop/db-0", "")]), ..cordoned(vec![]) }),
        after(1),
    );
    assert_eq!(verified(&e.next(after(10))), ["n1"]);
    e.node_read_last("n1", Ok(cordoned(vec![])), after(10));
    assert!(e.is_drained("n1"));
    assert_eq!(e.pods().count(), 0);
}

#[test]
fn after_a_pause_the_node_is_read_before_anything_more_is_evicted() {
    let mut e =
        engine_with(&inventory_of(vec![web(1), web(2)]), Options { concurrency: 1, ..Options::default() });
    assert_eq!(evicted(&e.next(after(1))), ["uid-web-1"]);
    let ticket = e.pods["uid-web-1"].ticket;
    e.was_paused();
    e.evict_not_sent(ticket, "uid-web-1", after(30));
    assert!(!e.pods().next().unwrap().eviction_was_requested(), "nothing was sent");
    let commands = e.next(after(30));
    assert_eq!((evicted(&commands), verified(&commands)), (vec![], vec!["n1"]));
    e.node_read_last("n1", Ok(cordoned(vec![web(1), web(2)])), after(30));
    assert_eq!(evicted(&e.next(after(30))), ["uid-web-1"]);
}

#[test]
fn a_pod_that_begins_to_match_the_selector_is_evicted_and_not_ignored() {
    let options = Options { pod_selector: Some("sel=yes".into()), ..Options::default() };
    let mut inventory = inventory_of(vec![web(1)]);
    inventory.unselected.extend([web(2)]);
    let mut e = unread(&inventory, options);
    e.next(after(1));
    let here = NodeNow { unselected: vec![web(2)], ..cordoned(vec![web(1)]) };
    e.node_read_last("n1", Ok(here), after(1));
    assert_eq!(evicted(&e.next(after(1))), ["uid-web-1"]);
    e.answered_last("uid-web-1", EvictionAnswer::Accepted, after(1));
    e.pod_seen("n1", web(2), after(2));
    let commands = e.next(after(2));
    answer_get_pod_context(&mut e, &commands, after(2));
    e.node_read_last("n1", Ok(cordoned(vec![web(1), web(2)])), after(2));
    assert_eq!(evicted(&e.next(after(2))), ["uid-web-2"]);
}

#[test]
fn an_ignored_pod_that_loses_its_controller_is_read_again() {
    let of_a_daemonset = || pod("a/agent", "n1").owned_by("apps/v1", "DaemonSet", "agent");
    let mut e = engine(&inventory_of(vec![of_a_daemonset()]));
    e.next(after(1));
    let orphan = of_a_daemonset().unmanaged();
    e.pod_seen("n1", orphan.clone(), after(2));
    let commands = e.next(after(2));
    answer_get_pod_context(&mut e, &commands, after(2));
    assert_eq!(remaining(&e), 1, "nobody agreed to lose it, and it is not the DaemonSet's any more");
    e.node_read_last("n1", Ok(cordoned(vec![orphan])), after(2));
    assert!(!e.is_drained("n1"));
}

/// The eviction is retried every ten seconds under a budget that allows nothing, and the server answers with another message each time, and once the answer is lost.
#[test]
fn a_pod_that_is_probed_waits_since_the_beginning() {
    let mut e = engine(&guarded(vec![web(1)], 0));
    let mut probes = 0;
    for second in 0..100 {
        for command in e.next(after(second)) {
            match command {
                Command::Evict { uid, .. } => {
                    probes += 1;
                    let verdict = match probes {
                        3 => EvictionAnswer::Unknown { message: "connection reset".into() },
                        5 => EvictionAnswer::NotYet {
                            message: "still being processed".into(),
                            retry_after: SignedDuration::from_secs(10),
                        },
                        n => EvictionAnswer::BudgetSpent {
                            message: format!("needs 2 healthy pods and has {n}"),
                        },
                    };
                    e.answered_last(&uid, verdict, after(second));
                }
                Command::GetPod { uid, .. } => e.pod_read(&uid, Ok(Some(web(1))), after(second)),
                _ => {}
            }
        }
    }
    let state = e.pods().next().unwrap();
    assert!(probes > 6, "{probes}");
    assert_eq!((&state.blocked_by, state.since), (&Some(Blocker::Budget("shop/web".into())), now()));
}

#[test]
fn another_cause_is_a_wait_of_its_own() {
    let mut e = engine(&inventory_of(vec![web(1)]));
    for (second, message) in [(0, "not on Sundays"), (5, "not on Sundays"), (10, "not at night")] {
        e.next(after(second));
        e.answered_last("uid-web-1", EvictionAnswer::Webhook { message: message.into() }, after(second));
    }
    assert_eq!(e.pods().next().unwrap().since, after(10));
}

/// Deleted twenty seconds before the run began, or by somebody else during it.
#[test]
fn a_pod_stops_since_its_deletion_was_requested() {
    let stopping = || {
        web(1).deleted(&after(10).to_string()).edit(json!({"metadata": {"deletionGracePeriodSeconds": 30}}))
    };
    let e = engine(&inventory_of(vec![stopping()]));
    let since = |e: &Engine| e.pods().next().and_then(PodState::stopping_since);
    assert_eq!(since(&e), Some(after(-20)));
    let mut e = engine(&inventory_of(vec![web(1)]));
    e.pod_seen("n1", stopping(), after(5));
    assert_eq!(since(&e), Some(after(-20)));
    e.pod_gone("uid-web-1", after(10));
    assert_eq!(e.pods().next().unwrap().took, Some(SignedDuration::from_secs(30)));
}

#[test]
fn only_the_last_reading_of_a_node_needs_what_is_still_to_be_bound() {
    let last =
        |commands: &[Command]| commands.iter().any(|c| matches!(c, Command::VerifyNode { last: true, .. }));
    let mut e = unread(&inventory_of(vec![web(1)]), options());
    assert!(!last(&e.next(now())), "a pod is to leave before the end");
    e.node_read_last("n1", Ok(NodeNow { awaited: None, ..cordoned(vec![web(1)]) }), now());
    assert_eq!(evicted(&e.next(now())), ["uid-web-1"]);
    e.pod_gone("uid-web-1", after(2));
    assert!(last(&e.next(after(2))));
    e.node_read_last("n1", Ok(cordoned(vec![])), after(2));
    assert!(e.is_drained("n1"));
}

/// Everything that was there went by itself while the node was read without what is still to be bound.
#[test]
fn a_node_is_not_called_drained_by_a_reading_without_what_is_still_to_be_bound() {
    let mut e = unread(&inventory_of(vec![web(1)]), options());
    e.next(now());
    e.node_read_last("n1", Ok(NodeNow { awaited: None, ..cordoned(vec![]) }), after(2));
    assert!(!e.is_done());
    assert_eq!(verified(&e.next(after(3))), ["n1"]);
    e.node_read_last(
        "n1",
        Ok(NodeNow { awaited: Some(vec![pod("shop/db-0", "")]), ..cordoned(vec![]) }),
        after(3),
    );
    assert!(!e.is_done(), "db-0 is on its way");
}

#[test]
fn a_drained_node_that_is_deleted_then_does_not_stop_the_others() {
    let mut s = inventory_of(vec![]);
    s.nodes.push(cluster_model::build::node("n2", json!({})));
    let mut e = unread(&s, options());
    for node in ["n1", "n2"] {
        e.next(after(1));
        e.node_read_last(node, Ok(cordoned(vec![])), after(1));
    }
    assert_eq!(verified(&e.next(after(1))), ["n1"]);
    e.node_read_last("n1", Ok(NodeNow::default()), after(1));
    assert_eq!((e.stopped(), e.is_done(), e.is_drained("n2")), (None, true, true));
    assert!(!e.is_drained("n1") && e.node("n1").is_gone);
}
