//! One run from the command line to the verdict.

mod cordon;
mod drain;
mod offline;
mod snapshot;

use std::time::Instant;

use cluster_model::Finding;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Bounds, Cluster, Exit, Failure, Requirement, Ui, connect, publish, publish_roles};

use crate::args::{Args, Target};
use crate::gather::Scope;
use crate::options::Options;
use crate::plan::Plan;
use crate::report::{DrainReport, NodeReport, NodeResult};
use crate::rights::{self, Mode};
use crate::verbs::Verbs;
use crate::{gather, render};

const PLUGIN: &str = "kubectl-safe-drain";

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let target = args.target()?;
    let options = args.options()?;
    let args = args.offline()?;
    if args.print_rbac {
        let roles = rights::roles(&target, &options, Mode::of(&args));
        publish_roles(&ui, args.output, &roles);
        return Ok(Exit::Done);
    }
    if args.snapshot.is_some() && args.output.is_structured() {
        return Err(Failure::usage("--snapshot has no report: omit --output"));
    }
    let started = (Timestamp::now(), Instant::now());
    let run = Run {
        args: &args,
        options,
        ui: ui.clone(),
        bounds: Bounds { ui: ui.clone(), deadline: args.timeout().map(|t| Instant::now() + t) },
        verbs: Verbs::of(&args),
        started,
    };
    if let Some(path) = &args.snapshot {
        let cluster = run.bounds.before_changes(connect(&args.connection, PLUGIN, &ui)).await?;
        return run.snapshot(&cluster, path).await;
    }
    let work = async {
        if let Some(from) = &args.from {
            return run.offline(from, &target).await;
        }
        let cluster = run.bounds.before_changes(connect(&args.connection, PLUGIN, &ui)).await?;
        if args.cordon_only || args.uncordon {
            let nodes = run.bounds.before_changes(run.nodes(&cluster, &target)).await?;
            return run.set_unschedulable(&cluster, &nodes).await;
        }
        Box::pin(run.drain(&cluster, &target)).await
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
    verbs: Verbs,
    started: (Timestamp, Instant),
}

impl Run<'_> {
    fn scope(&self) -> Scope<'_> {
        let drain = &self.args.drain;
        Scope {
            pod_selector: drain.pod_selector.as_deref(),
            chunk_size: drain.chunk_size,
            verbs: &self.verbs,
        }
    }

    /// The rights that are missing, or why that is not known. A server that gave no answer at all gives none to the next question either,
    /// only later.
    async fn denied(
        &self,
        cluster: &Cluster,
        target: &Target,
    ) -> Result<Result<Vec<Requirement>, Failure>, Failure> {
        match rights::check(cluster, target, &self.options, Mode::of(self.args)).await {
            Err(failure) if failure.code.is_none() && !failure.local => {
                Err(Failure { message: "cannot reach the API server".into(), ..failure })
            }
            answer => Ok(answer),
        }
    }

    /// The nodes to cordon or uncordon. No right is found missing when some of them are done: all are asked about before.
    async fn nodes(&self, cluster: &Cluster, target: &Target) -> Result<Vec<Node>, Failure> {
        // Rights that cannot be asked about are no reason to refuse: the server answers the request itself.
        let denied = self.denied(cluster, target).await?.unwrap_or_default();
        rights::plain_refusal(&denied).map_or(Ok(()), Err)?;
        gather::nodes(cluster, target, &self.scope()).await
    }
}

impl Run<'_> {
    fn publish(&self, report: &DrainReport) {
        // Without the time that a person took to answer.
        let seconds = self.started.1.elapsed().saturating_sub(self.ui.prompt_time()).as_secs_f64();
        publish(&self.ui, self.args.output, report, || {
            let selector = self.options.pod_selector.as_deref();
            let overdue = report.result == NodeResult::Timeout;
            let flags = self.args.flags_to_go_on(overdue);
            let mut lines = render::outcome(report, selector, &flags, seconds);
            // Files are of no cluster that is known.
            if self.args.from.is_none() {
                lines.extend(render::after_dry_run(report, &flags));
            }
            lines
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
