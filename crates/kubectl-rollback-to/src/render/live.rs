//! The rollback while it runs: a region that is redrawn on a terminal, one line per change elsewhere.

use std::collections::HashMap;

use cluster_model::rollout::Id;
use cluster_model::text::span;
use plugin_client::{Failure, Line, Live, Ui, table};

use super::cause;
use super::reason;
use super::status::word;
use crate::execute::engine::model::Question;
use crate::execute::event::{Event, Note, Reporter};
use crate::execute::progress::model::{Progress, State};
use crate::outcome::cause::{Problem, Waiting};
use crate::outcome::{PodProgress, PodState};

pub struct Screen {
    ui: Ui,
    live: Option<Live>,
    /// The region is on the screen.
    drawn: bool,
    ends: Ends,
    /// How the workload ended, unless something follows: then it was not the end.
    held: Option<(Id, Event)>,
    /// The last event of each workload and pod: nothing is reported twice.
    last: HashMap<(Id, String), Event>,
}

/// Where it is shown how a workload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Of several each is reported when it ends.
    AsTheyCome,
    /// Of one the result on stdout has it, in the same words.
    InResult,
    /// Of one, where the result is a document: only what went wrong is reported.
    InDocument,
}

impl Ends {
    fn is_shown_later(self, event: &Event) -> bool {
        match event {
            Event::Done(_) | Event::Written { mutated: false, watched: false } => self != Ends::AsTheyCome,
            _ => false,
        }
    }

    /// It ended so, unless it is restored or a question follows, which nobody can answer without the cause.
    fn may_be_shown_later(self, event: &Event) -> bool {
        self == Ends::InResult && matches!(event, Event::Failed { .. } | Event::Stalled(_))
    }
}

impl Screen {
    pub fn new(ui: &Ui, ends: Ends) -> Self {
        Screen { ui: ui.clone(), live: ui.live(), drawn: false, ends, held: None, last: HashMap::new() }
    }

    fn show_held(&mut self) {
        if let Some((workload, event)) = self.held.take() {
            self.show(&workload, &event);
        }
    }

    fn show(&self, workload: &Id, event: &Event) {
        for line in lines(workload, event) {
            self.ui.status(&line);
        }
    }

    fn is_news(&mut self, workload: &Id, event: &Event) -> bool {
        let pod = match event {
            Event::Moved { .. } => {
                // An issue of a pod that comes back after something moved is a new one.
                self.last.retain(|(of, pod), _| of != workload || pod.is_empty());
                ""
            }
            Event::PodIssue { pod, .. } => pod,
            _ => return true,
        };
        let key = (workload.clone(), pod.to_owned());
        self.last.insert(key, event.clone()).as_ref() != Some(event)
    }
}

impl Reporter for Screen {
    fn event(&mut self, workload: &Id, event: &Event) {
        // The region shows these; as lines they would only scroll by.
        let is_drawn = matches!(event, Event::Moved { .. } | Event::PodIssue { .. });
        if !self.is_news(workload, event) || (is_drawn && self.live.is_some()) {
            return;
        }
        if self.ends.is_shown_later(event) {
            return;
        }
        if let Event::Note(note @ (Note::JournalElsewhere(_) | Note::JournalNotWritten(_))) = event {
            // Also with --quiet.
            return self.ui.warn(format!("{workload}: {}", reason::note(workload, note)));
        }
        // That it is not recorded changes nothing about the end.
        if !matches!(event, Event::Note(Note::NotRecorded(_))) {
            self.show_held();
        }
        if self.ends.may_be_shown_later(event) {
            self.held = Some((workload.clone(), event.clone()));
        } else {
            self.show(workload, event);
        }
    }

    fn server(&mut self, failure: Option<&Failure>) {
        let line = match failure {
            Some(failure) => Line::new().warn("waiting for the API server").plain(format!(": {failure}")),
            None => Line::new().good("the API server responds again"),
        };
        self.ui.status(&line.hanging(2));
    }

    fn draw(&mut self, rollouts: &[(Id, Progress)]) {
        // Between two rollouts, as before a restore, there is nothing to show.
        if rollouts.is_empty() {
            if std::mem::take(&mut self.drawn) {
                self.live = None;
                self.live = self.ui.live();
            }
            return;
        }
        let Some(live) = self.live.as_ref().filter(|live| live.due()) else { return };
        self.drawn = true;
        let (header, lines) = frame(rollouts);
        let sum = |of: fn(&Progress) -> i64| {
            rollouts.iter().map(|(_, progress)| usize::try_from(of(progress)).unwrap_or_default()).sum()
        };
        live.show(sum(|p| p.done), sum(|p| p.total), &header, &lines);
    }

    fn confirm(&mut self, question: &Question) -> Result<bool, Failure> {
        self.show_held();
        self.ui.confirm(&reason::question(question))
    }
}

