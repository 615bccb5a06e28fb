//! The matrix as columns, and the reasons of its cells.

use plugin_client::{Line, Role};

use crate::dependencies::Impairment;
use crate::matrix::{Cell, Evidence, Matrix, OUTAGE, Verdict};
use crate::report::Row;
use crate::spans;

/// Behind a cell that happened.
pub const OBSERVED: &str = "*";
/// Behind a cell that was proven in this run.
pub const PROVEN: &str = "✓";

pub fn rows(rows: &[&Row]) -> Vec<Vec<Line>> {
    let Some(first) = rows.iter().find_map(|row| row.matrix.as_ref()) else { return Vec::new() };
    let headings = first.cells().into_iter().map(|(name, _)| Line::new().dim(name));
    let mut table = vec![[Line::new().plain(" ")].into_iter().chain(headings).collect()];
    for (row, matrix) in rows.iter().filter_map(|row| Some((row, row.matrix.as_ref()?))) {
        let name = Line::new().plain("  ").strong(row.subject.to_string());
        let cells = matrix.cells().into_iter().map(|(_, cell)| shown(cell));
        table.push([name].into_iter().chain(cells).collect());
    }
    table
}

fn shown(cell: &Cell) -> Line {
    let word = cell.word();
    let role = match cell.verdict {
        Verdict::None => return Line::new().dim(word),
        Verdict::Heals if word != OUTAGE => Role::Good,
        Verdict::Heals | Verdict::Slow | Verdict::Unknown => Role::Warn,
        Verdict::Wont => Role::Bad,
    };
    let line = Line::new().span(role, word);
    let line = match cell.eta_seconds {
        Some(seconds) => line.plain(" ").plain(spans::seconds(seconds)),
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
    for (name, cell) in row.matrix.iter().flat_map(Matrix::cells) {
        if !(wide || matches!(cell.verdict, Verdict::Wont | Verdict::Unknown)) {
            continue;
        }
        let is_same = |other: &Cell| other.reason == cell.reason && (!wide || other.worst == cell.worst);
        match groups.iter_mut().find(|(_, other)| is_same(other)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], cell)),
        }
    }
    let of_cell = |(names, cell): (Vec<&str>, &Cell)| {
        let worst = match &cell.worst {
            Some(worst) if wide && !worst.is_empty() => format!(" (worst: {worst})"),
            _ => String::new(),
        };
        (columns(&names), Line::new().plain(&cell.reason).dim(worst))
    };
    let impaired = impaired_by(row).into_iter().map(|why| ("needs".to_owned(), Line::new().plain(why)));
    let line = |(at, (what, why)): (usize, (String, Line))| {
        // Once for all of its reasons.
        let name = if at == 0 { row.subject.to_string() } else { String::new() };
        vec![Line::new().plain("  ").plain(name), Line::new().plain(what), why]
    };
    groups.into_iter().map(of_cell).chain(impaired).enumerate().map(line).collect()
}

/// One line for each Service.
fn impaired_by(row: &Row) -> Vec<String> {
    let mut by_service: Vec<(&Impairment, Vec<&str>)> = Vec::new();
    for impairment in &row.impaired_by {
        match by_service.iter_mut().find(|(other, _)| other.service == impairment.service) {
            Some((_, domains)) => domains.push(&impairment.domain),
            None => by_service.push((impairment, vec![&impairment.domain])),
        }
    }
    let line = |(Impairment { service, workload, .. }, domains): (&Impairment, Vec<&str>)| match domains
        .as_slice()
    {
        [""] if workload.is_empty() => format!("Service {service}, which selects no pod now"),
        [""] => format!("Service {service} ({workload}), which has no ready pod now"),
        domains => format!("Service {service} ({workload}), which is lost with {}", domains.join(" or ")),
    };
    by_service.into_iter().map(line).collect()
}

/// All but the first are often of one reason, as where nothing recreates the pods.
fn columns(names: &[&str]) -> String {
    match names {
        [first, _, _, _] if *first != "crash" => "all but crash".to_owned(),
        names => names.join(", "),
    }
}
