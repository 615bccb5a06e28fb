//! What the rules leave out of what was found, and which of them leave out nothing.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{NodeExt, Raw};
use k8s_openapi::jiff::civil::Date;
use serde::Serialize;

use super::annotation;
use super::rule::{Rule, Source};
use crate::checks::Check;
use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::half::Half;
use crate::snapshot::annotation_key::KEY;
use crate::snapshot::{Snapshot, is_system};

/// A finding that a rule left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    #[serde(flatten)]
    pub finding: Finding,
    /// `annotation`, `config` or `command line`.
    pub by: &'static str,
    /// None was needed on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Default)]
pub struct Applied {
    pub findings: Vec<Finding>,
    pub ignored: Vec<Ignored>,
    /// What is wrong with entries of `--config`, with `--ignore`, and with annotations that leave out nothing.
    pub complaints: Vec<(Severity, Subject, String)>,
}

/// What was checked: nothing is said about the rest.
pub struct Scope<'a> {
    pub half: Half,
    /// `None` is all.
    pub namespace: Option<&'a str>,
    pub selects_all: bool,
    /// Other objects are in the cluster, or in other files.
    pub is_manifests: bool,
    pub unchecked: BTreeSet<&'a str>,
}

impl Scope<'_> {
    pub fn has_checked(&self, id: &str) -> bool {
        let ran = |check: &Check| self.half.asks(check, self.is_manifests);
        !self.unchecked.contains(id) && crate::checks::find(id).is_some_and(ran)
    }
}

pub fn scope<'a>(
    snapshot: &Snapshot,
    half: Half,
    namespace: Option<&'a str>,
    unchecked: &'a [Unchecked],
) -> Scope<'a> {
    let unchecked = unchecked.iter().map(|it| it.id.as_str()).collect();
    let is_manifests = snapshot.origin.is_manifests();
    Scope { half, namespace, selects_all: snapshot.selects_all, is_manifests, unchecked }
}

/// Rules of annotations come first: they are nearest to the object.
pub fn apply(snapshot: &Snapshot, rules: &[Rule], found: Vec<Finding>, scope: &Scope<'_>) -> Applied {
    let today = snapshot.today();
    let written = snapshot.annotations.iter();
    let annotated: Vec<Rule> =
        written.flat_map(|(object, text)| annotation::parse(object, text)).flatten().collect();
    let all: Vec<&Rule> = annotated.iter().chain(rules).filter(|rule| !rule.has_expired(today)).collect();
    let mut applied = Applied::default();
    let mut used = BTreeSet::new();
    let mut refused = BTreeSet::new();
    let reads_labels = all.iter().any(|rule| !rule.labels.is_empty());
    for finding in found {
        let labels = if reads_labels { labels(snapshot, &finding.subject) } else { BTreeMap::new() };
        let matching = all.iter().enumerate().filter(|(_, rule)| rule.matches(&finding, &labels));
        let matching: Vec<(usize, &&Rule)> = matching.collect();
        used.extend(matching.iter().map(|(at, _)| *at));
        match matching.iter().find(|(_, rule)| rule.may_ignore(&finding)) {
            Some((_, rule)) => applied.ignored.push(ignored(finding, rule)),
            None => {
                if !matching.is_empty() {
                    refused.insert(finding.id);
                }
                applied.findings.push(finding);
            }
        }
    }
    let unused = all.iter().enumerate().filter(|(at, _)| !used.contains(at)).map(|(_, rule)| *rule);
    applied.complaints = complaints(rules, unused, today, scope, &applied.findings);
    let needs_reason = |id: &&str| {
        let subject = Subject::of_rule("--ignore");
        let why = format!(
            "{id} is not left out: it is critical, which takes a reason, in --config or an annotation"
        );
        (Severity::Warning, subject, why)
    };
    applied.complaints.extend(refused.iter().map(needs_reason));
    applied
}

