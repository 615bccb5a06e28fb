//! The plan: what comes back, why this one, what will be different, how it will go, and what stays as it is.

mod question;

use std::collections::BTreeSet;

use cluster_model::rollout::{Rollout, images};
use cluster_model::secret::log::redacted;
use cluster_model::text::{count, shorten};
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{Line, Role, table};
use serde_json::Value;

use super::cause::summary;
use super::diff::differences;
use super::history::INHERITED;
use super::replicas::replicas;
use super::strategy::rollout as how;
use crate::execute::progress::diagnose::diagnose;
use crate::options::Options;
use crate::plan::{Action, Plan, Step};
use crate::resume_command::go_on;
use crate::snapshot::Snapshot;
use crate::time_arg;
use question::number;
pub use question::{question_about, question_about_several};

/// More images of one pod are counted.
const IMAGES: usize = 3;
/// A change cause may be a whole command line.
const CAUSE: usize = 60;

pub fn plan(snapshot: &Snapshot, plan: &Plan, options: &Options, zone: &TimeZone) -> Vec<Line> {
    let view = View { snapshot, options, zone };
    match plan.steps.as_slice() {
        [step] => view.alone(step),
        steps => view.several(steps),
    }
}

struct View<'a> {
    snapshot: &'a Snapshot,
    options: &'a Options,
    zone: &'a TimeZone,
}

