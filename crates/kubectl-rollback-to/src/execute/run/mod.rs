//! One run: gives the saga what comes over the wire, and does what it commands.

mod ledger;
mod stage;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cluster_model::Raw;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::{Exit, Failure, Weather};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::attempt::{Attempt, Wrote};
use super::fresh::Fresh;
use super::progress::{Expected, Patience, Progress, Tracker, View};
use super::requests::{self, Answered};
use super::saga::{Command, End, Question, Rules, Saga};
use super::scene::{self, Feeds, Heard, News};
use super::write::{Trouble, annotations_back};
use super::{Audience, Event, Execution, FRAME, Outcome};
use crate::journal::Entry;
use crate::written;
use stage::{Stage, part, stage};

/// After an early end, this long is spent on finding out what became of requests in flight.
const SETTLE_ANSWERS: Duration = Duration::from_millis(700);
/// Nobody waits longer for an Event to be written down.
const RECORD: Duration = Duration::from_secs(3);
/// Argo CD's first attempt to take a change back is immediate, Flux' comes at its next reconciliation: this catches the former.
const LINGER: SignedDuration = SignedDuration::from_secs(5);
/// A look goes over all pods and all that was told, and there is news of each: after one there is a pause of at least this, and of
/// several times what it took. Otherwise the looks at many pods fall behind what happens, and judge what is long past.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const TIMES_ITS_COST: u32 = 3;
/// An alarm for now is one for soon.
const SOONEST: Duration = Duration::from_millis(10);
/// What is watched and what was read just now are not the same: time for the one to catch up with the other.
const CATCH_UP: SignedDuration = SignedDuration::from_secs(2);
/// Without `--timeout`: a rollout in which nothing changed for so long has stalled. A Deployment has its own progressDeadlineSeconds.
const QUIET: Duration = Duration::from_secs(600);
/// What is put back because `--timeout` passed has this long for it.
const RESTORE: Duration = Duration::from_secs(300);

pub(super) struct Run<'a> {
    execution: &'a Execution<'a>,
    audience: &'a mut dyn Audience,
    saga: Saga,
    stages: Vec<Stage<'a>>,
    pub feeds: Feeds,
    pub requests: FuturesUnordered<BoxFuture<'a, Answered>>,
    /// Requests tell here that they cannot reach the server.
    trouble: Trouble,
    pub troubles: UnboundedReceiver<Failure>,
    weather: Weather,
    scenes: usize,
    /// Namespaces whose events are watched.
    told: BTreeSet<String>,
    entry: Option<Entry>,
    /// The journal could not be written, and that was told.
    is_unrecorded: bool,
    drawn: Instant,
    /// No look before.
    rest_until: Instant,
    deadline: Option<Instant>,
    /// Time spent at questions: it counts against nothing.
    asked: Duration,
}

