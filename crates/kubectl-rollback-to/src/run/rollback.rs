//! A rollback: look, choose, prepare, show, ask, execute, report.

use std::borrow::Cow;
use std::time::Duration;

use cluster_model::Finding;
use cluster_model::finding::despite;
use cluster_model::rollout::Id;
use plugin_client::cli::findings;
use plugin_client::{Clock, Cluster, DryRun, Exit, Failure, Line, Output};

use super::Run;
use super::consent::{Consent, Lapse};
use super::last::those_of;
use super::load::Loaded;
use super::prepare::Prepared;
use crate::args::Wish;
use crate::choose::{Chosen, Past, Refusal, choose};
use crate::execute::{Execution, SILENT_AFTER};
use crate::journal::{Entry, Journal};
use crate::options::{Choice, DiffDetail};
use crate::outcome::reason::Reason;
use crate::outcome::{Outcome, RolloutResult};
use crate::plan::{Action, Plan, Step};
use crate::render;
use crate::render::reason::reasons;
use crate::report::{RollbackReport, WorkloadReport, overall};
use crate::server_dry_run::is_changed;
use crate::workload_selector::Subjects;

/// How often a lost race is planned again before it is given up.
const ATTEMPTS: usize = 3;
/// A server that is away just before the first write is waited for: some twenty seconds, as long as one takes to start.
const LOOKS: usize = 9;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

