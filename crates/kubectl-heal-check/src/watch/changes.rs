//! What is different between two reports. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use plugin_client::{Line, Role};

use super::last_known::{LastKnown, key};
use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::matrix::{Cell, Matrix, OUTAGE, Verdict};

/// Times and reasons change with every look: only findings, verdicts, and what could not be checked count.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    new: Vec<Finding>,
    gone: Vec<Finding>,
    /// What was found before with another severity, and that.
    weighed: Vec<(Finding, Severity)>,
    cells: Vec<CellChange>,
    no_longer_checked: Vec<Unchecked>,
    checked_again: Vec<Unchecked>,
}

#[derive(Debug, PartialEq)]
struct CellChange {
    subject: Subject,
    column: &'static str,
    /// In a word; `None`: the workload was not there.
    before: Option<&'static str>,
    /// `None`: it is not there any more.
    after: Option<After>,
}

#[derive(Clone, Debug, PartialEq)]
struct After {
    verdict: Verdict,
    word: &'static str,
    reason: String,
}

impl Changes {
    pub fn between(before: &LastKnown, after: &LastKnown) -> Self {
        let is_in = |of: &LastKnown, it: &Finding| of.findings().any(|other| key(other) == key(it));
        let fresh = |of: &LastKnown, than: &LastKnown| {
            of.findings().filter(|it| !is_in(than, it)).cloned().collect::<Vec<_>>()
        };
        let less = |of: &[Unchecked], than: &[Unchecked]| {
            of.iter().filter(|it| !than.iter().any(|other| other.id == it.id)).cloned().collect()
        };
        let (mut gone, mut weighed) = (fresh(before, after), Vec::new());
        let mut new = fresh(after, before);
        new.retain(|it| {
            let old = gone.iter().position(|old| (old.id, &old.subject) == (it.id, &it.subject));
            weighed.extend(old.map(|at| (it.clone(), gone.remove(at).severity)));
            old.is_none()
        });
        Changes {
            new,
            gone,
            weighed,
            cells: cells(before, after),
            no_longer_checked: less(&after.report.unchecked, &before.report.unchecked),
            checked_again: less(&before.report.unchecked, &after.report.unchecked),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// One line for each, with the time in UTC. `with_namespace`: several are watched.
    pub fn lines(&self, at: Timestamp, with_namespace: bool) -> Vec<Line> {
        let line = |word: &str, role: Role, rest: String| {
            let time = at.strftime("%H:%M:%S").to_string();
            Line::new().dim(time).plain("  ").span(role, format!("{word:<9}")).plain(" ").plain(rest)
        };
        let name = |subject: &Subject| match with_namespace && !subject.namespace.is_empty() {
            true => format!("{subject} -n {}", subject.namespace),
            false => subject.to_string(),
        };
        let role = |it: &Finding| if it.severity >= Severity::Error { Role::Bad } else { Role::Warn };
        let text = |it: &Finding| format!("{} {} {}", it.id, name(&it.subject), it.message);
        let new =
            self.new.iter().map(|it| line("new", role(it), format!("{} {}", it.severity.word(), text(it))));
        let weighed = self.weighed.iter().map(|(it, before)| {
            let role = if it.severity > *before { role(it) } else { Role::Good };
            line("now", role, format!("{} (was {}) {}", it.severity.word(), before.word(), text(it)))
        });
        let gone = self.gone.iter().map(|it| {
            line("gone", Role::Good, format!("{} {} {}", it.severity.word(), it.id, name(&it.subject)))
        });
        let cells = by_change(&self.cells).into_iter().map(|of_one| {
            let Moved { subject, before, after } = Moved::of(of_one[0]);
            let role = match after {
                None => Role::Dim,
                Some(OUTAGE) => Role::Warn,
                Some(word) if [Verdict::Wont, Verdict::Unknown].iter().any(|it| it.word() == word) => {
                    Role::Bad
                }
                Some(_) => Role::Good,
            };
            let which = columns(&of_one);
            let after = after.unwrap_or("no longer there");
            let before = before.map_or(String::new(), |it| format!(": was {it},"));
            line("cells", role, format!("{}{which}{before} is {after}{}", name(subject), reasons(&of_one)))
        });
        let unchecked = Unchecked::by_reason(&self.no_longer_checked)
            .into_iter()
            .map(|(reason, ids)| line("unchecked", Role::Warn, format!("{}: {reason}", shown(&ids))));
        let again: Vec<&str> = self.checked_again.iter().map(|it| it.id.as_str()).collect();
        let again = (!again.is_empty()).then(|| line("checked", Role::Good, shown(&again)));
        new.chain(weighed).chain(gone).chain(cells).chain(unchecked).chain(again).collect()
    }
}

/// So many checks of one line are named.
const NAMED: usize = 4;

fn shown(ids: &[&str]) -> String {
    match ids.len() {
        0..=NAMED => ids.join(", "),
        more => format!("{} and {} other checks", ids[..NAMED].join(", "), more - NAMED),
    }
}

/// What cells of one line have in common.
#[derive(PartialEq)]
struct Moved<'c> {
    subject: &'c Subject,
    /// `None`: the whole workload is gone, and what it was does not matter.
    before: Option<&'static str>,
    after: Option<&'static str>,
}

impl<'c> Moved<'c> {
    fn of(change: &'c CellChange) -> Self {
        let after = change.after.as_ref().map(|it| it.word);
        let before = change.before.unwrap_or("not there");
        Moved { subject: &change.subject, before: after.map(|_| before), after }
    }
}

fn by_change(changes: &[CellChange]) -> Vec<Vec<&CellChange>> {
    let mut groups: Vec<Vec<&CellChange>> = Vec::new();
    for change in changes {
        match groups.iter_mut().find(|group| Moved::of(group[0]) == Moved::of(change)) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// Which cells, unless it is all of them.
fn columns(of_one: &[&CellChange]) -> String {
    let names: Vec<&str> = of_one.iter().map(|it| it.column).collect();
    if names.len() == Matrix::COLUMNS.len() { String::new() } else { format!(" {}", names.join(", ")) }
}

/// Why they do not heal: once if it is the same for all.
fn reasons(of_one: &[&CellChange]) -> String {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for change in of_one {
        let heals_not = |it: &&After| matches!(it.verdict, Verdict::Wont | Verdict::Unknown);
        let Some(after) = change.after.as_ref().filter(heals_not) else { continue };
        match by_reason.iter_mut().find(|(known, _)| *known == after.reason) {
            Some((_, columns)) => columns.push(change.column),
            None => by_reason.push((&after.reason, vec![change.column])),
        }
    }
    match by_reason.as_slice() {
        [] => String::new(),
        [(why, _)] => format!(": {why}"),
        several => {
            let each = several.iter().map(|(why, columns)| format!("{}: {why}", columns.join(", ")));
            format!(" ({})", each.collect::<Vec<_>>().join("; "))
        }
    }
}

fn cells(before: &LastKnown, after: &LastKnown) -> Vec<CellChange> {
    let (before, after) = (by_cell(before), by_cell(after));
    let mut changes = Vec::new();
    for ((subject, at, column), cell) in &after {
        let was = before.get(&(subject, *at, column)).map(|it| it.word());
        if was != Some(cell.word()) {
            let after = Some(After { verdict: cell.verdict, word: cell.word(), reason: cell.reason.clone() });
            changes.push(CellChange { subject: (*subject).clone(), column, before: was, after });
        }
    }
    for ((subject, at, column), cell) in &before {
        if !after.contains_key(&(subject, *at, column)) {
            changes.push(CellChange {
                subject: (*subject).clone(),
                column,
                before: Some(cell.word()),
                after: None,
            });
        }
    }
    changes
}

/// In the order of the columns. What is left of a workload whose kind cannot be read is no workload of its own.
fn by_cell(known: &LastKnown) -> BTreeMap<(&Subject, usize, &'static str), Cow<'_, Cell>> {
    let rows = known.report.workloads.iter().filter(|row| !row.is_part);
    let rows = rows.filter_map(|row| Some((row, row.matrix.as_ref()?)));
    let cells = rows.flat_map(|(row, matrix)| {
        let cells = matrix.cells().into_iter().enumerate();
        cells.map(|(at, (column, cell))| ((&row.subject, at, column), Cow::Borrowed(cell)))
    });
    let unread = known.unread.iter().flat_map(|subject| {
        let columns = Matrix::COLUMNS.into_iter().enumerate();
        columns.map(move |(at, column)| {
            ((subject, at, column), Cow::Owned(Cell::unknown("it cannot be read any more")))
        })
    });
    cells.chain(unread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::testing::report;
    use crate::report::{Checked, HealReport};
    use crate::snapshot::Read;
    use std::collections::BTreeSet;

    #[test]
    fn reasons_that_differ_are_those_of_their_cells() {
        let change = |column: &'static str, why: &str| CellChange {
            subject: Subject::new("Deployment", "shop", "web"),
            column,
            before: Some("heals"),
            after: Some(After { verdict: Verdict::Wont, word: "won't", reason: why.to_owned() }),
        };
        let shown = |cells: Vec<CellChange>| -> Vec<String> {
            let lines =
                Changes { cells, ..Changes::default() }.lines("2026-01-02T00:00:00Z".parse().unwrap(), false);
            lines.iter().map(Line::text).collect()
        };
        assert_eq!(
            shown(vec![change("drain", "x")]),
            ["00:00:00  cells     deployment/web drain: was heals, is won't: x"]
        );
        assert_eq!(
            shown(vec![change("pod loss", "x"), change("node loss", "x"), change("drain", "y")]),
            [
                "00:00:00  cells     deployment/web pod loss, node loss, drain: was heals, is won't (pod loss, node loss: x; drain: y)"
            ]
        );
    }

    fn lines(before: &LastKnown, after: &LastKnown) -> Vec<String> {
        let lines = Changes::between(before, after).lines("2026-01-02T00:00:00Z".parse().unwrap(), false);
        lines.iter().map(Line::text).collect()
    }

    /// It still heals, and nothing of it serves until then.
    #[test]
    fn an_outage_that_comes_or_goes_is_a_change() {
        let served = || LastKnown::of(report());
        let alone = || {
            let mut alone = report();
            for row in &mut alone.workloads {
                let matrix = row.matrix.as_mut().unwrap();
                matrix.pod_loss = matrix.pod_loss.clone().while_serve(0);
            }
            LastKnown::of(alone)
        };
        assert_eq!(
            lines(&served(), &alone()),
            ["00:00:00  cells     deployment/web pod loss: was heals, is outage"]
        );
        assert_eq!(
            lines(&alone(), &served()),
            ["00:00:00  cells     deployment/web pod loss: was outage, is heals"]
        );
    }

    #[test]
    fn a_finding_whose_severity_changes_is_one_line() {
        let with = |severity| {
            let mut report = report();
            report.findings[0].severity = severity;
            LastKnown::of(report)
        };
        let [error, warning] = [Severity::Error, Severity::Warning].map(with);
        assert_eq!(
            lines(&warning, &error),
            ["00:00:00  now       error (was warning) HC203 deployment/web m"]
        );
        assert_eq!(
            lines(&error, &warning),
            ["00:00:00  now       warning (was error) HC203 deployment/web m"]
        );
    }

    /// The right to read them was taken away, and given again: nothing about them has changed.
    #[test]
    fn what_cannot_be_read_any_more_is_not_gone() {
        let readable = || HealReport { unchecked: Vec::new(), ..report() };
        let blind = || {
            let ids = readable().findings.into_iter().map(|it| it.id.to_owned()).chain(["HC203".to_owned()]);
            let unchecked = ids.map(|id| Unchecked { id, reason: "no right".to_owned() }).collect();
            let scope = Checked { unread: [Read::Deployments].into(), ..report().scope };
            HealReport { findings: Vec::new(), workloads: Vec::new(), unchecked, scope, ..report() }
        };
        let ids: BTreeSet<&str> = readable().findings.iter().map(|it| it.id).collect();
        assert!(ids.len() > 1, "{ids:?}");
        let before = LastKnown::of(readable());
        let without = before.followed_by(blind());
        let said = lines(&before, &without);
        let (cells, rest): (Vec<_>, Vec<_>) = said.iter().partition(|line| line.contains("cells"));
        assert!(
            cells.iter().any(|it| it.contains("pod loss: was heals, is unknown: it cannot be read any more"))
        );
        assert!(cells.iter().all(|it| it.contains("is unknown")), "{cells:#?}");
        assert!(rest.iter().all(|it| it.contains("unchecked")), "{rest:#?}");
        let still = without.followed_by(blind());
        assert_eq!(lines(&without, &still), [""; 0]);
        let again = lines(&still, &still.followed_by(readable()));
        assert!(again.iter().all(|line| !line.contains("new ") && !line.contains("gone ")), "{again:#?}");
        assert!(again.iter().any(|line| line.contains("pod loss: was unknown, is heals")), "{again:#?}");
        // What was repaired meanwhile is gone once it can be checked again.
        let repaired = HealReport { findings: Vec::new(), ..readable() };
        let gone = lines(&still, &still.followed_by(repaired));
        assert_eq!(gone.iter().filter(|line| line.contains("gone ")).count(), ids.len(), "{gone:#?}");
    }

    /// A check that is always unchecked for some other object still says what is gone.
    #[test]
    fn what_is_gone_of_a_check_that_was_incomplete_before_is_told() {
        let incomplete = |findings: Vec<Finding>| {
            let ids = report().findings.into_iter().map(|it| it.id.to_owned());
            let unchecked = ids.map(|id| Unchecked { id, reason: "of another object".to_owned() }).collect();
            HealReport { findings, unchecked, ..report() }
        };
        let before = LastKnown::of(incomplete(report().findings));
        let said = lines(&before, &before.followed_by(incomplete(Vec::new())));
        assert_eq!(
            said.iter().filter(|line| line.contains("gone ")).count(),
            report().findings.len(),
            "{said:#?}"
        );
    }

    #[test]
    fn checks_that_lack_the_same_share_a_line() {
        let reason = || "pods: no right".to_owned();
        let all: Vec<Unchecked> =
            (101..=106).map(|id| Unchecked { id: format!("HC{id}"), reason: reason() }).collect();
        let with = |unchecked: Vec<Unchecked>| LastKnown::of(HealReport { unchecked, ..report() });
        let (none, some) = (|| with(Vec::new()), || with(all.clone()));
        assert_eq!(
            lines(&none(), &some()),
            ["00:00:00  unchecked HC101, HC102, HC103, HC104 and 2 other checks: pods: no right"]
        );
        assert_eq!(
            lines(&some(), &none()),
            ["00:00:00  checked   HC101, HC102, HC103, HC104 and 2 other checks"]
        );
    }
}
