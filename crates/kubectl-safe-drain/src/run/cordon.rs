//! Cordons: made before a drain, undone after one that failed, or all that was asked for.

use std::time::{Duration, Instant};

use cluster_model::{Finding, NodeExt};
use k8s_openapi::api::core::v1::Node;
use plugin_client::{Cluster, DryRun, Exit, Failure, Line};

use super::Run;
use crate::args::OnFailure;
use crate::execute::Audience;
use crate::execute::event::Event;
use crate::execute::requests::set_unschedulable;
use crate::plan::Plan;
use crate::render;
use crate::report::{DrainReport, NodeReport, Verdict};

/// What undoing a cordon may take, all nodes together; `--timeout` is overrun by no more than a second for it.
const UNDO: Duration = Duration::from_secs(10);
const OVERRUN: Duration = Duration::from_millis(900);
const UNDO_LEAST: Duration = Duration::from_millis(200);

impl Run<'_> {
    /// `--cordon-only` and `--uncordon`.
    pub(super) async fn set_unschedulable(
        &self,
        cluster: &Cluster,
        nodes: &[Node],
    ) -> Result<DrainReport, Failure> {
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
                if let Err(failure) = self.bounds.in_time("the server was asked", request).await {
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

    /// All nodes first, so that no pod moves from one to the next. On failure: how many had been cordoned by us.
    pub(super) async fn cordon(
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
    pub(super) async fn cordon_refused(
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
    pub(super) async fn undo_cordon(
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
                Err(failure) => self
                    .bounds
                    .ui
                    .failure(&failure.hint(format!("kubectl safe-drain {} --uncordon", node.name))),
            }
        }
    }
}
