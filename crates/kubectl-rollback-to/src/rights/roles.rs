//! `--print-rbac`: the roles with the rights that a command line needs.

use cluster_model::rollout::{Id, Kind};
use plugin_client::{Roles, Scope};

use super::requirements::{Subject, requirements};
use crate::journal::{Entry, Workload};
use crate::options::{Mode, Options};
use crate::workload_selector::Subjects;

/// `--print-rbac`. `workloads` are those of the last rollback, which `--last` without names means.
pub fn roles(
    subjects: &Subjects,
    last: Option<&Entry>,
    namespace: &str,
    options: &Options,
    mode: Mode,
) -> Roles {
    let (mut name, mut what) = match mode {
        Mode::History => ("rollback-to-history", "`kubectl rollback-to --history`"),
        Mode::Status => ("rollback-to-status", "`kubectl rollback-to --status`"),
        Mode::Plan => ("rollback-to-plan", "`kubectl rollback-to --dry-run`"),
        Mode::Rollback => ("rollback-to", "`kubectl rollback-to`, also with --dry-run=server"),
    };
    if mode == Mode::Rollback && options.unstick {
        (name, what) = ("rollback-to-unstick", "`kubectl rollback-to --unstick`, also with --dry-run=server");
    }
    let ids: Vec<Id> = last.into_iter().flat_map(|entry| &entry.workloads).filter_map(Workload::id).collect();
    let subject = |kind, name| Subject { kind, namespace, name, pods: vec![None] };
    let subjects: Vec<Subject<'_>> = match subjects {
        Subjects::Named(named) => {
            named.iter().map(|(kind, name)| subject(*kind, Some(name.as_str()))).collect()
        }
        Subjects::Selected { kinds, .. } | Subjects::All { kinds } => {
            kinds.iter().map(|kind| subject(*kind, None)).collect()
        }
        Subjects::Journal if ids.is_empty() => Kind::ALL.iter().map(|kind| subject(*kind, None)).collect(),
        Subjects::Journal => ids
            .iter()
            .map(|id| Subject { namespace: &id.namespace, ..subject(id.kind, Some(id.name.as_str())) })
            .collect(),
    };
    let title = vec![
        format!("Rights for {what}, and no more. Printed by --print-rbac, which does not contact the cluster."),
        "Owners and whatever else a template can name are assumed: what a cluster does not have can be left out."
            .to_owned(),
    ];
    let usual = Options {
        unstick: options.unstick,
        reason: options.unstick.then(|| "TEXT".to_owned()),
        ..Options::default()
    };
    let needed = requirements(&subjects, options, mode);
    let is_usual = needed == requirements(&subjects, &usual, mode);
    let kinds: Vec<(Kind, Option<&str>)> = subjects.iter().map(|it| (it.kind, it.name)).collect();
    let scope = match kinds.as_slice() {
        _ if !is_usual => Scope::Other,
        [(kind, Some(name))] => Scope::One(format!("{}-{name}", kind.word())),
        all if Kind::ALL.iter().all(|kind| all.contains(&(*kind, None))) => Scope::All,
        _ => Scope::Other,
    };
    Roles { title, name: name.to_owned(), scope, requirements: needed }
}