impl View<'_> {
    fn rollout(&self, step: &Step) -> &Rollout {
        &self.snapshot.rollouts[step.rollout]
    }

    fn alone(&self, step: &Step) -> Vec<Line> {
        let rollout = self.rollout(step);
        let name = Line::new().strong(rollout.id.to_string()).plain("  ");
        match step.action {
            Action::Nothing => {
                let rest = match self.shortfall(rollout) {
                    None => "; nothing to do".to_owned(),
                    Some(but) if step.deletes.is_some() => format!(", but {but}; no template is written"),
                    Some(but) => format!(", but {but}; nothing is written"),
                };
                let head = name.plain(format!("{}{rest}", there_already(rollout, step))).hanging(2);
                let mut lines = vec![head];
                let because = because(step).map(|line| ("because", line));
                lines.extend(fact_lines(because.into_iter().chain(deletes(step)).collect()));
                // The newest healthy one may well be the one that is to go.
                let command = format!("kubectl rollback-to {} --history", rollout.id.typed());
                lines.push(Line::new().dim("for other revisions:  ").command(command));
                return lines;
            }
            Action::NotYetCreated => return vec![name.plain("did not exist at that time; not changed")],
            Action::RollBack => {}
        }
        let mut lines = vec![
            name.plain(format!("rolls back to {}: {}", to_words(rollout, step), step.diff.headline()))
                .hanging(2),
        ];
        let mut facts = vec![("from", self.from(rollout)), ("to", self.to(rollout, step))];
        facts.extend(self.made(rollout, step).map(|line| ("", line)));
        facts.extend(because(step).map(|line| ("because", line)));
        facts.extend(self.reason().map(|reason| ("records", format!("{reason} as the change cause").into())));
        facts.extend(self.strategy(rollout).into_iter().map(|line| ("rollout", line)));
        facts.extend(deletes(step));
        facts.extend(replicas(self.snapshot, rollout).map(|line| ("keeps", line)));
        facts.push(("keeps", Line::from(everything_else(rollout))));
        lines.extend(fact_lines(facts));
        if !step.diff.differences.is_empty() {
            lines.push(Line::new());
        }
        lines.extend(indented(differences(&step.diff)));
        lines
    }

    fn several(&self, steps: &[Step]) -> Vec<Line> {
        let goes = |step: &&Step| matches!(step.action, Action::RollBack);
        let back = steps.iter().filter(goes).count();
        let namespaces: BTreeSet<&str> =
            steps.iter().map(|s| self.rollout(s).id.namespace.as_str()).collect();
        let verb = if back == 1 { "rolls" } else { "roll" };
        let stay = match steps.len() - back {
            0 => String::new(),
            1 => ", 1 not changed".to_owned(),
            several => format!(", {several} not changed"),
        };
        let of = match namespaces.first() {
            Some(namespace) if namespaces.len() == 1 => format!(" of {namespace}"),
            _ => String::new(),
        };
        let deleted = match steps.iter().filter(|step| step.deletes.is_some()).count() {
            0 => String::new(),
            pods => format!(", {} deleted", count(pods, "pod")),
        };
        let head =
            Line::new().strong(count(back, "workload")).plain(format!("{of} {verb} back{stay}{deleted}"));
        let mut rows =
            vec![["  WORKLOAD", "FROM", "TO", "CHANGE", "WHY"].map(|name| Line::new().dim(name)).to_vec()];
        if namespaces.len() > 1 {
            rows[0].insert(0, Line::new().dim("  NAMESPACE"));
            rows[0][1] = Line::new().dim("WORKLOAD");
        }
        for step in steps {
            let mut row = self.row(step);
            if namespaces.len() > 1 {
                row.insert(0, Line::new().plain("  ").plain(&self.rollout(step).id.namespace));
            } else {
                row[0] = Line::new().plain("  ").then(&row[0]);
            }
            let role = (!goes(&step)).then_some(Role::Dim);
            rows.push(row.into_iter().map(|cell| role.map_or(cell.clone(), |role| cell.all(role))).collect());
        }
        let mut lines = vec![head];
        lines.extend(table(&rows));
        for step in steps.iter().filter(|step| matches!(step.action, Action::Nothing)) {
            let rollout = self.rollout(step);
            lines.extend(self.shortfall(rollout).map(|but| {
                let name = Line::new().strong(rollout.id.to_string());
                name.plain(format!(" {}, but {but}", there_already(rollout, step))).hanging(2)
            }));
            lines.extend(fact_lines(deletes(step).into_iter().collect()));
        }
        for step in steps.iter().filter(goes) {
            let rollout = self.rollout(step);
            lines.push(Line::new());
            lines.push(Line::new().strong(rollout.id.to_string()));
            let mut facts: Vec<(&str, Line)> =
                self.strategy(rollout).into_iter().map(|line| ("rollout", line)).collect();
            facts.extend(deletes(step));
            facts.extend(replicas(self.snapshot, rollout).map(|line| ("keeps", line)));
            lines.extend(fact_lines(facts));
            lines.extend(indented(differences(&step.diff)));
        }
        if back > 0 {
            lines.push(Line::new());
            let together =
                self.snapshot.rollouts.iter().find(|r| has_claims(r)).or(self.snapshot.rollouts.first());
            let keeps = together.map(|r| ("keeps", everything_else(r)));
            let records =
                self.reason().map(|reason| ("records", format!("{reason} as the change cause of each")));
            let facts: Vec<_> = records.into_iter().chain(keeps).collect();
            let widest = facts.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
            lines.extend(facts.into_iter().map(|(key, value)| {
                Line::new().dim(format!("{key:widest$}  ")).plain(value).hanging(widest + 2)
            }));
        }
        lines
    }

    /// As it is recorded, but for what may be secret.
    fn reason(&self) -> Option<String> {
        self.options.reason.as_ref().map(|reason| format!("\"{}\"", redacted(&[reason]).concat()))
    }

    /// Of one that is there already: how many of its pods run it, if not all do.
    fn shortfall(&self, rollout: &Rollout) -> Option<String> {
        let events = self.snapshot.events.get(&rollout.id.uid).and_then(|events| events.seen());
        let events = events.map(Vec::as_slice).unwrap_or_default();
        let progress = diagnose(rollout, events, self.snapshot.taken_at, self.options.fail_after);
        (progress.done < progress.total)
            .then(|| format!("{} of {} pods run it: {}", progress.done, progress.total, summary(&progress)))
    }

    fn row(&self, step: &Step) -> Vec<Line> {
        let rollout = self.rollout(step);
        let from = number(rollout, rollout.current()).unwrap_or_else(|| "live".to_owned());
        let to = match &step.target {
            Some(target) => number(rollout, target.revision).unwrap_or_else(|| "earlier".to_owned()),
            None => "–".to_owned(),
        };
        let change = match step.action {
            Action::RollBack => step.diff.headline(),
            Action::Nothing => "none: already there".to_owned(),
            Action::NotYetCreated => "did not exist at that time".to_owned(),
        };
        vec![
            rollout.id.to_string().into(),
            from.into(),
            to.into(),
            change.into(),
            because(step).unwrap_or_default(),
        ]
    }

    fn from(&self, rollout: &Rollout) -> Line {
        let number = number(rollout, rollout.current());
        let revision = number.map_or("the live template".to_owned(), |number| format!("revision {number}"));
        Line::new().plain(format!("{revision}  {}", image_list(rollout.template(), None)))
    }

    fn to(&self, rollout: &Rollout, step: &Step) -> Line {
        let Some(target) = &step.target else { return Line::new() };
        let images = image_list(&target.template, Some(rollout.template()));
        Line::new().plain(format!("{}  {images}", to_words(rollout, step)))
    }

    /// When and why the target was rolled out first.
    fn made(&self, rollout: &Rollout, step: &Step) -> Option<Line> {
        let target = step.target.as_ref()?;
        let created = target.revision.and_then(|index| rollout.revisions[index].created);
        let mut parts: Vec<String> = created
            .map(|at| format!("first rolled out {}", time_arg::show(at, self.zone)))
            .into_iter()
            .collect();
        let inherited = if target.cause_inherited { INHERITED } else { "" };
        let quoted = |cause: &String| format!("\"{}\"{inherited}", shorten(cause, CAUSE));
        parts.extend(target.change_cause.as_ref().map(quoted));
        (!parts.is_empty()).then(|| Line::new().plain(parts.join(", ")))
    }

    fn strategy(&self, rollout: &Rollout) -> Vec<Line> {
        let strategy = rollout.strategy();
        let owners = self.snapshot.owners.get(&rollout.id.uid).map(Vec::as_slice);
        how(&strategy, &rollout.id, &go_on(owners))
    }
}

