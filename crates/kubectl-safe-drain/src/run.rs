//! One run from the command line to the verdict: gather, check, plan, confirm, execute, render.

use std::time::{Duration, Instant};

use cluster_model::text::count;
use cluster_model::{Finding, NodeExt, Severity, Snapshot};
use futures::future::FutureExt;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Cluster, Exit, Failure, Line, Output, Ui, connect, to_json, to_yaml};

use crate::args::{Args, DryRun, OnFailure, Target};
use crate::estimate::{Estimate, estimate};
use crate::execute::event::Event;
use crate::execute::requests::set_unschedulable;
use crate::execute::{Audience, Clock, Drain, End};
use crate::gather::{self, Feeds, Scope};
use crate::options::Options;
use crate::plan::{Plan, plan};
use crate::report::{DrainReport, NodeReport, Verdict};
use crate::{checks, probe, render, rights};

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

/// What undoing a cordon may take, all nodes together; `--timeout` is overrun by no more than a second for it.
const UNDO: Duration = Duration::from_secs(10);
const OVERRUN: Duration = Duration::from_millis(900);
const UNDO_LEAST: Duration = Duration::from_millis(200);

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

    /// `--cordon-only` and `--uncordon`.
    async fn set_unschedulable(&self, cluster: &Cluster, nodes: &[Node]) -> Result<DrainReport, Failure> {
        let wanted = self.args.cordon_only;
        let dry_run = self.args.dry_run;
        let mut reports = Vec::new();
        let mut failed = None;
        for node in nodes {
            let before = node.is_cordoned();
            let untouched = |result| NodeReport {
                name: node.name().into(),
                cordoned: Some(before),
                cordoned_before: before,
                result,
                pods: Vec::new(),
            };
            if failed.is_some() {
                reports.push(untouched(Verdict::Refused));
                continue;
            }
            if before == wanted {
                self.ui.status(&Line::new().strong(format!("node/{}", node.name())).plain(if wanted {
                    " already cordoned"
                } else {
                    " already uncordoned"
                }));
            } else if dry_run != DryRun::Client {
                let request =
                    set_unschedulable(cluster, node.name(), node.uid(), wanted, dry_run == DryRun::Server);
                if let Err(failure) = self.in_time("the server was asked", request).await {
                    if reports.is_empty() {
                        return Err(failure);
                    }
                    failed = Some(failure);
                    reports.push(untouched(Verdict::Refused));
                    continue;
                }
            }
            let result = match (dry_run, wanted) {
                (DryRun::None, true) => Verdict::Cordoned,
                (DryRun::None, false) => Verdict::Uncordoned,
                _ => Verdict::Planned,
            };
            let cordoned = Some(if dry_run == DryRun::None { wanted } else { before });
            reports.push(NodeReport { cordoned, ..untouched(result) });
        }
        if let Some(failure) = failed {
            // Some nodes are done and some are not: the report says which.
            self.ui.failure(&failure);
            return Ok(DrainReport {
                error: Some(failure.to_string()),
                ..self.report(reports, Vec::new(), Verdict::Partial)
            });
        }
        let result = reports.first().map_or(Verdict::Refused, |r| r.result);
        Ok(self.report(reports, Vec::new(), result))
    }

    async fn drain(&self, cluster: &Cluster, target: &Target) -> Result<DrainReport, Failure> {
        let scope = Scope {
            pod_selector: self.args.drain.pod_selector.as_deref(),
            chunk_size: self.args.drain.chunk_size,
        };
        let gathered = self.before_changes(self.gather(cluster, target, &scope)).await?;
        let Gathered { snapshot, feeds, findings, plan, estimate } = gathered;
        let wide = self.args.output == Output::Wide;
        self.show_plan(&plan, &estimate, &findings, wide);
        let blocking = findings.iter().filter(|f| f.blocks()).count();
        if blocking > 0 {
            let only_budgets = findings
                .iter()
                .filter(|f| f.blocks())
                .all(|f| f.id.starts_with("budget") || f.id == "pod-in-several-budgets");
            let result = if only_budgets { Verdict::Blocked } else { Verdict::Refused };
            self.ui.failure(&refusal(&findings, blocking));
            return Ok(self.planned(&plan, findings, result));
        }
        match self.args.dry_run {
            DryRun::Client => Ok(self.planned(&plan, findings, Verdict::Planned)),
            DryRun::Server => {
                let report = self.planned(&plan, findings, Verdict::Planned);
                self.before_changes(probe::probe(cluster, &plan, &self.options, report)).await
            }
            DryRun::None => {
                let asked = Instant::now();
                if !self.confirm(&plan, &findings)? {
                    self.ui.failure(&Failure::refused("declined; nothing was changed"));
                    return Ok(self.planned(&plan, findings, Verdict::Refused));
                }
                // The user's own thinking time is not the run's.
                let deadline = self.deadline.map(|d| d + asked.elapsed());
                self.execute(cluster, &plan, snapshot, feeds, findings, &scope, deadline).await
            }
        }
    }

    async fn gather(
        &self,
        cluster: &Cluster,
        target: &Target,
        scope: &Scope<'_>,
    ) -> Result<Gathered, Failure> {
        let denied = rights::check(cluster, target, &self.options).await;
        match &denied {
            Ok(denied) => rights::refusal(denied).map_or(Ok(()), Err)?,
            // A server that gave no answer at all gives none to the next question either, only later.
            Err(failure) if failure.code.is_none() => {
                return Err(Failure { message: "cannot reach the API server".into(), ..failure.clone() });
            }
            Err(_) => {}
        }
        let nodes = gather::nodes(cluster, target).await?;
        let (snapshot, feeds) = gather::snapshot(cluster, nodes, scope).await?;
        let mut findings = checks::check(&snapshot, &self.options);
        match denied {
            Ok(denied) => findings
                .splice(0..0, rights::findings(cluster, denied, &snapshot, &self.options).await?)
                .for_each(drop),
            Err(failure) => findings.push(rights::not_checked(&failure)),
        }
        self.options.accept(&mut findings);
        let plan = plan(&snapshot, &self.options);
        let estimate = estimate(&plan, &snapshot);
        Ok(Gathered { snapshot, feeds, findings, plan, estimate })
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

    fn show_plan(&self, plan: &Plan, estimate: &Estimate, findings: &[Finding], wide: bool) {
        // The plan is the result of a dry run, and only news in a live one.
        let result = self.args.dry_run != DryRun::None && !self.args.output.is_structured();
        let show = |line: &Line| if result { self.ui.data(line) } else { self.ui.status(line) };
        render::plan(plan, estimate, wide).iter().for_each(show);
        let lines = render::findings(findings, wide);
        if !lines.is_empty() {
            show(&Line::new());
            lines.iter().for_each(show);
        }
        show(&Line::new());
    }

    fn planned(&self, plan: &Plan, findings: Vec<Finding>, result: Verdict) -> DrainReport {
        let nodes = plan.nodes.iter().map(|n| NodeReport::planned(n, result)).collect();
        self.report(nodes, findings, result)
    }

    fn confirm(&self, plan: &Plan, findings: &[Finding]) -> Result<bool, Failure> {
        if self.args.yes {
            return Ok(true);
        }
        let what = match plan.nodes.as_slice() {
            [node] => format!("node/{}", node.name),
            nodes => count(nodes.len(), "node"),
        };
        let warnings = findings
            .iter()
            .filter(|f| f.severity == Severity::Warning || f.severity == Severity::Unknown)
            .count();
        let despite =
            if warnings > 0 { format!(" despite {}", count(warnings, "warning")) } else { String::new() };
        let question = format!("Drain {what}, {} to go{despite}?", count(plan.leaving(), "pod"));
        if checks::loses_data(findings) {
            let word = plan.nodes.first().map(|n| n.name.as_str()).unwrap_or_default();
            return self.ui.confirm_typed(&format!("{question} Data will be lost for good."), word);
        }
        self.ui.confirm(&question)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is one part of what was gathered; a struct would only rename the list"
    )]
    async fn execute(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        snapshot: Snapshot,
        feeds: Feeds,
        findings: Vec<Finding>,
        scope: &Scope<'_>,
        deadline: Option<Instant>,
    ) -> Result<DrainReport, Failure> {
        let interrupted = self.ui.interrupted().shared();
        let mut screen = render::Screen::new(&self.ui, plan.nodes.len());
        if let Err((done, failure)) = self.cordon(cluster, plan, &mut screen, deadline).await {
            drop(screen);
            return self.cordon_refused(cluster, plan, findings, done, failure, deadline).await;
        }
        let drain = Drain { cluster, options: &self.options, scope, clock: Clock::start(), deadline };
        let (engine, end) = drain.run(plan, snapshot, feeds, interrupted, &mut screen).await;
        drop(screen);
        let mut nodes: Vec<NodeReport> =
            plan.nodes.iter().map(|n| crate::report::node(n, &engine, &end)).collect();
        let result = crate::report::overall(&nodes, &end);
        if result != Verdict::Drained {
            self.undo_cordon(cluster, plan, &mut nodes, deadline).await;
        }
        let mut report = self.report(nodes, findings, result);
        match end {
            End::Failed(failure) => {
                report.error = Some(failure.to_string());
                self.ui.failure(&failure);
            }
            End::Stopped(why) => {
                self.ui.failure(&Failure::failed(&why));
                report.error = Some(why);
            }
            _ => {}
        }
        Ok(report)
    }

    /// All nodes first, so that no pod moves from one to the next. On failure: how many had been cordoned by us.
    async fn cordon(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        screen: &mut render::Screen,
        deadline: Option<Instant>,
    ) -> Result<(), (usize, Failure)> {
        for (index, node) in plan.nodes.iter().enumerate() {
            if !node.cordoned_before {
                let left = deadline.map_or(Duration::MAX, |d| d.saturating_duration_since(Instant::now()));
                let request = set_unschedulable(cluster, &node.name, &node.uid, true, false);
                match tokio::time::timeout(left, request).await {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => return Err((index, failure)),
                    Err(_) => {
                        return Err((
                            index,
                            Failure::new(Exit::Timeout, "--timeout passed at the cordon")
                                .object(format!("node/{}", node.name)),
                        ));
                    }
                }
            }
            screen.event(&Event::Cordoned { node: node.name.clone(), before: node.cordoned_before });
        }
        Ok(())
    }

    /// A node that cannot be cordoned is not drained, and neither are the others (kubectl goes on: kubernetes/kubectl#1568).
    async fn cordon_refused(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        findings: Vec<Finding>,
        done: usize,
        failure: Failure,
        deadline: Option<Instant>,
    ) -> Result<DrainReport, Failure> {
        let mut nodes: Vec<NodeReport> =
            plan.nodes.iter().map(|n| NodeReport::planned(n, Verdict::Refused)).collect();
        for node in &mut nodes[..done] {
            node.cordoned = Some(true);
        }
        // The server said no, or its answer was lost: then nobody knows.
        if failure.code.is_none_or(|code| code >= 500) {
            nodes[done].cordoned = None;
        }
        self.undo_cordon(cluster, plan, &mut nodes, deadline).await;
        let changed = nodes.iter().any(|n| n.cordoned != Some(n.cordoned_before));
        let result = match (failure.exit, changed) {
            (Exit::Timeout, _) => Verdict::Timeout,
            (_, true) => Verdict::Partial,
            (_, false) => Verdict::Refused,
        };
        let failure = failure.hint("no pod was evicted");
        self.ui.failure(&failure);
        Ok(DrainReport { error: Some(failure.to_string()), ..self.report(nodes, findings, result) })
    }

    /// `--on-failure=uncordon`: only what this run cordoned. A server that does not answer holds the end up for a moment only.
    async fn undo_cordon(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        nodes: &mut [NodeReport],
        deadline: Option<Instant>,
    ) {
        if self.args.on_failure != OnFailure::Uncordon {
            return;
        }
        let now = Instant::now();
        let until = deadline.map_or(now + UNDO, |d| (d + OVERRUN).min(now + UNDO)).max(now + UNDO_LEAST);
        for (node, report) in plan.nodes.iter().zip(nodes) {
            if node.cordoned_before || report.cordoned != Some(true) || report.result == Verdict::Drained {
                continue;
            }
            let request = set_unschedulable(cluster, &node.name, &node.uid, false, false);
            let answer = tokio::time::timeout_at(until.into(), request).await.unwrap_or_else(|_| {
                report.cordoned = None;
                Err(Failure::failed("cannot uncordon")
                    .object(format!("node/{}", node.name))
                    .cause("the server does not answer"))
            });
            match answer {
                Ok(()) => {
                    report.cordoned = Some(false);
                    self.ui.status(
                        &Line::new()
                            .strong(format!("node/{}", node.name))
                            .plain(" uncordoned again (--on-failure)"),
                    );
                }
                Err(failure) => {
                    self.ui.failure(&failure.hint(format!("kubectl safe-drain {} --uncordon", node.name)))
                }
            }
        }
    }
}

struct Gathered {
    snapshot: Snapshot,
    feeds: Feeds,
    findings: Vec<Finding>,
    plan: Plan,
    estimate: Estimate,
}

fn refusal(findings: &[Finding], blocking: usize) -> Failure {
    let mut ids: Vec<&str> = findings.iter().filter(|f| f.blocks()).map(|f| f.id).collect();
    ids.dedup();
    Failure::refused(format!("{}; nothing was changed", count(blocking, "pre-flight error")))
        .hint(format!("mend what they name, or accept them: --allow {}", ids.join(",")))
}
