//! The command line: which workloads, and what counts.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use plugin_client::{AsInKubectl, CommandLine, ConnectionFlags, Failure, Output, limit};

use crate::checks;
use crate::finding::Severity;
use crate::options::{Ignored, Options};
use crate::snapshot::Read;

/// Check what heals by itself: if a container, a pod, a node or a zone is lost, and in a drain. Reads only
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
  kubectl heal-check --explain HC204      what a finding means

Exit codes: 0 nothing found · 1 findings (--fail-on) · 2 usage ·
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "filename"])]
    pub from: Option<PathBuf>,

    /// Check manifests instead of a cluster: files, folders or `-`
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["print_rbac", "explain", "all_namespaces"])]
    pub filename: Vec<PathBuf>,

    /// For each finding the smallest patch that is proven to fix it, printed or written into DIR; none is applied
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["print_rbac", "explain"])]
    pub fix: Option<String>,

    /// Exit 1 if there is a finding of this severity or worse
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub fail_on: Severity,

    /// Leave out a check, or its findings about one object: HC203 or HC203:web
    #[arg(long, value_name = "ID[:NAME]", value_delimiter = ',')]
    pub ignore: Vec<String>,

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
    pub output: Output,

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

/// Which workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    All,
    Named(Vec<(Read, String)>),
    Selector(String),
}

/// Kinds that can be named, with kubectl's words for each.
pub const TYPES: [(Read, &[&str]); 5] = [
    (Read::Deployments, &["deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"]),
    (Read::StatefulSets, &["statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"]),
    (Read::DaemonSets, &["daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"]),
    (Read::ReplicaSets, &["replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"]),
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

    pub fn options(&self) -> Result<Options, Failure> {
        let ignored = self.ignore.iter().map(|word| ignored(word)).collect::<Result<_, _>>()?;
        Ok(Options { fail_on: self.fail_on, ignored })
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

fn ignored(word: &str) -> Result<Ignored, Failure> {
    let (id, name) = match word.split_once(':') {
        Some((id, name)) if !name.is_empty() => (id, Some(name.to_owned())),
        Some(_) => return Err(Failure::usage(format!("--ignore {word}: a name is missing after the colon"))),
        None => (word, None),
    };
    Ok(Ignored { id: known(id, "--ignore")?, name })
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
    use clap::CommandFactory;
    use plugin_client::Exit;

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
        let options = parse(&["--ignore", "HC203,hc201:web", "--fail-on=warning"]).options().unwrap();
        let names: Vec<_> = options.ignored.iter().map(|it| (it.id, it.name.as_deref())).collect();
        assert_eq!(
            (names, options.fail_on),
            (vec![("HC203", None), ("HC201", Some("web"))], Severity::Warning)
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
            let failure = args.target().and_then(|_| args.options().map(drop)).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{words:?}");
            assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
        }
        let refused = [
            &["--fail-on=bad"][..],
            &["--timeout=soon"],
            &["-o", "junit"],
            &["--from", "x", "-f", "y"],
            &["-f", "x", "-A"],
            &["--from", "x", "--print-rbac"],
        ];
        for words in refused {
            assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
        }
    }
}
