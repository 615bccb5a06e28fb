//! The past of a workload: as a table, one revision in full, and as rows to pick from. Newest first.

mod images;
#[cfg(test)]
mod tests;
mod times;

use cluster_model::managed_fields::template_writer::written;
use cluster_model::rollout::{Revision, images as images_of};
use cluster_model::text::{count, shorten};
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{Line, Role, table, to_yaml};
use serde_json::Value;

use crate::choose::{Past, last_healthy};
use crate::health::{Health, Verdict};
use crate::history::history_of;
use crate::report::history::{HistoryOf, RevisionReport};
use crate::time_arg::{show, zone_name};
use times::{active_times, lasting, legend, since};

/// What fits on a terminal: the longest evidence of health and the longest cause; 0 leaves the column out.
#[derive(Clone, Copy)]
struct Columns {
    evidence: usize,
    cause: usize,
    by: bool,
    times: Times,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    /// How long it was active, since when and until when.
    All,
    Since,
    No,
}

impl Columns {
    const fn new(evidence: usize, cause: usize, by: bool, times: Times) -> Self {
        Columns { evidence, cause, by, times }
    }

    /// What `-o wide` shows besides, of what there is.
    fn left_out(self, past: Past<'_>, report: &HistoryOf) -> Vec<&'static str> {
        let any = |has: fn(&RevisionReport) -> bool| report.revisions.iter().any(has);
        let evidence = past.health.iter().any(|health| !health.evidence.is_empty());
        let times = match self.times {
            Times::All => None,
            Times::Since => Some("how long each was active"),
            Times::No => Some("when each was active"),
        };
        [
            times,
            (self.evidence == 0 && evidence).then_some("the evidence of health"),
            (!self.by && any(|it| it.written_by.is_some())).then_some("who wrote it"),
            (self.cause == 0 && any(|it| it.change_cause.is_some())).then_some("the change causes"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// After a change cause that is known to be of another rollout.
pub const INHERITED: &str = " (inherited)";

const UNLIMITED: Columns = Columns::new(usize::MAX, usize::MAX, true, Times::All);
/// The first that fits is taken. The change cause is what `kubectl rollout history` shows: other columns are left out before it.
const COLUMNS: [Columns; 10] = [
    Columns::new(64, 60, true, Times::All),
    Columns::new(48, 40, true, Times::All),
    Columns::new(48, 40, false, Times::All),
    Columns::new(32, 32, false, Times::All),
    Columns::new(24, 24, false, Times::All),
    Columns::new(0, 24, false, Times::All),
    Columns::new(0, 16, false, Times::Since),
    Columns::new(0, 16, false, Times::No),
    Columns::new(0, 0, false, Times::Since),
    Columns::new(0, 0, false, Times::No),
];

/// `report` is that of the same workload, and may have fewer revisions. `width`: of the terminal, if it goes to one.
pub fn history(
    past: Past<'_>,
    report: &HistoryOf,
    zone: &TimeZone,
    wide: bool,
    width: Option<usize>,
) -> Vec<Line> {
    let Some(width) = width.filter(|_| !wide) else {
        return table_of(past, report, zone, wide, UNLIMITED);
    };
    let has_cause = report.revisions.iter().any(|reported| reported.change_cause.is_some());
    let with = |columns: Columns| {
        let columns = Columns { cause: if has_cause { columns.cause } else { 0 }, ..columns };
        (columns, table_of(past, report, zone, wide, columns))
    };
    let free = |lines: &[Line]| lines.iter().map(|line| width.checked_sub(line.width())).min().flatten();
    let all = COLUMNS.map(with);
    let [.., (_, narrowest)] = &all;
    let fitting = all.iter().find_map(|(columns, lines)| Some((*columns, lines.clone(), free(lines)?)));
    let Some((columns, mut lines, rest)) = fitting else {
        return narrowest.iter().map(|line| line.cut(width)).collect();
    };
    // What is free is the cause's.
    let longer = with(Columns { cause: columns.cause + rest, ..columns });
    if columns.cause > 0 && free(&longer.1).is_some() {
        lines = longer.1;
    }
    let left_out = columns.left_out(past, report);
    if !left_out.is_empty() {
        lines.push(Line::new().dim(format!("-o wide also shows {}", left_out.join(", "))).hanging(2));
    }
    lines
}

fn table_of(past: Past<'_>, report: &HistoryOf, zone: &TimeZone, wide: bool, columns: Columns) -> Vec<Line> {
    let id = &past.rollout.id;
    let (listed, all) = (report.revisions.len(), past.rollout.revisions.len());
    let some = if listed < all { format!("{listed} of ") } else { String::new() };
    let kept = format!("{some}{}", count(all, "revision"));
    let mut lines = vec![Line::new().strong(id.to_string()).plain(format!(" in {}: {kept}", id.namespace))];
    if past.rollout.revisions.is_empty() {
        return lines;
    }
    let zone_name = zone_name(zone, past.now);
    let active = match columns.times {
        Times::All => Some(format!("ACTIVE ({zone_name})")),
        Times::Since => Some(format!("SINCE ({zone_name})")),
        Times::No => None,
    };
    let mut head = vec!["  REVISION"];
    head.extend(active.as_deref());
    head.extend((columns.times == Times::All).then_some("FOR"));
    head.extend(["HEALTHY", "IMAGE"]);
    head.extend(columns.by.then_some("BY"));
    head.extend((columns.cause > 0).then_some("CAUSE"));
    let mut rows: Vec<Vec<Line>> = vec![head.into_iter().map(|title| Line::new().dim(title)).collect()];
    let mut times = Vec::new();
    for (index, revision) in past.rollout.revisions.iter().enumerate().rev() {
        let Some(reported) = report.revisions.iter().find(|reported| reported.name == revision.name) else {
            continue;
        };
        let last = past.timeline.of(index).next_back();
        let mut row = vec![number(past, index)];
        let cells = match (columns.times, last) {
            (Times::All, Some((at, stretch))) => vec![active_times(stretch, zone), lasting(past, at)],
            (Times::All, None) => vec![Line::new(), Line::new()],
            (Times::Since, Some((_, stretch))) => vec![since(stretch, zone)],
            (Times::Since, None) => vec![Line::new()],
            (Times::No, _) => Vec::new(),
        };
        row.extend(cells.iter().cloned());
        times.extend(cells);
        row.extend([healthy(&past.health[index], columns.evidence), images::changed(past, index, wide)]);
        row.extend(columns.by.then(|| reported.written_by.as_deref().unwrap_or_default().into()));
        row.extend((columns.cause > 0).then(|| cause(reported, columns.cause)));
        rows.push(row);
    }
    lines.extend(table(&rows));
    lines.extend(footnotes(past, &times));
    lines
}

/// What the marks in the cells with times mean, and what is not in the table.
fn footnotes(past: Past<'_>, times: &[Line]) -> Vec<Line> {
    let mut notes = legend(times);
    if past.rollout.current().is_none() {
        notes.push(
            "the live template is not listed: the controller has not created its revision yet".to_owned(),
        );
    }
    notes.into_iter().map(|note| Line::new().dim(note)).collect()
}

/// `* 7 (was 1,3)`; `2 (web-5c9f)` where another revision has the same number.
fn number(past: Past<'_>, index: usize) -> Line {
    let revision = &past.rollout.revisions[index];
    let line = if past.rollout.current() == Some(index) {
        Line::new().strong(format!("* {}", revision.number))
    } else {
        Line::from(format!("  {}", revision.number))
    };
    let name = past.rollout.shares_number(index).then(|| revision.name.clone());
    let notes: Vec<String> = name.into_iter().chain(was(revision).map(|was| format!("was {was}"))).collect();
    if notes.is_empty() { line } else { line.dim(format!(" ({})", notes.join(", "))) }
}

fn was(revision: &Revision) -> Option<String> {
    let numbers: Vec<String> = revision.also_known_as.iter().map(i64::to_string).collect();
    (!numbers.is_empty()).then(|| numbers.join(","))
}

fn healthy(health: &Health, longest: usize) -> Line {
    let line = verdict(health);
    if longest == 0 {
        return line;
    }
    let evidence = shorten(&health.evidence, longest);
    if evidence.is_empty() { line } else { line.dim(format!(": {evidence}")) }
}

fn verdict(health: &Health) -> Line {
    let (role, word) = match health.verdict {
        Verdict::Healthy => (Role::Good, "healthy"),
        Verdict::Unhealthy => (Role::Bad, "unhealthy"),
        Verdict::Likely => (Role::Plain, "likely"),
        Verdict::Unknown => (Role::Dim, "unknown"),
    };
    Line::new().span(role, word)
}

fn cause(reported: &RevisionReport, longest: usize) -> Line {
    let line = Line::from(shorten(reported.change_cause.as_deref().unwrap_or_default(), longest));
    if reported.change_cause_inherited { line.dim(INHERITED) } else { line }
}

/// One revision in full. `template` is its own, with what may be secret hidden already.
pub fn revision(past: Past<'_>, index: usize, template: &Value, zone: &TimeZone) -> Vec<Line> {
    let (rollout, revision) = (past.rollout, &past.rollout.revisions[index]);
    let reported = &history_of(past).revisions[index];
    let marked = if reported.current { ", the current one" } else { "" };
    let head = format!("{} in {}, revision {}{marked}", rollout.id, rollout.id.namespace, revision.number);
    let mut facts: Vec<(&str, Line)> = Vec::new();
    let mut fact = |key, value: Line| {
        if !value.is_empty() {
            facts.push((key, value));
        }
    };
    fact("earlier numbers", was(revision).unwrap_or_default().into());
    fact("kept as", format!("{}/{}", rollout.id.kind.revision_plural(), revision.name).into());
    fact("first made", revision.created.map(|at| show(at, zone)).unwrap_or_default().into());
    let mut times = Vec::new();
    for (at, stretch) in past.timeline.of(index).rev() {
        let (zone_name, lasting) = (zone_name(zone, past.now), lasting(past, at));
        let lasting = if lasting.is_empty() { lasting } else { Line::from(", for ").then(lasting) };
        let active = active_times(stretch, zone).plain(format!(" ({zone_name})")).then(lasting);
        times.push(active.clone());
        fact("active", active);
    }
    fact("health", healthy(&past.health[index], usize::MAX));
    for (name, image) in images_of(&revision.template) {
        fact("image", format!("{name}={image}").into());
    }
    fact("cause", cause(reported, usize::MAX));
    if let Some(written) = written(&rollout.object).filter(|_| reported.current) {
        let what = format!("{} ({}, {})", written.manager, written.operation, show(written.at, zone));
        fact("written by", what.into());
    }
    let rows: Vec<Vec<Line>> =
        facts.into_iter().map(|(key, value)| vec![Line::new().dim(key), value]).collect();
    let mut lines = vec![Line::new().strong(head)];
    lines.extend(table(&rows));
    lines.extend(legend(&times).into_iter().map(|note| Line::new().dim(note)));
    lines.push(Line::new());
    lines.extend(to_yaml(template).lines().map(Line::from));
    lines
}

/// One row a revision, the index of each into `Rollout::revisions`, and which row to begin with: the last healthy one.
pub fn picker_rows(past: Past<'_>, zone: &TimeZone) -> (Vec<Line>, Vec<usize>, usize) {
    let indices: Vec<usize> = (0..past.rollout.revisions.len()).rev().collect();
    let healthy = last_healthy(past);
    let report = history_of(past);
    let row = |&index: &usize| {
        let last = past.timeline.of(index).next_back().map(|(_, stretch)| stretch);
        let mark = match (&past.health[index], healthy == Some(index)) {
            (health, false) => verdict(health),
            (Health { verdict: Verdict::Healthy, .. }, true) => Line::new().good("last healthy"),
            (_, true) => Line::new().good("last healthy").dim(" (inferred)"),
        };
        vec![
            number(past, index),
            mark,
            images::changed(past, index, false),
            last.map_or_else(Line::new, |stretch| active_times(stretch, zone)),
            cause(&report.revisions[index], 40).all(Role::Dim),
        ]
    };
    let rows = table(&indices.iter().map(row).collect::<Vec<_>>());
    // Nothing is known to be healthy: then the one before.
    let first =
        indices.iter().position(|&index| Some(index) == healthy).unwrap_or(usize::from(rows.len() > 1));
    (rows, indices, first)
}
