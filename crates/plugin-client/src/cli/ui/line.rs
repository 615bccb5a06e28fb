//! A line of text whose parts have roles, and columns of such lines. No I/O.
//!
//! A `Line` cannot hold anything a terminal would obey: every text is sanitized on its way in.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use cluster_model::text::sanitize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a text means; how that looks is decided here alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Plain,
    Strong,
    Good,
    Warn,
    Bad,
    Dim,
    /// Something to type.
    Command,
    /// What to do, in words.
    Advice,
}

impl Role {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Role::Plain => Style::new(),
            Role::Strong => Style::new().bold(),
            Role::Good => colour(AnsiColor::Green),
            Role::Warn => colour(AnsiColor::Yellow).bold(),
            Role::Bad => colour(AnsiColor::Red).bold(),
            Role::Dim => Style::new().dimmed(),
            Role::Command | Role::Advice => colour(AnsiColor::Cyan),
        }
    }
}

/// How a command begins.
const KUBECTL: &str = "kubectl ";

/// `Line::new().plain("node ").strong(name).bad(" not ready")`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Role, String)>,
    /// Where it goes on if it is wrapped; without, the terminal breaks it as it likes.
    hang: Option<usize>,
}

impl Line {
    pub fn new() -> Self {
        Line::default()
    }

    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Plain, text)
    }

    pub fn strong(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Strong, text)
    }

    pub fn good(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Good, text)
    }

    pub fn warn(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Warn, text)
    }

    pub fn bad(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Bad, text)
    }

    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Dim, text)
    }

    pub fn command(self, text: impl AsRef<str>) -> Self {
        self.span(Role::Command, text)
    }

    /// Words in this role, and the command that they may end with, which is to be copied.
    pub fn ending_in_command(self, role: Role, text: &str) -> Self {
        let begins =
            if text.starts_with(KUBECTL) { Some(0) } else { text.find(": kubectl ").map(|at| at + 2) };
        let (words, command) = text.split_at(begins.unwrap_or(text.len()));
        let line = if words.is_empty() { self } else { self.span(role, words) };
        if command.is_empty() { line } else { line.command(command) }
    }

    /// The commands in it, each followed by `flags`.
    pub fn with_flags(&self, flags: &str) -> Line {
        let mut line = self.clone();
        let names_a_cluster =
            |text: &str| [" --context ", " --context=", " --server "].iter().any(|flag| text.contains(flag));
        for (role, text) in &mut line.spans {
            let is_command = text.starts_with(KUBECTL) || text.contains(&format!(": {KUBECTL}"));
            if *role == Role::Command && is_command && !names_a_cluster(text) {
                text.push_str(&sanitize(flags));
            }
        }
        line
    }

    pub fn span(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.spans.push((role, sanitize(text.as_ref()).into_owned()));
        self
    }

    /// This line, then that one.
    pub fn then(mut self, line: impl Into<Line>) -> Self {
        let line = line.into();
        if let Some(hang) = line.hang {
            self.hang = Some(self.width() + hang);
        }
        self.spans.extend(line.spans);
        self
    }

    /// On a terminal that is too narrow it goes on below, indented this far.
    pub fn hanging(mut self, columns: usize) -> Self {
        self.hang = Some(columns);
        self
    }

    /// The same text, all in one role.
    pub fn all(mut self, role: Role) -> Self {
        self.spans.iter_mut().for_each(|span| span.0 = role);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.spans.iter().all(|(_, text)| text.is_empty())
    }

    /// Columns on a terminal.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.width()).sum()
    }

    /// Without roles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// At most `width` columns; what was cut is marked.
    pub fn cut(&self, width: usize) -> Line {
        if self.width() <= width {
            return self.clone();
        }
        let mut left = width.saturating_sub(1);
        let mut line = Line::new();
        for (role, text) in &self.spans {
            let mut kept = String::new();
            for c in text.chars() {
                let columns = c.width().unwrap_or(0);
                if columns > left {
                    line.spans.push((*role, kept));
                    return if width > 0 { line.dim("…") } else { line };
                }
                left -= columns;
                kept.push(c);
            }
            line.spans.push((*role, kept));
        }
        line
    }

    /// Broken between words into lines of at most `width` columns, if it may be (`hanging`). What is to be typed stays in one piece,
    /// and so does a word: both must be fit to be copied.
    pub fn wrapped(&self, width: usize) -> Vec<Line> {
        let Some(hang) = self.hang.filter(|_| self.width() > width) else { return vec![self.clone()] };
        // A column too narrow to read in is no help, but for a few words.
        let below = self.broken(width, hang);
        let few = below.len() <= FEW && below.iter().all(|line| line.width() <= width);
        if hang + NARROW > width && !few { self.broken(width, LITTLE) } else { below }
    }

    fn broken(&self, width: usize, hang: usize) -> Vec<Line> {
        let mut lines = vec![Line::new()];
        // What is on the line now, without the blanks at its end.
        let (mut used, mut blanks) = (0, String::new());
        for (role, text) in &self.spans {
            for piece in pieces(*role, text) {
                if piece.starts_with(' ') {
                    blanks.push_str(piece);
                    continue;
                }
                let columns = piece.width();
                if used > hang && used + blanks.width() + columns > width {
                    lines.push(Line::from(" ".repeat(hang)));
                    used = hang;
                    blanks.clear();
                }
                used += blanks.width() + columns;
                if let Some(line) = lines.last_mut() {
                    if !blanks.is_empty() {
                        line.spans.push((Role::Plain, std::mem::take(&mut blanks)));
                    }
                    line.spans.push((*role, piece.to_owned()));
                }
            }
        }
        lines
    }

    /// With escape sequences for the roles, if `colour`.
    pub(crate) fn render(&self, colour: bool) -> String {
        if !colour {
            return self.text();
        }
        let mut out = String::new();
        for (role, text) in &self.spans {
            match role {
                Role::Plain => out.push_str(text),
                role => {
                    let style = role.style();
                    // Writing to a String cannot fail.
                    let _ = write!(out, "{style}{text}{style:#}");
                }
            }
        }
        out
    }
}

