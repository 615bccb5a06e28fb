//! kubectl's own flags, as every plugin accepts them after its name. No I/O.
//!
//! kubectl refuses flags before a plugin's name, so what `kubectl options` lists has to be read here
//! (cli-runtime/pkg/genericclioptions/config_flags.go, kubectl/pkg/cmd/cmd.go).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, ArgAction, Args, ValueEnum};

use super::name;
use crate::Failure;
use crate::cli::shell;

/// What a request may take unless `--request-timeout` says otherwise. kubectl waits without end; a tool that drains nodes must not.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const HEADING: &str =
    "Connection (every flag of `kubectl options` works; these are the common ones)";

// No doc comment: clap would make it the `about` of a plugin that has none.
// Which cluster, as whom, and how. Shown in `--help`: the five that are used daily; the rest work as in kubectl.
#[derive(Args, Clone, Default)]
pub struct ConnectionFlags {
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(long, allow_hyphen_values = true, value_name = "FILE", help_heading = HEADING)]
    pub kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use
    #[arg(long, allow_hyphen_values = true, value_name = "NAME", help_heading = HEADING)]
    pub context: Option<String>,
    /// If present, the namespace scope for this request
    #[arg(short, long, allow_hyphen_values = true, value_name = "NAME", help_heading = HEADING)]
    pub namespace: Option<String>,
    /// How long to wait for a single server request, such as 30s or 1m; 0 means no timeout (default 30s)
    #[arg(long, value_name = "DURATION", value_parser = request_timeout, help_heading = HEADING)]
    pub request_timeout: Option<Duration>,
    /// Log level: 1 logs each request, 9 also the client library
    #[arg(short, long = "v", value_name = "LEVEL", default_value_t = 0, hide_default_value = true, value_parser = whole::<u8>(0, 255), help_heading = HEADING)]
    pub verbosity: u8,

    /// Cluster of the kubeconfig to use
    #[arg(long, allow_hyphen_values = true, value_name = "NAME", hide = true)]
    pub cluster: Option<String>,
    /// User of the kubeconfig to be
    #[arg(long, allow_hyphen_values = true, value_name = "NAME", hide = true)]
    pub user: Option<String>,
    /// Address of the API server
    #[arg(short, long, allow_hyphen_values = true, value_name = "URL", hide = true)]
    pub server: Option<String>,
    /// Bearer token
    #[arg(long, allow_hyphen_values = true, value_name = "TOKEN", hide = true)]
    pub token: Option<String>,
    /// User name for basic authentication
    #[arg(long, allow_hyphen_values = true, value_name = "NAME", hide = true)]
    pub username: Option<String>,
    /// Password for basic authentication
    #[arg(long, allow_hyphen_values = true, value_name = "PASSWORD", hide = true)]
    pub password: Option<String>,
    /// User to act as
    #[arg(long = "as", allow_hyphen_values = true, value_name = "USER", hide = true)]
    pub impersonate: Option<String>,
    /// Group to act as, repeatable
    #[arg(long = "as-group", allow_hyphen_values = true, value_name = "GROUP", hide = true)]
    pub impersonate_groups: Vec<String>,
    /// UID to act as
    #[arg(long = "as-uid", allow_hyphen_values = true, value_name = "UID", hide = true)]
    pub impersonate_uid: Option<String>,
    /// Extra of the user to act as, repeatable
    #[arg(long = "as-user-extra", allow_hyphen_values = true, value_name = "KEY=VALUE", value_parser = key_value, hide = true)]
    pub impersonate_extra: Vec<(String, String)>,
    /// Path to a cert file for the certificate authority
    #[arg(long, allow_hyphen_values = true, value_name = "FILE", hide = true)]
    pub certificate_authority: Option<String>,
    /// Path to a client certificate file for TLS
    #[arg(long, allow_hyphen_values = true, value_name = "FILE", hide = true)]
    pub client_certificate: Option<String>,
    /// File with the client's key
    #[arg(long, allow_hyphen_values = true, value_name = "FILE", hide = true)]
    pub client_key: Option<String>,
    /// Name to expect in the server's certificate
    #[arg(long, allow_hyphen_values = true, value_name = "NAME", hide = true)]
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, hide = true, boolean(), value_parser = boolean)]
    pub insecure_skip_tls_verify: Option<bool>,
    /// Proxy to reach the server through
    #[arg(long, allow_hyphen_values = true, value_name = "URL", hide = true)]
    pub proxy_url: Option<String>,
    /// Do not ask for compressed answers
    #[arg(long, hide = true, boolean(), value_parser = boolean)]
    pub disable_compression: Option<bool>,
    /// Exit 1 if the server sent a warning
    #[arg(long, hide = true, boolean(), value_parser = boolean)]
    pub warnings_as_errors: Option<bool>,
    /// Refuse a server of another minor version
    #[arg(long, hide = true, boolean(), value_parser = boolean)]
    pub match_server_version: Option<bool>,

    #[command(flatten)]
    ignored: Ignored,
}

