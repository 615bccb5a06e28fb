//! The command line: what to roll back, where to, and how.

use std::time::Duration;

use clap::{ArgAction, ArgGroup, Parser, ValueEnum};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::{
    AsInKubectl, CommandLine, ConnectionFlags, DryRun, Failure, Output, allowed, duration, limit, shell,
    whole,
};

use crate::checks;
use crate::options::{Choice, DiffDetail, FIELD_MANAGER, ImagePattern, Mode, OnFailure, Options};
use crate::time_arg;
use crate::workload_selector::{GivenFlags, Subjects, subjects};

/// Roll back workloads to a revision, time, image or the last healthy state: preview the change, then wait until it is healthy
#[derive(Debug, Parser)]
#[command(
    name = "kubectl rollback-to",
    bin_name = "kubectl rollback-to",
    override_usage = "kubectl rollback-to TYPE/NAME... [TARGET] [flags]\n       \
                      kubectl rollback-to [TYPE] -l SELECTOR [TARGET] [flags]",
    version,
    max_term_width = 110,
    group(ArgGroup::new("target").args(["to_revision", "time", "image", "last_healthy", "previous", "last"])),
    group(ArgGroup::new("mode").args(["history", "status"]).conflicts_with("target")),
    after_help = "\
Examples:
  kubectl rollback-to deploy/web --status         why is the rollout stuck?
  kubectl rollback-to deploy/web --history        list the revisions
  kubectl rollback-to deploy/web                  select a revision
  kubectl rollback-to deploy/web --last-healthy   to the last healthy revision
  kubectl rollback-to deploy/web 3                to revision 3
  kubectl rollback-to -l app=shop --time 2h       all that match, to 2 hours ago

Exit codes: 0 done · 1 failed, or failed and restored · 2 usage ·
3 refused, nothing changed · 4 partly done · 124 --timeout passed · 130 interrupted
What each finding means: docs/rollback-to.md"
)]
pub struct Args {
    /// TYPE/NAME or TYPE NAME; TYPE/NAME N is --to-revision N
    #[arg(value_name = "TYPE/NAME")]
    pub words: Vec<String>,

    /// Selector (label query), instead of names
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// Select all workloads of the namespace, or of TYPE
    #[arg(long)]
    pub all: bool,

    /// Revision to roll back to, also by an earlier number
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<i64>(i64::MIN, i64::MAX), help_heading = "Target")]
    pub to_revision: Option<i64>,

    /// What was rolled out then: 2h, 10:15, `yesterday 18:00`
    #[arg(long, value_name = "WHEN", help_heading = "Target")]
    pub time: Option<String>,

    /// The revision with this image, as in web=shop:1.4.*
    #[arg(long, value_name = "[C=]REF", help_heading = "Target")]
    pub image: Option<String>,

    /// The newest revision with evidence that it worked
    #[arg(long, help_heading = "Target")]
    pub last_healthy: bool,

    /// The previous one, as `kubectl rollout undo` selects it
    #[arg(long, help_heading = "Target")]
    pub previous: bool,

    /// Undo the last rollback made from this machine
    #[arg(long, help_heading = "Target")]
    pub last: bool,

    /// With --time between two revisions: take the nearest
    #[arg(long, requires = "time", help_heading = "Target")]
    pub closest: bool,

    /// List the revisions: when active, health, images
    #[arg(long, help_heading = "Mode")]
    pub history: bool,

    /// With --history: show the details of this revision
    #[arg(long, value_name = "N", requires = "history", value_parser = whole::<i64>(i64::MIN, i64::MAX), help_heading = "Mode")]
    pub revision: Option<i64>,

    /// Show rollout status and why it is stuck
    #[arg(long, help_heading = "Mode")]
    pub status: bool,

    /// Only show the plan; `server` sends dry-run requests
    #[arg(long, dry_run(), help_heading = "Mode")]
    pub dry_run: DryRun,

    /// Print the RBAC roles that this command needs; do nothing else
    #[arg(long, help_heading = "Mode")]
    pub print_rbac: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,

    /// Reason, recorded as the change cause
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// If it does not become healthy: ask, restore the previous template, or stop
    #[arg(long, value_name = "ACTION", default_value = "ask", hide_possible_values = true)]
    pub on_failure: OnFailureFlag,

    /// Delete the broken pods that block a StatefulSet's rollback
    #[arg(long)]
    pub unstick: bool,

    /// Wait until the rollout is complete
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          hide_possible_values = true, action = ArgAction::Set)]
    pub wait: bool,

    /// Return after the update, without waiting for the rollout
    #[arg(long, conflicts_with = "unstick")]
    pub no_wait: bool,

    /// Time to wait before giving up, as in 90s or 10m, questions not counted; zero means infinite
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = limit)]
    pub timeout: Duration,

    /// How long a pod may have a recoverable error
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub fail_after: Duration,

    /// Show the differences: a summary, or the full templates
    #[arg(long, value_name = "DETAIL", default_value = "summary")]
    pub diff: DiffFlag,

    /// Show environment values that may be secret
    #[arg(long)]
    pub show_values: bool,

    /// Name of the manager used to track field ownership
    #[arg(long, value_name = "NAME", default_value = FIELD_MANAGER)]
    pub field_manager: String,

    /// Return the changed fields to their previous field manager
    #[arg(long)]
    pub keep_ownership: bool,

    /// Also roll back kubectl's last-applied-configuration annotation
    #[arg(long)]
    pub sync_last_applied: bool,

    /// Accept these errors by id, or all
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub allow: Vec<String>,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: Output,

    /// Print only the result, errors, and a plan to confirm
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub connection: ConnectionFlags,
}

