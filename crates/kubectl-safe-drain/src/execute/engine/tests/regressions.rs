//! Defects that were seen or read once, each as the engine's own test.

use super::*;

#[test]
fn a_list_that_is_older_than_the_watch_makes_no_pod_gone() {
    let mut e = engine(&snapshot(vec![web(1)]));
    e.next(after(1));
    e.pod_gone("uid-web-1", after(2));
    let commands = e.next(after(2));
    assert!(commands.iter().any(|c| matches!(c, Command::Relist { .. })), "{commands:?}");
    // Bound by a scheduler that was late, after the list was made and before its answer came.
    e.pod_seen("n1", web(2), after(2));
    e.relisted_last("n1", Ok(cordoned(vec![])), after(2));
    assert!(!e.is_drained("n1"), "web-2 is there, and the list is older than it");
    assert!(e.pods().any(|p| p.step.uid == "uid-web-2" && p.phase != Phase::Gone));
}

#[test]
fn a_pod_on_a_fresh_list_is_there_whatever_was_thought_of_it() {
    let mut e = engine(&snapshot(vec![web(1)]));
    e.next(after(1));
    e.pod_gone("uid-web-1", after(2));
    e.next(after(2));
    e.relisted_last("n1", Ok(cordoned(vec![web(1)])), after(2));
    assert!(!e.is_drained("n1"));
}

#[test]
fn a_missing_pod_is_not_gone_before_it_was_read() {
    let mut e = engine(&snapshot(vec![web(1)]));
    e.next(after(1));
    e.answered_last("uid-web-1", Verdict::NotFound, after(1));
    assert_ne!(e.pods().next().unwrap().phase, Phase::Gone, "a status code is no proof");
}

#[test]
fn a_node_whose_pods_failed_is_not_drained() {
    let mut e = engine(&snapshot(vec![web(1)]));
    e.next(after(1));
    e.answered_last("uid-web-1", Verdict::Refused { says: "no".into() }, after(1));
    e.next(after(2));
    e.relisted_last("n1", Ok(cordoned(vec![web(1)])), after(2));
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
    let mut e = engine(&snapshot(pods));
    assert_eq!(asked(&e.next(after(1))), ["uid-low"]);
    e.answered_last("uid-low", Verdict::Accepted, after(1));
    assert_eq!(asked(&e.next(after(1))), ["uid-mid"]);
}

/// A Deployment whose template names the node: its ReplicaSet puts each pod back, however often it is evicted.
#[test]
fn pods_that_come_back_are_evicted_a_bounded_number_of_times() {
    let mut e = engine(&snapshot(vec![web(1), web(2)]));
    let mut evictions = 0;
    let mut next = 3;
    for second in 1..200 {
        for command in e.next(after(second)) {
            match command {
                Command::Ask { uid, .. } => {
                    evictions += 1;
                    e.answered_last(&uid, Verdict::Accepted, after(second));
                    e.pod_gone(&uid, after(second));
                    e.pod_seen("n1", web(next), after(second));
                    next += 1;
                }
                Command::Relist { node, .. } => {
                    let pods = vec![web(next - 1), web(next - 2)];
                    e.relisted_last(&node, Ok(cordoned(pods)), after(second));
                }
                _ => {}
            }
        }
    }
    assert!(evictions <= 4, "{evictions} evictions for two pods");
}