// Flags of kubectl that change nothing a user could see here: they tune kubectl's own cache, profiler and logger.
#[derive(Args, Clone, Default)]
struct Ignored {
    #[arg(long, hide = true)]
    cache_dir: Option<String>,
    #[arg(long, hide = true)]
    profile: Option<String>,
    #[arg(long, hide = true)]
    profile_output: Option<String>,
    #[arg(long, hide = true)]
    log_flush_frequency: Option<String>,
    #[arg(long, hide = true)]
    vmodule: Option<String>,
    #[arg(long, hide = true)]
    kuberc: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Append)]
    logtostderr: Vec<String>,
}

/// `--dry-run`, as in kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    None,
    Client,
    Server,
}

/// How a flag takes its value, as pflag has it: `--flag` or `--flag=VALUE`, never `--flag VALUE`. In a derive: `#[arg(long, switch())]`.
pub trait AsInKubectl {
    /// For an `Option<bool>`: `None` is kept apart from false.
    fn boolean(self) -> Self;
    /// For a `bool`: false unless given.
    fn switch(self) -> Self;
    /// For a `DryRun`: the flag alone is `client`.
    fn dry_run(self) -> Self;
}

impl AsInKubectl for Arg {
    fn boolean(self) -> Self {
        optional_value(self, "BOOL", "true").hide_possible_values(true)
    }

    fn switch(self) -> Self {
        self.boolean().default_value("false").hide_default_value(true)
    }

    fn dry_run(self) -> Self {
        optional_value(self, "MODE", "client").default_value("none")
    }
}

/// Without a value the flag means `missing`.
fn optional_value(flag: Arg, value: &'static str, missing: &'static str) -> Arg {
    flag.value_name(value)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(missing)
        // The derive sees no default in its own attributes and would make it required.
        .required(false)
        .action(ArgAction::Set)
}

impl ConnectionFlags {
    /// The flags that a suggested command needs to reach the same cluster as the same user, as in ` --context c`: quoted for a shell, without
    /// credentials.
    pub fn of_cluster(&self) -> String {
        let kubeconfig = self.kubeconfig.as_ref().map(|path| path.to_string_lossy().into_owned());
        let extra: Vec<String> =
            self.impersonate_extra.iter().map(|(key, value)| format!("{key}={value}")).collect();
        // A user and password may be in it.
        let proxy = self.proxy_url.as_ref().filter(|url| !url.contains('@'));
        let given = [
            ("kubeconfig", kubeconfig.as_ref()),
            ("context", self.context.as_ref()),
            ("cluster", self.cluster.as_ref()),
            ("server", self.server.as_ref()),
            ("user", self.user.as_ref()),
            ("as", self.impersonate.as_ref()),
            ("as-uid", self.impersonate_uid.as_ref()),
            ("certificate-authority", self.certificate_authority.as_ref()),
            ("tls-server-name", self.tls_server_name.as_ref()),
            ("proxy-url", proxy),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let groups = self.impersonate_groups.iter().map(|group| ("as-group", group));
        let all = given.chain(groups).chain(extra.iter().map(|extra| ("as-user-extra", extra)));
        let mut flags: String = all
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| shell::flag(name, value))
            .collect();
        if let Some(skip) = self.insecure_skip_tls_verify {
            flags.push_str(&format!(" --insecure-skip-tls-verify={skip}"));
        }
        flags
    }

