//! The command line: which workloads, and what counts.

pub mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use plugin_client::{AsInKubectl, CommandLine, ConnectionFlags, Failure, Output, duration, limit, whole};

use crate::baseline::{self, Key};
use crate::config::Config;
use crate::finding::Severity;
use crate::formats::Format;
use crate::half::Half;
use crate::ignores::Rule;
use crate::options::Options;
use crate::proof::harm::Harm;
use crate::proof::options::ProofOptions;
use crate::snapshot::{Domain, Read};

/// Check what heals by itself: a lost container, pod, node or zone, and a drain
#[derive(Debug, Parser)]
#[command(
    name = "kubectl heal-check",
    bin_name = "kubectl heal-check",
    override_usage = "kubectl heal-check [TYPE/NAME]... [flags]\n       kubectl heal-check -l SELECTOR [flags]",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  kubectl heal-check                      the workloads of the namespace
  kubectl heal-check deploy/web -o wide   one workload, with every reason
  kubectl heal-check -A --fail-on warning
  kubectl heal-check deploy/web --prove=evict --max-recovery=30s
  kubectl heal-check --explain HC204      what a finding means
  kubectl heal-check -A -o sarif          for code scanning; also junit, openmetrics

Exit codes: 0 no finding is as bad as --fail-on · 1 some are, or a proof failed ·
2 usage · 3 proof refused, nothing was done · 4 proof stopped half-way ·
5 incomplete: something could not be checked, or nothing was there to check ·
124 --timeout passed · 130 interrupted
What each finding means: docs/heal-check.md"
)]
pub struct Args {
    /// TYPE/NAME or TYPE NAME; all of the namespace if none is named
    #[arg(value_name = "TYPE/NAME")]
    pub workloads: Vec<String>,

    /// Selector (label query) of the workloads, instead of names
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// All namespaces (Kubernetes' own: only --now)
    #[arg(short = 'A', long, switch())]
    pub all_namespaces: bool,

    /// Check a dump of a cluster instead of a cluster: a file, a folder or `-`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "filename", "prove"])]
    pub from: Option<PathBuf>,

