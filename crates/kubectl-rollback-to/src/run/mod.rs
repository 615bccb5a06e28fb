//! One run from the command line to the verdict. The order of the steps, and nothing else.

mod history;
mod last;
mod look;
mod prepare;
mod rollback;
mod status;

use std::time::Instant;

use cluster_model::Finding;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{Bounds, Exit, Failure, Ui, connect, publish};

use crate::args::Args;
use crate::options::Options;
use crate::render;
use crate::report::{RollbackReport, Verdict, WorkloadReport};

const PLUGIN: &str = "kubectl-rollback-to";

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let subjects = args.subjects()?;
    let options = args.options()?;
    let zone = TimeZone::system();
    // What is wrong with the command line is said before anybody is asked anything; the server's clock comes later, and says what
    // is in the future.
    args.wish(Timestamp::now(), &zone)?;
    let run = Run {
        args: &args,
        options,
        zone,
        bounds: Bounds { ui: ui.clone(), deadline: args.timeout().map(|t| Instant::now() + t) },
        started: (Timestamp::now(), Instant::now()),
    };
    let connected = run.bounds.before_changes(connect(&args.connection, PLUGIN, &ui)).await;
    if args.history {
        return run.history(&connected?, &subjects).await;
    }
    if args.status {
        return run.status(&connected?, &subjects).await;
    }
    let report = match connected {
        Ok(cluster) => run.rollback(&cluster, &subjects).await,
        Err(failure) => Err(failure),
    };
    match report {
        Ok(report) => {
            run.publish(&report);
            Ok(report.result.exit())
        }
        // Whatever happens, a program that reads stdout gets a report.
        Err(failure) => {
            if args.output.is_structured() {
                run.publish(&run.failed(&failure));
            }
            Err(failure)
        }
    }
}

struct Run<'a> {
    args: &'a Args,
    options: Options,
    zone: TimeZone,
    bounds: Bounds,
    started: (Timestamp, Instant),
}

impl Run<'_> {
    fn publish(&self, report: &RollbackReport) {
        let seconds = self.started.1.elapsed().as_secs_f64();
        publish(&self.bounds.ui, self.args.output, report, || render::outcome(report, seconds));
    }

    fn failed(&self, failure: &Failure) -> RollbackReport {
        let result = match failure.exit {
            Exit::Refused | Exit::Usage => Verdict::Refused,
            Exit::Timeout => Verdict::Timeout,
            Exit::Interrupted => Verdict::Interrupted,
            _ => Verdict::Failed,
        };
        RollbackReport { error: Some(failure.to_string()), ..self.report(Vec::new(), Vec::new(), result) }
    }

    fn report(
        &self,
        workloads: Vec<WorkloadReport>,
        findings: Vec<Finding>,
        result: Verdict,
    ) -> RollbackReport {
        RollbackReport {
            kind: "RollbackReport",
            result,
            workloads,
            findings,
            error: None,
            started_at: self.started.0.to_string(),
            finished_at: Timestamp::now().to_string(),
        }
    }
}
