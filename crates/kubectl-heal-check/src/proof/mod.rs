//! `--prove`: pods are evicted, or containers killed, one at a time, and what happens is measured.
//!
//! preflight (pure) → plan (pure) → confirm → execute (I/O) → timeline, statistics (pure) → render

mod endpoint_window;
mod event;
mod execute;
pub mod harm;
mod kill;
mod member;
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
use plugin_client::api::eviction::{EvictionAnswer, EvictionRequest, evict};
use plugin_client::{Bounds, Cluster, Failure, Line, Ui};
use serde_json::Value;

use crate::gather::objects;
use crate::matrix;
use crate::report::{HealReport, HealResult};
use crate::rights;
use crate::snapshot::stop::UnheardStop;
use crate::snapshot::{Read, Snapshot, Workload};
use execute::Proof;
use harm::Harm;
use options::ProofOptions;
use outcome::{End, Round};
use plan::Plan;
use preflight::Test;

/// The report with the proof in it, and its lines for people.
pub async fn run(
    ui: &Ui,
    cluster: &Cluster,
    options: &ProofOptions,
    mut snapshot: Snapshot,
    mut report: HealReport,
    bounds: &Bounds,
    judge: impl Fn(&Snapshot) -> HealReport,
) -> Result<(HealReport, Vec<Line>), Failure> {
    let prepare = Box::pin(prepare(ui, cluster, options, &snapshot, &report));
    let Prepared { plan, unheard, refused } = bounds.before_changes(prepare).await?;
    if let Some(unheard) = unheard {
        // Looked into for the proof, and a finding like any other.
        snapshot.unheard_stops.push(unheard);
        report = HealReport { seconds: report.seconds, ..judge(&snapshot) };
    }
    if let Some(why) = refused {
        let end = End::Refused(why);
        report.result = result(&end, &[]);
        report.proof = Some(report::ProofReport::of(&end, &[], render::reason(&end, &[])));
        let mut lines = render::summary(&plan, &end, &[]);
        lines.extend(render::unheard(&report.findings));
        return Ok((report, lines));
    }
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
    let mut lines = render::summary(&plan, &end, &rounds);
    lines.extend(render::unheard(&report.findings));
    Ok((report, lines))
}

/// What was read and asked before the question.
struct Prepared {
    plan: Plan,
    /// The stop signal that a container does not hear.
    unheard: Option<UnheardStop>,
    /// Why the harm has no effect here: with what was found out.
    refused: Option<String>,
}

async fn prepare(
    ui: &Ui,
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
    report: &HealReport,
) -> Result<Prepared, Failure> {
    let harm = options.harm;
    let workload = match snapshot.selected().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        [] => {
            let name = snapshot.not_found.first().map_or("the workload", String::as_str);
            return Err(Failure::refused(format!(
                "{name} is not there, or its pods belong to another workload"
            ))
            .hint("kubectl get deployments,statefulsets,daemonsets"));
        }
        _ => return Err(Failure::refused("more than one workload is meant")),
    };
    let matrices = matrix::matrices(snapshot);
    let matrix = matrices.iter().find(|(it, _)| it.subject == workload.subject).map(|(_, matrix)| matrix);
    ui.status(&Line::new().strong(workload.subject.to_string()).plain(format!(
        "  proof by {}, context {}",
        harm.noun(),
        cluster.context
    )));
    let mut tests = preflight::of_snapshot(snapshot, workload, matrix, &report.findings, options);
    refuse(ui, &tests, harm, None)?;
    let Some(mut plan) = Plan::of(workload, options) else {
        return Err(Failure::refused("its pods belong to several controllers: a rollout is under way"));
    };
    let rights: Vec<_> = rights::for_proof(Some(&workload.subject.namespace), Some(plan.read()), harm)
        .into_iter()
        .filter(|it| it.is_required())
        .map(|it| it.right)
        .collect();
    let missing = access_review::missing(cluster, &rights).await?;
    let dry_run = match harm {
        Harm::Evict => Some(dry_run(cluster, &plan).await),
        Harm::Kill => None,
    };
    let autoscaler = autoscaler(cluster, workload).await?;
    let of_server = preflight::of_server(&missing, dry_run, autoscaler.as_ref(), snapshot.now, &plan);
    tests.extend(of_server);
    let (mut unheard, mut refused, mut hint) = (None, None, None);
    if harm == Harm::Kill && tests.iter().all(|it| it.outcome.is_ok()) {
        let inside =
            Box::pin(kill::prepare::prepare(cluster, snapshot, workload, &plan, options.rounds)).await?;
        tests.extend(inside.tests);
        unheard = inside.unheard;
        let why = tests.iter().find_map(|it| it.outcome.as_ref().err());
        refused = why.filter(|_| unheard.is_some()).cloned();
        match inside.kill {
            Some((kill, rounds)) => (plan.kill, plan.rounds) = (Some(kill), rounds),
            None if refused.is_none() => refuse(ui, &tests, harm, inside.hint)?,
            None => hint = inside.hint,
        }
    } else {
        refuse(ui, &tests, harm, None)?;
    }
    render::preflight(&tests).iter().for_each(|line| ui.status(line));
    ui.status(&Line::new());
    if let Some(hint) = hint {
        ui.hint(hint);
    }
    if refused.is_none() {
        render::plan(&plan, options).iter().for_each(|line| ui.status(line));
        ui.status(&Line::new());
    }
    Ok(Prepared { plan, unheard, refused })
}

