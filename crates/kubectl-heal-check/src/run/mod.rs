//! One run from the command line to the verdict.

mod absent;
mod files;
mod fixes;
mod namespaces;
mod read;
mod watching;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cluster_model::Known;
use cluster_model::text::count;
use plugin_client::{Bounds, Exit, Failure, Line, Ui, publish_roles};

use crate::again::{again, flags};
use crate::args::words::known;
use crate::args::{Args, Files, Target};
use crate::baseline::{self, BaselineFile};
use crate::dependencies::Services;
use crate::exempt::sift;
use crate::finding::Unchecked;
use crate::fix;
use crate::formats::{self, Format};
use crate::matrix::Matrix;
use crate::options::Options;
use crate::proof;
use crate::report::{Checked, HealReport, HealResult, Row};
use crate::snapshot::{Read, Snapshot, Workload};
use crate::{checks, matrix, render, rights};
use read::Input;

pub async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let format = args.output;
    let outcome = Box::pin(check(args, ui.clone())).await;
    if let Err(failure) = &outcome {
        formats::publish_failure(&ui, format, failure);
    }
    outcome
}

async fn check(args: Args, ui: Ui) -> Result<Exit, Failure> {
    // Whatever else is on the command line: it is about the check alone.
    if let Some(id) = &args.explain {
        explain(&ui, id)?;
        return Ok(Exit::Done);
    }
    let started = Instant::now();
    let bounds = Bounds { ui: ui.clone(), deadline: args.timeout().map(|limit| started + limit) };
    let target = args.target()?;
    let files = bounds.in_time("--config and --baseline were read", Files::read(&args)).await?;
    let options = args.options(files)?;
    let proof = args.proof(&target)?;
    args.check_watch()?;
    if args.print_rbac {
        let Format::Common(output) = args.output else {
            return Err(Failure::usage("--print-rbac: a role is text, json or yaml"));
        };
        let namespace = args.connection.namespace.as_deref();
        let mut roles = rights::roles(namespace, &options, proof.as_ref());
        if args.fix.is_some() {
            rights::add_fixes(&mut roles, namespace, options.half);
        }
        publish_roles(&ui, output, &roles);
        return Ok(Exit::Done);
    }
    // Before anything is read: a file that cannot be written is no surprise at the end.
    let written = args.write_baseline.as_deref().map(BaselineFile::create).transpose()?;
    let read = bounds.in_time("all was read", read::read(&args, &target, &options, &ui)).await;
    let Input { snapshot, namespace, cluster, bench } = read.map_err(unchecked)?;
    let mut report = judge(&snapshot, &options, namespace.as_deref(), &target);
    if let Some((cluster, namespace)) = cluster.as_ref().zip(namespace.as_deref()) {
        let work = namespaces::suggest(cluster, namespace, &mut report.unchecked);
        bounds.in_time("the namespaces were read", work).await?;
    }
    report.seconds = started.elapsed().as_secs_f64();
    if let Some(file) = written {
        let known = options.baseline.clone().unwrap_or_default();
        let found = [&report.findings[..], &report.exempt.known];
        let keys = baseline::next(&known, &report.exempt.fixed, &found);
        file.write(&keys)?;
        let path = args.write_baseline.as_deref().unwrap_or(Path::new("")).display().to_string();
        ui.status(&Line::new().plain(format!("wrote {} into ", count(keys.len(), "finding"))).strong(path));
    }
    if let Some((how, cluster)) = proof.as_ref().zip(cluster.as_ref()) {
        let flags = (!args.quiet).then(|| flags(&args));
        let run = proof::Run { ui: &ui, cluster, options: how, bounds: &bounds, flags: flags.as_deref() };
        let judge = |snapshot: &Snapshot| judge(snapshot, &options, namespace.as_deref(), &target);
        let again = async || {
            let look = read::look(cluster, namespace.as_deref(), &args, &target, &options, &ui);
            Ok(Box::pin(look).await?.snapshot)
        };
        let (mut report, summary) = Box::pin(proof::run(run, snapshot, report, judge, again)).await?;
        report.scope.harm = Some(how.harm);
        formats::publish(&ui, args.output, &report, || {
            let mut lines = render::proven(&report, ui.width(), !args.quiet);
            if !lines.is_empty() {
                lines.push(Line::new());
            }
            lines.extend(summary);
            lines
        });
        return Ok(report.result.exit());
    }
    if args.watch {
        let history = snapshot.node_history.clone().unwrap_or_default();
        // Each look has its own.
        drop(snapshot);
        let Some(cluster) = &cluster else { return Err(Failure::usage("--watch needs a cluster")) };
        let (ui, args, target, options, bounds) = (&ui, &args, &target, &options, &bounds);
        let context = watching::Context { ui, cluster, args, target, options, bounds };
        return context.run(report, history, namespace.as_deref()).await;
    }
    if let Some((bench, folder)) = bench.zip(args.fix.as_deref()) {
        let snapshot = Arc::new(snapshot);
        let work = fixes::offer(bench, &snapshot, cluster.as_ref(), &mut report.findings);
        bounds.in_time("fixes were tried", work).await?;
        fixes::write(folder, &mut report.findings, &ui)?;
        report.seconds = started.elapsed().as_secs_f64();
    } else {
        // The report as text is large as well.
        drop(snapshot);
    }
    let shown = render::Shown {
        wide: args.output.is_wide(),
        ignored: args.show_ignored,
        notes: !args.quiet,
        may_fix: args.fix.is_none() && report.findings.iter().any(fix::is_tried),
        again: &again(&args),
        width: ui.width(),
    };
    formats::publish(&ui, args.output, &report, || {
        render::report(&report, shown, namespace.as_deref(), options.fail_on)
    });
    Ok(report.result.exit())
}

