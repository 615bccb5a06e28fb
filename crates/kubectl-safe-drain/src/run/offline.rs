//! A plan from files. Nothing is requested, and no kubeconfig is read.

use std::path::Path;

use cluster_model::text::{count, span};
use cluster_model::{Finding, Severity};
use k8s_openapi::jiff::Timestamp;
use plugin_client::dump::Dump;
use plugin_client::{Failure, Line};

use super::Run;
use super::drain::Gathered;
use crate::args::Target;
use crate::gather::offline::kind::Kind;
use crate::gather::offline::{self, Offline, plurals};
use crate::report::{DrainReport, NodeResult};

impl Run<'_> {
    pub(super) async fn offline(&self, from: &Path, target: &Target) -> Result<DrainReport, Failure> {
        let (path, target) = (from.to_owned(), target.clone());
        let pod_selector = self.options.pod_selector.clone();
        // On a thread of its own: a stream may not end for long, and Ctrl-C has to.
        let work = async {
            let reading = tokio::task::spawn_blocking(move || {
                let dump = Dump::open(&path)?;
                Ok((offline::read(&dump, &target, pod_selector.as_deref())?, dump.name().to_owned()))
            });
            let cannot =
                |error: tokio::task::JoinError| Failure::failed("cannot read").cause(error.to_string());
            reading.await.map_err(cannot)?
        };
        let (read, name) = self.bounds.in_time("the files were read", work).await?;
        self.ui.status(&source(&read, &name, Timestamp::now()));
        let Offline { inventory, missing, .. } = read;
        let mut gathered = Gathered::of(inventory, &self.options);
        for (kind, reason) in &missing {
            remedy(&mut gathered.findings, *kind, reason);
        }
        self.options.accept(&mut gathered.findings);
        Ok(match self.show(&gathered) {
            Some(refused) => refused,
            None => self.planned(&gathered.plan, &gathered.findings, NodeResult::Planned),
        })
    }
}

/// What the plan is made from, beside the estimate and the placement.
fn source(read: &Offline, name: &str, now: Timestamp) -> Line {
    let age = match read.taken_at {
        None => "time unknown".to_owned(),
        Some(at) => format!("taken {} ago", span((now.as_second() - at.as_second()).max(0))),
    };
    let mut parts = vec![format!("{}, {}", count(read.nodes, "node"), count(read.pods, "pod")), age];
    if !read.missing.is_empty() {
        parts.push(format!("not in it: {}", plurals(read.missing.keys().copied()).replace(',', ", ")));
    }
    let skipped: Vec<String> = read.skipped.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    if !skipped.is_empty() {
        parts.push(format!("not read: {}", skipped.join(", ")));
    }
    Line::new().plain("from       ").strong(name).plain(": ").plain(parts.join("; "))
}

/// Rights are no remedy for what is not in a file.
fn remedy(findings: &mut [Finding], kind: Kind, reason: &str) {
    let unknown = findings.iter_mut().filter(|it| it.severity == Severity::Unknown);
    for finding in unknown.filter(|it| it.message.contains(reason)) {
        finding.remedy =
            format!("add what `kubectl get {} -A -o json` prints, or use --snapshot", kind.plural());
    }
}
