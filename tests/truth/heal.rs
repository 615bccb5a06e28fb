//! `make truth-heal SEEDS=200 FROM=1`: random small clusters; each cell of the heal matrix compared with what then happens. Prints a table; a
//! contradiction is shown with its seed, its objects and the reason of the cell, and makes this fail, as do times of which too few are right.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use live_tests::truth_heal::{Bounds, Event, Tally, generate, run};
use testbed::{Cluster, Component, Options, status};

/// Seeds at a time, each in a room of its own: most of the time is spent waiting.
const ROOMS: usize = 8;
/// Long enough for a busy machine to renew the leases of nodes that are not meant to be silent.
const DETECTION: Duration = Duration::from_secs(14);

fn main() -> ExitCode {
    match truth() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            status::line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn truth() -> Result<bool, String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| match words.get(index) {
        Some(word) => word.parse().map_err(|_| format!("{word} is not a number")),
        None => Ok(default),
    };
    let (seeds, from) = (number(0, 50)?, number(1, 1)?);
    let leases = (Component::Kwok, "--node-lease-duration-seconds=8".to_owned());
    let options = Options { node_grace: DETECTION, flags: vec![leases], ..Options::default() };
    let cluster = Cluster::start(&options).map_err(|error| error.to_string())?;
    let (next, tally) = (AtomicU64::new(from), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..ROOMS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    one(&cluster, seed, &tally);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    status::line(&format!("\n{}", tally.shown()));
    Ok(tally.contradictions() == 0 && tally.broken == 0 && tally.is_in_time())
}

fn one(cluster: &Cluster, seed: u64, tally: &Mutex<Tally>) {
    let case = generate(
        seed,
        &[Event::NodeSilent, Event::NodeSilent, Event::ZoneSilent, Event::ZoneSilent, Event::NodeDeleted],
    );
    let bounds = Bounds { detection: DETECTION };
    // The panic is on the terminal.
    let report = catch_unwind(AssertUnwindSafe(|| run(cluster, &case, bounds))).ok();
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tally.seeds += 1;
    match report {
        Some(report) => {
            report.judged.iter().for_each(|judged| tally.add(judged));
            tally.void += report.void.len();
            report.void.iter().for_each(|why| status::line(&format!("seed {seed}: void: {why}")));
            if report.contradictions().next().is_some() {
                status::line(&report.shown(&case));
            }
        }
        None => {
            tally.broken += 1;
            status::line(&format!("seed {seed} did not come to an end"));
        }
    }
    if tally.seeds.is_multiple_of(20) {
        status::line(&tally.shown());
    }
}
