//! Between two rounds: the workload has to be as it was before the first one.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::stream::StreamExt;
use plugin_client::Failure;

use super::{FRAME, Proof, at};
use crate::proof::event::Event;
use crate::proof::outcome::{End, Round};

/// Doubled each time: a look reads as much as the one after the question.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Proof<'_> {
    /// The interval, and until all pods are ready.
    pub(super) async fn cool_down(&mut self, recovery: Duration) -> Result<(), End> {
        let wait = self.options.cool_down(recovery);
        self.reporter.event(&Event::CoolingDown { seconds: wait });
        self.until(Instant::now() + wait, "waiting before the next round", |_| false).await?;
        let all = self.plan.members.len();
        let until = Instant::now() + self.options.recovery_at_most(0);
        self.until(until, "waiting until all pods are ready", |it| it.observed.ready().len() == all).await?;
        match self.observed.ready().len() {
            ready if ready == all => Ok(()),
            ready => Err(End::Aborted(format!("{ready} of {all} pods are ready"))),
        }
    }

    /// Asks `obstacle` until there is none: what a recovery leaves behind passes, as a budget that was not computed again yet.
    pub(super) async fn conditions(
        &mut self,
        obstacle: &impl AsyncFn(&[Round]) -> Result<Option<String>, Failure>,
    ) -> Result<(), End> {
        let until = Instant::now() + self.options.blocked_at_most();
        let (mut pause, mut shown) = (LOOK_AGAIN_AFTER, String::new());
        loop {
            let rounds = self.rounds.clone();
            let look = Box::pin(obstacle(&rounds));
            let (why, end) = match self.meanwhile("looking at the conditions again", look).await? {
                Ok(None) => return Ok(()),
                Ok(Some(why)) => (why.clone(), End::Aborted(why)),
                Err(failure) => (failure.to_string(), End::Failed(failure)),
            };
            if Instant::now() + pause > until {
                return Err(end);
            }
            if shown != why {
                self.reporter.event(&Event::Waiting { why: why.clone() });
                shown = why;
            }
            self.until(Instant::now() + pause, "waiting until the conditions hold", |_| false).await?;
            pause *= 2;
        }
    }

    /// Follows the watches until the work is done, which changes nothing.
    async fn meanwhile<T>(&mut self, doing: &str, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.interrupted.clone() => return Err(End::Interrupted),
                () = at(self.deadline) => return Err(End::Timeout),
                news = self.watches.next() => self.take(news)?,
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(FRAME) => {}
            }
            self.still_agreed()?;
            self.reporter.draw(doing);
        }
    }
}
