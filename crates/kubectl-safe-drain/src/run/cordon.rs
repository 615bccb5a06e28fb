//! Cordons: made before a drain, undone after one that failed, or all that was requested.

use std::time::{Duration, Instant};

use cluster_model::{Finding, NodeExt};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use plugin_client::{Cluster, DryRun, Exit, Failure, Line};
use tokio::time::error::Elapsed;

use super::Run;
use crate::args::OnFailure;
use crate::execute::Reporter;
use crate::execute::cause::OtherCordon;
use crate::execute::event::Event;
use crate::execute::own_cordon::{self, Undone};
use crate::execute::requests::set_unschedulable;
use crate::plan::{NodePlan, Plan};
use crate::render;
use crate::report::{DrainReport, NodeReport, NodeResult};

/// What undoing a cordon may take, all nodes together; `--timeout` is overrun by no more than a second for it.
const UNDO: Duration = Duration::from_secs(10);
/// A state that was left unclear is read again for no longer than this.
const LEARN: Duration = Duration::from_millis(700);
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
            let untouched = |result| NodeReport::untouched(node.name(), before, result);
            if failed.is_some() {
                reports.push(untouched(NodeResult::Refused));
                continue;
            }
            if before != wanted && dry_run != DryRun::Client {
                let request =
                    set_unschedulable(cluster, node.name(), node.uid(), wanted, dry_run == DryRun::Server);
                if let Err(failure) = self.bounds.in_time("the server was asked", request).await {
                    let unclear = failure.code.is_none_or(|code| code >= 500) && dry_run == DryRun::None;
                    if reports.is_empty() && !unclear {
                        return Err(failure);
                    }
                    let mut report = untouched(NodeResult::Refused);
                    if unclear {
                        report.cordoned = outcome(cluster, node.name(), wanted).await;
                        report.result = ended_by(&failure, NodeResult::Failed);
                    }
                    report.reason = Some(failure.to_string());
                    reports.push(report);
                    failed = Some(failure);
                    continue;
                }
            }
            let result = match (dry_run, wanted) {
                (DryRun::None, true) => NodeResult::Cordoned,
                (DryRun::None, false) => NodeResult::Uncordoned,
                _ => NodeResult::Planned,
            };
            let cordoned = Some(if dry_run == DryRun::None { wanted } else { before });
            reports.push(NodeReport { cordoned, ..untouched(result) });
        }
        if let Some(failure) = failed {
            // Some nodes are done and some are not, as in the report.
            self.ui.failure(&failure);
            let report = self.report(reports, Vec::new(), ended_by(&failure, NodeResult::Partial));
            return Ok(report.ended_by(failure.to_string()));
        }
        let result = reports.first().map_or(NodeResult::Refused, |r| r.result);
        Ok(self.report(reports, Vec::new(), result))
    }

    /// All nodes first, so that no pod moves from one to the next. Recreation when each was seen to be cordoned just now; a node that was
    /// cordoned before and is no more is cordoned again, and then counts as cordoned by this run. On failure: how many were done.
    pub(super) async fn cordon(
        &self,
        cluster: &Cluster,
        plan: &mut Plan,
        screen: &mut render::Screen,
        limits: &Limits<impl Future<Output = ()> + Clone>,
    ) -> Result<(), (usize, Failure)> {
        for (index, node) in plan.nodes.iter_mut().enumerate() {
            let now = limits.hold(&node.name, make_sure(cluster, node)).await;
            let cordoned = now.map_err(|failure| (index, failure))?;
            (node.cordoned_before, node.cordoned_as) = (cordoned.before, cordoned.version);
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
            plan.nodes.iter().map(|n| NodeReport::planned(n, NodeResult::Refused)).collect();
        for node in &mut nodes[..done] {
            node.cordoned = Some(true);
            node.result = NodeResult::Cordoned;
            node.was_touched = true;
        }
        // The server refused, or its answer was lost: then the node is read.
        if failure.code.is_none_or(|code| code >= 500) {
            nodes[done].cordoned = outcome(cluster, &plan.nodes[done].name, true).await;
            nodes[done].result = ended_by(&failure, NodeResult::Failed);
        }
        self.undo_cordon(cluster, plan, &mut nodes, deadline).await;
        let changed = nodes.iter().any(|n| n.cordoned != Some(n.cordoned_before));
        let result = ended_by(&failure, if changed { NodeResult::Partial } else { NodeResult::Refused });
        let failure = failure.hint("no pod was evicted");
        self.ui.failure(&failure);
        Ok(self.report(nodes, findings, result).ended_by(failure.to_string()))
    }

    /// `--on-failure=uncordon`: only what this run cordoned. A server that does not answer delays the end for a moment only.
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
        let by_this_run: Vec<(&NodePlan, &mut NodeReport)> =
            plan.nodes.iter().zip(nodes).filter(|(node, report)| self.is_to_undo(node, report)).collect();
        let undo = by_this_run.into_iter().map(|(node, report)| async move {
            let undo = own_cordon::undo(cluster, &node.name, &node.uid, node.cordoned_as.as_deref());
            (tokio::time::timeout_at(until.into(), undo).await, node, report)
        });
        // One that has no answer does not keep the others cordoned.
        let mut answers = stream::iter(undo).buffer_unordered(self.options.concurrency.max(1));
        while let Some((answer, node, report)) = answers.next().await {
            self.undone(answer, node, report);
        }
    }

    fn is_to_undo(&self, node: &NodePlan, report: &NodeReport) -> bool {
        if node.cordoned_before || report.result == NodeResult::Drained || report.is_gone {
            return false;
        }
        if report.uncordoned_by_others && report.cordoned != Some(false) {
            self.ui.warn(kept(&node.name, &OtherCordon::Again));
        }
        !report.uncordoned_by_others && report.cordoned != Some(false)
    }

    fn undone(
        &self,
        answer: Result<Result<Undone, Failure>, Elapsed>,
        node: &NodePlan,
        report: &mut NodeReport,
    ) {
        let answer = answer.unwrap_or_else(|_| {
            report.cordoned = None;
            Err(Failure::failed("cannot uncordon")
                .object(format!("node/{}", node.name))
                .cause("the server does not answer"))
        });
        match answer {
            Ok(undone @ (Undone::Uncordoned | Undone::NoCordon)) => {
                // A cordon that was not answered may still be under way.
                report.cordoned = report.cordoned.map(|_| false);
                if report.result == NodeResult::Cordoned {
                    report.result = NodeResult::Uncordoned;
                }
                if undone == Undone::Uncordoned {
                    let name = Line::new().strong(format!("node/{}", node.name));
                    self.ui.status(&name.plain(" uncordoned again (--on-failure)"));
                }
            }
            Ok(Undone::NoNode) => (report.cordoned, report.is_gone) = (None, true),
            Ok(Undone::Kept(why)) => {
                (report.cordoned, report.uncordoned_by_others) = (Some(true), true);
                self.ui.warn(kept(&node.name, &why));
            }
            Err(failure) => self.ui.failure(&failure.hint(uncordon(&node.name))),
        }
    }
}

