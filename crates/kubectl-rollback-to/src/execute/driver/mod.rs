//! One run: gives the engine the answers and watch events, and does what it commands.

mod ledger;
mod step_state;
mod watch;

use std::time::{Duration, Instant};

use cluster_model::rollout::Id;
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
use crate::execute::engine::model::{Command, Question, Rules, Start, StepInput};
use crate::execute::progress::model::Progress;
use crate::journal::Entry;
use crate::outcome::Outcome;
use crate::outcome::reason::{End, Unobserved};
use step_state::{StepState, input, state};

/// After an early end, the longest wait for answers to requests in flight.
const SETTLE_ANSWERS: Duration = Duration::from_millis(700);
/// The longest wait for an Event to be recorded.
const RECORD: Duration = Duration::from_secs(3);
/// Argo CD's first attempt to revert a change is immediate, Flux' comes at its next reconciliation: this is for the former.
const WATCH_AFTER_DONE: SignedDuration = SignedDuration::from_secs(5);
/// The shortest wait for the next alarm.
const SOONEST: Duration = Duration::from_millis(10);
/// What is restored because `--timeout` passed has this long for it.
const RESTORE: Duration = Duration::from_secs(300);

impl Execution<'_> {
    /// One outcome for each step of the plan, in its order.
    pub async fn run(
        &self,
        interrupted: impl Future<Output = ()>,
        reporter: &mut dyn Reporter,
    ) -> Vec<Outcome> {
        let mut run = Driver::new(self, reporter);
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
                Some(event) = run.watches.next() => run.on_watch_event(event),
                Some(failure) = run.connection_failures.recv() => run.unavailable(&failure),
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
        End::Silent { since, seconds: passed.as_secs(), message: unanswered.message.clone() }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

pub(super) struct Driver<'a> {
    execution: &'a Execution<'a>,
    reporter: &'a mut dyn Reporter,
    engine: Engine,
    steps: Vec<StepState<'a>>,
    pub watches: Watches,
    pub requests: FuturesUnordered<BoxFuture<'a, Answered>>,
    /// Steps to read once the read that is under way is done.
    due: Vec<usize>,
    reading: Option<Reading<'a>>,
    /// Where requests report that they cannot reach the server.
    failures: ConnectionFailures,
    pub connection_failures: UnboundedReceiver<Failure>,
    health: ServerHealth,
    entry: Option<Entry>,
    /// The journal could not be written, and that was reported.
    is_unrecorded: bool,
    /// `--last` will not find this run.
    is_lost: bool,
    drawn: Instant,
    /// When the last look ended, and the shortest pause after it.
    looked: Option<(Instant, Duration)>,
    deadline: Option<Instant>,
    /// Time spent at prompts: it is not counted.
    prompt_time: Duration,
    /// Since when a request is unanswered: as the client has it, and monotonic.
    unanswered: Option<(Instant, Timestamp)>,
}

