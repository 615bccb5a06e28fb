//! Output that is not read, when there is nothing left but to wait for its reader: the thread that waits handles no signal then. A thread
//! of its own does. Listens to signals and ends the process.

use std::time::{Duration, Instant};

use super::interrupt::Signals;
use super::terminal::Ui;
use super::writer::STARVED;
use crate::Exit;
use crate::mutex::lock;

/// After a signal: a reader that reads nothing for so long is taken for gone.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a second signal.
const HURRY: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(50);

/// The run waits for a reader.
pub(super) struct Flushing<'a>(&'a Ui);

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0.flushing_since) = None;
    }
}

impl Ui {
    pub(super) fn flushing(&self) -> Flushing<'_> {
        *lock(&self.0.flushing_since) = Some(Instant::now());
        Flushing(self)
    }

    /// From here on, a signal ends the process also while it waits for a reader. It is ended only then: a run that still does something
    /// ends by itself.
    pub(crate) fn end_if_unread(&self) -> std::io::Result<()> {
        let ui = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = runtime.block_on(async { Signals::listen() })?;
        std::thread::Builder::new().spawn(move || runtime.block_on(ui.unread(signals)))?;
        Ok(())
    }

    async fn unread(&self, mut signals: Signals) {
        signals.next().await;
        let signalled = Instant::now();
        let mut patience = PATIENCE;
        loop {
            tokio::select! {
                () = signals.next() => patience = HURRY,
                () = tokio::time::sleep(LOOK) => {}
            }
            let since = *lock(&self.0.flushing_since);
            let is_over = |patience| is_unread(since, signalled, Instant::now(), patience);
            if is_over(patience * STARVED) || is_over(patience) && self.0.writer.is_unread() {
                // The thread that would return waits for a reader that does not come, and there is nowhere to report it.
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    }
}

/// Time before the signal does not count: a reader may have been slow and still be there.
fn is_unread(flushing_since: Option<Instant>, signalled: Instant, now: Instant, patience: Duration) -> bool {
    flushing_since.is_some_and(|since| now.saturating_duration_since(since.max(signalled)) >= patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wait_since_the_signal_counts() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let cases = [
            ("nothing is written", None, 9000, PATIENCE, false),
            ("blocked before the signal", Some(0), 5999, PATIENCE, false),
            ("and after it", Some(0), 6000, PATIENCE, true),
            ("a report, read slowly", Some(8500), 9000, PATIENCE, false),
            ("a report that is not read", Some(8000), 9000, PATIENCE, true),
            ("a second signal", Some(0), 5200, HURRY, true),
        ];
        for (case, since, now, patience, unread) in cases {
            assert_eq!(is_unread(since.map(at), at(5000), at(now), patience), unread, "{case}");
        }
    }
}
