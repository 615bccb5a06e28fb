//! Carries a plan out: guarded writes one after another, all rollouts watched side by side, put back together if one fails.

pub mod change;
mod engine;
mod fresh;
mod guarded_patch;
mod log;
mod ownership;
pub mod progress;
mod record;
mod requests;
mod run;
mod verdict;
mod watched_pod;
mod watches;
mod wire;
mod workload_cache;
mod write;

use std::time::{Duration, Instant};

use cluster_model::text::span;
use futures::{FutureExt, StreamExt};
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::{Clock, Cluster, Ui, Unanswered};

use crate::journal::Journal;
use crate::options::Options;
use crate::plan::Plan;
use crate::report::{PodReport, Verdict};
use crate::snapshot::Snapshot;
use engine::End;
use progress::Progress;
use run::Run;

pub use engine::SILENT_AFTER;

/// What happened to one step of the plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub result: Verdict,
    /// Why it is not done; or a note when it is.
    pub cause: Option<String>,
    pub pods: Vec<PodReport>,
    /// Those that made it go back, as they were then.
    pub failed_pods: Vec<PodReport>,
    /// Pods available on the expected template, of all that are wanted.
    pub ready: Option<(i64, i64)>,
    /// What this run wrote is surely what is there.
    pub left: bool,
    /// The workload was deleted.
    pub gone: bool,
    /// Refused because somebody else changed it since it was seen: to be seen and planned again.
    pub changed: bool,
    /// The deadline passed before it was done, whatever became of it then.
    pub late: bool,
    /// The journal does not know of it.
    pub unrecorded: bool,
}

impl Outcome {
    fn of(result: Verdict) -> Self {
        Outcome {
            result,
            cause: None,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            ready: None,
            left: false,
            gone: false,
            changed: false,
            late: false,
            unrecorded: false,
        }
    }

    fn new(result: Verdict, cause: impl Into<String>) -> Self {
        Outcome { cause: Some(cause.into()), ..Outcome::of(result) }
    }
}

/// One change, one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Written; `mutated`: the server made something else of the template than was asked for.
    Written {
        workload: String,
        mutated: bool,
    },
    /// One more pod, or one less: `deployment/web: 2 of 3 pods`.
    Moved {
        workload: String,
        done: i64,
        total: i64,
    },
    PodIssue {
        workload: String,
        pod: String,
        cause: String,
    },
    /// A pod that held a StatefulSet up was deleted.
    Unstuck {
        workload: String,
        pod: String,
    },
    Done {
        workload: String,
        note: Option<String>,
    },
    Failed {
        workload: String,
        cause: String,
        log: Vec<String>,
    },
    Restoring {
        workload: String,
    },
    Restored {
        workload: String,
    },
    NotRestored {
        workload: String,
        why: String,
    },
    Reverted {
        workload: String,
        by: String,
    },
    /// Somebody else wrote another template, which is not the one from before either.
    Superseded {
        workload: String,
        by: String,
    },
    /// It is stuck, and will not.
    Stalled {
        workload: String,
        cause: String,
    },
    /// Something that is good to know and changes nothing: the journal could not be written, the owner's fields were handed back.
    Note {
        workload: String,
        says: String,
    },
    Disturbed {
        says: String,
    },
    Recovered,
}

/// Whoever shows the run.
pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something changed, or time passed. One entry for each step that is under way: (workload, progress).
    fn draw(&mut self, rollouts: &[(String, Progress)]);
}

pub struct Execution<'a> {
    pub cluster: &'a Cluster,
    pub ui: &'a Ui,
    pub snapshot: &'a Snapshot,
    pub plan: &'a Plan,
    pub options: &'a Options,
    pub clock: Clock,
    /// Over everything, as if nothing was asked from here on; `None`: each wait ends by itself, when nothing has changed for long.
    pub deadline: Option<Instant>,
    /// So long without an answer from the API server is the end; `None`: the deadline is.
    pub silent_after: Option<SignedDuration>,
    pub zone: TimeZone,
    /// Where the run is written down; `None`: nowhere.
    pub journal: Option<Journal>,
}

/// A live view is drawn this often: no more when much happens, and no less when nothing does.
const FRAME: Duration = Duration::from_millis(200);

impl Execution<'_> {
    /// One outcome for each step of the plan, in its order.
    pub async fn run(
        &self,
        interrupted: impl Future<Output = ()>,
        audience: &mut dyn Reporter,
    ) -> Vec<Outcome> {
        let mut run = Run::new(self, audience);
        let mut interrupted = std::pin::pin!(interrupted.fuse());
        let end = loop {
            if let Err(end) = run.act() {
                break Some(end);
            }
            if run.is_done() {
                break None;
            }
            let (alarm, frame) = (run.alarm(), run.next_frame());
            tokio::select! {
                biased;
                () = &mut interrupted => break Some(End::Interrupted),
                () = at(run.deadline()) => if run.deadline_passed() { break Some(End::Timeout) },
                Some(answer) = run.requests.next() => run.take(answer),
                Some(heard) = run.watches.next() => run.hear(heard),
                Some(failure) = run.connection_failures.recv() => run.disturbed(&failure),
                () = at(alarm) => {}
                () = at(Some(frame)) => run.draw(),
            }
            run.look();
        };
        run.finish(end).await
    }

    fn silent(&self, unanswered: &Unanswered) -> End {
        let passed = SignedDuration::try_from(unanswered.since.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.clock.now();
        let since = now.saturating_sub(passed).unwrap_or(Timestamp::MIN).to_zoned(self.zone.clone());
        let cause = unanswered.says.as_ref().map(|says| format!(": {says}")).unwrap_or_default();
        let since = since.strftime("%H:%M:%S");
        End::Silent(format!(
            "the API server has not responded since {since} ({}){cause}",
            span(passed.as_secs())
        ))
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
