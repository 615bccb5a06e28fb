//! Whatever comes, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Input {
    Wrote(u8),
    Restored(u8),
    Seen(usize, u8),
    Logged(usize),
    Deleted(u8),
    Unwatchable(usize),
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        (0..6u8).prop_map(Input::Wrote),
        (0..6u8).prop_map(Input::Restored),
        (0..3usize, 0..6u8).prop_map(|(step, state)| Input::Seen(step, state)),
        (0..3usize).prop_map(Input::Logged),
        (0..3u8).prop_map(Input::Deleted),
        (0..3usize).prop_map(Input::Unwatchable),
    ]
}

fn wrote(n: u8) -> Wrote {
    match n {
        0 | 1 => written(),
        2 => Wrote::Already,
        3 => Wrote::Changed { by: "x".into() },
        4 => Wrote::Failed { says: "x".into() },
        _ => Wrote::Unknown { says: "x".into() },
    }
}

proptest! {
    /// Whatever comes in whatever order: nothing is written after a failure, nothing goes back that was not written or twice,
    /// and in the end there is one outcome for each.
    #[test]
    fn in_any_order(
        inputs in prop::collection::vec(input(), 0..60),
        on_failure in prop_oneof![Just(OnFailure::Ask), Just(OnFailure::Restore), Just(OnFailure::Stop)],
        (can_ask, answer, unstick, wait) in any::<(bool, bool, bool, bool)>(),
    ) {
        let mut saga = Saga::new(vec![part("a"), part("b"), part("c")], Rules { on_failure, can_ask, unstick, wait, ..rules() });
        let (mut writing, mut restoring) = (None, None);
        let (mut wrote_any, mut back) = (BTreeSet::new(), BTreeSet::new());
        for input in inputs {
            loop {
                let commands = saga.next(at(0));
                if commands.is_empty() {
                    break;
                }
                for command in commands {
                    match command {
                        Command::Write(step) => {
                            prop_assert!(writing.is_none() && saga.halted.is_none());
                            writing = Some(step);
                        }
                        Command::Restore(step) => {
                            prop_assert!(restoring.is_none() && writing.is_none());
                            prop_assert!(wrote_any.contains(&step) && back.insert(step));
                            prop_assert!(on_failure != OnFailure::Stop && (on_failure == OnFailure::Restore || can_ask && answer));
                            restoring = Some(step);
                        }
                        Command::Ask(question) => {
                            prop_assert!(can_ask);
                            saga.answered(&question, answer);
                        }
                        Command::Delete { .. } => prop_assert!(unstick || can_ask && answer),
                        Command::Watch(_) | Command::Log { .. } | Command::Finish(_) => {}
                    }
                }
            }
            match input {
                Input::Wrote(n) => if let Some(step) = writing.take() {
                    let wrote = wrote(n);
                    if matches!(wrote, Wrote::Written { .. } | Wrote::Unknown { .. }) {
                        wrote_any.insert(step);
                    }
                    saga.wrote(step, wrote, at(0));
                },
                Input::Restored(n) => if let Some(step) = restoring.take() {
                    saga.restored(step, wrote(n), Vec::new());
                },
                Input::Seen(step, state) => {
                    let state = match state {
                        0 => State::Moving,
                        1 => FINE,
                        2 => crashed(),
                        3 => reverted(),
                        4 => stuck("p"),
                        _ => State::Deleted,
                    };
                    saga.seen(step, &progress(state), at(0));
                }
                Input::Logged(step) => saga.logged(step, Vec::new()),
                Input::Deleted(step) => saga.deleted(usize::from(step), "p", Deletion::Failed { says: "x".into() }),
                Input::Unwatchable(step) => saga.unwatchable(step, "x"),
            }
        }
        saga.stop(End::Interrupted);
        prop_assert!(saga.is_done());
        prop_assert_eq!(saga.outcomes().len(), 3);
        for (step, outcome) in saga.outcomes().iter().enumerate() {
            let done = matches!(outcome.result, Verdict::Done | Verdict::Partial);
            prop_assert!(!done || wrote_any.contains(&step) && !back.contains(&step));
        }
    }
}
