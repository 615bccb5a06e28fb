//! Safety and liveness under every order of events that proptest thinks of.

use super::world::{Act, World};
use proptest::prelude::*;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => any::<u8>().prop_map(Act::Serve),
        6 => any::<u8>().prop_map(Act::Answer),
        1 => any::<u8>().prop_map(Act::Repeat),
        1 => any::<u8>().prop_map(Act::Lose),
        1 => any::<u8>().prop_map(Act::Deny),
        5 => any::<u8>().prop_map(Act::News),
        1 => any::<u8>().prop_map(Act::Rewatch),
        3 => any::<u8>().prop_map(Act::Stopped),
        2 => any::<u8>().prop_map(Act::Bind),
        1 => (0..3i32).prop_map(Act::Budget),
        2 => (0..4u8).prop_map(Act::Seconds),
    ]
}

fn run(acts: &[Act], pinned: bool) -> Result<World, TestCaseError> {
    let mut world = World::new(pinned);
    for act in acts {
        world.act(act).map_err(TestCaseError::fail)?;
        world.judge_claims().map_err(TestCaseError::fail)?;
    }
    world.run_to_the_end().map_err(TestCaseError::fail)?;
    world.judge_claims().map_err(TestCaseError::fail)?;
    Ok(world)
}

/// A run is thousands of steps; PROPTEST_CASES still asks for more of them.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_set { default.cases } else { 48 }, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn it_ends_and_claims_what_is_so(acts in proptest::collection::vec(act(), 0..150)) {
        run(&acts, false)?;
    }

    #[test]
    fn pods_that_are_recreated_are_evicted_a_bounded_number_of_times(acts in proptest::collection::vec(act(), 0..150)) {
        let world = run(&acts, true)?;
        prop_assert!(world.engine.stalled().is_some() || !world.engine.is_drained("n1"));
        prop_assert!(world.requests_made < 600, "{} requests", world.requests_made);
    }

    #[test]
    fn an_uncordon_ends_it(before in proptest::collection::vec(act(), 0..60), after in proptest::collection::vec(act(), 0..60)) {
        let acts: Vec<Act> = before.into_iter().chain([Act::Uncordon(1), Act::Uncordon(0)]).chain(after).collect();
        // The simulation checks the claims: a node that is called drained was cordoned when it was read last.
        run(&acts, false)?;
    }

    #[test]
    fn it_may_be_stopped_at_any_point(acts in proptest::collection::vec(act(), 0..80), more in proptest::collection::vec(act(), 0..40)) {
        let mut world = World::new(false);
        for act in &acts {
            world.act(act).map_err(TestCaseError::fail)?;
        }
        world.engine.stop(crate::execute::cause::Stop::Ended);
        let made = world.requests_made;
        for act in &more {
            world.act(act).map_err(TestCaseError::fail)?;
            world.judge_claims().map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(world.requests_made, made, "a request after the end");
    }
}
