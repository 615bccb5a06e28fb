//! Carries a plan out: one pod at a time, each evicted once and only by its UID, or one container of it killed once. Network I/O; what it sees is judged by [`Timeline`].

mod interval;
mod kill_look;
mod kill_round;
mod round;
mod watches;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::StreamExt;
use plugin_client::{Cluster, Failure};

use super::agreed::Agreed;
use super::event::Reporter;
use super::observed::Observed;
use super::options::ProofOptions;
use super::outcome::{Added, End, Round};
use super::plan::Plan;
use watches::Watches;

/// A live view moves even when nothing happens.
const FRAME: Duration = Duration::from_millis(200);
/// Of the first lists: they were read a moment ago.
const FIRST_LISTS: Duration = Duration::from_secs(60);

pub struct Proof<'a> {
    cluster: &'a Cluster,
    plan: &'a Plan,
    options: &'a ProofOptions,
    deadline: Option<Instant>,
    interrupted: Shared<BoxFuture<'a, ()>>,
    reporter: &'a mut dyn Reporter,
    watches: Watches,
    observed: Observed,
    agreed: Agreed,
    /// Nodes that were down before.
    down: BTreeSet<String>,
    has_begun: bool,
    pub rounds: Vec<Round>,
    /// The ephemeral containers that are in pods now, or may be.
    pub added: Vec<Added>,
}

impl<'a> Proof<'a> {
    pub fn new(
        cluster: &'a Cluster,
        plan: &'a Plan,
        options: &'a ProofOptions,
        deadline: Option<Instant>,
        interrupted: impl Future<Output = ()> + Send + 'a,
        reporter: &'a mut dyn Reporter,
    ) -> Self {
        Proof {
            cluster,
            plan,
            options,
            deadline,
            interrupted: interrupted.boxed().shared(),
            reporter,
            watches: watches::start(cluster, plan),
            observed: Observed::new(&plan.controller),
            agreed: Agreed::of(plan),
            down: BTreeSet::new(),
            has_begun: false,
            rounds: Vec::new(),
            added: Vec::new(),
        }
    }

    /// `obstacle`: what keeps the next round from beginning, after these.
    pub async fn run(&mut self, obstacle: impl AsyncFn(&[Round]) -> Result<Option<String>, Failure>) -> End {
        match self.all_rounds(obstacle).await {
            Ok(()) => End::Recovered,
            Err(end) => end,
        }
    }

    async fn all_rounds(
        &mut self,
        obstacle: impl AsyncFn(&[Round]) -> Result<Option<String>, Failure>,
    ) -> Result<(), End> {
        let slices = !self.plan.services.is_empty();
        let until = Instant::now() + FIRST_LISTS;
        self.until(until, "reading the pods", |it| it.observed.is_synced(slices)).await?;
        if !self.observed.is_synced(slices) {
            return Err(End::Failed(Failure::failed("the watches did not begin in time")));
        }
        self.down = self.observed.down().clone();
        self.has_begun = true;
        for number in 1..=self.plan.rounds {
            self.still_agreed()?;
            let plan = self.plan;
            let round = match &plan.kill {
                None => self.round(number).await?,
                Some(kill) => Box::pin(self.kill_round(number, kill)).await?,
            };
            self.agreed.after(&round);
            let recovery = round.recovery.unwrap_or_default();
            if let Some(limit) = self.options.max_recovery.filter(|limit| recovery > *limit) {
                return Err(End::Slow { round: number, limit });
            }
            if number < self.plan.rounds {
                self.cool_down(recovery).await?;
                self.conditions(&obstacle).await?;
            }
        }
        Ok(())
    }

    /// Follows the watches until `is_it` or until then. Here nothing is under way that has to be waited for.
    async fn until(&mut self, then: Instant, doing: &str, is_it: impl Fn(&Self) -> bool) -> Result<(), End> {
        while !is_it(self) {
            tokio::select! {
                biased;
                () = self.interrupted.clone() => return Err(End::Interrupted),
                () = at(self.deadline) => return Err(End::Timeout),
                news = self.watches.next() => self.take(news)?,
                () = at(Some(then)) => return Ok(()),
                () = tokio::time::sleep(FRAME) => {}
            }
            self.still_agreed()?;
            self.reporter.draw(doing);
        }
        Ok(())
    }

    fn take(&mut self, news: Option<Result<super::observed::News, Failure>>) -> Result<(), End> {
        match news {
            Some(Ok(news)) => {
                self.observed.apply(news);
                Ok(())
            }
            Some(Err(failure)) => Err(End::Failed(failure)),
            None => Err(End::Failed(Failure::failed("the watches ended"))),
        }
    }

    /// Where no pod is being replaced, as in a round: what was agreed to is what is there.
    fn still_agreed(&self) -> Result<(), End> {
        if !self.has_begun {
            // The lists are not complete yet.
            return Ok(());
        }
        self.still_safe()?;
        let changes = self.agreed.changes(self.observed.active());
        match changes.is_empty() {
            true => Ok(()),
            false => {
                let changes = changes.join(", ");
                Err(End::Aborted(format!("the pods changed since the plan was made: {changes}")))
            }
        }
    }

    /// What ends a proof at once: more harm than was agreed to, or harm by somebody else.
    fn still_safe(&self) -> Result<(), End> {
        if self.observed.version.as_ref() != Some(&self.plan.version) {
            return Err(End::Aborted("the workload was changed since the plan was made".to_owned()));
        }
        let all = self.plan.members.len();
        let ready = self.observed.ready().len();
        let missing = all.saturating_sub(ready);
        if missing > self.plan.max_unavailable {
            return Err(End::Aborted(format!(
                "{missing} of {all} pods are not ready, and --max-unavailable is {}",
                self.plan.max_unavailable
            )));
        }
        // Of those with its pods: a node of others, or one that is just joining, says nothing about this workload.
        let is_own = |node: &&String| self.observed.active().any(|pod| pod.node == **node);
        if let Some(node) = self.observed.down().difference(&self.down).find(is_own) {
            return Err(End::Aborted(format!("node {node} is not ready any more")));
        }
        Ok(())
    }
}

/// What is under way, or never.
async fn pending<T>(future: &mut Option<BoxFuture<'_, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}
