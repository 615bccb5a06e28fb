//! The end of a run: one line a workload, the pods somebody has to look at, and the next command.

use std::collections::BTreeSet;

use cluster_model::rollout::Kind;
use plugin_client::{Line, table};

use crate::outcome::{PodState, RolloutResult};
use crate::report::{PodReport, RollbackReport, WorkloadReport};

/// More pods of one workload are counted.
const PODS: usize = 8;

pub fn outcome(report: &RollbackReport, seconds: f64) -> Vec<Line> {
    let is_over = |w: &WorkloadReport| matches!(w.result, RolloutResult::Refused | RolloutResult::Unchanged);
    // Then the error states that nothing was changed.
    if report.error.is_some() && report.workloads.iter().all(is_over) {
        return Vec::new();
    }
    // A plan is the result of a dry run: what is there already is in it.
    let is_in_plan =
        |w: &WorkloadReport| report.result == RolloutResult::Planned && w.result == RolloutResult::Unchanged;
    let mut lines = Vec::new();
    for workload in report.workloads.iter().filter(|workload| !is_in_plan(workload)) {
        lines.push(headline(workload, seconds).hanging(2));
        lines.extend(attention(workload));
    }
    lines.extend(next(report));
    lines
}

fn headline(workload: &WorkloadReport, seconds: f64) -> Line {
    let name = Line::new().strong(workload.typed());
    let cause = workload.cause.as_deref().filter(|cause| !cause.is_empty());
    let because = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let to = workload.to_words();
    let to_number = workload.to.as_ref().and_then(|to| to.side.revision);
    // How far it is, if its pods were seen.
    let far = match workload.ready.filter(|(_, total)| *total > 0) {
        Some((ready, all)) if ready == all => format!("{all} of {all} pods ready, {seconds:.1}s"),
        // The others may well be ready, on the template from before.
        Some((ready, all)) => format!("{ready} of {all} pods updated and ready, {seconds:.1}s"),
        None => format!("{seconds:.1}s"),
    };
    let now = workload.renumbered(to_number);
    let way = if workload.was_there() { String::new() } else { format!(" while rolling back to {to}{now}") };
    match workload.result {
        RolloutResult::Done => {
            let note = cause.map(|note| format!("; {note}")).unwrap_or_default();
            let line = match workload.unwatched {
                true if to_number.is_some() => name.plain(format!(" updated to the template of {to}{now}")),
                true => name.plain(format!(" updated to {to}{now}")),
                false => name.good(" rolled back").plain(format!(" to {to}{now}")),
            };
            line.plain(format!(": {far}{note}"))
        }
        RolloutResult::Unchanged => match (workload.besides_plan.as_deref(), cause) {
            (Some(""), _) if workload.ready.is_none() => name.plain(" unchanged"),
            (Some(""), _) => name.plain(" unchanged").plain(format!(": {far}")),
            (Some(rest), _) => name.plain(" unchanged").plain(format!(": {rest}")),
            (None, Some(cause)) => name.plain(" skipped").plain(format!(": {cause}")),
            (None, None) => name.plain(" skipped").plain(format!(": the live template already is {to}")),
        },
        RolloutResult::Planned => name.plain(" planned; nothing was changed"),
        RolloutResult::Refused => name
            .bad(" not rolled back")
            .plain(cause.map_or("; nothing was changed".to_owned(), |c| format!(": {c}"))),
        RolloutResult::Failed => name.bad(" failed").plain(format!("{way}{because} ({far})")),
        RolloutResult::Restored => {
            let from = workload.from.revision;
            let back = from.map_or("to its previous template".to_owned(), |n| format!("to revision {n}"));
            let now = workload.renumbered(from);
            name.warn(" restored").plain(format!(" {back}{now}{because} ({seconds:.1}s)"))
        }
        RolloutResult::Stalled => name.warn(" stalled").plain(format!("{way}{because} ({far})")),
        RolloutResult::Superseded => name.warn(" superseded").plain(format!("{because} ({far})")),
        RolloutResult::Partial => match workload.was_there() {
            true => name.warn(" incomplete").plain(format!("{because} ({far})")),
            false => name.warn(" partly rolled back").plain(format!(" to {to}{now}{because} ({far})")),
        },
        // The cause begins with what ended it.
        RolloutResult::Timeout => {
            name.bad(" not complete").plain(format!(": {} ({far})", cause.unwrap_or("--timeout passed")))
        }
        RolloutResult::Interrupted => {
            name.bad(" not complete").plain(format!(": {} ({far})", cause.unwrap_or("interrupted")))
        }
    }
}

impl WorkloadReport {
    /// `deployment/web`
    fn typed(&self) -> String {
        format!("{}/{}", Kind::parse(self.kind).map_or(self.kind, Kind::word), self.name)
    }

    fn to_words(&self) -> String {
        let number = self.to.as_ref().and_then(|to| to.side.revision);
        number.map_or("an earlier template".to_owned(), |number| format!("revision {number}"))
    }

    /// The number that this revision has by now, if it is another one.
    fn renumbered(&self, number: Option<i64>) -> String {
        let now = self.current_revision.filter(|now| number.is_some_and(|number| number != *now));
        now.map_or_else(String::new, |now| format!(", which is now {now}"))
    }

    /// Was the target the live template before anything was written?
    fn was_there(&self) -> bool {
        let to = self.to.as_ref().and_then(|to| to.side.revision);
        to.is_some() && to == self.from.revision
    }

