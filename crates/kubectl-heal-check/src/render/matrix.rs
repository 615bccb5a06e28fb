//! The matrix as columns, and the reasons of its cells.

use cluster_model::text::span;
use plugin_client::{Line, Role};

use crate::matrix::{Cell, Evidence, Verdict};
use crate::report::Row;

/// Behind a cell that happened.
pub const OBSERVED: &str = "*";
/// Behind a cell that was proven in this run.
pub const PROVEN: &str = "✓";

pub fn rows(rows: &[&Row]) -> Vec<Vec<Line>> {
    let Some(first) = rows.first() else { return Vec::new() };
    let headings = first.matrix.cells().into_iter().map(|(name, _)| Line::new().dim(name));
    let mut table = vec![[Line::new().plain(" ")].into_iter().chain(headings).collect()];
    for row in rows {
        let name = Line::new().plain("  ").strong(row.subject.to_string());
        let cells = row.matrix.cells().into_iter().map(|(_, cell)| shown(cell));
        table.push([name].into_iter().chain(cells).collect());
    }
    table
}

fn shown(cell: &Cell) -> Line {
    let (word, role) = match cell.verdict {
        Verdict::None => return Line::new().dim("-"),
        Verdict::Heals => ("heals", Role::Good),
        Verdict::Slow => ("slow", Role::Warn),
        Verdict::Wont => ("won't", Role::Bad),
        Verdict::Unknown => ("unknown", Role::Warn),
    };
    let line = Line::new().span(role, word);
    let line = match cell.eta_seconds {
        Some(seconds) => line.plain(" ").plain(span(seconds)),
        None => line,
    };
    match cell.evidence {
        Evidence::Observed => line.plain(OBSERVED),
        Evidence::Proven => line.plain(PROVEN),
        Evidence::Predicted | Evidence::Unknown => line,
    }
}

/// Why cells are as they are: those that do not heal or are not known, with `wide` all. Cells of one reason share a line.
pub fn reasons(row: &Row, wide: bool) -> Vec<Vec<Line>> {
    let mut groups: Vec<(Vec<&str>, &Cell)> = Vec::new();
    for (name, cell) in row.matrix.cells() {
        if !(wide || matches!(cell.verdict, Verdict::Wont | Verdict::Unknown)) {
            continue;
        }
        let is_same = |other: &Cell| other.reason == cell.reason && (!wide || other.worst == cell.worst);
        match groups.iter_mut().find(|(_, other)| is_same(other)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], cell)),
        }
    }
    let line = |(at, (names, cell)): (usize, (Vec<&str>, &Cell))| {
        let worst = match &cell.worst {
            Some(worst) if wide && !worst.is_empty() => format!(" (worst: {worst})"),
            _ => String::new(),
        };
        // Once for all of its reasons.
        let name = if at == 0 { row.subject.to_string() } else { String::new() };
        vec![
            Line::new().plain("  ").plain(name),
            Line::new().plain(columns(&names)),
            Line::new().plain(&cell.reason).dim(worst),
        ]
    };
    groups.into_iter().enumerate().map(line).collect()
}

/// All but the first are often of one reason, as where nothing recreates the pods.
fn columns(names: &[&str]) -> String {
    match names {
        [first, _, _, _] if *first != "crash" => "all but crash".to_owned(),
        names => names.join(", "),
    }
}
