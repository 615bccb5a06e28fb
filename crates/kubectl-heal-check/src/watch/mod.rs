//! `--watch`: looks again when something changes, and reports what is different. Network I/O.
//!
//! A look is a whole new read of the cluster: nothing is kept but the last report, and no report is made of half a change.

pub mod changes;
mod deletions;
pub mod last_known;
mod signals;

use std::time::{Duration, Instant};

use futures::stream::StreamExt;
use plugin_client::{Cluster, Failure, Ui};

use crate::report::HealReport;
use crate::snapshot::NodeHistory;
use changes::Changes;
use deletions::Deletions;
use last_known::LastKnown;
use signals::Signal;
pub use signals::Watched;

/// A rollout changes objects many times a second: it is looked at no more often than that.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// Findings also come with time alone, and from kinds that are not watched.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// Ends only with a failure: the caller limits it. `look`: reads and judges the cluster anew; `show`: is told what is different.
pub async fn run<F: Future<Output = Result<HealReport, Failure>>>(
    ui: &Ui,
    cluster: &Cluster,
    watched: Watched<'_>,
    (first, mut history): (HealReport, NodeHistory),
    look: impl Fn(NodeHistory) -> F,
    show: impl Fn(&HealReport, &Changes),
) -> Failure {
    let mut last = LastKnown::of(first);
    let mut signals = signals::start(cluster, watched);
    let mut deletions = Deletions::default();
    let (mut looked, mut is_changed, mut is_lost) = (Instant::now(), false, false);
    loop {
        let due = looked + if is_changed { AT_MOST_EVERY } else { AT_LEAST_EVERY };
        tokio::select! {
            Some(signal) = signals.next() => {
                match signal {
                    Signal::Changed => is_changed = true,
                    Signal::Node { node, is_changed: more } => {
                        history.observe(&node, cluster.now());
                        is_changed |= more;
                    }
                    Signal::Lease(lease) => is_changed |= history.leases.observe(&lease, cluster.now()),
                    Signal::LeasesInterrupted => history.leases.interrupted(),
                    Signal::NoLeases(failure) => {
                        history.leases.unseen = Some(failure.to_string());
                        is_changed = true;
                    }
                    Signal::Ended(failure) => {
                        let seconds = AT_LEAST_EVERY.as_secs();
                        ui.warn(format!("{failure}; its changes are seen every {seconds} s only"));
                    }
                }
                continue;
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
        is_changed = false;
        match look(history.clone()).await {
            Ok(report) if deletions.is_half_done(&last.report, &report) => {
                (is_changed, is_lost) = (true, false)
            }
            Ok(report) => {
                let now = last.followed_by(report);
                let changes = Changes::between(&last, &now);
                if !changes.is_empty() {
                    show(&now.report, &changes);
                }
                (last, is_lost) = (now, false);
            }
            Err(failure) if failure.code == Some(401) => return failure,
            // It is tried again: what it was is not what it is.
            Err(failure) => {
                if !std::mem::replace(&mut is_lost, true) {
                    ui.warn(format!("{failure}; it is tried again"));
                }
                is_changed = true;
            }
        }
        looked = Instant::now();
    }
}
