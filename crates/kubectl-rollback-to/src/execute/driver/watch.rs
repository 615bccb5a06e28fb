//! What is watched and what is read: kept for each step, assessed, and given to the engine.

use std::time::{Duration, Instant};

use cluster_model::Raw;
use cluster_model::managed_fields::template_writer;
use cluster_model::rollout::{Rollout, same};
use futures::StreamExt;
use futures::future::FutureExt;
use k8s_openapi::jiff::SignedDuration;
use plugin_client::{Failure, Feed};

use super::Driver;
use super::step_state::StepState;
use crate::execute::event::{Event, Note};
use crate::execute::execution::FRAME;
use crate::execute::fresh::Fresh;
use crate::execute::guarded_patch::Wrote;
use crate::execute::progress::Tracker;
use crate::execute::progress::model::{Expected, Patience, State, View};
use crate::execute::watches::{News, WatchEvent};
use crate::outcome::reason::Unobserved;

/// A look goes over all pods and events, and each of them changes: after one there is a pause of at least this, and of several times
/// what it took. Otherwise the looks at many pods fall behind what happens.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// As long as its controller does not report that it is done, a look only shows how far it is.
const WHILE_MOVING: Duration = Duration::from_millis(100);
const TIMES_ITS_COST: u32 = 3;
/// Watches may lag behind a read: the next look is due after this.
const CATCH_UP: SignedDuration = SignedDuration::from_secs(2);
/// Without `--timeout`: a rollout in which nothing changed for so long has stalled. A Deployment has its own progressDeadlineSeconds.
const QUIET: Duration = Duration::from_secs(600);

