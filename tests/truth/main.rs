//! `make truth SEEDS=500 FROM=1 RULES=taints,spread`: random small clusters, each drained in the model and on a real control plane, and the
//! verdicts compared. Prints a table; a contradiction is shown with the smallest cluster that has it, and makes this fail, as does, in a run of 500 seeds, a rule that was hardly exercised.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use live_tests::truth::{Case, Features, Report, Tally, generate, prepare, run, shrink};
use testbed::{Cluster, Options, status};

/// Seeds at a time, each in a room of its own.
const ROOMS: usize = 4;

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
    let features = words.get(2).map_or_else(|| Ok(Features::default()), |list| Features::parse(list))?;
    // No node may become unknown because this machine is busy.
    let options = Options { node_grace: Duration::from_secs(120), ..Options::default() };
    let cluster = Cluster::start(&options).map_err(|error| error.to_string())?;
    prepare(&cluster);
    let (next, tally) = (AtomicU64::new(from), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..ROOMS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let case = generate(seed, &features);
                    let report = attempt(&cluster, &case);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    count(&mut tally, &case, report.as_ref());
                    drop(tally);
                    if let Some(report) = report.filter(|report| report.contradictions().next().is_some()) {
                        show(&cluster, case, report);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    status::line(&format!("\n{}", tally.shown()));
    let shortages = tally.shortages();
    shortages.iter().for_each(|shortage| status::line(shortage));
    Ok(tally.contradictions() == 0 && tally.broken == 0 && shortages.is_empty())
}

/// `None`: it did not come to an end; the panic is on the terminal.
fn attempt(cluster: &Cluster, case: &Case) -> Option<Report> {
    catch_unwind(AssertUnwindSafe(|| run(cluster, case))).ok()
}

fn count(tally: &mut Tally, case: &Case, report: Option<&Report>) {
    tally.seeds += 1;
    match report {
        Some(report) => report.classes.iter().for_each(|class| tally.add(class)),
        None => {
            tally.broken += 1;
            status::line(&format!("seed {} did not come to an end", case.seed));
        }
    }
    if tally.seeds.is_multiple_of(25) {
        status::line(&tally.shown());
    }
}

fn show(cluster: &Cluster, case: Case, report: Report) {
    let kinds = |report: &Report| report.contradictions().map(|(_, kind)| kind).collect::<Vec<_>>();
    let kind = kinds(&report)[0];
    status::line(&format!("seed {}: {:?}\n{}", case.seed, kinds(&report), report.shown(&case)));
    let mut last = report;
    let small = shrink(case, |candidate| {
        let Some(report) = attempt(cluster, candidate).filter(|report| kinds(report).contains(&kind)) else {
            return false;
        };
        last = report;
        true
    });
    status::line(&format!(
        "the smallest cluster that shows it (seed {}):\n{}",
        small.seed,
        last.shown(&small)
    ));
}