/// `id`: or the name of a check; empty is all of them.
fn explain(ui: &Ui, id: &str) -> Result<(), Failure> {
    let lines = match checks::find(id) {
        Some(check) => render::explain(check),
        None if id.is_empty() => render::list(),
        None => return known(id, &format!("--explain {id}")).map(drop),
    };
    lines.iter().for_each(|line| ui.data(line));
    Ok(())
}

/// Nothing was checked, so that nothing was found either: that is another result than findings.
fn unchecked(failure: Failure) -> Failure {
    if failure.exit == Exit::Failed { failure.exit(Exit::Incomplete) } else { failure }
}

/// Pure: the report of what was read.
fn judge(snapshot: &Snapshot, options: &Options, namespace: Option<&str>, target: &Target) -> HealReport {
    let (found, unchecked) = checks::run(snapshot, |check| options.half.wants(check));
    let (findings, exempt) = sift(snapshot, options, namespace, found, &unchecked);
    let (left_out, mut unchecked): (Vec<_>, Vec<_>) =
        unchecked.into_iter().partition(|it| options.skips(&it.id) || options.is_not_asked(&it.id));
    let unanswered = snapshot.answers.iter().flat_map(|it| &it.unanswered);
    unchecked.extend(unanswered.map(|why| Unchecked { id: "ask-server".to_owned(), reason: why.clone() }));
    let has_matrix = options.half.has_matrix();
    if let (Known::Unknown(why), true) = (&snapshot.scheduling, has_matrix)
        && !snapshot.origin.is_manifests()
    {
        unchecked.push(Unchecked { id: "placement".to_owned(), reason: why.clone() });
    }
    unchecked.extend(snapshot.origin.unchecked.iter().cloned());
    let workloads = absent::workloads(snapshot, namespace, target);
    let unchecked = absent::in_order(unchecked, absent::namespace(snapshot, namespace), workloads);
    let services = Services::of(snapshot);
    let rows: Vec<(&Workload, Option<Matrix>)> = if has_matrix {
        matrix::matrices(snapshot).into_iter().map(|(workload, matrix)| (workload, Some(matrix))).collect()
    } else {
        matrix::rows(snapshot).into_iter().map(|workload| (workload, None)).collect()
    };
    let rows = rows.into_iter().map(|(workload, matrix)| Row {
        subject: workload.subject.clone(),
        matrix,
        impaired_by: services.impaired_by(workload),
        is_part: workload.is_part_of_unread(),
        pods: snapshot.missing(&[Read::Pods]).is_none().then(|| workload.active().count()),
    });
    HealReport {
        kind: "HealReport",
        result: HealResult::of(options.fails(&findings), !unchecked.is_empty()),
        workloads: rows.collect(),
        findings,
        unchecked,
        proof: None,
        exempt,
        scope: Checked::of(snapshot, options, left_out),
        seconds: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy, pod};
    use crate::finding::Severity;
    use crate::ignores::{Glob, Rule, Source};
    use crate::options::fail_on;
    use crate::snapshot::{Read, Selection};
    use serde_json::json;

    fn result(world: &World, options: &Options) -> (HealResult, Vec<String>) {
        let report = judge(&world.snapshot(), options, Some("shop"), &Target::All);
        (report.result, report.unchecked.into_iter().map(|it| it.id).collect())
    }

    #[test]
    fn a_check_is_explained_by_its_id_or_its_name() {
        let explained = |word: &str| {
            let ui = Ui::captured();
            explain(&ui, word).map(|()| ui.out())
        };
        let text = explained("hc204").unwrap();
        assert!(text.starts_with("HC204 budget-blocks\n"), "{text}");
        assert_eq!(explained("budget-blocks").as_ref(), Ok(&text));
        assert_eq!(explained("Budget-Blocks").as_ref(), Ok(&text));
        let unknown = explained("budget-block").unwrap_err();
        assert_eq!(
            (unknown.exit, unknown.to_string().contains("there is no such check")),
            (Exit::Usage, true)
        );
    }

    #[test]
    fn nothing_checked_is_never_ok() {
        let error = fail_on(Severity::Error);
        assert_eq!(result(&healthy(), &error), (HealResult::Ok, vec![]));
        let mut empty = healthy();
        empty.objects.retain(|it| it["metadata"]["namespace"] != "shop");
        assert_eq!(result(&empty, &error), (HealResult::Incomplete, vec!["namespace".to_owned()]), "G2");
        let empty = empty.with(json!({"kind": "Namespace", "metadata": {"name": "shop", "uid": "ns"}}));
        assert_eq!(result(&empty, &error), (HealResult::Incomplete, vec!["workloads".to_owned()]), "G2");
        let (incomplete, ids) = result(&healthy().unknown(Read::Leases), &error);
        assert_eq!((incomplete, ids), (HealResult::Incomplete, vec!["HC804".to_owned()]));
    }

    #[test]
    fn findings_count_from_a_severity_on_and_unless_they_are_ignored() {
        let world = healthy().without("PodDisruptionBudget/web");
        assert_eq!(result(&world, &fail_on(Severity::Error)).0, HealResult::Ok);
        assert_eq!(result(&world, &fail_on(Severity::Warning)).0, HealResult::Findings);
        let ignored = |id, name: Option<&str>| Options {
            rules: vec![Rule { name: name.map(Glob::exactly), ..Rule::new(vec![id], Source::CommandLine) }],
            ..fail_on(Severity::Warning)
        };
        assert_eq!(result(&world, &ignored("HC203", Some("web"))).0, HealResult::Ok);
        assert_eq!(result(&world, &ignored("HC203", Some("api"))).0, HealResult::Findings);
        assert_eq!(result(&healthy().unknown(Read::Leases), &ignored("HC804", None)).0, HealResult::Ok);
    }

    #[test]
    fn what_was_left_out_and_could_not_be_checked_is_not_fixed() {
        let key = baseline::Key {
            id: "HC804".to_owned(),
            namespace: "kube-system".to_owned(),
            kind: "Lease".to_owned(),
            name: "kube-scheduler".to_owned(),
        };
        let options = Options {
            baseline: Some([key].into()),
            rules: vec![Rule::new(vec!["HC804"], Source::CommandLine)],
            ..fail_on(Severity::Error)
        };
        let of = |world: &World| judge(&world.snapshot(), &options, None, &Target::All).exempt.fixed.len();
        assert_eq!(of(&healthy()), 1);
        assert_eq!(of(&healthy().unknown(Read::Leases)), 0);
    }

    #[test]
    fn what_is_not_asked_does_not_make_a_run_incomplete() {
        let snapshot = || Snapshot { answers: None, node_history: None, ..healthy().snapshot() };
        let error = fail_on(Severity::Error);
        let report = judge(&snapshot(), &error, Some("shop"), &Target::All);
        assert_eq!((report.result, report.unchecked), (HealResult::Ok, vec![]));
        let left_out: Vec<&str> = report.scope.left_out.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(left_out, ["HC508", "HC805"], "JUnit shows them as skipped");
        let mut unanswered = healthy();
        unanswered.answers.unanswered.push("deployment/web: the server is too busy to say".to_owned());
        assert_eq!(result(&unanswered, &error), (HealResult::Incomplete, vec!["ask-server".to_owned()]));
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
        let of_pod = Selection::Named(vec![(Read::Pods, "web-a".to_owned())]);
        let report =
            judge(&healthy().selected(&of_pod), &fail_on(Severity::Error), Some("shop"), &Target::All);
        assert_eq!(report.unchecked[0].reason, "belongs to deployment/web: name that instead");
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
