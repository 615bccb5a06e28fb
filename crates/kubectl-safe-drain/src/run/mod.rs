//! One run from the command line to the verdict.

mod cordon;
mod drain;

use std::time::Instant;

use cluster_model::Finding;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Bounds, Exit, Failure, Ui, connect, publish};

use crate::args::Args;
use crate::gather::Scope;
use crate::options::Options;
use crate::plan::Plan;
use crate::report::{DrainReport, NodeReport, NodeResult};
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
        bounds: Bounds { ui: ui.clone(), deadline: args.timeout().map(|t| Instant::now() + t) },
        started,
    };
    let work = async {
        let cluster = run.bounds.before_changes(connect(&args.connection, PLUGIN, &ui)).await?;
        if args.cordon_only || args.uncordon {
            let nodes = run.bounds.before_changes(gather::nodes(&cluster, &target, &run.scope())).await?;
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
    bounds: Bounds,
    started: (Timestamp, Instant),
}

impl Run<'_> {
    fn scope(&self) -> Scope<'_> {
        let drain = &self.args.drain;
        Scope { pod_selector: drain.pod_selector.as_deref(), chunk_size: drain.chunk_size }
    }
}

impl Run<'_> {
    fn publish(&self, report: &DrainReport) {
        let seconds = self.started.1.elapsed().as_secs_f64();
        publish(&self.ui, self.args.output, report, || {
            let selector = self.options.pod_selector.as_deref();
            render::outcome(report, selector, &self.args.flags_to_go_on(), seconds)
        });
    }

    fn failed(&self, failure: &Failure) -> DrainReport {
        let result = match failure.exit {
            Exit::Refused | Exit::Usage => NodeResult::Refused,
            Exit::Timeout => NodeResult::Timeout,
            Exit::Interrupted => NodeResult::Interrupted,
            _ => NodeResult::Failed,
        };
        DrainReport { error: Some(failure.to_string()), ..self.report(Vec::new(), Vec::new(), result) }
    }

    fn report(&self, nodes: Vec<NodeReport>, findings: Vec<Finding>, result: NodeResult) -> DrainReport {
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

    fn planned(&self, plan: &Plan, findings: &[Finding], result: NodeResult) -> DrainReport {
        let nodes = plan.nodes.iter().map(|n| NodeReport::planned(n, result)).collect();
        self.report(nodes, findings.to_vec(), result)
    }
}
