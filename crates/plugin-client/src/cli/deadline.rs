//! What ends a run early: its deadline and Ctrl-C. No I/O of its own.

use std::time::Instant;

use crate::{Exit, Failure, Ui};

/// Handled around each step rather than left to `start`, so that a report is still printed.
#[derive(Clone)]
pub struct Bounds {
    pub ui: Ui,
    /// `--timeout`, without the time of prompts (see `until`); `None` is for ever.
    pub deadline: Option<Instant>,
}

impl Bounds {
    /// The deadline, moved by the time that questions waited for their answers.
    pub fn until(&self) -> Option<Instant> {
        self.deadline.map(|deadline| deadline + self.ui.prompt_time())
    }

    async fn late(&self) {
        let Some(mut until) = self.until() else { return std::future::pending().await };
        while Instant::now() < until {
            tokio::time::sleep_until(until.into()).await;
            // A prompt may have been open meanwhile.
            until = self.until().unwrap_or(until);
        }
    }

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
        tokio::select! {
            done = work => done,
            () = self.late() => Err(Failure::new(Exit::Timeout, format!("--timeout passed while {during}"))),
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

    #[tokio::test]
    async fn the_time_at_a_question_counts_against_nothing() {
        let hour = Duration::from_secs(3600);
        let ui = Ui::captured();
        ui.add_prompt_time(hour);
        // An hour and a half ago, half an hour before the answer.
        let passed = Bounds { ui: ui.clone(), deadline: Instant::now().checked_sub(hour + hour / 2) };
        let now = Bounds { ui: ui.clone(), deadline: Some(Instant::now()) };
        assert!(passed.until() < Some(Instant::now()) && now.until() > Some(Instant::now() + hour / 2));
        assert!(passed.before_changes(std::future::pending::<Result<(), Failure>>()).await.is_err());
        // While the work goes on, too: the prompt is open for longer than the deadline is away.
        let soon =
            Bounds { ui: ui.clone(), deadline: Some(Instant::now() + Duration::from_millis(2) - hour) };
        let prompts = async {
            soon.ui.add_prompt_time(hour);
            while Instant::now() < soon.deadline.unwrap() + hour + Duration::from_millis(5) {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        assert_eq!(soon.before_changes(prompts).await, Ok(()));
    }
}