/// Fewer columns than this are not worth hanging in, and then it is indented a little.
const NARROW: usize = 30;
/// Unless this many lines are enough.
const FEW: usize = 3;
const LITTLE: usize = 4;

/// Words and the blanks between them; a command, as it stands behind a colon, is one piece, with all that follows it, and so is one
/// in backquotes, with what follows them up to the next blank.
fn pieces(role: Role, text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let announced = text[..text.len() - rest.len()].ends_with(": ");
        let whole = first != ' ' && (role == Role::Command || announced && rest.starts_with("kubectl "));
        let is_blank = first == ' ';
        let quoted = rest.starts_with("`kubectl ").then(|| rest[1..].find('`').map_or(0, |at| at + 1));
        let blank = |from: usize| rest[from..].find(|c: char| (c == ' ') != is_blank).map(|at| from + at);
        let end = if whole { None } else { blank(quoted.unwrap_or(0)) };
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Line::new().plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Line::new().plain(text)
    }
}

impl From<&Line> for Line {
    fn from(line: &Line) -> Self {
        line.clone()
    }
}

/// Aligned columns without borders, two spaces apart, as kubectl prints them. Rows may be of different lengths.
pub fn table(rows: &[Vec<Line>]) -> Vec<Line> {
    let mut widths = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if column == widths.len() {
                widths.push(0);
            }
            widths[column] = widths[column].max(cell.width());
        }
    }
    rows.iter()
        .map(|row| {
            let last = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            let mut line = Line::new();
            // A column that no row fills is left out.
            let cells = row.iter().enumerate().take(last).filter(|(column, _)| widths[*column] > 0);
            for (column, cell) in cells {
                line.hang = Some(line.width());
                line.spans.extend(cell.spans.iter().cloned());
                if column + 1 < last {
                    line = line.plain(" ".repeat(widths[column] - cell.width() + 2));
                }
            }
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_a_terminal_obeys() {
        let line = Line::new().plain("a\u{1b}[31m").bad("b\nc").then("d\u{202e}");
        assert_eq!(line.text(), "a\\u{1b}[31mb\\ncd\\u{202e}");
        assert_eq!(line.render(false), line.text());
        assert_eq!(Line::new().bad("x").render(true), "\u{1b}[1m\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn a_command_reaches_the_cluster_of_the_run() {
        let shown = |line: Line| line.with_flags(" --context b").text();
        let command = "kubectl get nodes";
        assert_eq!(
            shown(Line::from("to see it:  ").command(command)),
            "to see it:  kubectl get nodes --context b"
        );
        assert_eq!(
            shown(Line::new().command("list them: kubectl get nodes")),
            "list them: kubectl get nodes --context b"
        );
        for line in [
            Line::from("kubectl is not what is typed here"),
            Line::new().command("relax the PDB for the drain"),
            Line::new().command("kubectl get nodes --context c -o wide"),
        ] {
            assert_eq!(shown(line.clone()), line.text());
        }
    }

    #[test]
    fn columns_line_up_by_width() {
        let row = |cells: &[&str]| cells.iter().map(|cell| Line::from(*cell)).collect::<Vec<_>>();
        let lines: Vec<String> =
            table(&[row(&["NAME", "STATE", ""]), row(&["日本", "ok", "x"]), row(&["a-long-name"]), row(&[])])
                .iter()
                .map(Line::text)
                .collect();
        assert_eq!(lines, ["NAME         STATE", "日本         ok     x", "a-long-name", ""]);
    }

    fn wrapped(line: &Line, width: usize) -> Vec<String> {
        line.wrapped(width).iter().map(Line::text).collect()
    }

    #[test]
    fn a_long_last_cell_goes_on_below_itself() {
        let row = |cells: &[&str]| cells.iter().map(|cell| Line::from(*cell)).collect::<Vec<_>>();
        let table = table(&[row(&["error", "one two three four five six seven"])]);
        let line = Line::from("  ").then(&table[0]);
        assert_eq!(wrapped(&line, 39), ["  error  one two three four five six", "         seven"]);
        assert_eq!(wrapped(&line, 40).len(), 2);
        assert_eq!(wrapped(&line, 42), [line.text()]);
        // A short cell is readable in a narrow column.
        assert_eq!(
            wrapped(&line, 24),
            ["  error  one two three", "         four five six", "         seven"]
        );
        // Too narrow for the column.
        assert_eq!(wrapped(&line, 20), ["  error  one two", "    three four five", "    six seven"]);
    }

    #[test]
    fn what_is_to_be_typed_is_never_broken() {
        let command = "kubectl rollback-to deployment/web --status";
        let line = Line::from("to see how: ").command(command).hanging(2);
        assert_eq!(wrapped(&line, 30), ["to see how:".to_owned(), format!("    {command}")]);
        let plain = Line::from(format!("it goes on: {command}")).hanging(2);
        assert_eq!(wrapped(&plain, 30), ["it goes on:".to_owned(), format!("    {command}")]);
        let quoted = Line::from("what it needs: `kubectl auth can-i --list`, and more words").hanging(2);
        assert_eq!(
            wrapped(&quoted, 34),
            ["what it needs:", "  `kubectl auth can-i --list`, and", "  more words"]
        );
        // Nor what was not made for it.
        assert_eq!(wrapped(&Line::from("one two three"), 5), ["one two three"]);
    }

    #[test]
    fn cutting_counts_columns() {
        let line = Line::new().plain("ab").good("日本");
        for (width, text) in
            [(9, "ab日本"), (6, "ab日本"), (5, "ab日…"), (4, "ab…"), (2, "a…"), (1, "…"), (0, "")]
        {
            let cut = line.cut(width);
            assert_eq!(cut.text(), text, "{width}");
            assert!(cut.width() <= width);
        }
    }
}
