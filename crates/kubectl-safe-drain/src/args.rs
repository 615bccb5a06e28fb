//! The command line: kubectl drain's flags with kubectl's meaning, and the plugin's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, ValueEnum};
use plugin_client::{
    AsInKubectl, CommandLine, ConnectionFlags, DryRun, Failure, Output, allowed, limit, shell, whole,
};

use crate::checks;
use crate::execute::engine::limits::STALLED_AFTER;
use crate::options::Options;

/// Drain nodes: respect PodDisruptionBudgets, lose no data without consent, name every blocker
#[derive(Debug, Parser)]
#[command(
    name = "kubectl safe-drain",
    bin_name = "kubectl safe-drain",
    override_usage = "kubectl safe-drain NODE... [flags]\n       kubectl safe-drain -l SELECTOR [flags]",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  kubectl safe-drain node-1 --dry-run    show the plan and every blocker
  kubectl safe-drain node-1              show the plan, confirm, cordon, drain
  kubectl safe-drain -l pool=old --yes   drain these nodes, one after another
  kubectl safe-drain node-1 --uncordon   make it schedulable again

Exit codes: 0 drained · 1 failed · 2 usage · 3 refused, nothing changed ·
4 partly drained · 124 --timeout passed · 130 interrupted
What each finding means: docs/safe-drain.md"
)]
pub struct Args {
    /// Nodes to drain, as NAME or node/NAME
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,

    /// Selector (label query) of the nodes to drain, instead of names
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// Only show the plan; `server` also dry-runs every eviction
    #[arg(long, dry_run())]
    pub dry_run: DryRun,

    /// Only mark the nodes as unschedulable
    #[arg(long, conflicts_with = "uncordon")]
    pub cordon_only: bool,

    /// Mark the nodes as schedulable
    #[arg(long)]
    pub uncordon: bool,

    /// Plan from a file or folder instead of a cluster; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cordon_only", "uncordon", "yes", "snapshot", "print_rbac"])]
    pub from: Option<PathBuf>,

    /// Write what a plan reads into a file; do nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cordon_only", "uncordon", "yes"])]
    pub snapshot: Option<PathBuf>,

    /// Print the RBAC role that this command needs; do nothing else
    #[arg(long)]
    pub print_rbac: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,

    /// Cordon of this run if the drain does not finish
    #[arg(long, value_name = "ACTION", default_value = "keep")]
    pub on_failure: OnFailure,

    /// Accept pre-flight errors with these ids, or `all`
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub allow: Vec<String>,

    /// Maximum number of concurrent eviction requests
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = whole::<u16>(1, 1000))]
    pub concurrency: u16,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: Output,

    /// Print only the result, errors, and a plan to confirm
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub drain: DrainFlags,

    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// The flags of `kubectl drain`, under their own names (kubectl/pkg/cmd/drain/drain.go, `NewCmdDrain`).
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "As in kubectl drain")]
pub struct DrainFlags {
    /// Continue even if pods have no controller that recreates them
    #[arg(long, switch())]
    pub force: bool,

    /// Continue even if pods use emptyDir (the data is deleted)
    #[arg(long, switch())]
    pub delete_emptydir_data: bool,

    /// Accepted; DaemonSet-managed pods are always ignored
    #[arg(long, switch())]
    pub ignore_daemonsets: bool,

    /// Seconds to terminate; if negative, the pod's default
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_hyphen_values = true,
          value_parser = whole::<i64>(i64::MIN, i64::MAX))]
    pub grace_period: i64,

    /// Limit for the whole run, questions not counted; zero means infinite
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = limit)]
    pub timeout: Duration,

    /// Label selector to filter pods on the node
    #[arg(long, value_name = "SELECTOR")]
    pub pod_selector: Option<String>,

    /// Use delete instead of evict; bypasses PDBs
    #[arg(long, switch())]
    pub disable_eviction: bool,

    /// Skip pods deleted longer ago than this
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = whole::<u32>(0, i64::from(u32::MAX)))]
    pub skip_wait_for_delete_timeout: u32,

    /// Return large lists in chunks; 0 disables
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = whole::<u32>(0, i64::from(u32::MAX)))]
    pub chunk_size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    // Plain comments: with help of its own for a value, clap would spread the whole help page over four screens.
    Keep,
    // Only a node that this run cordoned.
    Uncordon,
}

/// Which nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Names(Vec<String>),
    Selector(String),
}

/// Of NAME or node/NAME; `None` is another kind of object.
pub fn node_name(word: &str) -> Option<&str> {
    match word.split_once('/') {
        None => Some(word),
        Some(("node" | "nodes" | "no", name)) => Some(name),
        Some(_) => None,
    }
}

const CONCURRENCY: u16 = 20;

/// As a flag takes it.
fn written(time: Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (millis, _) if millis % 1000 != 0 => format!("{millis}ms"),
        (_, seconds) if seconds % 60 != 0 => format!("{seconds}s"),
        (_, seconds) => format!("{}m", seconds / 60),
    }
}

/// The kind of a run in `Args::flags_to_go_on`.
pub const CORDON_ONLY: &str = " --cordon-only";
pub const UNCORDON: &str = " --uncordon";

