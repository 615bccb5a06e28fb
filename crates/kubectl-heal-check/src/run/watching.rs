//! `--watch`: what each look reads, judges and prints.

use std::time::Instant;

use plugin_client::{Bounds, Cluster, Exit, Failure, Line, Output, Ui, to_json};

use super::judge;
use super::read::{self, Input};
use crate::again::again;
use crate::args::{Args, Target};
use crate::fix;
use crate::formats::{self, Format};
use crate::options::Options;
use crate::render;
use crate::report::HealReport;
use crate::snapshot::{NodeHistory, Snapshot};
use crate::watch::changes::Changes;
use crate::watch::{self, Watched};

pub struct Context<'a> {
    pub ui: &'a Ui,
    pub cluster: &'a Cluster,
    pub args: &'a Args,
    pub target: &'a Target,
    pub options: &'a Options,
    pub bounds: &'a Bounds,
}

impl Context<'_> {
    /// The first report, and then what changes. It ends by Ctrl-C, which is no error, by `--timeout`, or where the cluster cannot be read
    /// any more.
    pub async fn run(
        &self,
        first: HealReport,
        history: NodeHistory,
        namespace: Option<&str>,
    ) -> Result<Exit, Failure> {
        let interrupted = self.ui.interrupted();
        self.whole(&first, namespace);
        self.ui.status(&Line::new().dim("watching for changes; Ctrl-C ends it"));
        let reads = self.options.reads();
        let leases = self.options.observes_nodes();
        let watched = Watched { namespace, reads: &reads, leases };
        let look = |history| self.look(history, namespace);
        let show = |report: &HealReport, changes: &Changes| self.show(report, changes, namespace);
        let work = async {
            Err::<Exit, Failure>(
                Box::pin(watch::run(self.ui, self.cluster, watched, (first, history), look, show)).await,
            )
        };
        tokio::select! {
            biased;
            () = interrupted => Ok(Exit::Interrupted),
            ended = self.bounds.in_time("the cluster was watched", work) => ended,
        }
    }

    async fn look(&self, history: NodeHistory, namespace: Option<&str>) -> Result<HealReport, Failure> {
        let started = Instant::now();
        let look = read::look(self.cluster, namespace, self.args, self.target, self.options, self.ui);
        let Input { snapshot, .. } = Box::pin(look).await?;
        let snapshot = Snapshot { node_history: Some(history), ..snapshot };
        let mut report = judge(&snapshot, self.options, namespace, self.target);
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    fn is_json(&self) -> bool {
        self.args.output == Format::Common(Output::Json)
    }

    /// For programs each report is a line.
    fn whole(&self, report: &HealReport, namespace: Option<&str>) {
        if self.is_json() {
            // No line ends inside a string.
            let line: String = to_json(report).lines().map(str::trim_start).collect();
            return self.ui.document(&format!("{line}\n"));
        }
        let again = again(self.args);
        let shown = render::Shown {
            wide: self.args.output.is_wide(),
            ignored: self.args.show_ignored,
            notes: !self.args.quiet,
            may_fix: report.findings.iter().any(fix::is_tried),
            again: &again,
            width: self.ui.width(),
        };
        formats::publish(self.ui, self.args.output, report, || {
            render::report(report, shown, namespace, self.options.fail_on)
        });
    }

    fn show(&self, report: &HealReport, changes: &Changes, namespace: Option<&str>) {
        let lines = changes.lines(self.cluster.now(), namespace.is_none());
        if self.is_json() {
            self.whole(report, namespace);
            return lines.iter().for_each(|line| self.ui.status(line));
        }
        lines.iter().for_each(|line| self.ui.data(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{NOW, World, budget, deployment, healthy};
    use crate::finding::Severity;
    use crate::options::fail_on;
    use crate::snapshot::Read;
    use crate::watch::last_known::LastKnown;
    use serde_json::json;

    fn lines(before: &World, after: &World) -> Vec<String> {
        let of =
            |world: &World| judge(&world.snapshot(), &fail_on(Severity::Error), Some("shop"), &Target::All);
        let before = LastKnown::of(of(before));
        let changes = Changes::between(&before, &before.followed_by(of(after)));
        let lines = changes.lines(NOW.parse().unwrap(), true);
        assert_eq!(lines.is_empty(), changes.is_empty());
        lines.iter().map(Line::text).collect()
    }

    #[test]
    fn what_is_different_is_a_line_each() {
        let two = || healthy().with(budget("other", json!({"maxUnavailable": 1})));
        assert_eq!(lines(&healthy(), &healthy()), [""; 0]);
        let worse = lines(&healthy(), &two());
        assert!(worse[0].starts_with("00:00:00  new       error HC206 deployment/web -n shop "), "{worse:?}");
        assert!(
            worse[1].starts_with(
                "00:00:00  cells     deployment/web -n shop drain: was heals, is won't: several budgets"
            ),
            "{worse:?}"
        );
        assert_eq!(worse.len(), 2, "{worse:?}");
        let better = lines(&two(), &healthy());
        assert_eq!(
            better,
            [
                "00:00:00  gone      error HC206 deployment/web -n shop",
                "00:00:00  cells     deployment/web -n shop drain: was won't, is heals"
            ]
        );
        let blind = lines(&healthy(), &healthy().unknown(Read::Leases));
        assert_eq!(blind, ["00:00:00  unchecked HC804: leases: forbidden"]);
        assert_eq!(lines(&healthy().unknown(Read::Leases), &healthy()), ["00:00:00  checked   HC804"]);
    }

    #[test]
    fn cells_of_one_workload_and_verdict_share_a_line() {
        let about = |name: &str, before: &World, after: &World| -> Vec<String> {
            let all = lines(before, after).into_iter();
            all.filter(|it| it.contains(" cells ") && it.contains(name)).collect()
        };
        let api =
            || healthy().with(deployment("api", 1)).edit("Deployment/api", json!({"spec": {"replicas": 0}}));
        assert_eq!(
            about("api", &healthy(), &api()),
            ["00:00:00  cells     deployment/api -n shop: was not there, is -"]
        );
        assert_eq!(
            about("api", &api(), &healthy()),
            ["00:00:00  cells     deployment/api -n shop is no longer there"]
        );
        assert_eq!(
            about("web", &healthy(), &healthy().unknown(Read::Pods)),
            [
                "00:00:00  cells     deployment/web -n shop crash, pod loss, drain: was heals, is unknown: pods: forbidden",
                "00:00:00  cells     deployment/web -n shop node loss, zone loss: was slow, is unknown: pods: forbidden",
            ]
        );
    }

    /// A message has times in it, which go on: that alone is nothing new.
    #[test]
    fn time_that_passes_is_no_change() {
        let down = |since: &str| {
            let ready = json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": since});
            healthy().edit("Node/n1", json!({"status": {"conditions": [ready]}}))
        };
        assert_eq!(lines(&down("2026-01-01T23:59:50Z"), &down("2026-01-01T23:59:40Z")), [""; 0]);
    }
}