fn ignored(finding: Finding, rule: &Rule) -> Ignored {
    let by = match &rule.source {
        Source::Annotation(_) => "annotation",
        Source::Config(_) => "config",
        Source::CommandLine => "command line",
    };
    Ignored { finding, by, reason: rule.reason.as_ref().map(|reason| reason.0.clone()) }
}

/// Entries that have expired, but for those of annotations, which HC001 finds by itself; and entries that leave out nothing.
fn complaints<'r>(
    rules: &[Rule],
    unused: impl Iterator<Item = &'r Rule>,
    today: Date,
    scope: &Scope<'_>,
    counted: &[Finding],
) -> Vec<(Severity, Subject, String)> {
    let mut complaints = Vec::new();
    for rule in rules.iter().filter(|rule| rule.has_expired(today)) {
        if let (Source::Config(entry), Some(day)) = (&rule.source, rule.expires) {
            let why = format!("expired after {day}: {} counts again", rule.ids.join(", "));
            complaints.push((Severity::Warning, Subject::of_rule(entry), why));
        }
    }
    for rule in unused.filter(|rule| is_judged(rule, scope)) {
        let (subject, what) = match &rule.source {
            Source::Config(entry) => (Subject::of_rule(entry), rule.ids.join(", ")),
            Source::CommandLine => (Subject::of_rule("--ignore"), rule.shown()),
            Source::Annotation(object) => {
                (object.clone(), format!("annotation {}: {}", KEY, rule.ids.join(", ")))
            }
        };
        let elsewhere = elsewhere(rule, counted);
        complaints.push((
            Severity::Info,
            subject,
            format!("{what} matches nothing that was found{elsewhere}"),
        ));
    }
    complaints
}

/// A finding may be about another object than expected: that no eviction is allowed is one of the budget, not of the workload.
fn elsewhere(rule: &Rule, counted: &[Finding]) -> String {
    let Some(found) = counted.iter().find(|it| rule.ids.contains(&it.id)) else { return String::new() };
    format!("; {} was found for {}", found.id, found.subject)
}

/// Whether all was looked for that a rule could match: elsewhere it may match.
fn is_judged(rule: &Rule, scope: &Scope<'_>) -> bool {
    if scope.is_manifests || !rule.ids.iter().all(|id| scope.has_checked(id)) {
        return false;
    }
    match &rule.source {
        Source::Config(_) => {
            let is_here = match (scope.namespace, &rule.namespace) {
                (None, _) => true,
                (Some(here), Some(glob)) => glob.is(here),
                (Some(_), None) => false,
            };
            scope.selects_all && is_here
        }
        // It was typed for this run.
        Source::CommandLine => rule.name.is_some(),
        Source::Annotation(object) => {
            let namespace = if object.kind == "Namespace" { &object.name } else { &object.namespace };
            // What is wrong now comes and goes, and an annotation is there for when it comes.
            let is_lasting = |id: &&'static str| crate::checks::find(id).is_some_and(Check::is_posture);
            // There posture is not asked in a run for all namespaces.
            let is_left_out = scope.namespace.is_none() && is_system(namespace);
            let is_here = scope.namespace.is_none_or(|here| here == namespace) || namespace.is_empty();
            scope.selects_all && is_here && !is_left_out && rule.ids.iter().all(is_lasting)
        }
    }
}

/// Of the object that a finding is about; none where they were not read.
fn labels(snapshot: &Snapshot, subject: &Subject) -> BTreeMap<String, String> {
    if subject.kind == "Node" {
        let node = snapshot.nodes.iter().find(|node| node.name() == subject.name);
        return node.and_then(|node| node.metadata.labels.clone()).unwrap_or_default();
    }
    let Some(workload) = snapshot.workloads.iter().find(|it| it.subject == *subject) else {
        return BTreeMap::new();
    };
    if workload.object.is_null() {
        let pod = workload.pods.first().filter(|_| subject.kind == "Pod");
        return pod.map(|pod| (*pod.labels).clone()).unwrap_or_default();
    }
    workload.object.labels()
}
