//! One run: gives the engine what comes over the wire, and does what it commands.

mod ledger;
mod stage;
mod watch;

use std::time::{Duration, Instant};

use cluster_model::text::span;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::{Exit, Failure, ServerHealth, Unanswered};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::engine::Engine;
use super::event::Reporter;
use super::execution::{Execution, FRAME};
use super::guarded_patch::GuardedPatch;
use super::requests::{self, Answered, Reading};
use super::watches::Watches;
use super::write::{ConnectionFailures, annotations_back};
use crate::execute::engine::model::{Command, End, Part, Question, Rules, Start};
use crate::execute::progress::model::Progress;
use crate::journal::Entry;
use crate::outcome::Outcome;
use stage::{Stage, part, stage};

/// After an early end, this long is spent on finding out what became of requests in flight.
const SETTLE_ANSWERS: Duration = Duration::from_millis(700);
/// Nobody waits longer for an Event to be written down.
const RECORD: Duration = Duration::from_secs(3);
/// Argo CD's first attempt to take a change back is immediate, Flux' comes at its next reconciliation: this catches the former.
const LINGER: SignedDuration = SignedDuration::from_secs(5);
/// An alarm for now is one for soon.
const SOONEST: Duration = Duration::from_millis(10);
/// What is put back because `--timeout` passed has this long for it.
const RESTORE: Duration = Duration::from_secs(300);

