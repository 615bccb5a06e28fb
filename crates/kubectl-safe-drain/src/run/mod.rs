//! One run from the command line to the verdict.

mod cordon;
mod drain;

use std::time::Instant;

use cluster_model::Finding;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Exit, Failure, Output, Ui, connect, to_json, to_yaml};

use crate::args::Args;
use crate::options::Options;
use crate::plan::Plan;
use crate::report::{DrainReport, NodeReport, Verdict};
use crate::{gather, render};

const PLUGIN: &str = "kubectl-safe-drain";

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let target = args.target()?;
    let options = args.options()?;
    let started = (Timestamp::now(), Instant::now());
    let run = Run {
        args: &args,
        options,
        ui: ui.clone(),
        started,
        deadline: args.timeout().map(|t| Instant::now() + t),
    };
    let work = async {
        let cluster = run.before_changes(connect(&args.connection, PLUGIN, &ui)).await?;
        if args.cordon_only || args.uncordon {
            let nodes = run.before_changes(gather::nodes(&cluster, &target)).await?;
            return run.set_unschedulable(&cluster, &nodes).await;
        }
        run.drain(&cluster, &target).await
    };
    match work.await {
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
    ui: Ui,
    started: (Timestamp, Instant),
    deadline: Option<Instant>,
}

impl Run<'_> {
    fn publish(&self, report: &DrainReport) {
        match self.args.output {
            Output::Json => self.ui.document(&to_json(report)),
            Output::Yaml => self.ui.document(&to_yaml(report)),
            Output::Text | Output::Wide => {
                for line in render::outcome(report, self.started.1.elapsed().as_secs_f64()) {
                    self.ui.data(&line);
                }
            }
        }
    }

    fn failed(&self, failure: &Failure) -> DrainReport {
        let result = match failure.exit {
            Exit::Refused | Exit::Usage => Verdict::Refused,
            Exit::Timeout => Verdict::Timeout,
            Exit::Interrupted => Verdict::Interrupted,
            _ => Verdict::Failed,
        };
        DrainReport { error: Some(failure.to_string()), ..self.report(Vec::new(), Vec::new(), result) }
    }

    fn report(&self, nodes: Vec<NodeReport>, findings: Vec<Finding>, result: Verdict) -> DrainReport {
        DrainReport {
            kind: "DrainReport",
            result,
            nodes,
            findings,
            error: None,
            started_at: self.started.0.to_string(),
            finished_at: Timestamp::now().to_string(),
        }
    }

    fn planned(&self, plan: &Plan, findings: &[Finding], result: Verdict) -> DrainReport {
        let nodes = plan.nodes.iter().map(|n| NodeReport::planned(n, result)).collect();
        self.report(nodes, findings.to_vec(), result)
    }

    async fn before_changes<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.in_time("the cluster was read; nothing was changed", work).await
    }

    /// Where a deadline or Ctrl-C is simply the end. Handled here rather than left to `start`, so that a report is still printed.
    async fn in_time<T>(
        &self,
        during: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => done,
            () = late => Err(Failure::new(Exit::Timeout, format!("--timeout passed while {during}"))),
            () = self.ui.interrupted() => Err(Failure::new(Exit::Interrupted, format!("interrupted while {during}"))),
        }
    }
}