impl Driver<'_> {
    pub(super) fn watch(&mut self, step: usize) {
        let cluster = self.execution.cluster;
        let (tracker, monotonic_now) = (self.tracker(step), self.monotonic_now());
        let state = &mut self.steps[step];
        state.tracker = Some(tracker);
        state.unseen_until = self
            .execution
            .deadline
            .is_none()
            .then(|| monotonic_now.checked_add(QUIET).unwrap_or(monotonic_now));
        state.wake_at = state.unseen_until;
        // Since it was seen last.
        state.changed = true;
        for (resource, steps) in self.watches.open(cluster, step) {
            steps.into_iter().for_each(|step| self.steps[step].cache.forget(resource));
        }
    }

    /// For the template that was written last, or the live one.
    pub(super) fn tracker(&self, step: usize) -> Tracker {
        let state = &self.steps[step];
        let (object, written_at) = match &state.written {
            Some((object, at)) => (object, *at),
            None => (&state.rollout.object, self.execution.cluster.now()),
        };
        let expected = Expected {
            kind: state.rollout.id.kind,
            uid: state.rollout.id.uid.clone(),
            template: object["spec"]["template"].clone(),
            before: state.before.clone(),
            managed: object.list("/metadata/managedFields").to_vec(),
            generation: object["metadata"]["generation"].as_i64().unwrap_or_default(),
            written_at,
        };
        let patience = Patience {
            fail_after: self.execution.options.fail_after,
            // With `--timeout` it is waited for until then.
            quiet: self.execution.deadline.is_none().then_some(QUIET),
        };
        Tracker::new(expected, patience)
    }

    /// One more look, at what was read just now.
    pub(super) fn verified(&mut self, step: usize, fresh: Fresh) {
        self.available();
        let (now, monotonic_now) = (self.execution.cluster.now(), self.monotonic_now());
        // One that is over is looked at once more before it is restored.
        let once = self.steps[step].tracker.is_none().then(|| self.tracker(step));
        let state = &mut self.steps[step];
        let watched = once.is_none();
        let mut tracker = match once.or_else(|| state.tracker.take()) {
            Some(tracker) => tracker,
            None => return,
        };
        let progress = tracker.look(View {
            object: fresh.object.as_ref(),
            histories: &fresh.histories,
            pods: &fresh.pods,
            events: state.cache.events(),
            now,
            monotonic_now,
        });
        if watched {
            let soon = monotonic_now.saturating_add(CATCH_UP).unwrap_or(monotonic_now);
            state.wake_at = Some(tracker.wake_at(monotonic_now).map_or(soon, |at| at.min(soon)));
            state.progress = Some(progress.clone());
            state.tracker = Some(tracker);
        }
        let written = state.written.as_ref().map(|(object, _)| &object["spec"]["template"]);
        state.revision = fresh.object.as_ref().zip(written).and_then(|(object, written)| {
            let rollout = Rollout::new(state.rollout.id.kind, object.clone(), &fresh.histories, Vec::new());
            let current = rollout.current().filter(|_| same(rollout.template(), written))?;
            Some(rollout.revisions[current].number)
        });
        state.fresh = fresh.object;
        if let (State::Done { .. }, Some(pod)) = (&progress.state, fresh.unread.first()) {
            return self.engine.unverified(step, Unobserved::UnreadablePod(pod.clone()));
        }
        self.engine.verified(step, &progress, monotonic_now);
    }

    /// What is there now is the guard of a restore.
    pub(super) fn remember(&mut self, step: usize, wrote: &Wrote) {
        if let Wrote::Written { object, .. } = wrote {
            let state = &mut self.steps[step];
            state.revision = None;
            let before = state.written.as_ref().map_or(&state.rollout.object, |(object, _)| object);
            state.before = before["spec"]["template"].clone();
            let now = self.execution.cluster.now();
            // A write whose answer was lost is older than its detection; managedFields have its time.
            let noted = template_writer::time_of(object, &self.execution.options.field_manager);
            self.steps[step].written = Some((object.clone(), noted.map_or(now, |noted| noted.min(now))));
        }
    }

    /// Somebody else wrote the same template: its pods are waited for.
    pub(super) fn found(&mut self, step: usize, wrote: &Wrote) {
        if matches!(wrote, Wrote::Already) {
            let assumed = self.steps[step].assumed();
            self.steps[step].written = Some((assumed, self.execution.cluster.now()));
        }
    }

    /// This one, and all others that are ready by now: one look is enough for them.
    pub fn on_watch_event(&mut self, event: WatchEvent) {
        self.keep(event);
        while let Some(Some(event)) = self.watches.next().now_or_never() {
            self.keep(event);
        }
    }

    fn keep(&mut self, WatchEvent { watch, news }: WatchEvent) {
        let news = match news {
            Ok(
                News::Object(_, Feed::Interrupted(failure))
                | News::Pod(Feed::Interrupted(failure))
                | News::Event(Feed::Interrupted(failure)),
            ) => {
                return self.unavailable(&failure);
            }
            Ok(news) => news,
            Err(failure) => return self.ended(watch, &failure),
        };
        for step in self.watches.steps(watch) {
            let state = &mut self.steps[*step];
            state.changed |= match &news {
                News::Object(resource, news) => state.cache.on_object(*resource, news),
                News::Pod(news) => state.cache.on_pod(news),
                News::Event(news) => state.cache.on_event(news),
            };
        }
        self.available();
    }

    fn ended(&mut self, watch: usize, failure: &Failure) {
        if self.watches.replace(self.execution.cluster, watch, failure) {
            return;
        }
        let steps = self.watches.steps(watch).to_vec();
        if self.watches.is_of_events(watch) {
            // They only help to explain. It is reported once: this watch is over.
            if let Some(step) = steps.first() {
                let note = Note::EventsUnavailable(failure.to_string());
                self.reporter.event(&self.steps[*step].rollout.id, &Event::Note(note));
            }
            return;
        }
        for step in steps {
            self.engine.unwatchable(step, Unobserved::Message(failure.to_string()));
        }
    }

    pub fn unavailable(&mut self, failure: &Failure) {
        if self.health.failed() {
            self.reporter.server(Some(failure));
        }
    }

    fn available(&mut self) {
        if self.health.answered() {
            let monotonic_now = self.monotonic_now();
            self.steps
                .iter_mut()
                .filter_map(|state| state.tracker.as_mut())
                .for_each(|it| it.resume(monotonic_now));
            self.reporter.server(None);
        }
    }

    /// No look before; `None`: there was none.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let (at, least) = self.looked?;
        let news = |state: &StepState<'_>| state.changed && state.tracker.is_some() && state.cache.is_final();
        let pause = if self.steps.iter().any(news) { BETWEEN_LOOKS } else { WHILE_MOVING };
        Some(at + pause.max(least))
    }

    /// Reports to the engine how far those are that changed, or that are due.
    pub fn look(&mut self) {
        let began = Instant::now();
        if self.next_look().is_some_and(|at| began < at) {
            return;
        }
        let (now, monotonic_now) = (self.execution.cluster.now(), self.monotonic_now());
        let mut looked = false;
        for (step, state) in self.steps.iter_mut().enumerate() {
            let due = state.wake_at.is_some_and(|at| at <= monotonic_now);
            if !(std::mem::take(&mut state.changed) || due) {
                continue;
            }
            let Some(tracker) = &mut state.tracker else { continue };
            let Some(view) = state.cache.view(now, monotonic_now) else {
                // A server that is silent is reported as such, not each workload.
                if let Some(silent_at) = self.engine.silent_at() {
                    state.wake_at = Some(silent_at);
                } else if state.unseen_until.take_if(|until| *until <= monotonic_now).is_some() {
                    state.wake_at = None;
                    self.engine.unwatchable(step, Unobserved::NotListed);
                }
                continue;
            };
            let progress = tracker.look(view);
            state.wake_at = tracker.wake_at(monotonic_now).filter(|at| !due || *at > monotonic_now);
            self.engine.seen(step, &progress);
            state.progress = Some(progress);
            looked = true;
        }
        if looked {
            self.looked = Some((Instant::now(), began.elapsed() * TIMES_ITS_COST));
        }
        if looked && self.drawn.elapsed() >= FRAME {
            self.draw();
        }
    }
}