    /// Did this run change it, and is the change still there?
    fn is_written(&self) -> bool {
        match self.result {
            RolloutResult::Done
            | RolloutResult::Partial
            | RolloutResult::Stalled
            | RolloutResult::Failed
            | RolloutResult::Timeout
            | RolloutResult::Interrupted => self.left,
            RolloutResult::Unchanged
            | RolloutResult::Planned
            | RolloutResult::Refused
            | RolloutResult::Restored
            // Somebody else's template is there.
            | RolloutResult::Superseded => false,
        }
    }
}

/// Pods that are not as they should be, each with its last log lines.
fn attention(workload: &WorkloadReport) -> Vec<Line> {
    // Of what was restored or is done only pods that fail are of interest.
    let over =
        matches!(workload.result, RolloutResult::Done | RolloutResult::Unchanged | RolloutResult::Restored);
    let needs = |pod: &&PodReport| match pod.state {
        PodState::Ready => false,
        PodState::Failing => true,
        PodState::Starting | PodState::Old | PodState::Terminating => !over,
    };
    let mut pods: Vec<&PodReport> = workload.pods.iter().filter(needs).collect();
    pods.sort_by_key(|pod| pod.state != PodState::Failing);
    let now = pods.len();
    pods.extend(&workload.failed_pods);
    let word =
        |at: usize, pod: &PodReport| if at < now { state(pod.state) } else { Line::new().bad("  failed") };
    let rows: Vec<Vec<Line>> =
        pods.iter().enumerate().take(PODS).map(|(at, pod)| row(workload, pod, word(at, pod))).collect();
    let mut lines = Vec::new();
    for (line, pod) in table(&rows).into_iter().zip(&pods) {
        lines.push(line);
        lines.extend(pod.log.iter().map(|text| Line::new().dim(format!("    | {text}"))));
    }
    if pods.len() > PODS {
        lines.push(Line::new().dim(format!("  and {} more", pods.len() - PODS)));
    }
    lines
}

fn state(state: PodState) -> Line {
    match state {
        PodState::Failing => Line::new().bad("  failing"),
        PodState::Starting => Line::new().warn("  starting"),
        PodState::Old => Line::new().warn("  old"),
        PodState::Terminating => Line::new().dim("  stopping"),
        PodState::Ready => Line::new().good("  ready"),
    }
}

fn row(workload: &WorkloadReport, pod: &PodReport, word: Line) -> Vec<Line> {
    let headline = workload.cause.as_deref().unwrap_or_default();
    let is_in_headline =
        |cause: &&str| [": ", " ("].iter().any(|by| headline.contains(&format!("{}{by}{cause}", pod.name)));
    let cause = pod.cause.as_deref().filter(|cause| !is_in_headline(cause));
    vec![word, format!("{}/{}", workload.namespace, pod.name).into(), cause.unwrap_or_default().into()]
}

/// What to type next.
fn next(report: &RollbackReport) -> Vec<Line> {
    let of = |verdicts: &[RolloutResult]| -> Vec<&WorkloadReport> {
        report.workloads.iter().filter(|w| verdicts.contains(&w.result)).collect()
    };
    let open = of(&[
        RolloutResult::Failed,
        RolloutResult::Partial,
        RolloutResult::Stalled,
        RolloutResult::Timeout,
        RolloutResult::Interrupted,
        RolloutResult::Superseded,
    ]);
    let unwatched = report.workloads.iter().filter(|w| w.unwatched);
    let mut hints: Vec<(&str, String)> = Vec::new();
    let there: Vec<&WorkloadReport> = open.into_iter().chain(unwatched).filter(|w| !w.gone).collect();
    let unstick = there.iter().filter_map(|workload| workload.unstick_command.clone());
    hints.extend(unstick.map(|command| ("to unstick:", command)));
    for (namespace, names) in by_namespace(&there) {
        hints.push(("to check progress:", format!("kubectl rollback-to {names}{namespace} --status")));
    }
    for (namespace, names) in by_namespace(&of(&[RolloutResult::Restored])) {
        hints.push(("to choose another:", format!("kubectl rollback-to {names}{namespace} --history")));
    }
    // Not if nothing was written: it would undo an earlier rollback.
    let written: Vec<&WorkloadReport> = report.workloads.iter().filter(|w| w.is_written()).collect();
    for (namespace, names) in by_namespace(&written) {
        // Without names it would undo whichever run began last. One that is not in the journal cannot be undone by `--last`.
        let flag = if written.iter().any(|w| w.unrecorded) { "--history" } else { "--last" };
        hints.push(("to undo the rollback:", format!("kubectl rollback-to {names}{namespace} {flag}")));
    }
    let rows: Vec<Vec<Line>> = hints
        .into_iter()
        .map(|(what, command)| vec![Line::new().dim(what), Line::new().command(command)])
        .collect();
    table(&rows)
}

fn flag(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}

/// One command for each namespace: the flag, and the workloads there.
fn by_namespace(workloads: &[&WorkloadReport]) -> Vec<(String, String)> {
    let namespaces: BTreeSet<&str> = workloads.iter().map(|w| w.namespace.as_str()).collect();
    let names = |namespace: &str| {
        let there = workloads.iter().filter(|w| w.namespace == namespace);
        there.map(|w| w.typed()).collect::<Vec<_>>().join(" ")
    };
    namespaces.into_iter().map(|namespace| (flag(namespace), names(namespace))).collect()
}

#[cfg(test)]
mod tests;