fn uncordon(node: &str) -> String {
    format!("kubectl safe-drain {node} --uncordon")
}

fn kept(node: &str, cordon: &OtherCordon) -> String {
    let why = render::cause::other_cordon(cordon);
    format!("node/{node} stays cordoned: {why}; to uncordon it: {}", uncordon(node))
}

fn ended_by(failure: &Failure, otherwise: NodeResult) -> NodeResult {
    match failure.exit {
        Exit::Timeout => NodeResult::Timeout,
        Exit::Interrupted => NodeResult::Interrupted,
        _ => otherwise,
    }
}

/// What ends the cordons early.
pub(super) struct Limits<I> {
    pub deadline: Option<Instant>,
    pub interrupted: I,
}

impl<I: Future<Output = ()> + Clone> Limits<I> {
    async fn hold<T>(
        &self,
        node: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let end = |exit, message: &str| Err(Failure::new(exit, message).object(format!("node/{node}")));
        tokio::select! {
            biased;
            () = self.interrupted.clone() => end(Exit::Interrupted, "interrupted at the cordon"),
            () = late => end(Exit::Timeout, "--timeout passed at the cordon"),
            done = work => done,
        }
    }
}

/// Whose cordon a node has.
struct Cordoned {
    /// Somebody else's, from before.
    before: bool,
    /// The node's resourceVersion with this run's cordon.
    version: Option<String>,
}

/// Was it cordoned already? If not, it is now.
async fn make_sure(cluster: &Cluster, node: &NodePlan) -> Result<Cordoned, Failure> {
    let already = Cordoned { before: true, version: None };
    if node.cordoned_before {
        let api: Api<Node> = Api::all(cluster.client.clone());
        let object = || format!("node/{}", node.name);
        let now = api.get(&node.name).await;
        let now = now.map_err(|e| Failure::from_kube("read the node again", &e).object(object()))?;
        if now.uid() != node.uid {
            return Err(Failure::refused("was replaced by another node of that name").object(object()));
        }
        if now.is_cordoned() {
            return Ok(already);
        }
    }
    let now = set_unschedulable(cluster, &node.name, &node.uid, true, false).await?;
    // Somebody was quicker: then this request changed nothing.
    if own_cordon::is_by_others(&now) {
        return Ok(already);
    }
    Ok(Cordoned { before: false, version: now.metadata.resource_version })
}

/// What became of a request whose answer is not known. Done is certain; not done is not, since the request may still be under way.
async fn outcome(cluster: &Cluster, node: &str, wanted: bool) -> Option<bool> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let read = tokio::time::timeout(LEARN, api.get(node)).await;
    let now = read.ok()?.ok()?.is_cordoned();
    (now == wanted).then_some(wanted)
}
