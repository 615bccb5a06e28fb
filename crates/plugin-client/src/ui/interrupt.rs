//! Ctrl-C: who handles it. Listens to signals.

use std::sync::atomic::Ordering;

use super::Ui;

impl Ui {
    /// Waits for Ctrl-C. From the first call on, the first one is the caller's to handle; only the second ends the program.
    pub fn interrupted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.interrupts_claimed.store(true, Ordering::Relaxed);
        let mut interrupts = self.0.interrupts.subscribe();
        async move {
            // The sender lives in Ui: if that is gone, nobody can interrupt any more.
            if interrupts.wait_for(|count| *count > 0).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// As if Ctrl-C had been pressed. For tests.
    pub fn interrupt(&self) {
        self.0.interrupts.send_modify(|count| *count += 1);
    }

    /// Ends when an interrupt is left that nobody handles. SIGTERM counts as one: it is how CI cancels.
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
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Inside a runtime only.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Signals {
            #[cfg(unix)]
            interrupt: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(windows)]
    pub(super) async fn next(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}
