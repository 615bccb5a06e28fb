//! `--history`: what there is to go back to.

use plugin_client::{Cluster, Exit, Failure, Line, Output, publish};

use super::Run;
use crate::choose::{Past, Refusal};
use crate::diff;
use crate::history::history_of;
use crate::outcome::RolloutResult;
use crate::render;
use crate::report::history::{HistoryOf, RevisionHistory};
use crate::workload_selector::Subjects;

impl Run<'_> {
    pub(super) async fn history(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Exit, Failure> {
        let looked = self.reading(cluster, Box::pin(self.look(cluster, subjects))).await?;
        self.warn_of_unread_events(&looked);
        let workloads = looked.pasts().map(history_of).collect();
        let mut report =
            RevisionHistory { kind: "RevisionHistory", result: RolloutResult::Done, workloads, error: None };
        let mut lines = Vec::new();
        for (past, of) in looked.pasts().zip(&mut report.workloads) {
            if !lines.is_empty() {
                lines.push(Line::new());
            }
            let Some(number) = self.args.revision else {
                lines.extend(self.table(past, of));
                continue;
            };
            let (indices, _) =
                crate::choose::by_number(past, number).map_err(|refusal| self.show_listed(past, refusal))?;
            let revisions = &past.rollout.revisions;
            of.revisions.retain(|listed| indices.iter().any(|&index| revisions[index].name == listed.name));
            for (place, &index) in indices.iter().enumerate() {
                if place > 0 {
                    lines.push(Line::new());
                }
                let template = diff::masked(&revisions[index].template, self.options.show_values);
                lines.extend(render::revision(past, index, &template, &self.zone));
            }
        }
        publish(&self.bounds.ui, self.args.output, &report, || lines);
        Ok(Exit::Done)
    }

    fn table(&self, past: Past<'_>, of: &HistoryOf) -> Vec<Line> {
        let wide = self.args.output == Output::Wide;
        render::history(past, of, &self.zone, wide, self.bounds.ui.width())
    }

    /// The revisions that there are to choose from, and then the failure: its hints are the last that is read.
    pub(super) fn show_listed(&self, past: Past<'_>, refusal: Refusal) -> Failure {
        let Refusal { failure, listed } = refusal;
        if !listed.is_empty() {
            let revisions = &past.rollout.revisions;
            let mut of = history_of(past);
            of.revisions.retain(|known| listed.iter().any(|&index| revisions[index].name == known.name));
            let lines = self.table(past, &of);
            lines.iter().chain([&Line::new()]).for_each(|line| self.bounds.ui.status(line));
        }
        *failure
    }
}
