//! What is watched and what is read: kept for each step, looked at, and told to the engine.

use std::time::{Duration, Instant};

use cluster_model::Raw;
use cluster_model::managed_fields::template_writer;
use futures::StreamExt;
use futures::future::FutureExt;
use k8s_openapi::jiff::SignedDuration;
use plugin_client::{Failure, Feed};

use super::Run;
use super::stage::Stage;
use crate::execute::Event;
use crate::execute::execution::FRAME;
use crate::execute::fresh::Fresh;
use crate::execute::guarded_patch::Wrote;
use crate::execute::progress::Tracker;
use crate::execute::progress::model::{Expected, Patience, State, View};
use crate::execute::watches::{Heard, News};

/// A look goes over all pods and all that was told, and there is news of each: after one there is a pause of at least this, and of
/// several times what it took. Otherwise the looks at many pods fall behind what happens, and judge what is long past.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// As long as its controller does not say that it is done, nobody waits for the next look: it only tells how far it is.
const WHILE_MOVING: Duration = Duration::from_millis(100);
const TIMES_ITS_COST: u32 = 3;
/// What is watched and what was read just now are not the same: time for the one to catch up with the other.
const CATCH_UP: SignedDuration = SignedDuration::from_secs(2);
/// Without `--timeout`: a rollout in which nothing changed for so long has stalled. A Deployment has its own progressDeadlineSeconds.
const QUIET: Duration = Duration::from_secs(600);

impl Run<'_> {
    pub(super) fn watch(&mut self, step: usize) {
        let cluster = self.execution.cluster;
        let (tracker, ours) = (self.tracker(step), self.ours());
        let stage = &mut self.stages[step];
        stage.tracker = Some(tracker);
        stage.unseen_until =
            self.execution.deadline.is_none().then(|| ours.checked_add(QUIET).unwrap_or(ours));
        stage.wake_at = stage.unseen_until;
        // What was seen of it while nobody looked.
        stage.changed = true;
        for (resource, steps) in self.watches.open(cluster, step) {
            steps.into_iter().for_each(|step| self.stages[step].cache.forget(resource));
        }
    }

    /// Of what was written last; of nothing yet, what is there.
    pub(super) fn tracker(&self, step: usize) -> Tracker {
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

    /// One more look, at what was read just now.
    pub(super) fn verified(&mut self, step: usize, fresh: Fresh) {
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
            events: stage.cache.events(),
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
        if let (State::Done { .. }, Some(pod)) = (&progress.state, fresh.unread.first()) {
            let says = format!("pod {pod} could not be read: its fields are not as expected");
            return self.engine.unverified(step, &says);
        }
        self.engine.verified(step, &progress, ours);
    }

    /// What is there now is what the way back is guarded by.
    pub(super) fn remember(&mut self, step: usize, wrote: &Wrote) {
        if let Wrote::Written { object, .. } = wrote {
            let stage = &mut self.stages[step];
            let before = stage.written.as_ref().map_or(&stage.rollout.object, |(object, _)| object);
            stage.before = before["spec"]["template"].clone();
            let now = self.execution.cluster.now();
            // A write whose answer was lost was earlier than we know; the server noted when.
            let noted = template_writer::time_of(object, &self.execution.options.field_manager);
            self.stages[step].written = Some((object.clone(), noted.map_or(now, |noted| noted.min(now))));
        }
    }

    /// Somebody else wrote what this would have: its pods are what is looked for.
    pub(super) fn found(&mut self, step: usize, wrote: &Wrote) {
        if matches!(wrote, Wrote::Already) {
            let assumed = self.stages[step].assumed();
            self.stages[step].written = Some((assumed, self.execution.cluster.now()));
        }
    }

    /// News from a feed, and whatever else is there by now: one look at all of it is enough.
    pub fn hear(&mut self, heard: Heard) {
        self.note(heard);
        while let Some(Some(heard)) = self.watches.next().now_or_never() {
            self.note(heard);
        }
    }

    fn note(&mut self, Heard { watch, news }: Heard) {
        let news = match news {
            Ok(
                News::Object(_, Feed::Disturbed(failure))
                | News::Pod(Feed::Disturbed(failure))
                | News::Event(Feed::Disturbed(failure)),
            ) => {
                return self.disturbed(&failure);
            }
            Ok(news) => news,
            Err(failure) => return self.ended(watch, &failure),
        };
        for step in self.watches.steps(watch) {
            let stage = &mut self.stages[*step];
            stage.changed |= match &news {
                News::Object(resource, news) => stage.cache.hear_object(*resource, news),
                News::Pod(news) => stage.cache.hear_pod(news),
                News::Event(news) => stage.cache.hear_event(news),
            };
        }
        self.fine();
    }

    fn ended(&mut self, watch: usize, failure: &Failure) {
        if self.watches.replace(self.execution.cluster, watch, failure) {
            return;
        }
        let steps = self.watches.steps(watch).to_vec();
        if self.watches.is_of_events(watch) {
            // They only help to explain. It is said once: this watch is over.
            let workload =
                steps.first().map(|step| self.stages[*step].rollout.id.to_string()).unwrap_or_default();
            let says = format!("{failure}; causes that only events report are missing");
            self.audience.event(&Event::Note { workload, says });
            return;
        }
        for step in steps {
            self.engine.unwatchable(step, &failure.to_string());
        }
    }

    pub fn disturbed(&mut self, failure: &Failure) {
        if self.health.failed() {
            self.audience.event(&Event::Disturbed { says: failure.to_string() });
        }
    }

    fn fine(&mut self) {
        if self.health.answered() {
            let ours = self.ours();
            self.stages.iter_mut().filter_map(|stage| stage.tracker.as_mut()).for_each(|it| it.resume(ours));
            self.audience.event(&Event::Recovered);
        }
    }

    /// No look before; `None`: there was none.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let (at, least) = self.looked?;
        let news = |stage: &Stage<'_>| stage.changed && stage.tracker.is_some() && stage.cache.is_final();
        let pause = if self.stages.iter().any(news) { BETWEEN_LOOKS } else { WHILE_MOVING };
        Some(at + pause.max(least))
    }

    /// Tells the engine how far those are of which there is news, or whose time has come.
    pub fn look(&mut self) {
        let began = Instant::now();
        if self.next_look().is_some_and(|at| began < at) {
            return;
        }
        let (now, ours) = (self.execution.cluster.now(), self.ours());
        let mut looked = false;
        for (step, stage) in self.stages.iter_mut().enumerate() {
            let due = stage.wake_at.is_some_and(|at| at <= ours);
            if !(std::mem::take(&mut stage.changed) || due) {
                continue;
            }
            let Some(tracker) = &mut stage.tracker else { continue };
            let Some(view) = stage.cache.view(now, ours) else {
                // Of a server that is silent that is said, and not of the one workload.
                if let Some(silent_at) = self.engine.silent_at() {
                    stage.wake_at = Some(silent_at);
                } else if stage.unseen_until.take_if(|until| *until <= ours).is_some() {
                    stage.wake_at = None;
                    self.engine.unwatchable(step, "it could not be seen for 10 minutes");
                }
                continue;
            };
            let progress = tracker.look(view);
            stage.wake_at = tracker.wake_at(ours).filter(|at| !due || *at > ours);
            self.engine.seen(step, &progress);
            stage.progress = Some(progress);
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
