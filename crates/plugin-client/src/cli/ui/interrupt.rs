//! Ctrl-C, SIGTERM and SIGHUP: who handles them. Listens to signals.

use std::sync::atomic::Ordering;

use super::terminal::Ui;

impl Ui {
    /// Waits for Ctrl-C. From the first call on, the first one is the caller's to handle; only the second ends the program.
    pub fn interrupted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.interrupts_claimed.store(true, Ordering::Relaxed);
        let mut interrupts = self.0.interrupts.subscribe();
        async move {
            // The sender is in Ui: if that is dropped, no interrupt can come any more.
            if interrupts.wait_for(|count| *count > 0).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// As if Ctrl-C had been pressed. For tests.
    pub fn interrupt(&self) {
        self.0.interrupts.send_modify(|count| *count += 1);
    }

    /// Resolves with the next interrupt that was not handled. SIGTERM counts as one (it is how CI cancels), and so does SIGHUP (the
    /// terminal is gone).
    pub(crate) async fn unhandled_interrupt(&self, mut signals: Signals) {
        loop {
            signals.next().await;
            self.interrupt();
            if !self.0.interrupts_claimed.load(Ordering::Relaxed) || *self.0.interrupts.borrow() > 1 {
                return;
            }
        }
    }
}

/// From `listen` on, no signal is lost and none ends the process by itself.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None`: SIGHUP is ignored, as nohup does, so that the run outlives the terminal.
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Inside a runtime only.
    #[cfg(unix)]
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = (!ignores_hang_up()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    #[cfg(windows)]
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Signals { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }

    #[cfg(windows)]
    pub(super) async fn next(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}

/// Where the kernel does not report the mask, a run that has no terminal is left alone.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    use std::io::IsTerminal;
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => hang_up_is_ignored(&status),
        Err(_) => ![
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        ]
        .contains(&true),
    }
}

/// The mask of ignored signals (proc_pid_status(5)); SIGHUP is the first.
#[cfg(unix)]
fn hang_up_is_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_respected() {
        let script = "trap '' HUP; exec cat /proc/self/status";
        let status = std::process::Command::new("sh").args(["-c", script]).output().unwrap().stdout;
        assert!(hang_up_is_ignored(&String::from_utf8(status).unwrap()));
        // Not by a shell's status: under nohup it would have inherited an ignored SIGHUP.
        for (mask, ignored) in [("0", false), ("1", true), ("2", false), ("4003", true), ("none", false)] {
            assert_eq!(hang_up_is_ignored(&format!("Name:\tsh\nSigIgn:\t{mask}\n")), ignored, "{mask}");
        }
        assert!(!hang_up_is_ignored(""));
    }
}
