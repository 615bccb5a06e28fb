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
    pub clock: Clock,
    /// For everything but the time at prompts; `None`: each wait ends by itself, when nothing has changed for long.
    pub deadline: Option<Instant>,
    /// So long without an answer from the API server is the end; `None`: the deadline is.
    pub silent_after: Option<SignedDuration>,
    pub zone: TimeZone,
    /// Where the run is recorded; `None`: nowhere.
    pub journal: Option<Journal>,
}

/// A live view is drawn this often: no more when much happens, and no less when nothing does.
pub const FRAME: Duration = Duration::from_millis(200);
