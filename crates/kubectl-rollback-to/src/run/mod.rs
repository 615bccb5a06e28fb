//! One run from the command line to the verdict. The order of the steps, and nothing else.

mod consent;
mod history;
mod last;
mod load;
mod prepare;
mod rollback;
mod silence;
mod status;

use std::time::Instant;

use cluster_model::Finding;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{Bounds, Exit, Failure, Ui, connect, namespace, publish, publish_roles};

use crate::args::Args;
use crate::journal::{self, Journal};
use crate::options::Options;
use crate::outcome::RolloutResult;
use crate::render;
use crate::report::history::RevisionHistory;
use crate::report::status::{RolloutStatus, StatusResult};
use crate::report::{RollbackReport, WorkloadReport};
use crate::rights;
use crate::workload_selector::Subjects;

const PLUGIN: &str = "kubectl-rollback-to";
/// Requests under way at a time, besides the watches.
const AT_ONCE: usize = 8;

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let started = (Timestamp::now(), Instant::now());
    let ended = carry_out(&args, &ui, started).await;
    // Whatever happens, a program that reads stdout gets a document.
    if let Err(failure) = &ended
        && args.output.is_structured()
    {
        publish_failure(&args, &ui, failure, started.0);
    }
    ended
}

async fn carry_out(args: &Args, ui: &Ui, started: (Timestamp, Instant)) -> Result<Exit, Failure> {
    let subjects = args.subjects()?;
    let options = args.options()?;
    let zone = TimeZone::system();
    // A wrong command line is reported before any request is sent; the server's clock comes later, and decides what
    // is in the future.
    args.wish(Timestamp::now(), &zone)?;
    if args.print_rbac {
        print_roles(args, &options, &subjects, ui)?;
        return Ok(Exit::Done);
    }
    let run = Run {
        args,
        options,
        zone,
        bounds: Bounds { ui: ui.clone(), deadline: args.timeout().map(|t| Instant::now() + t) },
        started,
    };
    let cluster = run.bounds.before_changes(connect(&args.connection, PLUGIN, ui)).await?;
    cluster.limit_requests(AT_ONCE);
    if args.history {
        return Box::pin(run.history(&cluster, &subjects)).await;
    }
    if args.status {
        return Box::pin(run.status(&cluster, &subjects)).await;
    }
    let report = Box::pin(run.rollback(&cluster, &subjects)).await?;
    run.publish(&report);
    Ok(report.result.exit())
}

/// `--print-rbac`: from the command line, the kubeconfig's namespace and, for `--last` without names, the journal.
fn print_roles(args: &Args, options: &Options, subjects: &Subjects, ui: &Ui) -> Result<(), Failure> {
    let namespace = namespace(&args.connection)?;
    let last = match (subjects, Journal::of_user()) {
        (Subjects::Journal, Some(journal)) => journal::last_anywhere(journal.path())?,
        _ => None,
    };
    publish_roles(ui, args.output, &rights::roles(subjects, last.as_ref(), &namespace, options, args.mode()));
    Ok(())
}

fn publish_failure(args: &Args, ui: &Ui, failure: &Failure, started: Timestamp) {
    let (result, error) = (verdict_on(failure), Some(failure.to_string()));
    let none = Vec::new;
    if args.history {
        let report = RevisionHistory { kind: "RevisionHistory", result, workloads: Vec::new(), error };
        publish(ui, args.output, &report, none);
    } else if args.status {
        let result = StatusResult::Unseen(result);
        let report = RolloutStatus { kind: "RolloutStatus", result, workloads: Vec::new(), error };
        publish(ui, args.output, &report, none);
    } else {
        let report = report(Vec::new(), Vec::new(), result, started);
        publish(ui, args.output, &RollbackReport { error, ..report }, none);
    }
}

fn verdict_on(failure: &Failure) -> RolloutResult {
    match failure.exit {
        Exit::Refused | Exit::Usage => RolloutResult::Refused,
        Exit::Timeout => RolloutResult::Timeout,
        Exit::Interrupted => RolloutResult::Interrupted,
        _ => RolloutResult::Failed,
    }
}

fn report(
    workloads: Vec<WorkloadReport>,
    findings: Vec<Finding>,
    result: RolloutResult,
    started: Timestamp,
) -> RollbackReport {
    RollbackReport {
        kind: "RollbackReport",
        result,
        workloads,
        findings,
        error: None,
        started_at: started.to_string(),
        finished_at: Timestamp::now().to_string(),
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
        // Without the time that a person took to answer.
        let seconds = self.started.1.elapsed().saturating_sub(self.bounds.ui.prompt_time()).as_secs_f64();
        publish(&self.bounds.ui, self.args.output, report, || render::outcome(report, seconds));
    }

    fn report(
        &self,
        workloads: Vec<WorkloadReport>,
        findings: Vec<Finding>,
        result: RolloutResult,
    ) -> RollbackReport {
        report(workloads, findings, result, self.started.0)
    }
}