fn to_words(rollout: &Rollout, step: &Step) -> String {
    let number = step.target.as_ref().and_then(|target| number(rollout, target.revision));
    number.map_or("an earlier template".to_owned(), |number| format!("revision {number}"))
}

fn there_already(rollout: &Rollout, step: &Step) -> String {
    format!("is already at {}", to_words(rollout, step))
}

fn because(step: &Step) -> Option<Line> {
    let target = step.target.as_ref()?;
    let words: Vec<&str> =
        [target.chosen_by.as_str(), &target.evidence].into_iter().filter(|s| !s.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(": ").into())
}

/// The pod that is deleted, by name: consent to the plan is consent to that.
fn deletes(step: &Step) -> Option<(&'static str, Line)> {
    let pod = step.deletes.as_ref()?;
    Some(("deletes", format!("pod {} (--unstick), which blocks it: {}", pod.name, pod.fault).into()))
}

/// `web=shop:1.4 log=fluent-bit:3`; those that another template has otherwise come first.
fn image_list(template: &Value, other: Option<&Value>) -> String {
    let mut all = images(template);
    let others = other.map(images).unwrap_or_default();
    all.sort_by_key(|image| others.contains(image));
    let mut shown: Vec<String> =
        all.iter().take(IMAGES).map(|(name, image)| format!("{name}={image}")).collect();
    if all.len() > IMAGES {
        shown.push(format!("and {} more", all.len() - IMAGES));
    }
    shown.join(" ")
}

fn has_claims(rollout: &Rollout) -> bool {
    rollout.object["spec"]["volumeClaimTemplates"].as_array().is_some_and(|claims| !claims.is_empty())
}

/// Nobody can see from here what a migration did to a database.
fn everything_else(rollout: &Rollout) -> String {
    let claims = if has_claims(rollout) { "volumeClaimTemplates, " } else { "" };
    format!(
        "only the pod template is rolled back, not the strategy, {claims}ConfigMap and Secret contents, or data in volumes and databases"
    )
}

/// Keys dim, values below each other; a repeated key is left out.
fn fact_lines(facts: Vec<(&str, Line)>) -> Vec<Line> {
    let mut before = "";
    let rows: Vec<Vec<Line>> = facts
        .into_iter()
        .map(|(key, value)| {
            let shown = if key == before { "" } else { key };
            before = key;
            vec![Line::new().plain("  ").dim(shown), value]
        })
        .collect();
    table(&rows)
}

fn indented(lines: Vec<Line>) -> impl Iterator<Item = Line> {
    lines.into_iter().map(|line| Line::new().plain("  ").then(line))
}

#[cfg(test)]
mod tests;
