//! What a run records: a line in the journal before its first write and after its end, and an Event at each workload.

use std::time::Duration;

use cluster_model::rollout::Rollout;
use futures::future::join_all;

use super::Driver;
use crate::choose::Target;
use crate::execute::event::{Event, Note};
use crate::execute::record;
use crate::journal::{self, Ending, Entry, Workload};
use crate::outcome::Outcome;
use crate::plan::Action;

impl<'a> Driver<'a> {
    /// Records the intent before the first write: it can be undone even if the run dies in between.
    pub(super) fn begin(&mut self) {
        let Some(journal) = self.execution.journal.as_ref().filter(|_| self.entry.is_none()) else { return };
        let options = self.execution.options;
        let mut entry = Entry::new(self.execution.cluster, options, self.execution.clock.now());
        entry.workloads =
            self.rolled_back().map(|(_, rollout, target)| Workload::new(rollout, target)).collect();
        if let Err(error) = journal.begin(&entry) {
            self.not_recorded(&error);
        }
        self.entry = Some(entry);
    }

    pub(super) fn complete(&mut self, outcomes: &[Outcome]) {
        let (Some(journal), Some(entry)) = (&self.execution.journal, &self.entry) else { return };
        let ending = |(step, _, _): (usize, _, _)| Ending {
            result: outcomes[step].result,
            written: self.engine.was_written(step),
            left_template_hash: self.steps[step]
                .written
                .as_ref()
                .map(|(object, _)| journal::left_hash(&object["spec"]["template"])),
        };
        let endings: Vec<Ending> = self.rolled_back().map(ending).collect();
        if let Err(error) = journal.complete(entry, &endings, self.execution.clock.now()) {
            self.not_recorded(&error);
        }
    }

    fn not_recorded(&mut self, error: &std::io::Error) {
        if std::mem::replace(&mut self.is_unrecorded, true) {
            return;
        }
        let Some(step) = self.steps.first() else { return };
        let note = match error.kind() {
            // It is recorded elsewhere, and the error has the path.
            std::io::ErrorKind::WouldBlock => Note::JournalElsewhere(error.to_string()),
            _ => {
                self.is_lost = true;
                Note::JournalNotWritten(error.to_string())
            }
        };
        self.reporter.event(&step.rollout.id, &Event::Note(note));
    }

    /// The steps that write.
    fn rolled_back(&self) -> impl Iterator<Item = (usize, &'a Rollout, &'a Target)> {
        let steps = self.execution.plan.steps.iter().zip(&self.steps).enumerate();
        steps.filter_map(|(step, (planned, state))| {
            matches!(planned.action, Action::RollBack).then_some((step, state.rollout, state.target?))
        })
    }

    pub(super) async fn record(&mut self, outcomes: &[Outcome], patience: Duration) {
        let cluster = self.execution.cluster;
        let reason = self.execution.options.reason.as_deref();
        let written = self.rolled_back().filter(|(step, _, _)| self.engine.was_written(*step));
        let posts = written.map(|(step, rollout, target)| async move {
            let event = record::event(rollout, target, reason, &outcomes[step], cluster.now());
            record::post(cluster, &event)
                .await
                .err()
                .map(|refusal| (rollout, refusal.message("record it as an event")))
        });
        let posts: Vec<_> = posts.collect();
        let Ok(refused) = tokio::time::timeout(patience, join_all(posts)).await else { return };
        // Most likely the same right is missing for all.
        if let Some((rollout, message)) = refused.into_iter().flatten().next() {
            let note = Note::NotRecorded(message);
            self.reporter.event(&rollout.id, &Event::Note(note));
        }
    }
}
