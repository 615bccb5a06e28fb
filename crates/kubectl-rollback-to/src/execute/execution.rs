//! What a run is given.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::SignedDuration;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{Clock, Cluster, Ui};

use crate::journal::Journal;
use crate::options::Options;
use crate::plan::Plan;
use crate::snapshot::Snapshot;

pub struct Execution<'a> {
    pub cluster: &'a Cluster,
    pub ui: &'a Ui,
    pub snapshot: &'a Snapshot,
    pub plan: &'a Plan,
    pub options: &'a Options,
    /// False with `--yes`: then no answer is no.
    pub may_ask: bool,
    pub clock: Clock,
    /// For everything but the time at prompts; `None`: each wait ends by itself, when nothing has changed for long.
    pub deadline: Option<Instant>,
    /// The run ends after so long without an answer from the API server; `None`: the deadline ends it.
    pub silent_after: Option<SignedDuration>,
    pub zone: TimeZone,
    /// Where the run is recorded; `None`: nowhere.
    pub journal: Option<Journal>,
}

/// A live view is redrawn this often.
pub const FRAME: Duration = Duration::from_millis(200);
