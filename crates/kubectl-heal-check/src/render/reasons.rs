//! The reasons of cells beside the names of their workloads, or below them where a terminal is too narrow for that.

use plugin_client::Line;

use super::names::table_of_names;

/// In fewer columns a reason takes too many lines.
const READABLE: usize = 56;

/// Each row: a workload, which is empty if it is that of the row before, cells, and their reason.
pub fn lines(rows: &[Vec<Line>], width: Option<usize>) -> Vec<Line> {
    let Some(width) = width else { return table_of_names(rows, usize::MAX) };
    // A longer name is above its row.
    let most = width / 3;
    let widest = |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(Line::width);
    let names = widest(0).filter(|name| *name <= most).max().unwrap_or_default();
    let cells = widest(1).max().unwrap_or_default();
    match width >= names + 2 + cells + 2 + READABLE {
        true => table_of_names(rows, most),
        false => rows.iter().flat_map(|row| below(row)).collect(),
    }
}

fn below(row: &[Line]) -> Vec<Line> {
    let [name, cells, reason] = row else { return row.to_vec() };
    let name = Some(name.clone()).filter(|it| !it.text().trim().is_empty());
    let reason = Line::from("    ").then(cells.clone()).plain(": ").then(reason.clone()).hanging(6);
    name.into_iter().chain([reason]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_has_reasons_on_lines_of_their_own() {
        let row = |name: &str, cells: &str| -> Vec<Line> {
            vec![
                Line::from(format!("  {name}")),
                cells.into(),
                "a reason of many words ".repeat(3).trim().into(),
            ]
        };
        let rows =
            [row("deployment/worker", "crash"), row("", "node loss, zone loss"), row("pod/x", "drain")];
        let shown = |width: usize| -> Vec<String> {
            lines(&rows, Some(width)).iter().flat_map(|it| it.wrapped(width)).map(|it| it.text()).collect()
        };
        assert_eq!(
            shown(80),
            [
                "  deployment/worker",
                "    crash: a reason of many words a reason of many words a reason of many words",
                "    node loss, zone loss: a reason of many words a reason of many words a reason",
                "      of many words",
                "  pod/x",
                "    drain: a reason of many words a reason of many words a reason of many words",
            ]
        );
        let wide = shown(120);
        assert_eq!(wide.len(), 3, "{wide:#?}");
        assert!(wide[1].starts_with("                     node loss, zone loss  a reason"), "{wide:#?}");
        assert_eq!(lines(&rows, None).len(), 3);
    }
}
