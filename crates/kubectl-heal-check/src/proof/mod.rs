//! `--prove=evict`: pods are evicted one at a time, and what happens is measured.
//!
//! preflight (pure) → plan (pure) → confirm → execute (I/O) → timeline, statistics (pure) → render

mod event;
mod execute;
mod observed;
pub mod options;
mod outcome;
mod plan;
mod preflight;
mod refusal;
mod render;
pub mod report;
mod statistics;
mod timeline;

use plugin_client::api::access_review;
use plugin_client::api::eviction::{EvictionRequest, evict};
use plugin_client::{Bounds, Cluster, Failure, Line, Ui};
use serde_json::Value;

use crate::gather::objects;
use crate::matrix;
use crate::report::{HealReport, HealResult};
use crate::rights;
use crate::snapshot::{Read, Snapshot, Workload};
use execute::Proof;
use options::ProofOptions;
use outcome::{End, Round};
use plan::Plan;
use preflight::Test;

/// The report with the proof in it, and its lines for people.
pub async fn run(
    ui: &Ui,
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
    mut report: HealReport,
    bounds: &Bounds,
) -> Result<(HealReport, Vec<Line>), Failure> {
    let prepare = prepare(ui, cluster, options, snapshot, &report);
    let plan = bounds.before_changes(prepare).await?;
    confirm(ui, &plan, options)?;
    let mut screen = render::Screen::new(ui, plan.rounds);
    let mut proof = Proof::new(cluster, &plan, options, bounds.until(), ui.interrupted(), &mut screen);
    let end = proof.run().await;
    let rounds = std::mem::take(&mut proof.rounds);
    drop(proof);
    screen.end();
    report.result = result(&end, &rounds);
    let row = report.workloads.iter_mut().find(|row| row.subject == plan.subject);
    if let Some(matrix) = row.and_then(|row| row.matrix.as_mut()) {
        report::promote(matrix, &end, &rounds);
    }
    report.proof = Some(report::ProofReport::of(&end, &rounds, render::reason(&end, &rounds)));
    Ok((report, render::summary(&plan, &end, &rounds)))
}

async fn prepare(
    ui: &Ui,
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
    report: &HealReport,
) -> Result<Plan, Failure> {
    let workload = match snapshot.selected().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        [] => {
            let name = snapshot.not_found.first().map_or("the workload", String::as_str);
            return Err(Failure::refused(format!(
                "{name} is not there, or its pods belong to another workload"
            ))
            .hint(format!("kubectl get deployments,statefulsets,daemonsets -n {}", cluster.namespace)));
        }
        _ => return Err(Failure::refused("more than one workload is meant")),
    };
    let matrices = matrix::matrices(snapshot);
    let matrix = matrices.iter().find(|(it, _)| it.subject == workload.subject).map(|(_, matrix)| matrix);
    ui.status(
        &Line::new()
            .strong(workload.subject.to_string())
            .plain(format!("  proof by eviction, context {}", cluster.context)),
    );
    let mut tests = preflight::of_snapshot(snapshot, workload, matrix, &report.findings, options);
    refuse(ui, &tests)?;
    let Some(plan) = Plan::of(workload, options) else {
        return Err(Failure::refused("its pods belong to several controllers: a rollout is under way"));
    };
    let rights: Vec<_> = rights::for_proof(Some(&workload.subject.namespace), Some(plan.read()))
        .into_iter()
        .filter(|it| it.is_required())
        .map(|it| it.right)
        .collect();
    let missing = access_review::missing(cluster, &rights).await?;
    let first = plan.members.first().cloned();
    let request = EvictionRequest {
        namespace: plan.subject.namespace.clone(),
        name: first.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        uid: first.map(|it| it.uid).unwrap_or_default(),
        grace_seconds: plan.grace_seconds,
        dry_run: true,
    };
    let dry_run = evict(cluster, &request).await;
    let autoscaler = autoscaler(cluster, workload).await?;
    let of_server = preflight::of_server(&missing, dry_run, autoscaler.as_ref(), snapshot.now, &plan);
    tests.extend(of_server);
    refuse(ui, &tests)?;
    render::preflight(&tests).iter().for_each(|line| ui.status(line));
    ui.status(&Line::new());
    render::plan(&plan, options).iter().for_each(|line| ui.status(line));
    ui.status(&Line::new());
    Ok(plan)
}

/// As it is now: the snapshot keeps no more of it than its minimum.
async fn autoscaler(cluster: &Cluster, workload: &Workload) -> Result<Option<Value>, Failure> {
    let Some((name, _)) = &workload.autoscaler else { return Ok(None) };
    let api = objects::api(cluster, Read::Autoscalers, Some(&workload.subject.namespace));
    let found = api.get_opt(name).await;
    found.map(|it| it.map(|it| it.value)).map_err(|error| Failure::from_kube("read the autoscaler", &error))
}

fn refuse(ui: &Ui, tests: &[Test]) -> Result<(), Failure> {
    let failed: Vec<&str> =
        tests.iter().filter_map(|it| it.outcome.as_ref().err().map(String::as_str)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    render::preflight(tests).iter().for_each(|line| ui.status(line));
    Err(Failure::refused("not ready to be proven; nothing was evicted").cause(failed.join("; ")))
}

/// Consent to this plan. An outage is never agreed to by a flag.
fn confirm(ui: &Ui, plan: &Plan, options: &ProofOptions) -> Result<(), Failure> {
    let name = &plan.subject.name;
    let typed = if plan.is_outage() {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "{name} has one pod: without it nothing serves; nothing was evicted"
            ))
            .hint("run it on a terminal, where the outage can be agreed to, or run two replicas"));
        }
        ui.confirm_typed(&format!("{name} has one pod: nothing serves until it is replaced."), "outage")?
    } else if options.yes {
        true
    } else {
        if !ui.can_prompt() {
            return Err(Failure::refused("needs confirmation: no terminal to ask on; nothing was evicted")
                .hint("the plan is above; to agree to it, pass --yes"));
        }
        ui.confirm_typed(&format!("Evict pods of {}?", plan.subject), name)?
    };
    if typed { Ok(()) } else { Err(Failure::refused("declined; nothing was evicted")) }
}

/// How the whole run ended: nothing but the first refusals leave the cluster as it was.
fn result(end: &End, rounds: &[Round]) -> HealResult {
    match end {
        End::Recovered => HealResult::Ok,
        End::Slow { .. } | End::NotRecovered(_) => HealResult::Failed,
        End::Void(_) => HealResult::Incomplete,
        End::Aborted(_) | End::Failed(_) if rounds.is_empty() => HealResult::Refused,
        End::Aborted(_) | End::Failed(_) => HealResult::Partial,
        End::Interrupted => HealResult::Interrupted,
        End::Timeout => HealResult::Timeout,
    }
}