impl Execution<'_> {
    /// One outcome for each step of the plan, in its order.
    pub async fn run(
        &self,
        interrupted: impl Future<Output = ()>,
        audience: &mut dyn Reporter,
    ) -> Vec<Outcome> {
        let mut run = Run::new(self, audience);
        let mut interrupted = std::pin::pin!(interrupted.fuse());
        let end = loop {
            if let Err(end) = run.act() {
                break Some(end);
            }
            if run.is_done() {
                break None;
            }
            let (alarm, frame) = (run.alarm(), run.next_frame());
            tokio::select! {
                biased;
                () = &mut interrupted => break Some(End::Interrupted),
                () = at(run.deadline()) => if run.deadline_passed() { break Some(End::Timeout) },
                Some(answer) = run.requests.next() => run.take(answer),
                Some(heard) = run.watches.next() => run.hear(heard),
                Some(failure) = run.connection_failures.recv() => run.disturbed(&failure),
                () = at(alarm) => {}
                () = at(Some(frame)) => run.draw(),
            }
            run.look();
        };
        run.finish(end).await
    }

    fn silent(&self, unanswered: &Unanswered) -> End {
        let passed = SignedDuration::try_from(unanswered.since.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.clock.now();
        let since = now.saturating_sub(passed).unwrap_or(Timestamp::MIN).to_zoned(self.zone.clone());
        let cause = unanswered.says.as_ref().map(|says| format!(": {says}")).unwrap_or_default();
        let since = since.strftime("%H:%M:%S");
        End::Silent(format!(
            "the API server has not responded since {since} ({}){cause}",
            span(passed.as_secs())
        ))
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

pub(super) struct Run<'a> {
    execution: &'a Execution<'a>,
    audience: &'a mut dyn Reporter,
    engine: Engine,
    stages: Vec<Stage<'a>>,
    pub watches: Watches,
    pub requests: FuturesUnordered<BoxFuture<'a, Answered>>,
    /// Steps that are to be read afresh, as soon as those are that are being read.
    due: Vec<usize>,
    reading: Option<Reading<'a>>,
    /// Requests tell here that they cannot reach the server.
    failures: ConnectionFailures,
    pub connection_failures: UnboundedReceiver<Failure>,
    health: ServerHealth,
    entry: Option<Entry>,
    /// The journal could not be written, and that was told.
    is_unrecorded: bool,
    /// --last will not know of this run.
    is_lost: bool,
    drawn: Instant,
    /// When the last look ended, and how long there is none after it.
    looked: Option<(Instant, Duration)>,
    deadline: Option<Instant>,
    /// Time spent at questions: it counts against nothing.
    asked: Duration,
    /// Since when the API server owes an answer: by the client, and by our clock.
    unanswered: Option<(Instant, Timestamp)>,
}

impl<'a> Run<'a> {
    pub fn new(execution: &'a Execution<'a>, audience: &'a mut dyn Reporter) -> Self {
        let options = execution.options;
        let stages: Vec<Stage<'_>> = execution.plan.steps.iter().map(|step| stage(execution, step)).collect();
        let parts: Vec<Part> = execution.plan.steps.iter().map(|step| part(execution, step)).collect();
        let followed = stages.iter().zip(&parts).map(|(stage, part)| {
            (!matches!(part.start, Start::Over(_))).then(|| stage.cache.subject().clone())
        });
        let watches = Watches::new(followed.collect());
        let rules = Rules {
            on_failure: options.on_failure,
            can_ask: execution.ui.can_prompt(),
            unstick: options.unstick,
            wait: options.wait,
            linger: LINGER,
            silent_after: execution.silent_after,
        };
        let (failures, connection_failures) = mpsc::unbounded_channel();
        Run {
            execution,
            audience,
            engine: Engine::new(parts, rules),
            stages,
            watches,
            requests: FuturesUnordered::new(),
            due: Vec::new(),
            reading: None,
            failures,
            connection_failures,
            health: ServerHealth::default(),
            entry: None,
            is_unrecorded: false,
            is_lost: false,
            drawn: Instant::now(),
            looked: None,
            deadline: execution.deadline,
            asked: Duration::ZERO,
            unanswered: None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True if that is the end: nothing is put back because of it.
    pub fn deadline_passed(&mut self) -> bool {
        let goes_on = self.engine.deadline();
        if goes_on {
            self.deadline = Some(Instant::now() + RESTORE);
        }
        !goes_on
    }

    /// What is waited for is counted by this: it never jumps, and stands still at questions.
    fn ours(&self) -> Timestamp {
        let asked = SignedDuration::try_from(self.asked).unwrap_or(SignedDuration::ZERO);
        let now = self.execution.clock.now();
        now.saturating_sub(asked).unwrap_or(now)
    }

    pub fn is_done(&self) -> bool {
        self.engine.is_done()
    }

    /// Has the API server been silent for too long?
    fn silence(&mut self) -> Result<(), End> {
        let ours = self.ours();
        let unanswered = self.execution.cluster.unanswered();
        let since = unanswered.as_ref().map(|unanswered| unanswered.since);
        if self.unanswered.map(|(since, _)| since) != since {
            self.unanswered = since.map(|since| (since, ours));
        }
        self.engine.unanswered(self.unanswered.map(|(_, since)| since));
        match unanswered {
            Some(unanswered) if self.engine.is_silent(ours) => Err(self.execution.silent(&unanswered)),
            _ => Ok(()),
        }
    }

    /// Does what the engine wants, until it wants nothing more for now.
    pub fn act(&mut self) -> Result<(), End> {
        self.silence()?;
        loop {
            let commands = self.engine.next(self.ours());
            self.tell();
            if commands.is_empty() {
                break;
            }
            for command in commands {
                self.obey(command)?;
            }
        }
        self.verify();
        for (step, stage) in self.stages.iter_mut().enumerate() {
            if stage.tracker.is_some() && !self.engine.is_watching(step) {
                (stage.tracker, stage.progress, stage.wake_at) = (None, None, None);
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<(), End> {
        let cluster = self.execution.cluster;
        let options = self.execution.options;
        let failures = self.failures.clone();
        match command {
            Command::Write(step) => {
                self.begin();
                let stage = &self.stages[step];
                let template = stage.target.map(|target| target.template.clone()).unwrap_or_default();
                let (id, seen) = (stage.rollout.id.clone(), stage.rollout.object.clone());
                let attempt =
                    GuardedPatch::new(id, seen, template, stage.annotations.clone(), &options.field_manager);
                self.requests.push(requests::rolled_back(cluster, step, attempt, failures).boxed());
            }
            Command::Restore(step) => {
                let stage = &self.stages[step];
                let start = &stage.rollout.object;
                let ours =
                    stage.written.as_ref().map_or_else(|| stage.assumed(), |(object, _)| object.clone());
                let attempt = GuardedPatch::back(
                    stage.rollout.id.clone(),
                    ours,
                    start["spec"]["template"].clone(),
                    annotations_back(start, &stage.annotations),
                    &options.field_manager,
                );
                let keep = options.keep_ownership.then(|| start.clone());
                self.requests.push(requests::put_back(cluster, step, attempt, keep, failures).boxed());
            }
            Command::Watch(step) => self.watch(step),
            Command::Verify(step) => {
                self.due.push(step);
            }
            Command::Follow(step) => {
                if let Some(object) = self.stages[step].fresh.take() {
                    self.stages[step].written = Some((object, cluster.now()));
                    self.stages[step].tracker = Some(self.tracker(step));
                    self.stages[step].changed = true;
                }
            }
            Command::Log { step, pod, container } => {
                let namespace = self.stages[step].rollout.id.namespace.clone();
                self.requests.push(requests::logged(cluster, step, namespace, pod, container).boxed());
            }
            Command::Delete { step, pod, uid, version } => {
                let namespace = self.stages[step].rollout.id.namespace.clone();
                let doomed = requests::Doomed { namespace, pod, uid, version };
                let delete = async move {
                    let deletion = requests::delete(cluster, &doomed, &failures).await;
                    Answered::Deleted { step, pod: doomed.pod, uid: doomed.uid, deletion }
                };
                self.requests.push(delete.boxed());
            }
            Command::Finish(step) => {
                let closing = self.stages[step].closing(self.execution);
                self.requests.push(requests::finished(cluster, step, closing, failures).boxed());
            }
            Command::Ask(question) => {
                let yes = self.ask(&question)?;
                self.engine.answered(&question, yes);
            }
        }
        Ok(())
    }

    /// Those that are due by now are read together: of many workloads that are done one after another each would list the same.
    fn verify(&mut self) {
        if self.due.is_empty() || self.reading.as_ref().is_some_and(|reading| reading.peek().is_none()) {
            return;
        }
        let cluster = self.execution.cluster;
        let due: Vec<_> = std::mem::take(&mut self.due)
            .into_iter()
            .map(|step| (step, self.stages[step].rollout.id.clone()))
            .collect();
        let reading = requests::reading(cluster, due.clone());
        for (step, id) in due {
            let failures = self.failures.clone();
            self.requests.push(requests::verified(cluster, step, id, reading.clone(), failures).boxed());
        }
        self.reading = Some(reading);
    }

    /// No terminal any more, or no answer: no. The loop stands still meanwhile; the feeds catch up afterwards.
    fn ask(&mut self, question: &Question) -> Result<bool, End> {
        let (Question::Restore { text } | Question::Unstick { text, .. }) = question;
        let began = Instant::now();
        let answer = self.execution.ui.confirm(text);
        self.asked += began.elapsed();
        self.deadline = self.deadline.map(|deadline| deadline + began.elapsed());
        match answer {
            Ok(yes) => Ok(yes),
            Err(failure) if failure.exit == Exit::Interrupted => Err(End::Interrupted),
            Err(_) => Ok(false),
        }
    }

    /// An answer to a request.
    pub fn take(&mut self, answered: Answered) {
        let now = self.ours();
        match answered {
            Answered::Wrote { step, wrote } => {
                self.remember(step, &wrote);
                self.found(step, &wrote);
                self.engine.wrote(step, wrote, now);
            }
            Answered::Restored { step, wrote, notes } => {
                self.remember(step, &wrote);
                self.engine.restored(step, wrote, notes);
            }
            Answered::Logged { step, log } => self.engine.logged(step, log),
            Answered::Verified { step, fresh: Ok(fresh) } => self.verified(step, fresh),
            Answered::Verified { step, fresh: Err(says) } => self.engine.unverified(step, &says),
            Answered::Deleted { step, pod, uid, deletion } => {
                self.engine.deleted(step, &pod, &uid, deletion);
                // What came of it may have been seen before the answer.
                self.stages[step].changed = true;
            }
            Answered::Finished { step, notes } => self.engine.finished(step, notes, now),
        }
    }

    pub fn next_frame(&self) -> Instant {
        self.drawn + FRAME
    }

    pub fn draw(&mut self) {
        self.drawn = Instant::now();
        let named = |stage: &Stage<'_>| Some((stage.rollout.id.to_string(), stage.progress.clone()?));
        let rollouts: Vec<(String, Progress)> = self.stages.iter().filter_map(named).collect();
        self.audience.draw(&rollouts);
    }

    /// When something is due without any news.
    pub fn alarm(&self) -> Option<Instant> {
        let ours = self.ours();
        let looks = self.stages.iter().filter_map(|stage| stage.wake_at).map(|at| at.duration_since(ours));
        let lingering = self.engine.wake_at().map(|at| at.duration_since(ours));
        let wait = looks.chain(lingering).min();
        let due = wait.map(|wait| Instant::now() + Duration::try_from(wait).unwrap_or_default().max(SOONEST));
        let news = self.stages.iter().any(|stage| stage.changed && stage.tracker.is_some());
        let look = || self.next_look().unwrap_or_else(Instant::now);
        due.into_iter().chain(news.then(look)).min()
    }

    fn tell(&mut self) {
        for event in self.engine.take_events() {
            self.audience.event(&event);
        }
    }

    /// After the last change: what is still to be learnt, what is to be written down, and how each step ended.
    pub async fn finish(mut self, end: Option<End>) -> Vec<Outcome> {
        if let Some(end) = &end {
            let until = tokio::time::Instant::now() + SETTLE_ANSWERS;
            while let Ok(Some(answer)) = tokio::time::timeout_at(until, self.requests.next()).await {
                self.take(answer);
            }
            self.engine.stop(end);
        }
        self.tell();
        let mut outcomes = self.engine.outcomes();
        self.complete(&outcomes);
        outcomes.iter_mut().for_each(|outcome| outcome.unrecorded = self.is_lost);
        let patience = if end.is_some() { SETTLE_ANSWERS } else { RECORD };
        self.record(&outcomes, patience).await;
        outcomes
    }
}
