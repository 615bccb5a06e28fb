//! Pods without a node: an autoscaler may provision one, or nothing is reported.

use super::*;

/// The autoscalers' own events: a node that is on its way is waited for, a refusal is a fault.
#[test]
fn a_pod_that_a_new_node_is_coming_for_has_no_fault() {
    let event = |reason: &str, message: &str, by: &str, second: u32| {
        json!({"reason": reason, "message": message, "source": {"component": by},
        "lastTimestamp": at(second), "involvedObject": {"kind": "Pod", "uid": "uid-web-1"}})
    };
    let up = |second| {
        event("TriggeredScaleUp", "pod triggered scale-up: [{a 1->2 (max: 3)}]", "cluster-autoscaler", second)
    };
    let nominated =
        |second| event("Nominated", "Pod should schedule on: nodeclaim/default-x7k2p", "karpenter", second);
    let scheduler =
        |second| event("FailedScheduling", "0/3 nodes are available", "default-scheduler", second);
    let refused =
        |reason: &str, by: &str, second| event(reason, "incompatible with nodepool \"default\"", by, second);
    let preempting = json!({"status": {"nominatedNodeName": "n7"}});
    let cases: Vec<(&str, Value, Vec<Value>, Option<&str>)> = vec![
        ("no event", json!({}), vec![], None),
        ("the scheduler alone", json!({}), vec![scheduler(40)], None),
        ("cluster-autoscaler", json!({}), vec![up(20)], Some("pod triggered scale-up")),
        ("Karpenter", json!({}), vec![nominated(20)], Some("nodeclaim/default-x7k2p")),
        (
            "the scheduler tries again",
            json!({}),
            vec![nominated(20), scheduler(40)],
            Some("nodeclaim/default-x7k2p"),
        ),
        (
            "with another message",
            json!({}),
            vec![event("Launching", "created nodeclaim/x for it", "other", 20)],
            Some("nodeclaim/x"),
        ),
        ("nominated by the scheduler", preempting.clone(), vec![scheduler(40)], Some("n7")),
        (
            "nominated, and refused",
            preempting,
            vec![refused("NotTriggerScaleUp", "cluster-autoscaler", 30)],
            Some("n7"),
        ),
        (
            "cluster-autoscaler gives up",
            json!({}),
            vec![up(20), refused("NotTriggerScaleUp", "cluster-autoscaler", 30)],
            None,
        ),
        (
            "Karpenter gives up",
            json!({}),
            vec![nominated(20), refused("FailedScheduling", "karpenter", 30)],
            None,
        ),
        (
            "and finds a way after all",
            json!({}),
            vec![refused("FailedScheduling", "karpenter", 30), nominated(40)],
            Some("nodeclaim"),
        ),
    ];
    for (case, edit, events, expected) in cases {
        let found = explain(&unbound("Unschedulable", "0/3 nodes").edit(edit), &events).unwrap();
        assert_eq!(found.new_node, expected.is_some(), "{case}: {found}");
        if let Some(message) = expected {
            assert!(
                found.message.starts_with("waiting for a new node") && found.message.contains(message),
                "{case}: {found}"
            );
        }
    }
    // A pod that is bound has its node.
    assert_eq!(explain(&slow(), &[nominated(20)]).map(|found| found.new_node), Some(false));
}

/// kubernetes#112180
#[test]
fn a_pod_that_no_scheduler_processes_has_an_issue_after_a_while() {
    let made = || {
        pod("shop/web-1", "").edit(json!({"metadata": {"creationTimestamp": START},
            "spec": {"schedulerName": "nobody"}, "status": {"phase": "Pending", "conditions": []}}))
    };
    let none: [Value; 0] = [];
    let found = explain(&made(), &none).unwrap();
    assert_eq!(found.to_string(), "NotScheduled: scheduler \"nobody\" has not processed it: is it running?");
    assert_eq!((found.hard, found.not_before), (false, Some("2026-01-01T00:00:15Z".parse().unwrap())));
    let bound = made().edit(json!({"spec": {"nodeName": "n1"}}));
    let gone = made().deleted("2026-01-01T00:00:30Z");
    let scheduled =
        made().edit(json!({"status": {"conditions": [{"type": "PodScheduled", "status": "True"}]}}));
    for (case, pod) in [("bound", bound), ("on its way out", gone), ("scheduled", scheduled)] {
        assert_eq!(explain(&pod, &none), None, "{case}");
    }
}
