//! A drain: gather, check, plan, confirm, execute. The order of the steps, and nothing else.

use std::time::Instant;

use cluster_model::finding::{despite, sort};
use cluster_model::text::{count, span};
use cluster_model::{Finding, Inventory};
use futures::future::FutureExt;
use plugin_client::api::access_review::not_checked;
use plugin_client::{Clock, Cluster, DryRun, Failure, Line, Output};

use super::Run;
use super::cordon::Limits;
use crate::args::Target;
use crate::consent::Consent;
use crate::estimate::{Estimate, estimate};
use crate::execute::engine::limits::STALLED_AFTER;
use crate::execute::{Drain, End};
use crate::gather::{self, Scope};
use crate::options::Options;
use crate::placement::placements;
use crate::plan::{Plan, plan};
use crate::report::{DrainReport, NodeReport, NodeResult};
use crate::{checks, render, rights, server_dry_run};

/// A plan that changes while its question is open is confirmed again, so often at most.
const QUESTIONS: usize = 3;

impl Run<'_> {
    pub(super) async fn drain(&self, cluster: &Cluster, target: &Target) -> Result<DrainReport, Failure> {
        let scope = self.scope();
        let mut gathered = self.bounds.before_changes(Box::pin(self.gather(cluster, target, &scope))).await?;
        for _ in 0..QUESTIONS {
            if let Some(report) = self.before_the_question(cluster, &gathered).await? {
                return Ok(report);
            }
            if self.args.yes {
                // Consent to the plan that was just made.
                return self.execute(cluster, gathered, &scope, self.bounds.until()).await;
            }
            if let Err(failure) = self.confirm(&gathered.plan, &gathered.findings)? {
                self.ui.failure(&failure);
                let report = self.planned(&gathered.plan, &gathered.findings, NodeResult::Refused);
                return Ok(report.ended_by(failure.to_string()));
            }
            // Whatever changed while the question was open was not agreed to.
            let consent = Consent::to(&gathered.plan, &gathered.findings);
            gathered = self.bounds.before_changes(Box::pin(self.gather(cluster, target, &scope))).await?;
            for node in consent.left_out(&gathered.plan) {
                self.ui.warn(format!("node/{node} is not selected any more: it is not drained"));
            }
            let changes = consent.exceeded_by(&gathered.plan, &gathered.findings);
            if changes.is_empty() {
                return self.execute(cluster, gathered, &scope, self.bounds.until()).await;
            }
            self.ui.warn("the plan changed since it was shown; nothing was changed yet");
            changes.iter().for_each(|line| self.ui.plan(&Line::new().plain("  ").plain(line), true));
        }
        let failure = Failure::refused("the plan changed after every confirmation; nothing was changed")
            .hint("check it with --dry-run, then retry");
        self.ui.failure(&failure);
        let report = self.planned(&gathered.plan, &gathered.findings, NodeResult::Refused);
        Ok(report.ended_by(failure.to_string()))
    }

    /// The plan on the screen. A report, if the run ends with it.
    async fn before_the_question(
        &self,
        cluster: &Cluster,
        gathered: &Gathered,
    ) -> Result<Option<DrainReport>, Failure> {
        if let Some(refused) = self.show(gathered) {
            return Ok(Some(refused));
        }
        let (plan, findings) = (&gathered.plan, &gathered.findings);
        let report = self.planned(plan, findings, NodeResult::Planned);
        match self.args.dry_run {
            DryRun::None => Ok(None),
            DryRun::Client => Ok(Some(report)),
            DryRun::Server => self
                .bounds
                .before_changes(server_dry_run::probe(cluster, plan, &self.options, report))
                .await
                .map(Some),
        }
    }

    /// The plan on the screen. A report, if it refuses the drain.
    pub(super) fn show(&self, gathered: &Gathered) -> Option<DrainReport> {
        let (plan, findings) = (&gathered.plan, &gathered.findings);
        self.show_plan(plan, &gathered.estimate, findings);
        let blocking: Vec<&Finding> = findings.iter().filter(|f| f.blocks()).collect();
        if blocking.is_empty() {
            return None;
        }
        let only_budgets =
            blocking.iter().all(|f| f.id.starts_with("budget") || f.id == "pod-in-several-budgets");
        let result = if only_budgets { NodeResult::Blocked } else { NodeResult::Refused };
        let failure = checks::refusal(findings);
        self.ui.failure(&failure);
        Some(self.planned(plan, findings, result).ended_by(failure.to_string()))
    }

    async fn gather(
        &self,
        cluster: &Cluster,
        target: &Target,
        scope: &Scope<'_>,
    ) -> Result<Gathered, Failure> {
        let denied = self.denied(cluster, target).await?;
        if let Ok(denied) = &denied {
            rights::refusal(denied).map_or(Ok(()), Err)?;
        }
        let nodes = gather::nodes(cluster, target, scope).await?;
        let inventory = Box::pin(gather::inventory(cluster, nodes, scope)).await?;
        let mut gathered = Gathered::of(inventory, &self.options);
        let Gathered { inventory, findings, .. } = &mut gathered;
        match denied {
            Ok(denied) => findings
                .splice(0..0, rights::findings(cluster, denied, inventory, &self.options).await?)
                .for_each(drop),
            Err(failure) => findings.push(not_checked(&failure, checks::RIGHTS_NOT_CHECKED)),
        }
        self.options.accept(findings);
        Ok(gathered)
    }

    fn show_plan(&self, plan: &Plan, estimate: &Estimate, findings: &[Finding]) {
        let wide = self.args.output == Output::Wide;
        // The plan is the result of a dry run, and status output in a live one.
        let result = self.args.dry_run != DryRun::None && !self.args.output.is_structured();
        let is_asked =
            !self.args.yes && self.args.dry_run == DryRun::None && !findings.iter().any(Finding::blocks);
        let show = |line: &Line| if result { self.ui.data(line) } else { self.ui.plan(line, is_asked) };
        render::plan(plan, estimate, wide).iter().for_each(show);
        let lines = render::findings(findings, wide);
        if !lines.is_empty() {
            show(&Line::new());
            lines.iter().for_each(show);
        }
        show(&Line::new());
    }

    /// Inside: that it was declined.
    fn confirm(&self, plan: &Plan, findings: &[Finding]) -> Result<Result<(), Failure>, Failure> {
        let what = match plan.nodes.as_slice() {
            [node] => format!("node/{}", node.name),
            nodes => count(nodes.len(), "node"),
        };
        let despite = despite(findings);
        let question = format!("Drain {what} ({}){despite}?", count(plan.evictions(), "pod"));
        if let Some(loss) = checks::permanent_loss(findings) {
            let word = plan.nodes.first().map(|n| n.name.as_str()).unwrap_or_default();
            let yes = self.ui.confirm_typed(&format!("{question} Lost permanently: {loss}."), word)?;
            return Ok(yes.then_some(()).ok_or_else(|| Failure::declined("changed", Some(word))));
        }
        Ok(self.ui.confirm(&question)?.then_some(()).ok_or_else(|| Failure::declined("changed", None)))
    }

    async fn execute(
        &self,
        cluster: &Cluster,
        gathered: Gathered,
        scope: &Scope<'_>,
        deadline: Option<Instant>,
    ) -> Result<DrainReport, Failure> {
        let Gathered { inventory, findings, mut plan, .. } = gathered;
        let interrupted = self.ui.interrupted().shared();
        let mut screen = render::Screen::new(&self.ui, plan.nodes.len());
        let limits = Limits { deadline, interrupted: interrupted.clone() };
        if let Err((done, failure)) = self.cordon(cluster, &mut plan, &mut screen, &limits).await {
            drop(screen);
            return self.cordon_refused(cluster, &plan, findings, done, failure, deadline).await;
        }
        let plan = &plan;
        // The objects' own timestamps are by the server's clock, and compared with it.
        let clock = Clock::at(cluster.now());
        let drain = Drain { cluster, options: &self.options, scope, clock, deadline };
        let (engine, end) = drain.run(plan, inventory, interrupted, &mut screen).await;
        drop(screen);
        let mut nodes: Vec<NodeReport> =
            plan.nodes.iter().map(|n| crate::report::node(n, &engine, &end, clock.now())).collect();
        let (result, why) = (crate::report::overall(&nodes, &end), render::cause::end(&end));
        if result != NodeResult::Drained {
            self.undo_cordon(cluster, plan, &mut nodes, deadline).await;
        }
        let failure = match end {
            End::Failed(failure) => Some(failure),
            End::Stopped { .. } => why.clone().map(Failure::failed),
            End::Stalled(stall) => Some(
                Failure::failed(format!("no progress for {}", span(STALLED_AFTER.as_secs())))
                    .cause(format!("waiting for {}", render::cause::stall(&stall)))
                    .hint("set another limit with --timeout"),
            ),
            // In the result.
            End::Finished | End::Interrupted | End::Timeout => None,
        };
        if let Some(failure) = &failure {
            self.ui.failure(failure);
        }
        let error = failure.map(|failure| failure.to_string()).or(why);
        let report = self.report(nodes, findings, result);
        Ok(match error {
            Some(error) => report.ended_by(error),
            None => report,
        })
    }
}

pub(super) struct Gathered {
    inventory: Inventory,
    pub(super) findings: Vec<Finding>,
    pub(super) plan: Plan,
    pub(super) estimate: Estimate,
}

impl Gathered {
    /// All that follows from an inventory, however it was filled; no finding is accepted yet.
    pub(super) fn of(inventory: Inventory, options: &Options) -> Self {
        let mut findings = checks::check(&inventory, options);
        let placements = placements(&inventory, options);
        findings.extend(checks::room(&inventory, options, &placements));
        sort(&mut findings);
        let plan = plan(&inventory, options).with(&placements);
        let mut estimate = estimate(&plan, &inventory);
        // Such a budget allows something now, and nothing later.
        let deadlocks: Vec<_> = findings.iter().filter(|it| it.id == checks::DEADLOCK).collect();
        if !deadlocks.is_empty() {
            estimate.most_seconds = None;
            estimate.blocked_by.extend(deadlocks.iter().map(|it| it.subject.clone()));
        }
        Gathered { inventory, findings, plan, estimate }
    }
}
