//! The heal matrix and what then happens agree on these clusters; `make truth-heal` compares many more.

use ::testbed::{Options, shared};
use live_tests::truth_heal::{Bounds, Event, generate, run};

/// A deleted node takes a minute to be noticed, and is left to `make truth-heal`.
const LAST: [Event; 2] = [Event::NodeSilent, Event::ZoneSilent];

#[test]
fn cells_come_true_on_six_clusters() {
    let bounds = Bounds { detection: Options::default().node_grace };
    std::thread::scope(|scope| {
        let runs = (1..=6).map(|seed| {
            scope.spawn(move || {
                let case = generate(seed, &LAST);
                let report = run(shared(), &case, bounds);
                assert_eq!(report.contradictions().count(), 0, "{}", report.shown(&case));
                report.judged.len()
            })
        });
        let runs: Vec<_> = runs.collect();
        let judged: usize = runs.into_iter().map(|run| run.join().unwrap()).sum();
        assert!(judged >= 10, "only {judged} cells were judged");
    });
}
