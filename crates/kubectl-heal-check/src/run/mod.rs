//! One run from the command line to the verdict.

mod files;
mod fixes;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cluster_model::Known;
use cluster_model::text::count as count_of;
use plugin_client::{Bounds, Cluster, Exit, Failure, Line, Output, Ui, connect, publish, publish_roles};

use crate::args::{Args, Target, known};
use crate::finding::Unchecked;
use crate::fix::{self, Workbench};
use crate::options::Options;
use crate::report::{HealReport, HealResult, Row};
use crate::snapshot::{Gathered, Selection, Snapshot};
use crate::{checks, gather, matrix, render, rights};

const PLUGIN: &str = "kubectl-heal-check";

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let target = args.target()?;
    let options = args.options()?;
    if let Some(id) = &args.explain {
        let id = known(id, "--explain")?;
        checks::find(id).into_iter().flat_map(render::explain).for_each(|line| ui.data(&line));
        return Ok(Exit::Done);
    }
    if args.print_rbac {
        publish_roles(&ui, args.output, &rights::roles(args.connection.namespace.as_deref()));
        return Ok(Exit::Done);
    }
    let started = Instant::now();
    let bounds = Bounds { ui: ui.clone(), deadline: args.timeout().map(|limit| started + limit) };
    let read = bounds.in_time("all was read", read(&args, &target, &ui)).await?;
    let Read { snapshot, namespace, cluster, bench } = read;
    let snapshot = Arc::new(snapshot);
    let mut report = judge(&snapshot, &options, namespace.as_deref(), &target);
    if let Some((bench, folder)) = bench.zip(args.fix.as_ref()) {
        let work = async {
            let mut offers = fixes::offers(bench, snapshot.clone(), report.findings.clone()).await?;
            if let Some(cluster) = &cluster {
                fixes::ask(cluster, &mut offers).await;
            }
            Ok(offers)
        };
        let offers = bounds.in_time("fixes were tried", work).await?;
        for (finding, offer) in report.findings.iter_mut().zip(offers) {
            finding.offer = Some(offer);
        }
        if !folder.is_empty() {
            let count = fix::files::write(Path::new(folder), &mut report.findings)?;
            ui.status(&Line::new().plain(format!("wrote {} into ", count_of(count, "file"))).strong(folder));
        }
    }
    report.seconds = started.elapsed().as_secs_f64();
    let wide = args.output == Output::Wide;
    publish(&ui, args.output, &report, || {
        render::report(&report, wide, namespace.as_deref(), options.fail_on)
    });
    Ok(report.result.exit())
}

struct Read {
    snapshot: Snapshot,
    /// The one that was checked, if it was one.
    namespace: Option<String>,
    cluster: Option<Cluster>,
    /// With `--fix`.
    bench: Option<Workbench>,
}

impl Read {
    fn of(gathered: Gathered, selection: Selection, all_namespaces: bool, fix: bool) -> Self {
        let bench = fix.then(|| Workbench::new(gathered.clone(), selection.clone(), all_namespaces));
        let snapshot = Snapshot::of(gathered, &selection, all_namespaces);
        Read { snapshot, namespace: None, cluster: None, bench }
    }
}

async fn read(args: &Args, target: &Target, ui: &Ui) -> Result<Read, Failure> {
    let fix = args.fix.is_some();
    if args.files().is_some() {
        let namespace = args.connection.namespace.clone();
        // Of manifests it is the namespace of those that name none: all of them are checked.
        let (read, namespace, all) = match &args.from {
            Some(path) => {
                let all = namespace.is_none();
                (files::dump(path.clone(), target.clone(), namespace.clone()).await?, namespace, all)
            }
            None => (files::manifests(args.filename.clone(), target.clone(), namespace).await?, None, false),
        };
        ui.status(&read.source);
        return Ok(Read { namespace, ..Read::of(read.gathered, read.selection, all, fix) });
    }
    let cluster = connect(&args.connection, PLUGIN, ui).await?;
    let namespace = (!args.all_namespaces).then(|| cluster.namespace.clone());
    let selection = gather::selection(&cluster, target, namespace.as_deref()).await?;
    let gathered = gather::gather(&cluster, namespace.as_deref()).await;
    let unanswered = cluster.unanswered();
    if unanswered.is_some() && matches!(gathered.pods, Known::Unknown(_)) {
        return Err(Failure::failed("cannot reach the API server").cause(unknown(&gathered.pods)));
    }
    let read = Read::of(gathered, selection, namespace.is_none(), fix);
    Ok(Read { namespace, cluster: Some(cluster), ..read })
}

fn unknown<T>(known: &Known<T>) -> String {
    match known {
        Known::Seen(_) => String::new(),
        Known::Unknown(why) => why.clone(),
    }
}

