//! One of several rows, picked with the arrow keys. Prompts as in `prompt`; draws on stderr.

use std::fmt;

use dialoguer::Select;
use dialoguer::console::Term;
use dialoguer::theme::Theme;

use super::line::Line;
use super::streams::{is_dumb, palette};
use super::terminal::Ui;
use crate::Failure;

/// The picker needs two rows for itself, and cannot draw on fewer.
const LEAST_ROWS: u16 = 3;
/// What may follow the question when there are several pages.
const PAGE_MARK: usize = " [Page 99/99] ".len();

impl Ui {
    /// Which row: `None` for Esc, q, or without rows. `hint` is the next step where there is no terminal to ask on.
    pub fn select(
        &self,
        question: &str,
        rows: &[Line],
        preselected: usize,
        hint: &str,
    ) -> Result<Option<usize>, Failure> {
        if rows.is_empty() {
            return Ok(None);
        }
        let nowhere = Failure::refused("needs a choice: no terminal to ask on").hint(hint);
        let (height, width) = Term::stderr().size();
        // A dumb terminal cannot redraw what moves.
        if is_dumb() || height < LEAST_ROWS {
            return Err(nowhere);
        }
        let width = usize::from(width);
        let picker = Picker {
            question: Line::from(question).cut(width.saturating_sub(PAGE_MARK + 1)),
            rows: rows.iter().map(|row| row.cut(width.saturating_sub(3))).collect(),
            width,
            colour: palette(&std::io::stderr()) != anstream::ColorChoice::Never,
        };
        let preselected = preselected.min(rows.len() - 1);
        self.ask(nowhere, move |terminal| {
            Select::with_theme(&picker)
                .with_prompt("")
                .items(picker.tokens())
                .default(preselected)
                .report(true)
                .interact_on_opt(terminal)
        })
    }
}

/// dialoguer takes each byte of an item for a column when it clears, and would erase the lines above a long or coloured row:
/// it gets tokens, and only what is written is the row.
struct Picker {
    question: Line,
    rows: Vec<Line>,
    width: usize,
    colour: bool,
}

impl Picker {
    fn tokens(&self) -> impl Iterator<Item = String> {
        (0..self.rows.len()).map(|index| index.to_string())
    }

    fn row(&self, token: &str) -> Line {
        token.parse().ok().and_then(|index: usize| self.rows.get(index)).cloned().unwrap_or_default()
    }
}

impl Theme for Picker {
    fn format_select_prompt(&self, f: &mut dyn fmt::Write, _: &str) -> fmt::Result {
        f.write_str(&self.question.render(self.colour))
    }

    fn format_select_prompt_item(&self, f: &mut dyn fmt::Write, token: &str, active: bool) -> fmt::Result {
        let mark = if active { Line::new().command("> ") } else { Line::from("  ") };
        f.write_str(&mark.then(self.row(token)).render(self.colour))
    }

    fn format_select_prompt_selection(&self, f: &mut dyn fmt::Write, _: &str, token: &str) -> fmt::Result {
        // Without the question: what was picked needs the room.
        let picked = Line::new().dim("selected:").plain(" ").then(self.row(token));
        f.write_str(&picked.cut(self.width.saturating_sub(1)).render(self.colour))
    }
}
