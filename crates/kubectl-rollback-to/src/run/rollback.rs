//! A rollback: look, choose, prepare, show, ask, execute, report.

use std::borrow::Cow;

use cluster_model::rollout::Kind;
use cluster_model::text::count;
use cluster_model::{Finding, Severity};
use plugin_client::{Clock, Cluster, DryRun, Failure, Line, Output, findings};

use super::Run;
use super::last::those_of;
use super::look::Looked;
use super::prepare::Prepared;
use crate::args::Wish;
use crate::choose::{Chosen, Past, choose};
use crate::execute::Execution;
use crate::journal::Journal;
use crate::options::{Choice, DiffDetail};
use crate::plan::{Action, Plan, Step};
use crate::rehearse::is_changed;
use crate::render;
use crate::report::{RollbackReport, Verdict, WorkloadReport, overall};
use crate::subjects::Subjects;

/// So often a lost race is planned again before it is somebody else's turn.
const ATTEMPTS: usize = 3;

impl Run<'_> {
    pub(super) async fn rollback(
        &self,
        cluster: &Cluster,
        subjects: &Subjects,
    ) -> Result<RollbackReport, Failure> {
        let last = match self.args.last {
            true => Some(self.bounds.before_changes(self.last(cluster, subjects)).await?),
            false => None,
        };
        let (subjects, cluster) = match &last {
            Some(entry) => those_of(entry, cluster),
            None => (subjects.clone(), Cow::Borrowed(cluster)),
        };
        let cluster = cluster.as_ref();
        for attempt in 1.. {
            let mut looked = self.bounds.before_changes(self.look(cluster, &subjects)).await?;
            let chosen = match &last {
                Some(entry) => looked
                    .pasts()
                    .map(|past| self.before_the_last(entry, past))
                    .collect::<Result<Vec<_>, _>>()?,
                // By the server's clock, which was heard with its first answer.
                None => self.choose(&looked, &self.args.wish(cluster.now(), &self.zone)?, cluster)?,
            };
            let prepared = match self.bounds.before_changes(self.prepare(cluster, &mut looked, chosen)).await
            {
                Err(failure) if is_changed(&failure) && attempt < ATTEMPTS => continue,
                prepared => prepared?,
            };
            if let Some(report) = self.before_the_write(&looked, &prepared)? {
                return Ok(report);
            }
            if !self.confirm(&looked, &prepared)? {
                self.bounds.ui.failure(&Failure::refused("declined; nothing was changed"));
                return Ok(self.planned(&looked, prepared, Verdict::Refused));
            }
            let (report, changed) = self.execute(cluster, &looked, prepared).await;
            if !changed || attempt == ATTEMPTS {
                return Ok(report);
            }
            self.bounds.ui.warn(
                "somebody changed it since the plan was made; nothing was written, and it is planned again",
            );
        }
        Err(Failure::refused("it is being changed by somebody else; nothing was written"))
    }

    fn choose(&self, looked: &Looked, wish: &Wish, cluster: &Cluster) -> Result<Vec<Chosen>, Failure> {
        match wish {
            Wish::Choice(choice) => looked.pasts().map(|past| choose(past, choice, &self.zone)).collect(),
            Wish::Pick => {
                let mut pasts = looked.pasts();
                match (pasts.next(), pasts.next()) {
                    (Some(past), None) => Ok(vec![choose(past, &self.pick(past, cluster)?, &self.zone)?]),
                    _ => Err(no_target().hint("several workloads take one of them, not a picker")),
                }
            }
            Wish::Journal => Ok(Vec::new()),
        }
    }

    fn pick(&self, past: Past<'_>, cluster: &Cluster) -> Result<Choice, Failure> {
        if !self.bounds.ui.can_prompt() || self.args.yes {
            return Err(no_target().hint(format!(
                "see what there is: kubectl rollback-to {} --history",
                past.rollout.id.typed()
            )));
        }
        let (rows, indices, preselected) = render::picker_rows(past, &self.zone);
        let question = format!("{} in {}: back to which revision?", past.rollout.id, cluster.namespace);
        match self.bounds.ui.select(&question, &rows, preselected, "give a target")? {
            Some(row) => Ok(Choice::Revision(past.rollout.revisions[indices[row]].number)),
            None => Err(Failure::refused("nothing picked; nothing was changed")),
        }
    }

    /// The plan on the screen. A report, if the run ends with it.
    fn before_the_write(
        &self,
        looked: &Looked,
        prepared: &Prepared,
    ) -> Result<Option<RollbackReport>, Failure> {
        self.show(looked, prepared)?;
        if prepared.findings.iter().any(Finding::blocks) {
            self.bounds.ui.failure(&findings::refusal(&prepared.findings));
            return Ok(Some(self.planned(looked, prepared.clone(), Verdict::Refused)));
        }
        if self.args.dry_run != DryRun::None {
            return Ok(Some(self.planned(looked, prepared.clone(), Verdict::Planned)));
        }
        let idle = prepared.plan.steps.iter().all(|step| !self.has_work(looked, step));
        Ok(idle.then(|| self.planned(looked, prepared.clone(), Verdict::Unchanged)))
    }

    /// A StatefulSet that is there already may still have pods to free.
    fn has_work(&self, looked: &Looked, step: &Step) -> bool {
        let stuck =
            || self.options.unstick && looked.snapshot.rollouts[step.rollout].id.kind == Kind::StatefulSet;
        match step.action {
            Action::RollBack => true,
            Action::Nothing => stuck(),
            Action::NotYetBorn => false,
        }
    }

    fn show(&self, looked: &Looked, prepared: &Prepared) -> Result<(), Failure> {
        // The plan is the result of a dry run, and only news in a live one.
        let result = self.args.dry_run != DryRun::None && !self.args.output.is_structured();
        let ui = &self.bounds.ui;
        let show = |line: &Line| if result { ui.data(line) } else { ui.status(line) };
        render::plan(&looked.snapshot, &prepared.plan, &self.options, &self.zone).iter().for_each(show);
        if self.options.diff == DiffDetail::Full {
            for line in render::full_diffs(&looked.snapshot, &prepared.plan, &self.options)? {
                show(&line);
            }
        }
        let lines = findings::lines(&prepared.findings, self.args.output == Output::Wide);
        if !lines.is_empty() {
            show(&Line::new());
            lines.iter().for_each(show);
        }
        show(&Line::new());
        Ok(())
    }

    fn confirm(&self, looked: &Looked, prepared: &Prepared) -> Result<bool, Failure> {
        if self.args.yes {
            return Ok(true);
        }
        let steps: Vec<_> = prepared.plan.steps.iter().filter(|step| self.has_work(looked, step)).collect();
        let doubts = prepared
            .findings
            .iter()
            .filter(|f| matches!(f.severity, Severity::Warning | Severity::Unknown))
            .count();
        let despite =
            if doubts > 0 { format!(" despite {}", count(doubts, "warning")) } else { String::new() };
        match steps.as_slice() {
            [step] => {
                let rollout = &looked.snapshot.rollouts[step.rollout];
                let number =
                    step.target.as_ref().and_then(|t| t.revision).map(|i| rollout.revisions[i].number);
                let to = number.map_or("to its earlier template".to_owned(), |n| format!("to revision {n}"));
                self.bounds.ui.confirm(&format!("Roll {} back {to}{despite}?", rollout.id))
            }
            several => {
                let namespace = &looked.snapshot.rollouts[several[0].rollout].id.namespace;
                let what = count(several.len(), "workload");
                self.bounds.ui.confirm_typed(&format!("Roll {what} of {namespace} back{despite}?"), namespace)
            }
        }
    }

    async fn execute(
        &self,
        cluster: &Cluster,
        looked: &Looked,
        prepared: Prepared,
    ) -> (RollbackReport, bool) {
        let Prepared { plan, findings } = prepared;
        let interrupted = self.bounds.ui.interrupted();
        let mut screen = render::Screen::new(&self.bounds.ui, plan.steps.len());
        let execution = Execution {
            cluster,
            ui: &self.bounds.ui,
            snapshot: &looked.snapshot,
            plan: &plan,
            options: &self.options,
            clock: Clock::start(),
            deadline: self.bounds.deadline,
            journal: Journal::of_user(),
        };
        let outcomes = execution.run(interrupted, &mut screen).await;
        drop(screen);
        // Nothing at all was written, because somebody else was quicker.
        let changed = outcomes.iter().any(|o| o.changed)
            && outcomes.iter().all(|o| o.result == Verdict::Refused || o.result == Verdict::Unchanged);
        let workloads: Vec<WorkloadReport> = plan
            .steps
            .iter()
            .zip(outcomes)
            .map(|(step, outcome)| {
                WorkloadReport::carried_out(&looked.snapshot.rollouts[step.rollout], step, outcome)
            })
            .collect();
        let result = overall(&workloads);
        (self.report(workloads, findings, result), changed)
    }

    fn planned(&self, looked: &Looked, prepared: Prepared, result: Verdict) -> RollbackReport {
        let Prepared { plan: Plan { steps }, findings } = prepared;
        let workloads: Vec<WorkloadReport> = steps
            .iter()
            .map(|step| WorkloadReport::planned(&looked.snapshot.rollouts[step.rollout], step, result))
            .collect();
        self.report(workloads, findings, result)
    }
}

fn no_target() -> Failure {
    Failure::usage("where to? give a target")
        .hint("one of --last-healthy, --to-revision N, --time WHEN, --image REF, --previous")
}
