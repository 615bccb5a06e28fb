//! The model of the scheduler's filters and the real scheduler agree on these clusters; `make truth` compares many more.

use ::testbed::shared;
use live_tests::truth::{Features, generate, prepare, run};

#[track_caller]
fn agree(seeds: std::ops::RangeInclusive<u64>) {
    prepare(shared());
    for seed in seeds {
        let case = generate(seed, &Features::default());
        let report = run(shared(), &case);
        assert_eq!(report.contradictions().count(), 0, "seed {seed}:\n{}", report.shown(&case));
    }
}

#[test]
fn seeds_1_to_5() {
    agree(1..=5);
}

#[test]
fn seeds_6_to_10() {
    agree(6..=10);
}

#[test]
fn seeds_11_to_15() {
    agree(11..=15);
}

#[test]
fn seeds_16_to_20() {
    agree(16..=20);
}