impl Run<'_> {
    pub(super) async fn rollback(
        &self,
        cluster: &Cluster,
        subjects: &Subjects,
    ) -> Result<RollbackReport, Failure> {
        let last = match self.args.last {
            true => Some(self.reading(cluster, Box::pin(self.last(cluster, subjects))).await?),
            false => None,
        };
        let (subjects, cluster) = match &last {
            Some(entry) => those_of(entry, cluster),
            None => (subjects.clone(), Cow::Borrowed(cluster)),
        };
        let cluster = cluster.as_ref();
        let mut wish = None;
        for attempt in 1.. {
            let mut looked = self.reading(cluster, Box::pin(self.look(cluster, &subjects))).await?;
            let wish = match &mut wish {
                Some(wish) => wish,
                // By the server's clock, which is known from its first answer; and once: a plan that is made again has the same target.
                None => wish.insert(self.wish(&looked, cluster)?),
            };
            let chosen = looked
                .pasts()
                .map(|past| {
                    self.choose(past, last.as_ref(), wish).map_err(|refusal| self.show_listed(past, refusal))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let prepared =
                match self.reading(cluster, Box::pin(self.prepare(cluster, &mut looked, chosen))).await {
                    Err(failure) if is_changed(&failure) && attempt < ATTEMPTS => continue,
                    prepared => prepared?,
                };
            if let Some(report) = self.before_the_write(&looked, &prepared)? {
                return Ok(report);
            }
            if let Some(failure) = self.declined(&looked, &prepared)? {
                self.bounds.ui.failure(&failure);
                let report = self.planned(&looked, prepared, RolloutResult::Refused);
                return Ok(RollbackReport { error: Some(failure.to_string()), ..report });
            }
            let consent = Consent::of(&looked.snapshot, &prepared.plan);
            let now = self.reading(cluster, Box::pin(self.look_again(cluster, &subjects))).await?;
            let lapses = consent
                .lapses(&now.snapshot.rollouts, |index| self.choose(now.past(index), last.as_ref(), wish));
            if lapses.is_empty() {
                consent.scaled(&now.snapshot.rollouts).into_iter().for_each(|it| self.bounds.ui.warn(it));
            }
            // Of many pods it is much memory.
            drop((now, consent));
            looked.forget_evidence();
            let (report, changed) = match lapses.as_slice() {
                [] => self.execute(cluster, &looked, prepared).await,
                lapses => {
                    let changed = lapses.iter().map(|lapse| format!("{}: {}", lapse.id, lapse.why)).collect();
                    (self.lapsed(&looked, prepared, lapses), changed)
                }
            };
            // `--yes` is consent to one plan, and not to the next.
            if changed.is_empty() || self.args.yes || attempt == ATTEMPTS {
                return Ok(report);
            }
            self.bounds.ui.warn(format!("{}; nothing was written, planning again", changed.join("; ")));
        }
        Err(Failure::refused("it keeps being modified by somebody else; nothing was written"))
    }

    /// As it is before the first write. A server that is away for a moment is no reason to give up what was agreed to.
    async fn look_again(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Loaded, Failure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1..=LOOKS {
            let failure = match self.look(cluster, subjects).await {
                Ok(looked) => {
                    if attempt > 1 {
                        self.bounds.ui.status(&Line::new().good("the API server responds again"));
                    }
                    return Ok(looked);
                }
                Err(failure) => failure,
            };
            // A server that comes back has not read its roles and tokens yet.
            let starting = attempt > 1 && matches!(failure.code, Some(401 | 403));
            let passes = failure.code.is_none_or(|code| code == 429 || code >= 500) || starting;
            if failure.exit != Exit::Failed || !passes || attempt == LOOKS {
                return Err(failure);
            }
            if attempt == 1 {
                let status = Line::new().warn("waiting for the API server").plain(format!(": {failure}"));
                self.bounds.ui.status(&status);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(Failure::failed("the API server does not respond; nothing was written"))
    }

    /// The requested target; on a terminal it may be picked now.
    fn wish(&self, looked: &Loaded, cluster: &Cluster) -> Result<Wish, Failure> {
        let wish = self.args.wish(cluster.now(), &self.zone)?;
        if wish != Wish::Pick {
            return Ok(wish);
        }
        let mut pasts = looked.pasts();
        match (pasts.next(), pasts.next()) {
            (Some(past), None) => Ok(Wish::Choice(self.pick(past, cluster)?)),
            _ => Err(no_target().hint("for several workloads a target is required")),
        }
    }

    fn choose(&self, past: Past<'_>, last: Option<&Entry>, wish: &Wish) -> Result<Chosen, Refusal> {
        match (last, wish) {
            (Some(entry), _) => Ok(self.before_the_last(entry, past)?),
            (None, Wish::Choice(choice)) => choose(past, choice, &self.zone),
            (None, Wish::Journal | Wish::Pick) => Err(no_target().into()),
        }
    }

    fn pick(&self, past: Past<'_>, cluster: &Cluster) -> Result<Choice, Failure> {
        if !self.bounds.ui.can_prompt() || self.args.yes {
            return Err(no_target().hint(format!(
                "list the revisions: kubectl rollback-to {} --history",
                past.rollout.id.typed()
            )));
        }
        let (rows, indices, preselected) = render::picker_rows(past, &self.zone);
        let question =
            format!("{} in {}: select a revision to roll back to", past.rollout.id, cluster.namespace);
        match self.bounds.ui.select(&question, &rows, preselected, "give a target")? {
            Some(row) => Ok(Choice::Picked(past.rollout.revisions[indices[row]].name.clone())),
            None => Err(Failure::refused("no revision selected; nothing was changed")),
        }
    }

    /// The plan on the screen. A report, if the run ends with it.
    fn before_the_write(
        &self,
        looked: &Loaded,
        prepared: &Prepared,
    ) -> Result<Option<RollbackReport>, Failure> {
        self.show(looked, prepared)?;
        if prepared.findings.iter().any(Finding::blocks) {
            self.bounds.ui.failure(&findings::refusal(&prepared.findings, |_| None));
            return Ok(Some(self.planned(looked, prepared.clone(), RolloutResult::Refused)));
        }
        if self.args.dry_run != DryRun::None {
            return Ok(Some(self.planned(looked, prepared.clone(), RolloutResult::Planned)));
        }
        // One that is there already is looked at, too: its pods may not run it.
        let idle = prepared.plan.steps.iter().all(|step| matches!(step.action, Action::NotYetCreated));
        Ok(idle.then(|| self.planned(looked, prepared.clone(), RolloutResult::Unchanged)))
    }

    fn show(&self, looked: &Loaded, prepared: &Prepared) -> Result<(), Failure> {
        // The plan is the result of a dry run, and only information in a live one.
        let result = self.args.dry_run != DryRun::None && !self.args.output.is_structured();
        let ui = &self.bounds.ui;
        let is_asked = !self.args.yes
            && !prepared.findings.iter().any(Finding::blocks)
            && prepared.plan.steps.iter().any(|step| step.has_work());
        let show = |line: &Line| if result { ui.data(line) } else { ui.plan(line, is_asked) };
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

    /// That the question was answered with no.
    fn declined(&self, looked: &Loaded, prepared: &Prepared) -> Result<Option<Failure>, Failure> {
        if self.args.yes {
            return Ok(None);
        }
        let steps: Vec<_> = prepared.plan.steps.iter().filter(|step| step.has_work()).collect();
        if steps.is_empty() {
            return Ok(None);
        }
        let despite = despite(&prepared.findings);
        let (is_agreed, typed) = match steps.as_slice() {
            [step] => {
                let question =
                    render::question_about(&looked.snapshot.rollouts[step.rollout], step, &despite);
                (self.bounds.ui.confirm(&question)?, None)
            }
            several => {
                let namespace = &looked.snapshot.rollouts[several[0].rollout].id.namespace;
                let question = render::question_about_several(namespace, several, &despite);
                (self.bounds.ui.confirm_typed(&question, namespace)?, Some(namespace.as_str()))
            }
        };
        Ok((!is_agreed).then(|| Failure::declined("changed", typed)))
    }

    /// And who changed what, if nothing at all was written because somebody else was quicker.
    async fn execute(
        &self,
        cluster: &Cluster,
        looked: &Loaded,
        prepared: Prepared,
    ) -> (RollbackReport, Vec<String>) {
        let Prepared { plan, findings } = prepared;
        let interrupted = self.bounds.ui.interrupted();
        let ends = match plan.steps.len() {
            1 if self.args.output.is_structured() => render::Ends::InDocument,
            1 => render::Ends::InResult,
            _ => render::Ends::AsTheyCome,
        };
        let mut screen = render::Screen::new(&self.bounds.ui, ends);
        let execution = Execution {
            cluster,
            ui: &self.bounds.ui,
            snapshot: &looked.snapshot,
            plan: &plan,
            options: &self.options,
            may_ask: !self.args.yes,
            clock: Clock::start(),
            deadline: self.bounds.until(),
            // A given --timeout is waited for in full.
            silent_after: self.bounds.deadline.is_none().then_some(SILENT_AFTER),
            zone: self.zone.clone(),
            journal: Journal::of_user(),
        };
        let outcomes = execution.run(interrupted, &mut screen).await;
        drop(screen);
        let late = outcomes.iter().any(|outcome| outcome.late);
        let wrote_nothing =
            outcomes.iter().all(|o| matches!(o.result, RolloutResult::Refused | RolloutResult::Unchanged));
        let named = |(step, outcome): (&Step, &Outcome)| {
            let id = &looked.snapshot.rollouts[step.rollout].id;
            let why: Vec<Reason> =
                outcome.reasons.iter().filter(|reason| **reason != Reason::NothingWritten).cloned().collect();
            outcome.changed.then(|| format!("{id}: {}", reasons(id, &why)))
        };
        let changed: Vec<String> = plan.steps.iter().zip(&outcomes).filter_map(named).collect();
        let changed = if wrote_nothing { changed } else { Vec::new() };
        let workloads: Vec<WorkloadReport> = plan
            .steps
            .iter()
            .zip(outcomes)
            .map(|(step, outcome)| {
                WorkloadReport::carried_out(&looked.snapshot.rollouts[step.rollout], step, outcome)
            })
            .collect();
        let result = if late { RolloutResult::Timeout } else { overall(&workloads) };
        (self.report(workloads, findings, result), changed)
    }

    /// Nothing was written: what was agreed to is not what is there.
    fn lapsed(&self, looked: &Loaded, prepared: Prepared, lapses: &[Lapse]) -> RollbackReport {
        let mut report = self.planned(looked, prepared, RolloutResult::Refused);
        let refused =
            report.workloads.iter_mut().filter(|workload| workload.result == RolloutResult::Refused);
        for workload in refused {
            let lapsed = |lapse: &&Lapse| {
                let Id { kind, namespace, name, .. } = &lapse.id;
                (kind.name(), namespace, name) == (workload.kind, &workload.namespace, &workload.name)
            };
            let why = match (lapses.iter().find(lapsed), lapses.first()) {
                (Some(lapse), _) => lapse.why.clone(),
                (None, Some(first)) => format!("not started, because of {}", first.id),
                (None, None) => String::new(),
            };
            workload.cause = Some(format!("{why}; nothing was written"));
        }
        report
    }

    fn planned(&self, looked: &Loaded, prepared: Prepared, result: RolloutResult) -> RollbackReport {
        let Prepared { plan: Plan { steps }, findings } = prepared;
        let workloads: Vec<WorkloadReport> = steps
            .iter()
            .map(|step| WorkloadReport::planned(&looked.snapshot.rollouts[step.rollout], step, result))
            .collect();
        self.report(workloads, findings, result)
    }
}

fn no_target() -> Failure {
    Failure::usage("no target given")
        .hint("one of --last-healthy, --to-revision N, --time WHEN, --image REF, --previous")
}