// Plain comments on values: with help of their own, clap would spread the help page over four screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFailureFlag {
    Ask,
    Restore,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFlag {
    Summary,
    Full,
}

/// Where to go back to, before the cluster is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Choice(Choice),
    /// `--last`
    Journal,
    /// Nothing given: on a terminal there is a picker.
    Pick,
}

impl CommandLine for Args {
    const REPORT: (&'static str, &'static str) = ("RollbackReport", "workloads");
    const COMMON_FLAGS: &'static [&'static str] = &[
        "selector",
        "yes",
        "reason",
        "output",
        "to_revision",
        "time",
        "image",
        "last_healthy",
        "previous",
        "last",
        "history",
        "status",
        "dry_run",
        "namespace",
    ];

    fn connection(&self) -> &ConnectionFlags {
        &self.connection
    }

    fn quiet(&self) -> bool {
        self.quiet
    }
}

impl Args {
    /// Which workloads, and the revision that followed TYPE/NAME.
    fn words(&self) -> Result<(Subjects, Option<i64>), Failure> {
        let flags = self.given_flags();
        subjects(&self.words, self.selector.as_deref(), self.all, self.last, &flags)
    }

    /// The target, mode and namespace that were given: a suggested command without them would do something else, or elsewhere.
    fn given_flags(&self) -> GivenFlags {
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let dry_run = match self.dry_run {
            DryRun::None => None,
            DryRun::Client => Some("--dry-run"),
            DryRun::Server => Some("--dry-run=server"),
        };
        let alone = [
            (self.last_healthy, "--last-healthy"),
            (self.previous, "--previous"),
            (self.last, "--last"),
            (self.history, "--history"),
            (self.status, "--status"),
        ];
        let alone = alone.into_iter().filter_map(|(given, flag)| given.then_some(flag));
        let valued = [
            ("to-revision", number(self.to_revision)),
            ("time", self.time.clone()),
            ("image", self.image.clone()),
            ("revision", number(self.revision)),
        ];
        let mut target: String = valued
            .into_iter()
            .filter_map(|(name, value)| Some(shell::flag(name, &value?)))
            .chain(alone.map(|flag| format!(" {flag}")))
            .collect();
        if self.closest {
            target.push_str(" --closest");
        }
        let namespace = self.connection.namespace.as_deref().filter(|name| !name.is_empty());
        GivenFlags {
            target,
            dry_run: dry_run.map(|flag| format!(" {flag}")).unwrap_or_default(),
            namespace: namespace.map(|name| format!(" -n {}", shell::word(name))).unwrap_or_default(),
        }
    }

    pub fn subjects(&self) -> Result<Subjects, Failure> {
        Ok(self.words()?.0)
    }

