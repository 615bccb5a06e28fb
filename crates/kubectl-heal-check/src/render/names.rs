//! Tables whose first column is a name: one that is too long for its column has a line of its own.

use plugin_client::{Line, table};

/// Of the column of a name that has a line of its own.
const INDENT: &str = "    ";

/// `most`: columns that a name may have.
pub fn table_of_names(rows: &[Vec<Line>], most: usize) -> Vec<Line> {
    let is_long = |row: &[Line]| row.first().is_some_and(|name| name.width() > most);
    let beside = |row: &Vec<Line>| match is_long(row) {
        true => [Line::from(INDENT)].into_iter().chain(row.iter().skip(1).cloned()).collect(),
        false => row.clone(),
    };
    let lines = table(&rows.iter().map(beside).collect::<Vec<_>>());
    let above = |row: &Vec<Line>| row.first().filter(|_| is_long(row)).cloned();
    rows.iter().zip(lines).flat_map(|(row, line)| above(row).into_iter().chain([line])).collect()
}

/// What all columns but the first leave of this width.
pub fn room(rows: &[Vec<Line>], width: Option<usize>) -> usize {
    let Some(width) = width else { return usize::MAX };
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(Line::width).max();
    let others: usize = (1..columns).filter_map(widest).map(|it| it + 2).sum();
    width.saturating_sub(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let row = |name: &str| vec![Line::from(name), "heals".into(), "slow 1m".into()];
        let rows = [row("short"), row("a-name-that-is-long")];
        let shown = |width: Option<usize>| -> Vec<String> {
            table_of_names(&rows, room(&rows, width)).iter().map(Line::text).collect()
        };
        let wide = ["short                heals  slow 1m", "a-name-that-is-long  heals  slow 1m"];
        assert_eq!(shown(None), wide);
        assert_eq!(shown(Some(35)), wide);
        assert_eq!(
            shown(Some(34)),
            ["short  heals  slow 1m", "a-name-that-is-long", "       heals  slow 1m"]
        );
    }
}
