//! Why a workload ended as it did, as data; `render/reason.rs` has the words.

use cluster_model::BeingDeleted;
use cluster_model::rollout::{Id, Kind};
use k8s_openapi::jiff::Zoned;

use super::cause::{Author, Cause, KeptPods};

/// An outcome may have several, in the order of the line that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    Already(Already),
    /// The next reason is why its pods do not run it; `pods`: how many of how many do.
    AlreadyBut {
        already: Already,
        pods: Option<(i64, i64)>,
    },
    /// `--no-wait`
    NotWatched,
    /// `--no-wait`, of a template that was there already.
    PodsNotChecked,
    /// It is done, and there are no pods to show whether it works.
    NoPods(Kind),
    Kept(KeptPods),
    Rollout(Cause),
    BlockedByPod {
        pod: String,
        why: BlockedByPod,
    },
    ChangedAfterPlanning(Change),
    DeletedAfterPlanning,
    DidNotExist,
    NoTarget,
    /// This one did not succeed.
    NotStarted(Option<Id>),
    NothingWritten,
    /// The server's own words.
    Message(String),
    UpdateUnknown,
    /// Since the write.
    BeingDeleted(BeingDeleted),
    Deleted,
    Reverted(Option<Author>),
    /// `pods`: how many of how many had the template by then.
    Superseded {
        by: Option<Author>,
        pods: (i64, i64),
    },
    Unobserved {
        why: Unobserved,
        restored: bool,
    },
    /// It is restored because this one failed.
    OtherFailed(Id),
    Restored,
    HadPreviousTemplate,
    NotRestored(NotRestored),
    /// Somebody wrote another template after it was restored.
    RestoredAndReplaced(Option<Author>),
    /// `--timeout` passed, and what was written is restored.
    Overdue {
        pods: (i64, i64),
    },
    Ended {
        by: End,
        at: EndedAt,
        pods: (i64, i64),
    },
}

/// The template was there, and nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Already {
    /// Its number, if it is a revision.
    Live(Option<i64>),
    /// Since the plan was made.
    WrittenBySomebody,
}

/// Why a pod blocks a StatefulSet's rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockedByPod {
    /// There is no consent to delete it; `revision` is for the command that continues. `None`: the workload has the template that was
    /// restored, whose number its controller has changed meanwhile (pkg/controller/history/controller_history.go, UpdateControllerRevision).
    UntilDeleted {
        message: String,
        revision: Option<i64>,
    },
    /// It changed between each read and its deletion.
    KeepsChanging,
    NotDeleted(String),
}

/// Why a rollout cannot be followed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unobserved {
    /// The server's own words.
    Message(String),
    /// The watches keep showing another state than a read.
    WatchesDiffer,
    NotListed,
    UnreadablePod(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRestored {
    /// Somebody else's change is not overwritten.
    Changed(Change),
    /// Somebody's `kubectl rollout restart` is not overwritten either.
    Restarted(Option<Author>),
    Deleted,
    Failed(String),
    Unknown(String),
    Unobserved(Unobserved),
    /// The template is restored, its pods are not healthy.
    Unhealthy(Vec<Reason>),
}

/// What somebody else changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Template { by: Option<Author>, images: Vec<ImageChange> },
    Annotation(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    pub container: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// What ended a run before it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Timeout,
    Interrupted,
    /// The API server did not answer for too long.
    Silent {
        since: Zoned,
        seconds: i64,
        /// Of its last failure.
        message: Option<String>,
    },
}

/// What was being done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedAt {
    NotStarted,
    Writing,
    Watching {
        written: bool,
    },
    /// The next reason is why it might be restored.
    Undecided,
    ToRestore,
    Restoring,
    RestoreWatching,
}