impl CommandLine for Args {
    const REPORT: (&'static str, &'static str) = ("DrainReport", "nodes");
    const COMMON_FLAGS: &'static [&'static str] = &[
        "selector",
        "dry_run",
        "cordon_only",
        "uncordon",
        "yes",
        "allow",
        "output",
        "force",
        "delete_emptydir_data",
        "timeout",
        "context",
    ];

    fn connection(&self) -> &ConnectionFlags {
        &self.connection
    }

    fn quiet(&self) -> bool {
        self.quiet
    }
}

impl Args {
    /// The nodes meant; wrong combinations are usage errors in kubectl's own words where it has some.
    pub fn target(&self) -> Result<Target, Failure> {
        let usage = |message: &str| Err(Failure::usage(message).hint("kubectl safe-drain --help"));
        match (&self.selector, self.nodes.as_slice()) {
            (Some(_), [_, ..]) => usage("cannot specify both a node name and a --selector option"),
            // All nodes are in it.
            _ if self.snapshot.as_deref() == Some(Path::new("-")) => {
                usage("--snapshot writes a file, not to stdout: name one")
            }
            (None, []) if self.snapshot.is_some() => Ok(Target::Names(Vec::new())),
            (None, []) => usage("no node given: name one, or use --selector"),
            (Some(selector), []) if selector.trim().is_empty() => {
                usage("--selector is empty and would match every node")
            }
            (Some(selector), []) => Ok(Target::Selector(selector.clone())),
            (None, names) => {
                let mut nodes = Vec::new();
                for name in names {
                    let Some(node) = node_name(name) else {
                        let kind = name.split_once('/').map_or(name.as_str(), |(kind, _)| kind);
                        return Err(Failure::usage(format!("{kind} is not a node: write NAME or node/NAME")));
                    };
                    if node.is_empty() {
                        return usage("a node's name cannot be empty");
                    }
                    plugin_client::name(name, node)?;
                    // Naming a node twice is no reason to drain it twice.
                    if !nodes.iter().any(|n| n == node) {
                        nodes.push(node.to_owned());
                    }
                }
                Ok(Target::Names(nodes))
            }
        }
    }

    pub fn options(&self) -> Result<Options, Failure> {
        let allow = allowed(&self.allow, checks::ids())?;
        let drain = &self.drain;
        if drain.grace_period < -1 {
            return Err(Failure::usage(format!(
                "--grace-period {}: must be seconds, or -1 for each pod's own grace period",
                drain.grace_period
            )));
        }
        Ok(Options {
            force: drain.force,
            delete_emptydir_data: drain.delete_emptydir_data,
            disable_eviction: drain.disable_eviction,
            grace_period: (drain.grace_period >= 0).then_some(drain.grace_period),
            skip_wait_for_delete: (drain.skip_wait_for_delete_timeout > 0)
                .then_some(drain.skip_wait_for_delete_timeout.into()),
            pod_selector: drain.pod_selector.clone().filter(|selector| !selector.trim().is_empty()),
            stalled_after: self.timeout().is_none().then_some(STALLED_AFTER),
            concurrency: self.concurrency.into(),
            allow,
        })
    }

    /// A run from files is a plan, and nothing else.
    pub fn offline(mut self) -> Result<Self, Failure> {
        if self.from.is_none() {
            return Ok(self);
        }
        if self.dry_run == DryRun::Server {
            return Err(Failure::usage("--dry-run=server needs a server, and --from is a plan without one"));
        }
        let of_cluster = self.connection.of_cluster();
        if !of_cluster.is_empty() {
            return Err(Failure::usage(format!("--from contacts no cluster: omit{of_cluster}")));
        }
        self.dry_run = DryRun::Client;
        Ok(self)
    }

    /// What a run that goes on where this one ended needs again: without these it would be refused, or do something else.
    /// `overdue`: `--timeout` is what ended it. The next run would only end with it again.
    pub fn flags_to_go_on(&self, overdue: bool) -> String {
        if self.cordon_only {
            return CORDON_ONLY.to_owned();
        }
        if self.uncordon {
            return UNCORDON.to_owned();
        }
        let drain = &self.drain;
        let mut flags = String::new();
        let mut add = |flag: String| flags.extend([" ", &flag]);
        for (given, flag) in [
            (drain.force, "--force"),
            (drain.delete_emptydir_data, "--delete-emptydir-data"),
            (drain.disable_eviction, "--disable-eviction"),
        ] {
            if given {
                add(flag.to_owned());
            }
        }
        if drain.grace_period >= 0 {
            add(format!("--grace-period={}", drain.grace_period));
        }
        if let Some(selector) = drain.pod_selector.as_deref().filter(|selector| !selector.is_empty()) {
            add(format!("--pod-selector={}", shell::word(selector)));
        }
        if !self.allow.is_empty() {
            add(format!("--allow={}", self.allow.join(",")));
        }
        if drain.skip_wait_for_delete_timeout > 0 {
            add(format!("--skip-wait-for-delete-timeout={}", drain.skip_wait_for_delete_timeout));
        }
        if self.on_failure == OnFailure::Uncordon {
            add("--on-failure=uncordon".to_owned());
        }
        if self.concurrency != CONCURRENCY {
            add(format!("--concurrency={}", self.concurrency));
        }
        if let Some(timeout) = self.timeout().filter(|_| !overdue) {
            add(format!("--timeout={}", written(timeout)));
        }
        flags
    }

    pub fn timeout(&self) -> Option<Duration> {
        (!self.drain.timeout.is_zero()).then_some(self.drain.timeout)
    }
}

#[cfg(test)]
mod tests;
