//! `--prove`: pods are evicted, or containers killed, one at a time, and what happens is measured.
//!
//! preflight, plan, conditions (pure) → confirm → execute (I/O) → agreed, timeline, statistics (pure) → render

mod agreed;
mod conditions;
mod consent;
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
mod prepare;
mod refusal;
mod render;
pub mod report;
mod screen;
mod statistics;
mod timeline;

use plugin_client::{Bounds, Cluster, Failure, Line, Ui};

use crate::report::{HealReport, HealResult};
use crate::snapshot::Snapshot;
use consent::{Consent, confirm};
use execute::Proof;
use kill::aftermath::leave_out;
use options::ProofOptions;
use outcome::{End, Round};
pub use preflight::reads;
use prepare::{Prepared, prepare};
use screen::Screen;

/// What a proof works with, besides what was read and found.
pub struct Run<'r> {
    pub ui: &'r Ui,
    pub cluster: &'r Cluster,
    pub options: &'r ProofOptions,
    pub bounds: &'r Bounds,
    /// Of a command that shows the same without a proof; `None` with `--quiet`, which leaves out what to type next.
    pub flags: Option<&'r str>,
}

/// The report with the proof in it, and its lines for people. `judge` makes the report of a snapshot, `read` reads it again.
pub async fn run(
    run: Run<'_>,
    mut snapshot: Snapshot,
    mut report: HealReport,
    judge: impl Fn(&Snapshot) -> HealReport,
    read: impl AsyncFn() -> Result<Snapshot, Failure>,
) -> Result<(HealReport, Vec<Line>), Failure> {
    let Run { ui, cluster, options, bounds, flags } = run;
    ui.status(&heading(&snapshot, cluster, options));
    let prepared = bounds.before_changes(Box::pin(prepare(ui, cluster, options, &snapshot))).await?;
    prepared.show(ui, options);
    let Prepared { plan, unheard, refused, .. } = &prepared;
    if let Some(unheard) = unheard {
        // Looked into for the proof, and a finding like any other.
        snapshot.unheard_stops.push(unheard.clone());
        report = HealReport { seconds: report.seconds, ..judge(&snapshot) };
    }
    if let Some(why) = refused {
        let end = End::Refused(why.clone());
        report.result = result(&end, false);
        report.proof = Some(report::ProofReport::of(&end, &[], &[], render::reason(&end, &[])));
        let mut lines = render::summary(plan, &end, &[], &[], flags);
        lines.extend(render::unheard(&report.findings, ui.width()));
        return Ok((report, lines));
    }
    if confirm(ui, plan, options)? == Consent::Typed {
        let again = async {
            let now = Box::pin(prepare(ui, cluster, options, &read().await?)).await?;
            still_agreed(&prepared, &now, options)
        };
        bounds.before_changes(Box::pin(again)).await?;
    }
    let mut screen = Screen::new(ui, plan.rounds, &plan.subject.namespace);
    let mut proof = Proof::new(cluster, plan, options, bounds.until(), ui.interrupted(), &mut screen);
    let obstacle = async |rounds: &[Round]| {
        let mut snapshot = read().await?;
        leave_out(&mut snapshot, rounds);
        prepare::obstacle(cluster, options, &snapshot, plan).await
    };
    let end = Box::pin(proof.run(obstacle)).await;
    let (rounds, added) = (std::mem::take(&mut proof.rounds), std::mem::take(&mut proof.added));
    drop(proof);
    screen.end();
    ui.status(&Line::new());
    report.result = result(&end, !rounds.is_empty() || !added.is_empty());
    let row = report.workloads.iter_mut().find(|row| row.subject == plan.subject);
    if let Some(matrix) = row.and_then(|row| row.matrix.as_mut()) {
        report::promote(matrix, &end, &rounds);
    }
    report.proof = Some(report::ProofReport::of(&end, &rounds, &added, render::reason(&end, &rounds)));
    let mut lines = render::summary(plan, &end, &rounds, &added, flags);
    lines.extend(render::unheard(&report.findings, ui.width()));
    Ok((report, lines))
}

fn heading(snapshot: &Snapshot, cluster: &Cluster, options: &ProofOptions) -> Line {
    let line = Line::new();
    let line = match snapshot.selected().next() {
        Some(workload) => line.strong(workload.subject.to_string()).plain("  "),
        None => line,
    };
    line.plain(format!("proof by {}, context {}", options.harm.noun(), cluster.context))
}

/// While the question waited, the cluster may have changed: then the answer was about something else.
fn still_agreed(then: &Prepared, now: &Prepared, options: &ProofOptions) -> Result<(), Failure> {
    match now.changes(then) {
        None => Ok(()),
        Some(change) => Err(Failure::refused(format!(
            "something changed since the plan was shown; nothing was {}",
            options.harm.done()
        ))
        .cause(change)),
    }
}

/// How the whole run ended: nothing but the first refusals leave the cluster as it was.
fn result(end: &End, has_changed: bool) -> HealResult {
    match end {
        End::Recovered => HealResult::Ok,
        End::Slow { .. } | End::NotRecovered(_) => HealResult::Failed,
        End::Void(_) => HealResult::Incomplete,
        End::Refused(_) => HealResult::Refused,
        End::Aborted(_) | End::Failed(_) if !has_changed => HealResult::Refused,
        End::Aborted(_) | End::Failed(_) => HealResult::Partial,
        End::Interrupted => HealResult::Interrupted,
        End::Timeout => HealResult::Timeout,
    }
}
