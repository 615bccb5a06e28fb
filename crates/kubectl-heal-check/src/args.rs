//! The command line: which workloads, and what counts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use plugin_client::{AsInKubectl, CommandLine, ConnectionFlags, Failure, duration, limit, whole};

use crate::baseline::{self, Key};
use crate::checks;
use crate::config::Config;
use crate::finding::Severity;
use crate::formats::Format;
use crate::ignores::{Glob, Rule, Source};
use crate::options::{Half, Options};
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

Exit codes: 0 nothing found · 1 findings (--fail-on), or a failed proof ·
2 usage · 3 proof refused, nothing evicted · 4 proof stopped half-way ·
5 incomplete: something could not be checked, or nothing was there to check ·
124 --timeout passed · 130 interrupted
What each finding means: docs/heal-check.md"
)]
pub struct Args {
    /// Workloads, as TYPE/NAME; all of the namespace if none is named
    #[arg(value_name = "TYPE/NAME")]
    pub workloads: Vec<String>,

    /// Selector (label query) of the workloads, instead of names
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// All namespaces; those of Kubernetes itself (kube-*) only for what is wrong now
    #[arg(short = 'A', long, switch())]
    pub all_namespaces: bool,

    /// Check a dump of a cluster instead of a cluster: a file, a folder or `-`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "filename", "prove"])]
    pub from: Option<PathBuf>,

    /// Check manifests instead of a cluster: files, folders or `-`
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "all_namespaces", "prove", "now"])]
    pub filename: Vec<PathBuf>,

    /// For each finding the smallest patch that is proven to fix it, printed or written into DIR; none is applied
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["print_rbac", "explain", "prove"])]
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

    /// Leave out a check, or its findings about one object: HC203 or HC203:web
    #[arg(long, value_name = "ID[:NAME]", value_delimiter = ',')]
    pub ignore: Vec<String>,

    /// Check that the Secrets that pods need exist (HC501): lists their metadata, never what they hold
    #[arg(long)]
    pub secrets: bool,

    /// Prove it: evict pods of one workload, one at a time, and measure the recovery
    #[arg(long, value_name = "HOW")]
    pub prove: Option<Prove>,

    /// Evictions of a proof
    #[arg(long, value_name = "N", default_value = "3", value_parser = whole::<usize>(1, 1000), requires = "prove")]
    pub rounds: usize,

    /// Fail a proof if a recovery takes longer
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub max_recovery: Option<Duration>,

    /// Stop a proof if more pods than that are not ready
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<usize>(1, 1000), requires = "prove")]
    pub max_unavailable: usize,

    /// Grace period of the evicted pods; their own if it is not given
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub grace: Option<Duration>,

    /// Between a recovery and the next eviction; 30s or twice the recovery if it is not given
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "prove")]
    pub interval: Option<Duration>,

    /// Agree to the plan of a proof without being asked
    #[arg(short, long, requires = "prove")]
    pub yes: bool,

    /// Show what a check means; do nothing else
    #[arg(long, value_name = "ID")]
    pub explain: Option<String>,

    /// Print the RBAC role that this command needs; do nothing else
    #[arg(long)]
    pub print_rbac: bool,

    /// Limit for the whole run; zero means infinite
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = limit)]
    pub timeout: Duration,

    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: Format,

    /// Print only the result and errors
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
    /// # Errors
    ///
    /// A file cannot be read, or something in it is wrong.
    pub fn read(args: &Args) -> Result<Self, Failure> {
        let (config, rules) = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let baseline = args.baseline.as_deref().map(baseline::read).transpose()?;
        Ok(Files { config, rules, baseline })
    }
}

/// How a recovery is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Prove {
    Evict,
}

/// Which workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    All,
    Named(Vec<(Read, String)>),
    Selector(String),
}

