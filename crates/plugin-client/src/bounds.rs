//! What ends a run early: its deadline and Ctrl-C. No I/O of its own.

use std::time::Instant;

use crate::{Exit, Failure, Ui};

/// Handled around each step rather than left to `start`, so that a report is still printed.
#[derive(Clone)]
pub struct Bounds {
    pub ui: Ui,
    /// `--timeout`; `None` is for ever.
    pub deadline: Option<Instant>,
}

impl Bounds {
    /// Where nothing was changed yet.
    pub async fn before_changes<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.in_time("the cluster was read; nothing was changed", work).await
    }

    /// Where a deadline or Ctrl-C is simply the end. `during` completes "interrupted while …".
    pub async fn in_time<T>(
        &self,
        during: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => done,
            () = late => Err(Failure::new(Exit::Timeout, format!("--timeout passed while {during}"))),
            () = self.ui.interrupted() => Err(Failure::new(Exit::Interrupted, format!("interrupted while {during}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn end(deadline: Option<Instant>, ui: Ui) -> String {
        let bounds = Bounds { ui, deadline };
        let endless = std::future::pending::<Result<(), Failure>>();
        bounds.before_changes(endless).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn work_ends_at_the_deadline_and_at_ctrl_c() {
        let soon = Instant::now() + Duration::from_millis(1);
        assert_eq!(
            end(Some(soon), Ui::captured()).await,
            "--timeout passed while the cluster was read; nothing was changed"
        );
        let ui = Ui::captured();
        ui.interrupt();
        assert_eq!(end(None, ui).await, "interrupted while the cluster was read; nothing was changed");
        let free = Bounds { ui: Ui::captured(), deadline: None };
        assert_eq!(free.in_time("it was counted", async { Ok(1) }).await, Ok(1));
    }
}