async fn dry_run(cluster: &Cluster, plan: &Plan) -> EvictionAnswer {
    let first = plan.members.first().cloned();
    let request = EvictionRequest {
        namespace: plan.subject.namespace.clone(),
        name: first.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        uid: first.map(|it| it.uid).unwrap_or_default(),
        grace_seconds: plan.grace_seconds,
        dry_run: true,
    };
    evict(cluster, &request).await
}

/// As it is now: the snapshot keeps no more of it than its minimum.
async fn autoscaler(cluster: &Cluster, workload: &Workload) -> Result<Option<Value>, Failure> {
    let Some((name, _)) = &workload.autoscaler else { return Ok(None) };
    let api = objects::api(cluster, Read::Autoscalers, Some(&workload.subject.namespace));
    let found = api.get_opt(name).await;
    found.map(|it| it.map(|it| it.value)).map_err(|error| Failure::from_kube("read the autoscaler", &error))
}

fn refuse(ui: &Ui, tests: &[Test], harm: Harm, hint: Option<&str>) -> Result<(), Failure> {
    let failed: Vec<&str> =
        tests.iter().filter_map(|it| it.outcome.as_ref().err().map(String::as_str)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    render::preflight(tests).iter().for_each(|line| ui.status(line));
    let done = harm.done();
    let failure =
        Failure::refused(format!("not ready to be proven; nothing was {done}")).cause(failed.join("; "));
    Err(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// Consent to this plan. An outage is never agreed to by a flag.
fn confirm(ui: &Ui, plan: &Plan, options: &ProofOptions) -> Result<(), Failure> {
    let name = &plan.subject.name;
    let done = options.harm.done();
    let typed = if plan.is_outage() {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "{name} has one pod: without it nothing serves; nothing was {done}"
            ))
            .hint("run it on a terminal, where the outage can be agreed to, or run two replicas"));
        }
        let until = match options.harm {
            Harm::Evict => "it is replaced",
            Harm::Kill => "its container is started again",
        };
        ui.confirm_typed(&format!("{name} has one pod: nothing serves until {until}."), "outage")?
    } else if options.yes {
        true
    } else {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "needs confirmation: no terminal to ask on; nothing was {done}"
            ))
            .hint("the plan is above; to agree to it, pass --yes"));
        }
        let question = match &plan.kill {
            None => format!("Evict pods of {}?", plan.subject),
            Some(kill) => format!("Kill container {} in pods of {}?", kill.container, plan.subject),
        };
        ui.confirm_typed(&question, name)?
    };
    if typed { Ok(()) } else { Err(Failure::refused(format!("declined; nothing was {done}"))) }
}

/// How the whole run ended: nothing but the first refusals leave the cluster as it was.
fn result(end: &End, rounds: &[Round]) -> HealResult {
    match end {
        End::Recovered => HealResult::Ok,
        End::Slow { .. } | End::NotRecovered(_) => HealResult::Failed,
        End::Void(_) => HealResult::Incomplete,
        End::Refused(_) => HealResult::Refused,
        End::Aborted(_) | End::Failed(_) if rounds.is_empty() => HealResult::Refused,
        End::Aborted(_) | End::Failed(_) => HealResult::Partial,
        End::Interrupted => HealResult::Interrupted,
        End::Timeout => HealResult::Timeout,
    }
}