/// Pure: the report of what was read.
fn judge(snapshot: &Snapshot, options: &Options, namespace: Option<&str>, target: &Target) -> HealReport {
    let (found, mut unchecked) = checks::run(snapshot, |check| !options.skips(check.id));
    let (ignored, findings): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| options.ignores(it));
    if let Known::Unknown(why) = &snapshot.scheduling
        && !snapshot.origin.is_manifests()
    {
        unchecked.push(Unchecked { id: "placement".to_owned(), reason: why.clone() });
    }
    unchecked.extend(snapshot.origin.unchecked.iter().cloned());
    unchecked.extend(snapshot.not_found.iter().map(|name| Unchecked {
        id: name.clone(),
        reason: match namespace {
            Some(namespace) => format!("not found in namespace {namespace}"),
            None => "not found in the files".to_owned(),
        },
    }));
    if snapshot.posture().next().is_none() && snapshot.not_found.is_empty() {
        unchecked.push(Unchecked { id: "workloads".to_owned(), reason: nothing(namespace, target) });
    }
    unchecked.sort();
    unchecked.dedup();
    let rows = matrix::matrices(snapshot).into_iter().map(|(workload, matrix)| Row {
        subject: workload.subject.clone(),
        matrix,
        impaired_by: [],
        pods: workload.active().count(),
    });
    HealReport {
        kind: "HealReport",
        result: HealResult::of(options.fails(&findings), !unchecked.is_empty()),
        workloads: rows.collect(),
        findings,
        unchecked,
        ignored: ignored.len(),
        seconds: 0.0,
    }
}

fn nothing(namespace: Option<&str>, target: &Target) -> String {
    let place = namespace.map_or("in any namespace".to_owned(), |it| format!("in namespace {it}"));
    match target {
        Target::Selector(selector) => format!("no workload {place} matches --selector {selector}"),
        Target::All | Target::Named(_) => format!("there is no workload {place}: nothing was checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy, pod};
    use crate::finding::Severity;
    use crate::options::Ignored;
    use crate::snapshot::{Read, Selection};
    use serde_json::json;

    fn result(world: &World, options: &Options) -> (HealResult, Vec<String>) {
        let report = judge(&world.snapshot(), options, Some("shop"), &Target::All);
        (report.result, report.unchecked.into_iter().map(|it| it.id).collect())
    }

    fn fail_on(fail_on: Severity) -> Options {
        Options { fail_on, ignored: Vec::new() }
    }

    #[test]
    fn nothing_checked_is_never_ok() {
        let error = fail_on(Severity::Error);
        assert_eq!(result(&healthy(), &error), (HealResult::Ok, vec![]));
        let mut empty = healthy();
        empty.objects.retain(|it| it["metadata"]["namespace"] != "shop");
        assert_eq!(result(&empty, &error), (HealResult::Incomplete, vec!["workloads".to_owned()]));
        let (incomplete, ids) = result(&healthy().unknown(Read::Leases), &error);
        assert_eq!((incomplete, ids), (HealResult::Incomplete, vec!["HC804".to_owned()]));
    }

    #[test]
    fn findings_count_from_a_severity_on_and_unless_they_are_ignored() {
        let world = healthy().without("PodDisruptionBudget/web");
        assert_eq!(result(&world, &fail_on(Severity::Error)).0, HealResult::Ok);
        assert_eq!(result(&world, &fail_on(Severity::Warning)).0, HealResult::Findings);
        let ignored = |id, name: Option<&str>| Options {
            ignored: vec![Ignored { id, name: name.map(str::to_owned) }],
            ..fail_on(Severity::Warning)
        };
        assert_eq!(result(&world, &ignored("HC203", Some("web"))).0, HealResult::Ok);
        assert_eq!(result(&world, &ignored("HC203", Some("api"))).0, HealResult::Findings);
        assert_eq!(result(&healthy().unknown(Read::Leases), &ignored("HC804", None)).0, HealResult::Ok);
    }

    #[test]
    fn an_update_that_is_under_way_does_not_fail() {
        let updating = json!({"status": {"availableReplicas": 2, "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]}});
        let world = healthy().edit("Deployment/web", updating);
        assert_eq!(result(&world, &fail_on(Severity::Error)).0, HealResult::Ok);
        assert_eq!(result(&world, &fail_on(Severity::Warning)).0, HealResult::Findings);
    }

    #[test]
    fn a_workload_that_was_named_and_is_not_there_is_unchecked() {
        let named = Selection::Named(vec![(Read::Deployments, "wbe".to_owned())]);
        let report =
            judge(&healthy().selected(&named), &fail_on(Severity::Error), Some("shop"), &Target::All);
        assert_eq!(report.result, HealResult::Incomplete);
        assert_eq!(report.unchecked[0].id, "deployment/wbe");
        assert_eq!(report.workloads.len(), 0);
    }

    #[test]
    fn only_what_is_selected_is_reported() {
        let world = healthy().with(pod("tool", "tool", "n1"));
        let named = Selection::Named(vec![(Read::Deployments, "web".to_owned())]);
        let report = judge(&world.selected(&named), &fail_on(Severity::Info), Some("shop"), &Target::All);
        assert_eq!((report.findings, report.workloads.len()), (vec![], 1));
        let (all, _) = result(&world, &fail_on(Severity::Info));
        assert_eq!(all, HealResult::Findings);
    }
}
