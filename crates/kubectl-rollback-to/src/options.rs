//! What the user requested, as far as the steps after the command line need it.

use std::time::Duration;

use cluster_model::Allow;
use k8s_openapi::jiff::Timestamp;

/// What a command line does, as far as it decides about rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `--history`
    History,
    /// `--status`
    Status,
    /// `--dry-run=client`
    Plan,
    /// With `--dry-run=server` too: it shows whether the rollback would be refused, also for a missing right.
    Rollback,
}

/// Where to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `--previous`: the second-highest number, as `kubectl rollout undo` without `--to-revision`.
    Previous,
    /// `--to-revision N`, superseded numbers included.
    Revision(i64),
    /// Picked from the list: the name of its ReplicaSet or ControllerRevision.
    Picked(String),
    /// `--time WHEN`, already absolute. With `--closest` a moment between two revisions takes the nearer one.
    Time { at: Timestamp, closest: bool },
    /// `--image [CONTAINER=]REF`
    Image(ImagePattern),
    /// `--last-healthy`
    LastHealthy,
}

/// `shop:1.4.2`, `web=shop:1.4.*`, `@sha256:…`: `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern {
    pub container: Option<String>,
    pub image: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// On a terminal; without one it is `Stop`.
    #[default]
    Ask,
    /// Put every workload of this run back to where it was.
    Restore,
    /// Leave everything as it is.
    Stop,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiffDetail {
    #[default]
    Summary,
    Full,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub allow: Allow,
    /// `--reason`: becomes the change cause.
    pub reason: Option<String>,
    pub on_failure: OnFailure,
    /// `--unstick`: delete the pods that hold up a StatefulSet's rollback.
    pub unstick: bool,
    /// Not `--no-wait`.
    pub wait: bool,
    /// How long a pod may show a fault that might resolve itself.
    pub fail_after: Duration,
    pub diff: DiffDetail,
    /// Show values that may be secret.
    pub show_values: bool,
    pub field_manager: String,
    /// `--keep-ownership`: hand the changed fields back to whoever managed them.
    pub keep_ownership: bool,
    /// `--sync-last-applied`: rewrite kubectl's last-applied-configuration too.
    pub sync_last_applied: bool,
    /// `--kubeconfig`, absolute.
    pub kubeconfig: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            allow: Allow::default(),
            reason: None,
            on_failure: OnFailure::Ask,
            unstick: false,
            wait: true,
            fail_after: Duration::from_secs(60),
            diff: DiffDetail::Summary,
            show_values: false,
            field_manager: FIELD_MANAGER.to_owned(),
            keep_ownership: false,
            sync_last_applied: false,
            kubeconfig: None,
        }
    }
}

pub const FIELD_MANAGER: &str = "kubectl-rollback-to";