    /// Check manifests instead of a cluster: files, folders or `-`
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "all_namespaces", "prove", "now"])]
    pub filename: Vec<PathBuf>,

    /// Where a fix of a finding is known: the smallest patch, and what of it is proven; =DIR also writes the proven ones into files. None is applied
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["explain", "prove"])]
    pub fix: Option<String>,

    /// Exit 1 if a finding is this bad or worse; error by default
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,

    /// Only what is wrong now, without the matrix
    #[arg(long, conflicts_with_all = ["posture", "prove"])]
    pub now: bool,

    /// Only what would not heal
    #[arg(long)]
    pub posture: bool,

    /// Another failure domain than the zone: the label of nodes that names it
    #[arg(long, value_name = "LABEL", conflicts_with = "now")]
    pub domain: Option<Domain>,

    /// File with severities, and with what is left out and why
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Only findings that are not in this file count
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write the findings to this file, for --baseline
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,

    /// Show what was left out, and why
    #[arg(long)]
    pub show_ignored: bool,

    /// Leave out a check, or its findings about one object: HC203:deploy/web
    #[arg(long, value_name = "ID[:OBJECT]", value_delimiter = ',')]
    pub ignore: Vec<String>,

    /// Check that the Secrets that pods need exist (HC501): lists their metadata, never what they hold
    #[arg(long)]
    pub secrets: bool,

    /// Ask the server, by dry runs, whether it would evict a pod of each workload and admit a replacement
    #[arg(long, conflicts_with_all = ["now", "from", "filename"])]
    pub ask_server: bool,

    /// Look again whenever something changes, and print what is different
    #[arg(short, long, conflicts_with_all = ["prove", "write_baseline", "from", "filename", "fix"])]
    pub watch: bool,

    /// Prove it: evict pods of one workload, or kill containers, one at a time, and measure the recovery
    #[arg(long, value_name = "HOW")]
    pub prove: Option<Harm>,

    /// The container that --prove=kill kills; that of kubectl exec if it is not given. Sidecars can be named too
    #[arg(short, long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), requires = "prove")]
    pub container: Option<String>,

    /// For --prove=kill of containers without a shell: an image with sh and sleep, added to their pods as an ephemeral container, which stays there
    #[arg(long, value_name = "IMAGE", value_parser = clap::builder::NonEmptyStringValueParser::new(), requires = "prove")]
    pub debug_image: Option<String>,

    /// Evictions or kills of a proof; 3 if it is not given, kills at most one a pod
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1, 1000), requires = "prove")]
    pub rounds: Option<usize>,

    /// Fail a proof if a recovery takes longer
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub max_recovery: Option<Duration>,

    /// Stop a proof if more pods than that are not ready
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<usize>(1, 1000), requires = "prove")]
    pub max_unavailable: usize,

    /// Grace period of the evicted pods; their own if it is not given
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub grace: Option<Duration>,

    /// Between a recovery and the next round; 30s or twice the recovery if it is not given
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub interval: Option<Duration>,

    /// Agree to the plan of a proof without being asked
    #[arg(short, long, requires = "prove")]
    pub yes: bool,

    /// Show what a check means (id or name), or all checks; do nothing else
    #[arg(long, value_name = "CHECK", num_args = 0..=1, default_missing_value = "")]
    pub explain: Option<String>,

    /// Print the RBAC role that this command needs; do nothing else
    #[arg(long)]
    pub print_rbac: bool,

    /// Limit for the whole run, questions not counted; zero means infinite
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = limit)]
    pub timeout: Duration,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: Format,

    /// Leave out progress, what the marks mean and what to type next
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub connection: ConnectionFlags,
}

impl CommandLine for Args {
    const REPORT: (&'static str, &'static str) = ("HealReport", "workloads");
    const COMMON_FLAGS: &'static [&'static str] =
        &["selector", "all_namespaces", "fail_on", "ignore", "explain", "output", "namespace", "context"];

    fn connection(&self) -> &ConnectionFlags {
        &self.connection
    }

    fn quiet(&self) -> bool {
        self.quiet
    }
}

/// What `--config` and `--baseline` say.
#[derive(Default)]
pub struct Files {
    config: Config,
    rules: Vec<Rule>,
    baseline: Option<BTreeSet<Key>>,
}

impl Files {
    /// In a thread of its own: a pipe without a writer must hold up neither `--timeout` nor Ctrl-C.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or something in it is wrong.
    pub async fn read(args: &Args) -> Result<Self, Failure> {
        let (config, baseline) = (args.config.clone(), args.baseline.clone());
        let work = move || {
            let (config, rules) = config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
            let baseline = baseline.as_deref().map(baseline::read).transpose()?;
            Ok(Files { config, rules, baseline })
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Failure::failed("cannot read --config and --baseline").cause(error.to_string()))?
    }
}

/// Which workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    All,
    Named(Vec<(Read, String)>),
    Selector(String),
}

impl Args {
    pub fn target(&self) -> Result<Target, Failure> {
        let usage = |message: &str| Err(Failure::usage(message).hint("kubectl heal-check --help"));
        if self.all_namespaces && self.connection.namespace.is_some() {
            return usage("--all-namespaces and --namespace cannot be used together");
        }
        if self.all_namespaces && !self.workloads.is_empty() {
            return usage("a workload cannot be named across all namespaces");
        }
        if let Some(flag) = self.files() {
            let of_cluster = self.connection.of_cluster();
            if !of_cluster.is_empty() {
                return usage(&format!("{flag} contacts no cluster: omit{of_cluster}"));
            }
        }
        if self.from.is_some() && !self.workloads.is_empty() && self.connection.namespace.is_none() {
            return usage("--from reads no kubeconfig: name the namespace of the workloads with --namespace");
        }
        match (&self.selector, self.workloads.as_slice()) {
            (Some(_), [_, ..]) => usage("names cannot be used with --selector"),
            (Some(selector), []) if selector.trim().is_empty() => {
                usage("--selector is empty: leave it out to select everything")
            }
            (Some(selector), []) => Ok(Target::Selector(selector.clone())),
            (None, []) => Ok(Target::All),
            (None, words) => Ok(Target::Named(words::named(words)?)),
        }
    }

