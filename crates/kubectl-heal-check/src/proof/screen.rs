//! A proof while it runs: one line a phase, and at the bottom of a terminal what is waited for.

use std::time::Instant;

use plugin_client::{Line, Live, Ui, shell};

use super::event::{Event, Reporter};
use super::timeline::Phase;
use crate::spans::exact;

/// Shows events as they come, and what is waited for at the bottom of a terminal.
pub struct Screen {
    ui: Ui,
    live: Option<Live>,
    rounds: usize,
    namespace: String,
    done: usize,
    /// What happens in the round under way.
    in_flight: Option<String>,
    last: String,
    since: Instant,
}

impl Screen {
    pub fn new(ui: &Ui, rounds: usize, namespace: &str) -> Self {
        Screen {
            ui: ui.clone(),
            live: ui.live(),
            rounds,
            namespace: namespace.to_owned(),
            done: 0,
            in_flight: None,
            last: String::new(),
            since: Instant::now(),
        }
    }

    /// It ended by itself.
    pub fn end(mut self) {
        self.in_flight = None;
    }
}

/// Left by a second Ctrl-C: nobody reports after this.
impl Drop for Screen {
    fn drop(&mut self) {
        self.live = None;
        if let Some(what) = &self.in_flight {
            let line = format!("left while {what}: {}", self.last);
            self.ui.warn(line);
            let command = format!("kubectl get pods -n {} --watch", shell::word(&self.namespace));
            self.ui.hint(Line::new().command(command));
        }
    }
}

impl Reporter for Screen {
    fn event(&mut self, event: &Event) {
        let line = match event {
            Event::Evicting { round, victim, node } => {
                self.in_flight = Some(format!("{victim} was being replaced"));
                self.since = Instant::now();
                Line::new()
                    .strong(format!("round {round} of {}", self.rounds))
                    .plain(format!("  evicting {victim} on {node}"))
                    .hanging(4)
            }
            Event::Killing { round, victim, node, container, signal } => {
                self.in_flight = Some(format!("container {container} of {victim} was being restarted"));
                self.since = Instant::now();
                Line::new()
                    .strong(format!("round {round} of {}", self.rounds))
                    .plain(format!("  {signal} to container {container} of {victim} on {node}"))
            }
            Event::Added { pod, container } => {
                Line::new().plain(format!("  added ephemeral container {container} to {pod}"))
            }
            Event::Waiting { why } => {
                Line::new().plain("  ").warn("waiting").plain(format!("  {why}")).hanging(4)
            }
            Event::Reached { phase, after, pod, node } => {
                let place = if node.is_empty() || *phase != Phase::Scheduled {
                    String::new()
                } else {
                    format!(" on {node}")
                };
                Line::new()
                    .plain(format!("  {:>7}  {:<10}  {pod}{place}", exact(*after), phase.word()))
                    .hanging(21)
            }
            Event::Recovered { round, after } => {
                self.done = *round;
                self.in_flight = None;
                Line::new().plain("  ").good("recovered").plain(format!(" after {}", exact(*after)))
            }
            Event::CoolingDown { seconds } => Line::new().dim(format!("  next round in {}", exact(*seconds))),
            Event::WaitingToLeave => Line::new()
                .warn("interrupted")
                .plain(": waiting for this recovery; Ctrl-C again leaves at once")
                .hanging(2),
        };
        self.ui.status(&line);
    }

    fn draw(&mut self, doing: &str) {
        doing.clone_into(&mut self.last);
        if let Some(live) = self.live.as_ref().filter(|it| it.due()) {
            live.show(self.done, self.rounds, &Line::new().plain(doing), &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_at_once_says_what_was_under_way_and_how_to_watch_it() {
        let ui = Ui::captured();
        let mut screen = Screen::new(&ui, 3, "shop");
        screen.event(&Event::Evicting { round: 1, victim: "web-a".to_owned(), node: "n1".to_owned() });
        drop(screen);
        let shown = ui.err();
        assert!(shown.contains("left while web-a was being replaced"), "{shown}");
        assert!(shown.ends_with("kubectl get pods -n shop --watch\n"), "{shown}");
    }
}