impl<'a> Driver<'a> {
    pub fn new(execution: &'a Execution<'a>, reporter: &'a mut dyn Reporter) -> Self {
        let options = execution.options;
        let planned = &execution.plan.steps;
        let steps: Vec<StepState<'_>> = planned.iter().map(|step| state(execution, step)).collect();
        let inputs: Vec<StepInput> = planned.iter().map(|step| input(execution, step)).collect();
        let followed = steps.iter().zip(&inputs).map(|(step, input)| {
            (!matches!(input.start, Start::Over(_))).then(|| step.cache.subject().clone())
        });
        let watches = Watches::new(followed.collect());
        let rules = Rules {
            on_failure: options.on_failure,
            can_ask: execution.may_ask && execution.ui.can_prompt(),
            // Without --yes, consent is to the pod that the plan named (`StepInput::agreed`).
            unstick: options.unstick && !execution.may_ask,
            wait: options.wait,
            watch_after_done: WATCH_AFTER_DONE,
            silent_after: execution.silent_after,
        };
        let (failures, connection_failures) = mpsc::unbounded_channel();
        Driver {
            execution,
            reporter,
            engine: Engine::new(inputs, rules),
            steps,
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
            prompt_time: Duration::ZERO,
            unanswered: None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True if that is the end: nothing is restored because of it.
    pub fn deadline_passed(&mut self) -> bool {
        let goes_on = self.engine.deadline();
        if goes_on {
            self.deadline = Some(Instant::now() + RESTORE);
        }
        !goes_on
    }

    /// For our own waits: it never jumps, and is stopped at prompts.
    fn monotonic_now(&self) -> Timestamp {
        let prompt_time = SignedDuration::try_from(self.prompt_time).unwrap_or(SignedDuration::ZERO);
        let now = self.execution.clock.now();
        now.saturating_sub(prompt_time).unwrap_or(now)
    }

    pub fn is_done(&self) -> bool {
        self.engine.is_done()
    }

    /// Has the API server been silent for too long?
    fn silence(&mut self) -> Result<(), End> {
        let monotonic_now = self.monotonic_now();
        let unanswered = self.execution.cluster.unanswered();
        let since = unanswered.as_ref().map(|unanswered| unanswered.since);
        if self.unanswered.map(|(since, _)| since) != since {
            self.unanswered = since.map(|since| (since, monotonic_now));
        }
        self.engine.unanswered(self.unanswered.map(|(_, since)| since));
        match unanswered {
            Some(unanswered) if self.engine.is_silent(monotonic_now) => {
                Err(self.execution.silent(&unanswered))
            }
            _ => Ok(()),
        }
    }

    /// Does what the engine commands, until there is nothing more to do for now.
    pub fn act(&mut self) -> Result<(), End> {
        self.silence()?;
        loop {
            let commands = self.engine.next(self.monotonic_now());
            self.report();
            if commands.is_empty() {
                break;
            }
            for command in commands {
                self.execute(command)?;
            }
        }
        self.verify();
        for (step, state) in self.steps.iter_mut().enumerate() {
            if state.tracker.is_some() && !self.engine.is_watching(step) {
                (state.tracker, state.progress, state.wake_at) = (None, None, None);
            }
        }
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<(), End> {
        let cluster = self.execution.cluster;
        let options = self.execution.options;
        let failures = self.failures.clone();
        match command {
            Command::Write(step) => {
                self.begin();
                let state = &self.steps[step];
                let template = state.target.map(|target| target.template.clone()).unwrap_or_default();
                let (id, seen) = (state.rollout.id.clone(), state.rollout.object.clone());
                let attempt =
                    GuardedPatch::new(id, seen, template, state.annotations.clone(), &options.field_manager);
                self.requests.push(requests::rolled_back(cluster, step, attempt, failures).boxed());
            }
            Command::Restore(step) => {
                let state = &self.steps[step];
                let start = &state.rollout.object;
                let live =
                    state.written.as_ref().map_or_else(|| state.assumed(), |(object, _)| object.clone());
                let attempt = GuardedPatch::restore(
                    state.rollout.id.clone(),
                    live,
                    start["spec"]["template"].clone(),
                    annotations_back(start, &state.annotations),
                    &options.field_manager,
                );
                let keep = options.keep_ownership.then(|| start.clone());
                self.requests.push(requests::restored(cluster, step, attempt, keep, failures).boxed());
            }
            Command::Watch(step) => self.watch(step),
            Command::Verify(step) => {
                self.due.push(step);
            }
            Command::Follow(step) => {
                if let Some(object) = self.steps[step].fresh.take() {
                    self.steps[step].written = Some((object, cluster.now()));
                    self.steps[step].tracker = Some(self.tracker(step));
                    self.steps[step].changed = true;
                }
            }
            Command::Log { step, pod, container } => {
                let namespace = self.steps[step].rollout.id.namespace.clone();
                self.requests.push(requests::logged(cluster, step, namespace, pod, container).boxed());
            }
            Command::Delete { step, pod, uid, version } => {
                let namespace = self.steps[step].rollout.id.namespace.clone();
                let to_delete = requests::PodToDelete { namespace, pod, uid, version };
                let delete = async move {
                    let deletion = requests::delete(cluster, &to_delete, &failures).await;
                    Answered::Deleted { step, pod: to_delete.pod, uid: to_delete.uid, deletion }
                };
                self.requests.push(delete.boxed());
            }
            Command::Finish(step) => {
                let closing = self.steps[step].closing(self.execution);
                self.requests.push(requests::finished(cluster, step, closing, failures).boxed());
            }
            Command::Ask(question) => {
                let yes = self.ask(&question)?;
                self.engine.answered(&question, yes);
            }
        }
        Ok(())
    }

    /// Those that are due by now are read together: each of them would list the same.
    fn verify(&mut self) {
        if self.due.is_empty() || self.reading.as_ref().is_some_and(|reading| reading.peek().is_none()) {
            return;
        }
        let cluster = self.execution.cluster;
        let due: Vec<_> = std::mem::take(&mut self.due)
            .into_iter()
            .map(|step| (step, self.steps[step].rollout.id.clone()))
            .collect();
        let reading = requests::reading(cluster, due.clone());
        for (step, id) in due {
            let failures = self.failures.clone();
            self.requests.push(requests::verified(cluster, step, id, reading.clone(), failures).boxed());
        }
        self.reading = Some(reading);
    }

    /// No terminal any more, or no answer: no. The loop is paused meanwhile; the watches catch up afterwards.
    fn ask(&mut self, question: &Question) -> Result<bool, End> {
        let began = Instant::now();
        let answer = self.reporter.confirm(question);
        self.prompt_time += began.elapsed();
        self.deadline = self.deadline.map(|deadline| deadline + began.elapsed());
        match answer {
            Ok(yes) => Ok(yes),
            Err(failure) if failure.exit == Exit::Interrupted => Err(End::Interrupted),
            Err(_) => Ok(false),
        }
    }

    /// An answer to a request.
    pub fn take(&mut self, answered: Answered) {
        let now = self.monotonic_now();
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
            Answered::Verified { step, fresh: Err(message) } => {
                self.engine.unverified(step, Unobserved::Message(message));
            }
            Answered::Deleted { step, pod, uid, deletion } => {
                self.engine.deleted(step, &pod, &uid, deletion);
                // Its effect may have been watched before the answer.
                self.steps[step].changed = true;
            }
            Answered::Finished { step, notes } => self.engine.finished(step, notes, now),
        }
    }

    pub fn next_frame(&self) -> Instant {
        self.drawn + FRAME
    }

    pub fn draw(&mut self) {
        self.drawn = Instant::now();
        let named = |step: &StepState<'_>| Some((step.rollout.id.clone(), step.progress.clone()?));
        let rollouts: Vec<(Id, Progress)> = self.steps.iter().filter_map(named).collect();
        self.reporter.draw(&rollouts);
    }

    /// When something is due although nothing changed.
    pub fn alarm(&self) -> Option<Instant> {
        let monotonic_now = self.monotonic_now();
        let looks =
            self.steps.iter().filter_map(|state| state.wake_at).map(|at| at.duration_since(monotonic_now));
        let engine = self.engine.wake_at().map(|at| at.duration_since(monotonic_now));
        let wait = looks.chain(engine).min();
        let due = wait.map(|wait| Instant::now() + Duration::try_from(wait).unwrap_or_default().max(SOONEST));
        let news = self.steps.iter().any(|state| state.changed && state.tracker.is_some());
        let look = || self.next_look().unwrap_or_else(Instant::now);
        due.into_iter().chain(news.then(look)).min()
    }

    fn report(&mut self) {
        for (step, event) in self.engine.take_events() {
            self.reporter.event(&self.steps[step].rollout.id, &event);
        }
    }

    /// After the last change: late answers, the journal and Events, and how each step ended.
    pub async fn finish(mut self, end: Option<End>) -> Vec<Outcome> {
        if let Some(end) = &end {
            let until = tokio::time::Instant::now() + SETTLE_ANSWERS;
            while let Ok(Some(answer)) = tokio::time::timeout_at(until, self.requests.next()).await {
                self.take(answer);
            }
            self.engine.stop(end);
        }
        self.report();
        let mut outcomes = self.engine.outcomes();
        self.complete(&outcomes);
        for (outcome, step) in outcomes.iter_mut().zip(&self.steps) {
            (outcome.unrecorded, outcome.revision) = (self.is_lost, step.revision);
        }
        let patience = if end.is_some() { SETTLE_ANSWERS } else { RECORD };
        self.record(&outcomes, patience).await;
        outcomes
    }
}
