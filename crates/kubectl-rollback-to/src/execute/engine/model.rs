//! What goes into the engine and what comes out of it, but for events.

use cluster_model::rollout::Id;
use k8s_openapi::jiff::SignedDuration;

use crate::options::OnFailure;
use crate::outcome::Outcome;

/// What every step follows.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub on_failure: OnFailure,
    /// Is there a terminal to ask on?
    pub can_ask: bool,
    pub unstick: bool,
    pub wait: bool,
    /// How long a workload is watched after it is done, if somebody is known who may take it back.
    pub linger: SignedDuration,
    /// So long without an answer from the API server is the end; `None`: a deadline is.
    pub silent_after: Option<SignedDuration>,
}

/// What is said of pods that nobody looks at.
pub const UNSEEN: &str = "its pods were not checked (--no-wait)";
/// Without `--timeout`: so long without any answer from the API server is the end.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// One step, before anything happened.
#[derive(Clone, Debug)]
pub struct Part {
    pub id: Id,
    pub start: Start,
    /// Somebody may take it back: an owner that reconciles.
    pub contested: bool,
    /// There is something to do once it is done.
    pub finish: bool,
    /// What to type if a pod holds it up.
    pub again: String,
}

#[derive(Clone, Debug)]
pub enum Start {
    Write,
    /// The template is there already, as these words say; whether its pods run it is what is found out.
    Watch(String),
    Over(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Write(usize),
    /// From now on tell how far it is.
    Watch(usize),
    /// Read everything about it afresh, and tell `verified`: nothing is claimed or done by what was watched alone.
    Verify(usize),
    /// What was read last is what is waited for from now on.
    Follow(usize),
    /// The last lines of what crashed.
    Log {
        step: usize,
        pod: String,
        container: String,
    },
    /// With its UID and version as preconditions, and the grace period it asks for.
    Delete {
        step: usize,
        pod: String,
        uid: String,
        version: String,
    },
    /// What comes after success.
    Finish(usize),
    /// Write the template of the start again, if ours is still there.
    Restore(usize),
    Ask(Question),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    Restore { text: String },
    Unstick { step: usize, text: String },
}

/// What became of a pod that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    Deleted,
    /// It was gone.
    Gone,
    /// It is another one by now, or not as it was.
    Changed,
    Failed {
        says: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Timeout,
    Interrupted,
    /// The API server has not answered for too long: since when, and its last failure.
    Silent(String),
}
