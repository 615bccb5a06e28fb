//! A region at the bottom of the terminal that is redrawn: progress and what is in flight. Draws on stderr.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::Line;
use super::region::to_first_column;
use super::streams::{is_dumb, is_terminal, palette};
use super::terminal::Ui;
use crate::mutex::lock;

/// More is not seen, and costs.
const PAUSE: Duration = Duration::from_millis(100);
/// The columns of bar, counts and time, before the header.
const GAUGE: usize = 46;

/// While it lives, everything else that is printed goes above it. Dropping it clears it.
pub struct Live {
    ui: Ui,
    bar: ProgressBar,
    drawn: Mutex<Option<Instant>>,
}

impl Ui {
    /// `None` where it cannot be drawn (no terminal, TERM=dumb) or is switched off (`--quiet`): then print events as `status` lines.
    pub fn live(&self) -> Option<Live> {
        if self.0.captured.is_some() || self.0.quiet || is_dumb() || !is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(20));
        // The template is a constant, so it is valid.
        if let Ok(style) = ProgressStyle::with_template("{bar:24.green} {pos}/{len} {elapsed}  {msg}") {
            bar.set_style(style.progress_chars("━━─"));
        }
        Some(Live { ui: self.clone(), bar, drawn: Mutex::new(None) })
    }
}

impl Live {
    /// Would `show` draw now? Checking first saves building the lines.
    pub fn due(&self) -> bool {
        lock(&self.drawn).is_none_or(|drawn| drawn.elapsed() >= PAUSE)
    }

    /// Redraws, at most ten times a second: call it on every event and on a tick, and the last state is never missed.
    pub fn show(&self, done: usize, total: usize, header: &Line, lines: &[Line]) {
        if !self.due() {
            return;
        }
        *lock(&self.drawn) = Some(Instant::now());
        let (rows, columns) = Term::stderr().size();
        let (rows, columns) = (usize::from(rows), usize::from(columns));
        let colour = palette(&std::io::stderr()) != anstream::ColorChoice::Never;
        let mut message = header.cut(columns.saturating_sub(GAUGE)).render(colour);
        // A region taller than the terminal could not be cleared again.
        let room = rows.saturating_sub(3).max(1);
        for line in lines.iter().take(room) {
            message.push('\n');
            message.push_str(&line.cut(columns.saturating_sub(1)).render(colour));
        }
        if lines.len() > room {
            let more = Line::new().dim(format!("… and {} more", lines.len() - room));
            message.push('\n');
            message.push_str(&more.render(colour));
        }
        let (ui, bar) = (self.ui.clone(), self.bar.clone());
        self.ui.0.writer.write_frame(move || {
            // From the first frame on, not before: there is nothing yet to keep at the bottom.
            lock(&ui.0.region).get_or_insert_with(|| bar.clone());
            bar.update(|state| {
                state.set_pos(done as u64);
                state.set_len(total as u64);
            });
            bar.set_message(message);
            to_first_column();
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let (ui, bar) = (self.ui.clone(), self.bar.clone());
        self.ui.0.writer.end_frames(move || {
            *lock(&ui.0.region) = None;
            bar.finish_and_clear();
            // Whatever drew here before must not leave the cursor hidden; a failure here cannot be reported anywhere.
            let _ = Term::stderr().show_cursor();
        });
    }
}