    /// The deadline of one request; `None` waits for ever.
    pub fn deadline(&self) -> Option<Duration> {
        match self.request_timeout {
            None => Some(REQUEST_TIMEOUT),
            Some(Duration::ZERO) => None,
            set => set,
        }
    }

    /// Does any flag select a cluster? Then falling back to the pod's own cluster would be wrong.
    pub(crate) fn choose_cluster(&self) -> bool {
        self.kubeconfig.is_some()
            || [&self.context, &self.cluster, &self.user, &self.server].iter().any(|flag| flag.is_some())
    }

    /// Combinations that cannot be honoured.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(namespace) = self.namespace.as_deref().filter(|it| !it.is_empty()) {
            name::checked(&format!("--namespace {namespace}"), namespace)?;
        }
        let acts_in_part = !self.impersonate_groups.is_empty()
            || !self.impersonate_extra.is_empty()
            || self.impersonate_uid.is_some();
        if acts_in_part && self.impersonate.as_deref().unwrap_or_default().is_empty() {
            return Err(Failure::usage("--as-group, --as-uid and --as-user-extra need --as")
                .hint("add --as=USER; the server refuses a group without a user"));
        }
        if self.certificate_authority.is_some() && self.insecure_skip_tls_verify == Some(true) {
            return Err(Failure::usage(
                "--certificate-authority and --insecure-skip-tls-verify exclude each other",
            ));
        }
        if self.username.is_some() != self.password.is_some() {
            return Err(Failure::usage("--username and --password belong together"));
        }
        if self.token.is_some() && self.username.is_some() {
            return Err(Failure::usage("--token and --username exclude each other"));
        }
        Ok(())
    }
}

/// Tokens and passwords must not end up in a debug print.
impl fmt::Debug for ConnectionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionFlags")
            .field("context", &self.context)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// A duration as kubectl writes it: `30s`, `1m30s`, `0`.
pub fn duration(text: &str) -> Result<Duration, String> {
    read(text).map_err(|why| format!("{why}; write it as in 30s, 5m or 1h30m"))
}

/// A limit: a duration, zero being none.
pub fn limit(text: &str) -> Result<Duration, String> {
    read(text).map_err(|why| format!("{why}; write it as in 30s, 5m or 1h30m, or 0 for no limit"))
}

/// `--request-timeout` also takes plain seconds (client-go/tools/clientcmd, `ParseTimeout`).
fn request_timeout(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => limit(text),
    }
}

fn read(text: &str) -> Result<Duration, &'static str> {
    if text.starts_with('-') {
        return Err("a duration cannot be negative");
    }
    // kube takes "" for zero and panics on a sign inside and on numbers beyond a Duration.
    let unit_or_number = |c: char| c.is_ascii_digit() || c == '.' || c.is_alphabetic();
    if text.is_empty() || !text.chars().all(unit_or_number) {
        return Err("not a duration");
    }
    if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 9) {
        return Err("too long a number");
    }
    // Its own words are about floating-point numbers.
    kube::core::Duration::from_str(text).map(Duration::from).map_err(|_| {
        match text.chars().all(|c| c.is_ascii_digit()) {
            true => "a duration needs a unit",
            false => "not a duration",
        }
    })
}

/// A whole number of this range, as in `#[arg(value_parser = whole::<u16>(1, 1000))]`.
pub fn whole<N: TryFrom<i64>>(least: i64, most: i64) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| match (least, most) {
            (i64::MIN, _) => "write a whole number, as in 30".to_owned(),
            (least, i64::MAX) => format!("write a whole number of {least} or more"),
            (least, most) => format!("write a whole number from {least} to {most}"),
        })
    }
}

/// What Go's `strconv.ParseBool` takes, since pflag does.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("use true or false".to_owned()),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests;