/// Kinds that can be named, with kubectl's words for each.
pub const TYPES: [(Read, &[&str]); 6] = [
    (Read::Deployments, &["deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"]),
    (Read::StatefulSets, &["statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"]),
    (Read::DaemonSets, &["daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"]),
    (Read::ReplicaSets, &["replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"]),
    (Read::ReplicationControllers, &["replicationcontroller", "replicationcontrollers", "rc"]),
    (Read::Pods, &["pod", "pods", "po"]),
];

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
            (None, words) => {
                Ok(Target::Named(words.iter().map(|word| named(word)).collect::<Result<_, _>>()?))
            }
        }
    }

    /// With what the files say.
    pub fn options(&self, files: Files) -> Result<Options, Failure> {
        let Files { config, mut rules, baseline } = files;
        for word in &self.ignore {
            rules.push(ignored(word)?);
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

    pub fn timeout(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }
}

fn named(word: &str) -> Result<(Read, String), Failure> {
    let expected = || {
        Failure::usage(format!("{word}: TYPE/NAME expected"))
            .hint("for example: kubectl heal-check deployment/web")
    };
    let (kind, name) = word.split_once('/').ok_or_else(expected)?;
    if name.is_empty() || name.contains('/') {
        return Err(expected());
    }
    let kind = kind.to_ascii_lowercase();
    let found = TYPES.iter().find(|(_, words)| words.contains(&kind.as_str()));
    let (read, _) = found.ok_or_else(|| {
        let known: Vec<&str> = TYPES.iter().map(|(_, words)| words[0]).collect();
        Failure::usage(format!("{word}: {kind} is no type that can be checked by name"))
            .hint(format!("there are: {}", known.join(", ")))
    })?;
    Ok((*read, name.to_owned()))
}

fn ignored(word: &str) -> Result<Rule, Failure> {
    let (id, name) = match word.split_once(':') {
        Some((id, name)) if !name.is_empty() => (id, Some(name)),
        Some(_) => return Err(Failure::usage(format!("--ignore {word}: a name is missing after the colon"))),
        None => (word, None),
    };
    let mut rule = Rule::new(vec![known(id, "--ignore")?], Source::CommandLine);
    if let Some(name) = name {
        let (namespace, name) = name.split_once('/').map_or((None, name), |(ns, name)| (Some(ns), name));
        rule.namespace = namespace.map(Glob::exactly);
        rule.name = Some(Glob::exactly(name));
    }
    Ok(rule)
}

/// The id of a check that exists.
pub fn known(id: &str, flag: &str) -> Result<&'static str, Failure> {
    checks::find(id).map(|check| check.id).ok_or_else(|| {
        let ids: Vec<&str> = checks::CHECKS.iter().map(|check| check.id).collect();
        Failure::usage(format!("{flag} {id}: there is no such check"))
            .hint(format!("there are: {}", ids.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Subject};
    use clap::CommandFactory;
    use plugin_client::Exit;
    use std::collections::BTreeMap;

    fn parse(words: &[&str]) -> Args {
        Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn workloads_are_named_as_in_kubectl() {
        let web = (Read::Deployments, "web".to_owned());
        assert_eq!(
            parse(&["deploy/web", "pod/x"]).target().unwrap(),
            Target::Named(vec![web, (Read::Pods, "x".into())])
        );
        assert_eq!(parse(&["-l", "app=web"]).target().unwrap(), Target::Selector("app=web".into()));
        assert_eq!(parse(&["-A"]).target().unwrap(), Target::All);
    }

    #[test]
    fn fixes_are_printed_or_written() {
        let of = |words: &[&str]| parse(words).fix;
        assert_eq!(
            (of(&[]), of(&["--fix"]), of(&["--fix=d"])),
            (None, Some(String::new()), Some("d".into()))
        );
        assert_eq!(parse(&["--fix", "deploy/web"]).workloads, ["deploy/web"]);
    }

    #[test]
    fn what_is_ignored() {
        let options = parse(&["--ignore", "HC203,hc201:web,HC301:shop/api", "--fail-on=warning"]);
        let options = options.options(Files::default()).unwrap();
        assert_eq!(options.fail_on, Severity::Warning);
        assert!(options.skips("HC203") && !options.skips("HC201") && !options.skips("HC999"));
        let leaves_out = |id, namespace: &str, name: &str| {
            let subject = Subject::new("Deployment", namespace, name);
            let (message, remedy) = (String::new(), String::new());
            let finding = Finding {
                id,
                name: "n",
                severity: Severity::Error,
                subject,
                message,
                remedy,
                location: None,
                offer: None,
            };
            options.rules.iter().any(|rule| rule.matches(&finding, &BTreeMap::new()))
        };
        assert!(leaves_out("HC203", "a", "b") && leaves_out("HC201", "a", "web"));
        assert!(leaves_out("HC301", "shop", "api"));
        assert!(!leaves_out("HC201", "a", "api") && !leaves_out("HC301", "other", "api"));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let options = |words: &[&str], fail_on| {
            let mut config = Config::default();
            config.fail_on = fail_on;
            parse(words).options(Files { config, ..Files::default() }).unwrap().fail_on
        };
        assert_eq!(options(&[], None), Severity::Error);
        assert_eq!(options(&[], Some(Severity::Info)), Severity::Info);
        assert_eq!(options(&["--fail-on=warning"], Some(Severity::Info)), Severity::Warning);
    }

    #[test]
    fn one_half_or_both() {
        let half = |words: &[&str]| parse(words).options(Files::default()).unwrap().half;
        assert_eq!(
            (half(&[]), half(&["--now"]), half(&["--posture"])),
            (Half::Both, Half::Now, Half::Posture)
        );
    }

    #[test]
    fn bad_input_is_a_usage_error_that_names_it() {
        let cases: [(&[&str], &str); 13] = [
            (&["web"], "web: TYPE/NAME expected"),
            (&["deploy/"], "deploy/: TYPE/NAME expected"),
            (&["deploy/a/b"], "TYPE/NAME expected"),
            (&["job/x"], "job is no type"),
            (&["deploy/web", "-l", "a=b"], "names cannot be used with --selector"),
            (&["-l", " "], "--selector is empty"),
            (&["-A", "-n", "shop"], "cannot be used together"),
            (&["--from", "x", "--context", "c"], "--from contacts no cluster: omit --context c"),
            (&["-f", "x", "--server", "https://example.invalid"], "--filename contacts no cluster"),
            (&["--from", "x", "deploy/web"], "name the namespace"),
            (&["-f", "x", "deploy/a/b"], "TYPE/NAME expected"),
            (&["--ignore", "HC999"], "--ignore HC999"),
            (&["--ignore", "HC203:"], "a name is missing"),
        ];
        for (words, part) in cases {
            let args = parse(words);
            let failure = args.target().and_then(|_| args.options(Files::default()).map(drop)).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{words:?}");
            assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
        }
        for words in [
            &["--fail-on=bad"][..],
            &["--timeout=soon"],
            &["-o", "xml"],
            &["--now", "--posture"],
            &["--domain", "a b"],
            &["--now", "--domain", "rack"],
            &["--from", "x", "-f", "y"],
            &["-f", "x", "-A"],
            &["-f", "x", "--now"],
            &["--from", "x", "--print-rbac"],
            &["--prove=evict", "--from", "x"],
            &["--prove=evict", "-f", "x"],
            &["--prove=evict", "--fix"],
            &["--prove=evict", "--now"],
        ] {
            assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
        }
    }
}