    /// `now` is the API server's: a laptop's clock may be wrong.
    pub fn wish(&self, now: Timestamp, zone: &TimeZone) -> Result<Wish, Failure> {
        let (_, short) = self.words()?;
        // Another target beside it would silence clap's `requires`, for --time and that one exclude each other.
        if self.closest && self.time.is_none() {
            return Err(Failure::usage("--closest belongs to --time").hint("kubectl rollback-to --help"));
        }
        let named = self.to_revision.is_some()
            || self.time.is_some()
            || self.image.is_some()
            || self.last_healthy
            || self.previous
            || self.last;
        let revision = match (self.to_revision, short) {
            (_, Some(short)) if named => {
                return Err(Failure::usage(format!("two targets: {short} and a flag"))
                    .hint("give one of --to-revision, --time, --image, --last-healthy, --previous"));
            }
            (Some(number), None) | (None, Some(number)) => Some(number),
            _ => None,
        };
        if let Some(number) = revision {
            return match number {
                // As in kubectl: `--to-revision=0` is the last but one.
                0 => Ok(Wish::Choice(Choice::Previous)),
                1.. => Ok(Wish::Choice(Choice::Revision(number))),
                _ => Err(Failure::usage(format!("--to-revision {number}: revisions are positive numbers"))),
            };
        }
        if let Some(text) = &self.time {
            let at = time_arg::parse(text, now, zone)
                .map_err(|why| Failure::usage(format!("--time {text}: {why}")))?;
            return Ok(Wish::Choice(Choice::Time { at, closest: self.closest }));
        }
        if let Some(text) = &self.image {
            return Ok(Wish::Choice(Choice::Image(image(text)?)));
        }
        Ok(match (self.last_healthy, self.previous, self.last) {
            (true, ..) => Wish::Choice(Choice::LastHealthy),
            (_, true, _) => Wish::Choice(Choice::Previous),
            (.., true) => Wish::Journal,
            _ => Wish::Pick,
        })
    }

    pub fn mode(&self) -> Mode {
        match (self.history, self.status, self.dry_run) {
            (true, ..) => Mode::History,
            (_, true, _) => Mode::Status,
            (.., DryRun::Client) => Mode::Plan,
            _ => Mode::Rollback,
        }
    }

    pub fn options(&self) -> Result<Options, Failure> {
        if self.field_manager.is_empty() || self.field_manager.len() > 128 {
            return Err(Failure::usage("--field-manager: give a name of at most 128 bytes"));
        }
        if self.reason.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Failure::usage("--reason is empty"));
        }
        Ok(Options {
            allow: allowed(&self.allow, checks::ids())?,
            reason: self.reason.clone(),
            on_failure: match self.on_failure {
                OnFailureFlag::Ask => OnFailure::Ask,
                OnFailureFlag::Restore => OnFailure::Restore,
                OnFailureFlag::Stop => OnFailure::Stop,
            },
            unstick: self.unstick,
            wait: self.wait && !self.no_wait,
            fail_after: self.fail_after,
            diff: match self.diff {
                DiffFlag::Summary => DiffDetail::Summary,
                DiffFlag::Full => DiffDetail::Full,
            },
            show_values: self.show_values,
            field_manager: self.field_manager.clone(),
            keep_ownership: self.keep_ownership,
            sync_last_applied: self.sync_last_applied,
            kubeconfig: self.kubeconfig(),
        })
    }

    /// `--kubeconfig`, absolute: a command that is shown later may be run elsewhere.
    pub fn kubeconfig(&self) -> Option<String> {
        let path = self.connection.kubeconfig.as_ref().filter(|path| !path.as_os_str().is_empty())?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Some(path.to_string_lossy().into_owned())
    }

    pub fn timeout(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }
}

/// `CONTAINER=REF`; an image reference itself never holds `=`.
fn image(text: &str) -> Result<ImagePattern, Failure> {
    let (container, image) = match text.split_once('=') {
        Some((container, image)) => (Some(container.to_owned()), image),
        None => (None, text),
    };
    if image.is_empty() || container.as_deref() == Some("") {
        return Err(Failure::usage(format!(
            "--image {text}: REF or CONTAINER=REF expected, as in web=shop:1.4.2"
        )));
    }
    // `*=shop:1.4`, as kubectl set image has it.
    Ok(ImagePattern { container: container.filter(|name| name != "*"), image: image.to_owned() })
}

#[cfg(test)]
mod tests;
