//! Safety under every order of answers and events that proptest thinks of.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Input {
    Answer(u8, u8),
    Gone(u8),
    Terminating(u8),
    Budget(i32),
    Look(u8),
    Tick(u8),
    Stop,
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (any::<u8>(), 0..9u8).prop_map(|(p, v)| Input::Answer(p, v)),
        1 => any::<u8>().prop_map(Input::Gone),
        1 => any::<u8>().prop_map(Input::Terminating),
        2 => (0..3i32).prop_map(Input::Budget),
        2 => any::<u8>().prop_map(Input::Look),
        3 => any::<u8>().prop_map(Input::Tick),
        1 => Just(Input::Stop),
    ]
}

fn verdict(n: u8) -> Verdict {
    let says = String::from("x");
    match n {
        0 => Verdict::Gone,
        1 => Verdict::BudgetSpent { says },
        2 => Verdict::NotYet { says, retry_after: SignedDuration::from_secs(10) },
        3 => Verdict::Busy { retry_after: SignedDuration::from_secs(1) },
        4 => Verdict::Conflict,
        5 => Verdict::Unknown { says },
        6 => Verdict::Webhook { says },
        _ => Verdict::Accepted,
    }
}

proptest! {
    #[test]
    fn safety_holds(inputs in proptest::collection::vec(input(), 0..120)) {
        // Six pods: three under one budget, two free, one of a DaemonSet.
        let pods: Vec<Pod> = (0..3).map(web).chain([pod("a/p3", "n1"), pod("a/p4", "n1"), pod("a/ds", "n1").owned_by("apps/v1", "DaemonSet", "d")]).collect();
        let uids: Vec<String> = pods.iter().map(|p| p.uid().to_owned()).collect();
        let mut e = engine_with(&guarded(pods.clone(), 1), Options { concurrency: 2, ..Options::default() });
        let (mut t, mut in_flight, mut accepted, mut doubt) = (now(), BTreeSet::<String>::new(), BTreeSet::<String>::new(), BTreeSet::<String>::new());
        let mut stopped = false;
        for input in inputs {
            let pick = |n: u8| uids[usize::from(n) % uids.len()].clone();
            match input {
                Input::Answer(p, v) => {
                    let Some(uid) = in_flight.iter().nth(usize::from(p) % in_flight.len().max(1)).cloned() else { continue };
                    in_flight.remove(&uid);
                    let v = verdict(v);
                    if v == Verdict::Accepted { prop_assert!(accepted.insert(uid.clone()), "accepted twice: {}", uid); }
                    if matches!(v, Verdict::Unknown { .. } | Verdict::Conflict) { doubt.insert(uid.clone()); }
                    e.answered(&uid, v, t);
                }
                Input::Gone(p) => e.pod_gone(&pick(p), t),
                Input::Terminating(p) => {
                    let pod = pods.iter().find(|x| x.uid() == pick(p)).unwrap().clone();
                    e.pod_seen("n1", terminating(pod), t);
                }
                Input::Budget(n) => e.budget_seen(web_budget(n, 2 + n), t),
                Input::Look(p) => {
                    let uid = pick(p);
                    doubt.remove(&uid);
                    let pod = pods.iter().find(|x| x.uid() == uid).unwrap().clone();
                    e.looked(&uid, Ok(Some(pod)), t);
                }
                Input::Tick(s) => t += SignedDuration::from_millis(i64::from(s) * 100),
                Input::Stop => { stopped = true; e.stop("test"); }
            }
            for command in e.next(t) {
                let Command::Ask { uid, .. } = command else { continue };
                prop_assert!(!stopped, "asked after the stop");
                prop_assert!(uid != "uid-ds", "a DaemonSet's pod");
                prop_assert!(!accepted.contains(&uid), "asked again after it was accepted");
                prop_assert!(!doubt.contains(&uid), "repeated without a look");
                prop_assert!(in_flight.insert(uid), "two requests for one pod");
            }
            prop_assert!(in_flight.iter().filter(|u| u.starts_with("uid-web")).count() <= 1, "one in flight per budget");
            prop_assert!(in_flight.len() <= 2 + uids.len(), "bounded");
            prop_assert!(e.asking() <= 2);
            prop_assert!(e.wake_at(t).is_none_or(|at| at > t), "no busy loop");
        }
    }
}