    /// `None` without `--prove`.
    pub fn proof(&self, target: &Target) -> Result<Option<ProofOptions>, Failure> {
        let Some(harm) = self.prove else { return Ok(None) };
        let is_one = match target {
            Target::Named(names) => {
                matches!(names.as_slice(), [(read, _)] if !matches!(read, Read::Pods | Read::Jobs | Read::CronJobs))
            }
            Target::All | Target::Selector(_) => false,
        };
        if let Target::Named(names) = target
            && matches!(names.as_slice(), [(Read::Pods, _)])
        {
            return Err(Failure::usage("--prove needs a workload, not a pod")
                .hint("name the workload that the pod belongs to; a pod without one is not recreated"));
        }
        // The rights are those for any workload.
        if !is_one && !self.print_rbac {
            return Err(Failure::usage(
                "--prove needs one workload: a Deployment, StatefulSet, DaemonSet or ReplicaSet",
            )
            .hint("for example: kubectl heal-check deployment/web --prove=evict"));
        }
        if harm == Harm::Kill && self.grace.is_some() {
            return Err(Failure::usage("--grace is for --prove=evict: a container that is killed has none"));
        }
        if harm == Harm::Evict && self.container.is_some() {
            return Err(Failure::usage(
                "--container is for --prove=kill: an eviction ends all containers of a pod",
            ));
        }
        if harm == Harm::Evict && self.debug_image.is_some() {
            return Err(Failure::usage("--debug-image is for --prove=kill: an eviction needs no container"));
        }
        Ok(Some(ProofOptions {
            harm,
            container: self.container.clone(),
            debug_image: self.debug_image.clone(),
            rounds: self.rounds,
            max_recovery: self.max_recovery,
            max_unavailable: self.max_unavailable,
            grace_seconds: self.grace.map(|it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX)),
            interval: self.interval,
            yes: self.yes,
        }))
    }

    /// With what the files say.
    pub fn options(&self, files: Files) -> Result<Options, Failure> {
        let Files { config, mut rules, baseline } = files;
        for word in &self.ignore {
            rules.push(words::ignored(word)?);
        }
        Ok(Options {
            fail_on: self.fail_on.or(config.fail_on).unwrap_or(Severity::Error),
            rules,
            severity: config.severity(),
            baseline,
            half: match (self.now, self.posture) {
                (true, _) => Half::Now,
                (false, true) => Half::Posture,
                (false, false) => Half::Both,
            },
            secrets: self.secrets,
            asks_server: self.ask_server,
            watches: self.watch,
            domain: self.domain.clone().unwrap_or_default(),
        })
    }

    /// The flag that names files instead of a cluster.
    pub fn files(&self) -> Option<&'static str> {
        match (&self.from, self.filename.is_empty()) {
            (Some(_), _) => Some("--from"),
            (None, false) => Some("--filename"),
            (None, true) => None,
        }
    }

    /// What `--watch` can print again and again.
    pub fn check_watch(&self) -> Result<(), Failure> {
        let is_one = matches!(self.output, Format::Common(Output::Text | Output::Wide | Output::Json));
        if !self.watch || self.print_rbac || is_one {
            return Ok(());
        }
        Err(Failure::usage("--watch prints text, wide or json: the other formats are of one look")
            .hint("-o json prints one report a line"))
    }

    pub fn timeout(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }
}

#[cfg(test)]
mod tests;