impl<'a> Run<'a> {
    pub fn new(execution: &'a Execution<'a>, audience: &'a mut dyn Audience) -> Self {
        let options = execution.options;
        let stages: Vec<Stage<'_>> = execution.plan.steps.iter().map(|step| stage(execution, step)).collect();
        let parts = execution.plan.steps.iter().map(|step| part(execution, step)).collect();
        let rules = Rules {
            on_failure: options.on_failure,
            can_ask: execution.ui.can_prompt(),
            unstick: options.unstick,
            wait: options.wait,
            linger: LINGER,
        };
        let (trouble, troubles) = mpsc::unbounded_channel();
        Run {
            execution,
            audience,
            saga: Saga::new(parts, rules),
            stages,
            feeds: Feeds::new(),
            requests: FuturesUnordered::new(),
            trouble,
            troubles,
            weather: Weather::default(),
            scenes: 0,
            told: BTreeSet::new(),
            entry: None,
            is_unrecorded: false,
            drawn: Instant::now(),
            rest_until: Instant::now(),
            deadline: execution.deadline,
            asked: Duration::ZERO,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True if that is the end: nothing is put back because of it.
    pub fn deadline_passed(&mut self) -> bool {
        let goes_on = self.saga.deadline();
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
        self.saga.is_done()
    }

    /// Does what the saga wants, until it wants nothing more for now.
    pub fn act(&mut self) -> Result<(), End> {
        loop {
            let commands = self.saga.next(self.ours());
            self.tell();
            if commands.is_empty() {
                break;
            }
            for command in commands {
                self.obey(command)?;
            }
        }
        for (step, stage) in self.stages.iter_mut().enumerate() {
            if stage.scene.is_open() && !self.saga.is_watching(step) {
                stage.scene.close();
                (stage.tracker, stage.progress, stage.wake_at) = (None, None, None);
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<(), End> {
        let cluster = self.execution.cluster;
        let options = self.execution.options;
        let trouble = self.trouble.clone();
        match command {
            Command::Write(step) => {
                self.begin();
                let stage = &self.stages[step];
                let template = stage.target.map(|target| target.template.clone()).unwrap_or_default();
                let (id, seen) = (stage.rollout.id.clone(), stage.rollout.object.clone());
                let attempt =
                    Attempt::new(id, seen, template, stage.annotations.clone(), &options.field_manager);
                self.requests.push(requests::rolled_back(cluster, step, attempt, trouble).boxed());
            }
            Command::Restore(step) => {
                let stage = &self.stages[step];
                let start = &stage.rollout.object;
                let ours =
                    stage.written.as_ref().map_or_else(|| stage.assumed(), |(object, _)| object.clone());
                let attempt = Attempt::back(
                    stage.rollout.id.clone(),
                    ours,
                    start["spec"]["template"].clone(),
                    annotations_back(start, &stage.annotations),
                    &options.field_manager,
                );
                let keep = options.keep_ownership.then(|| start.clone());
                self.requests.push(requests::put_back(cluster, step, attempt, keep, trouble).boxed());
            }
            Command::Watch(step) => self.watch(step),
            Command::Verify(step) => {
                let id = self.stages[step].rollout.id.clone();
                self.requests.push(requests::verified(cluster, step, id, trouble).boxed());
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
                    let deletion = requests::delete(cluster, &doomed, &trouble).await;
                    Answered::Deleted { step, pod: doomed.pod, uid: doomed.uid, deletion }
                };
                self.requests.push(delete.boxed());
            }
            Command::Finish(step) => {
                let closing = self.stages[step].closing(self.execution);
                self.requests.push(requests::finished(cluster, step, closing, trouble).boxed());
            }
            Command::Ask(question) => {
                let yes = self.ask(&question)?;
                self.saga.answered(&question, yes);
            }
        }
        Ok(())
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

    fn watch(&mut self, step: usize) {
        let cluster = self.execution.cluster;
        let tracker = self.tracker(step);
        let stage = &mut self.stages[step];
        let object = stage.written.as_ref().map_or(&stage.rollout.object, |(object, _)| object);
        stage.tracker = Some(tracker);
        stage.scene.open(cluster, object, self.scenes, &mut self.feeds);
        self.scenes += 1;
        let namespace = &stage.rollout.id.namespace;
        if self.told.insert(namespace.clone()) {
            scene::open_events(cluster, namespace, &mut self.feeds);
        }
    }

    /// Of what was written last; of nothing yet, what is there.
    fn tracker(&self, step: usize) -> Tracker {
        let stage = &self.stages[step];
        let (object, written_at) = match &stage.written {
            Some((object, at)) => (object, *at),
            None => (&stage.rollout.object, self.execution.cluster.now()),
        };
        let expected = Expected {
            kind: stage.rollout.id.kind,
            uid: stage.rollout.id.uid.clone(),
            template: object["spec"]["template"].clone(),
            before: stage.before.clone(),
            managed: object.list("/metadata/managedFields").to_vec(),
            generation: object["metadata"]["generation"].as_i64().unwrap_or_default(),
            written_at,
        };
        let patience = Patience {
            fail_after: self.execution.options.fail_after,
            // Whoever gives a time wants it waited out, as long as it is not certain that it is no use.
            quiet: self.execution.deadline.is_none().then_some(QUIET),
        };
        Tracker::new(expected, patience)
    }

    /// An answer to a request.
    pub fn take(&mut self, answered: Answered) {
        let now = self.ours();
        match answered {
            Answered::Wrote { step, wrote } => {
                self.remember(step, &wrote);
                self.saga.wrote(step, wrote, now);
            }
            Answered::Restored { step, wrote, notes } => {
                self.remember(step, &wrote);
                self.saga.restored(step, wrote, notes);
            }
            Answered::Logged { step, log } => self.saga.logged(step, log),
            Answered::Verified { step, fresh: Ok(fresh) } => self.verified(step, fresh),
            Answered::Verified { step, fresh: Err(says) } => self.saga.unverified(step, &says),
            Answered::Deleted { step, pod, uid, deletion } => {
                self.saga.deleted(step, &pod, &uid, deletion);
                // What came of it may have been seen before the answer.
                self.stages[step].changed = true;
            }
            Answered::Finished { step, notes } => self.saga.finished(step, notes, now),
        }
    }

    /// One more look, at what was read just now.
    fn verified(&mut self, step: usize, fresh: Fresh) {
        self.fine();
        let (now, ours) = (self.execution.cluster.now(), self.ours());
        // One that is over is looked at once more before it is put back.
        let once = self.stages[step].tracker.is_none().then(|| self.tracker(step));
        let stage = &mut self.stages[step];
        let watched = once.is_none();
        let mut tracker = match once.or_else(|| stage.tracker.take()) {
            Some(tracker) => tracker,
            None => return,
        };
        let progress = tracker.look(View {
            object: fresh.object.as_ref(),
            histories: &fresh.histories,
            pods: &fresh.pods,
            events: stage.scene.events(),
            now,
            ours,
        });
        if watched {
            let soon = ours.saturating_add(CATCH_UP).unwrap_or(ours);
            stage.wake_at = Some(tracker.wake_at(ours).map_or(soon, |at| at.min(soon)));
            stage.progress = Some(progress.clone());
            stage.tracker = Some(tracker);
        }
        stage.fresh = fresh.object;
        self.saga.verified(step, &progress, ours);
    }

    /// What is there now is what the way back is guarded by.
    fn remember(&mut self, step: usize, wrote: &Wrote) {
        if let Wrote::Written { object, .. } = wrote {
            let stage = &mut self.stages[step];
            let before = stage.written.as_ref().map_or(&stage.rollout.object, |(object, _)| object);
            stage.before = before["spec"]["template"].clone();
            let now = self.execution.cluster.now();
            // A write whose answer was lost was earlier than we know; the server noted when.
            let noted = written::time_of(object, &self.execution.options.field_manager);
            self.stages[step].written = Some((object.clone(), noted.map_or(now, |noted| noted.min(now))));
        }
    }

    /// News from a feed, and whatever else is there by now: one look at all of it is enough.
    pub fn hear(&mut self, heard: Heard) {
        self.note(heard);
        while let Some(Some(heard)) = self.feeds.next().now_or_never() {
            self.note(heard);
        }
    }

    fn note(&mut self, heard: Heard) {
        let by_number = |stages: &[Stage<'_>], number| {
            stages.iter().position(|stage| stage.scene.number() == Some(number))
        };
        let (step, news) = match heard {
            Heard::Event(namespace, news) => return self.note_event(&namespace, news),
            Heard::Object(number, news) => {
                let Some(step) = by_number(&self.stages, number) else { return };
                (step, news.map(|news| self.stages[step].scene.hear_object(news)))
            }
            Heard::History(number, news) => {
                let Some(step) = by_number(&self.stages, number) else { return };
                (step, news.map(|news| self.stages[step].scene.hear_history(news)))
            }
            Heard::Pod(number, news) => {
                let Some(step) = by_number(&self.stages, number) else { return };
                (step, news.map(|news| self.stages[step].scene.hear_pod(news)))
            }
        };
        match news {
            Ok(News::Disturbed(failure)) => self.disturbed(&failure),
            Ok(_) => {
                self.stages[step].changed = true;
                self.fine();
            }
            Err(failure) => self.saga.unwatchable(step, &failure.to_string()),
        }
    }

    fn note_event(
        &mut self,
        namespace: &str,
        news: Result<plugin_client::Feed<kube::api::DynamicObject>, Failure>,
    ) {
        let here = self.stages.iter_mut().filter(|stage| stage.rollout.id.namespace == namespace);
        match news {
            Ok(news) => {
                for stage in here {
                    match stage.scene.hear_event(&news) {
                        News::Changed => stage.changed = true,
                        News::Nothing => {}
                        News::Disturbed(failure) => return self.disturbed(&failure),
                    }
                }
                self.fine();
            }
            // They only help to explain. It is said once: this feed is over.
            Err(failure) => {
                let workload = here.map(|stage| stage.rollout.id.to_string()).next().unwrap_or_default();
                let says = format!("{failure}; what only events tell is missed");
                self.audience.event(&Event::Note { workload, says });
            }
        }
    }

    pub fn disturbed(&mut self, failure: &Failure) {
        if self.weather.trouble(failure) {
            self.audience.event(&Event::Disturbed { says: failure.to_string() });
        }
    }

    fn fine(&mut self) {
        if self.weather.fine() {
            let ours = self.ours();
            self.stages.iter_mut().filter_map(|stage| stage.tracker.as_mut()).for_each(|it| it.resume(ours));
            self.audience.event(&Event::Recovered);
        }
    }

    /// Tells the saga how far those are of which there is news, or whose time has come.
    pub fn look(&mut self) {
        let began = Instant::now();
        if began < self.rest_until {
            return;
        }
        let (now, ours) = (self.execution.cluster.now(), self.ours());
        let mut looked = false;
        for (step, stage) in self.stages.iter_mut().enumerate() {
            let due = stage.wake_at.is_some_and(|at| at <= ours);
            if !(std::mem::take(&mut stage.changed) || due) {
                continue;
            }
            let (Some(tracker), Some(view)) = (&mut stage.tracker, stage.scene.view(now, ours)) else {
                continue;
            };
            let progress = tracker.look(view);
            stage.wake_at = tracker.wake_at(ours).filter(|at| !due || *at > ours);
            self.saga.seen(step, &progress);
            stage.progress = Some(progress);
            looked = true;
        }
        if looked {
            self.rest_until = Instant::now() + BETWEEN_LOOKS.max(began.elapsed() * TIMES_ITS_COST);
        }
        if looked && self.drawn.elapsed() >= FRAME {
            self.draw();
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
        let lingering = self.saga.wake_at().map(|at| at.duration_since(ours));
        let wait = looks.chain(lingering).min();
        let due = wait.map(|wait| Instant::now() + Duration::try_from(wait).unwrap_or_default().max(SOONEST));
        let news = self.stages.iter().any(|stage| stage.changed && stage.tracker.is_some());
        due.into_iter().chain(news.then_some(self.rest_until)).min()
    }

    fn tell(&mut self) {
        for event in self.saga.take_events() {
            self.audience.event(&event);
        }
    }

    /// After the last change: what is still to be learnt, what is to be written down, and how each step ended.
    pub async fn finish(mut self, end: Option<End>) -> Vec<Outcome> {
        if let Some(end) = end {
            let until = tokio::time::Instant::now() + SETTLE_ANSWERS;
            while let Ok(Some(answer)) = tokio::time::timeout_at(until, self.requests.next()).await {
                self.take(answer);
            }
            self.saga.stop(end);
        }
        self.tell();
        let outcomes = self.saga.outcomes();
        self.complete(&outcomes);
        let patience = if end.is_some() { SETTLE_ANSWERS } else { RECORD };
        self.record(&outcomes, patience).await;
        outcomes
    }
}