/// What the region holds beside the bar.
fn frame(rollouts: &[(Id, Progress)]) -> (Line, Vec<Line>) {
    let left = rollouts.iter().filter_map(|(_, progress)| progress.seconds_left).max();
    // As long as the slowest takes; one whose pace is not known yet may be slower still, and a pod that fails may fail for ever.
    let known = |p: &Progress| !is_failing(p) && (p.seconds_left.is_some() || p.state != State::Moving);
    let known = rollouts.iter().all(|(_, progress)| known(progress));
    let left = left.filter(|_| known).map(|left| format!(" · about {} left", span(left)));
    let left = Line::new().dim(left.unwrap_or_default());
    if let [(_, progress)] = rollouts {
        let header = failing_pods(progress).unwrap_or_else(|| summary(progress));
        return (header.then(left), pods(progress, |pod| attention(pod) || is_stuck(progress, pod)));
    }
    let failing = rollouts.iter().filter(|(_, progress)| is_failing(progress)).count();
    let mut header = Line::new().plain(format!("{} rolling out", rollouts.len()));
    if failing > 0 {
        header = header.plain(" · ").warn(format!("{failing} failing"));
    }
    let rows: Vec<Vec<Line>> = rollouts
        .iter()
        .map(|(workload, progress)| {
            let name = Line::new().plain("  ").strong(workload.to_string());
            vec![name, format!("{}/{}", progress.done, progress.total).into(), summary(progress)]
        })
        .collect();
    let mut lines = Vec::new();
    for (line, (_, progress)) in table(&rows).into_iter().zip(rollouts) {
        lines.push(line);
        let failing = pods(progress, |pod| pod.state == PodState::Failing);
        // The summary already shows the cause of one.
        if failing.len() > 1 {
            lines.extend(failing.into_iter().map(|pod| Line::new().plain("  ").then(pod)));
        }
    }
    (header.then(left), lines)
}

/// How many, if one of them is what it waits for: the pod's own row has the cause, and more room for it.
fn failing_pods(progress: &Progress) -> Option<Line> {
    let Waiting::Problem(Problem::Pod { name, .. }) = &progress.waiting else { return None };
    let failing = || progress.pods.iter().filter(|pod| pod.state == PodState::Failing);
    (progress.state == State::Moving && failing().any(|pod| pod.name == *name))
        .then(|| Line::new().warn(format!("{} failing", failing().count())))
}

fn is_failing(progress: &Progress) -> bool {
    matches!(progress.state, State::Failed { .. } | State::Stuck { .. })
        || progress.pods.iter().any(|pod| pod.state == PodState::Failing)
}

fn summary(progress: &Progress) -> Line {
    let summary = cause::summary(progress);
    match progress.state {
        State::Done { .. } => Line::new().good(summary),
        State::Failed { .. } | State::BeingDeleted(_) | State::Deleted => Line::new().bad(summary),
        _ if is_failing(progress) => Line::new().warn(summary),
        State::Reverted { .. } | State::Superseded { .. } | State::Stalled { .. } => {
            Line::new().warn(summary)
        }
        _ => Line::new().plain(summary),
    }
}

/// Ready pods and old ones that are still to be replaced are counted, not listed.
fn attention(pod: &PodProgress) -> bool {
    matches!(pod.state, PodState::Starting | PodState::Failing | PodState::Terminating)
}

fn is_stuck(progress: &Progress, report: &PodProgress) -> bool {
    matches!(&progress.state, State::Stuck { pod, .. } if *pod == report.name)
}

fn pods(progress: &Progress, shown: impl Fn(&PodProgress) -> bool) -> Vec<Line> {
    let row = |pod: &PodProgress| {
        let cause = pod.cause.as_ref().map(cause::pod).unwrap_or_default();
        vec![Line::new().plain("  ").plain(&pod.name), word(pod.state), cause.into()]
    };
    table(&progress.pods.iter().filter(|pod| shown(pod)).map(row).collect::<Vec<_>>())
}

/// One change, one line; a failure also has the last log lines of what crashed.
fn lines(workload: &Id, event: &Event) -> Vec<Line> {
    let name = Line::new().strong(workload.to_string());
    let line = match event {
        Event::Written { mutated: false, watched: true } => name.plain(" updated; waiting for its pods"),
        Event::Written { mutated: false, watched: false } => name.plain(" updated"),
        Event::Written { mutated: true, .. } => {
            name.plain(" updated, ").warn("but not as requested").plain(": admission changed the template")
        }
        Event::Moved { done, total } => name.plain(format!(": {}", cause::updated_pods(*done, *total))),
        Event::PodIssue { pod, cause } => {
            name.plain(": ").warn(pod).plain(format!(": {}", cause::pod(cause)))
        }
        Event::Unstuck(pod) => {
            name.plain(format!(": pod {pod} deleted; it is recreated with the current template"))
        }
        Event::Done(kept) => kept.iter().fold(name.good(" rolled back"), |line, kept| {
            line.plain(format!("; {}", cause::kept_pods(kept)))
        }),
        Event::Failed { reasons, .. } => {
            name.bad(" failed").plain(format!(": {}", reason::reasons(workload, reasons)))
        }
        Event::Restoring => name.plain(" restoring the previous template"),
        Event::Restored => name.good(" restored"),
        Event::NotRestored(why) => {
            name.bad(" not restored").plain(format!(": {}", reason::not_restored(workload, why)))
        }
        Event::Reverted(by) => {
            let by = cause::author(by.as_ref());
            name.warn(" reverted").plain(format!(": {by} wrote the previous template again"))
        }
        Event::Superseded(by) => {
            let by = cause::author(by.as_ref());
            name.warn(" superseded").plain(format!(": {by} wrote another template"))
        }
        Event::Stalled(reasons) => {
            name.warn(" stalled").plain(format!(": {}", reason::reasons(workload, reasons)))
        }
        Event::Note(note) => name.plain(format!(": {}", reason::note(workload, note))),
    };
    let log = if let Event::Failed { log, .. } = event { log.as_slice() } else { &[] };
    let log = log.iter().map(|line| Line::new().dim("  | ").plain(line));
    std::iter::once(line.hanging(2)).chain(log).collect()
}

#[cfg(test)]
mod tests;
