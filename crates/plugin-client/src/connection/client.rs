//! A cluster that can be talked to, and how the connection to it is made.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use tokio::sync::Semaphore;

use crate::connection::answers::Answers;
use crate::connection::clock::ServerTime;
use crate::connection::credential::Credential;
use crate::connection::kubeconfig::{self, Environment, Target};
use crate::connection::link::Link;
use crate::connection::transport::Transport;
use crate::{ConnectionFlags, Failure, Ui, Unanswered};

/// The Kubernetes version whose API the plugins use: that of k8s-openapi's `latest`.
pub const KUBERNETES: (&str, &str) = ("1", "37");

/// A cluster that can be talked to.
#[derive(Clone)]
pub struct Cluster {
    pub client: Client,
    /// From `--namespace`, else the context.
    pub namespace: String,
    /// The context's name as the kubeconfig has it; `in-cluster` inside a pod. Sanitize before printing (`Line` does).
    pub context: String,
    /// The server's URL, without user info.
    pub server: String,
    /// What one request may take; `None` is for ever.
    pub deadline: Option<Duration>,
    time: ServerTime,
    answers: Answers,
    at_once: Arc<Semaphore>,
}

impl Cluster {
    /// Limits the requests in flight, watches apart: with HTTP/1.1 each takes a connection of its own, and a process may have few file
    /// descriptors. To be called once.
    pub fn limit_requests(&self, at_once: usize) {
        self.at_once.forget_permits(Semaphore::MAX_PERMITS.saturating_sub(at_once));
    }

    /// What time it is there: by the `Date` of the server's last answer, which is whole seconds, and what has passed since.
    /// Our own time before the first answer.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Since when it has not answered, if requests wait or failed.
    pub fn unanswered(&self) -> Option<Unanswered> {
        self.answers.unanswered()
    }
}

/// `plugin` is the binary's plain name, as in `kubectl-safe-drain`. Talks to the server only if the flags demand it.
pub async fn connect(flags: &ConnectionFlags, plugin: &str, ui: &Ui) -> Result<Cluster, Failure> {
    connect_in(&Environment::read(), flags, plugin, ui).await
}

/// `connect` with the process environment handed in.
pub async fn connect_in(
    environment: &Environment,
    flags: &ConnectionFlags,
    plugin: &str,
    ui: &Ui,
) -> Result<Cluster, Failure> {
    let mut target = kubeconfig::target(flags, environment)?;
    if target.config.accept_invalid_certs {
        ui.warn(format!("the certificate of {} is not checked (insecure-skip-tls-verify)", target.server));
    }
    if flags.verbosity >= 9 {
        ui.log_library();
    }
    let time = ServerTime::default();
    let credential = Credential::fetch(&mut target, flags, &time, ui).await?;
    let cluster = assemble(target, credential, flags, plugin, time, environment.disable_http2, ui)?;
    if flags.match_server_version == Some(true) {
        match_version(&cluster).await?;
    }
    Ok(cluster)
}

fn assemble(
    mut target: Target,
    credential: Credential,
    flags: &ConnectionFlags,
    plugin: &str,
    time: ServerTime,
    disable_http2: bool,
    ui: &Ui,
) -> Result<Cluster, Failure> {
    let agent = HeaderValue::try_from(user_agent(plugin)).map_err(|error| {
        Failure::failed("cannot name this program to the server").cause(error.to_string())
    })?;
    target.config.headers.push((USER_AGENT, agent));
    // kube would repeat POSTs too, fifteen times (kube::client::retry does not look at the method).
    target.config.default_retry = false;
    let deadline = flags.deadline();
    let Target { config, context, server, namespace, proxy, .. } = target;
    let transport = Transport::new(config, disable_http2, server.clone(), credential.identity())?;
    let answers = Answers::default();
    let at_once = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let link = Arc::new(Link {
        transport,
        credential,
        server: server.clone(),
        proxy,
        deadline,
        time: time.clone(),
        answers: answers.clone(),
        at_once: Arc::clone(&at_once),
        ui: ui.clone(),
    });
    let service = tower::service_fn(move |request| Arc::clone(&link).exchange(request));
    let client = Client::new(service, namespace.clone());
    Ok(Cluster { client, namespace, context, server, deadline, time, answers, at_once })
}

/// As client-go writes it (rest/config.go, `DefaultKubernetesUserAgent`), with Go's names for the platform.
fn user_agent(plugin: &str) -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        arch => arch,
    };
    format!("{plugin}/{} ({os}/{arch})", env!("CARGO_PKG_VERSION"))
}

/// kubectl refuses another *git version* than its own, a plugin has none: it is built for the API of one minor version.
async fn match_version(cluster: &Cluster) -> Result<(), Failure> {
    let info = cluster
        .client
        .apiserver_version()
        .await
        .map_err(|error| Failure::from_kube("ask for the server's version", &error))?;
    // Providers write "37+".
    let minor = info.minor.trim_end_matches(|c: char| !c.is_ascii_digit());
    if (info.major.as_str(), minor) == KUBERNETES {
        return Ok(());
    }
    let (major, own) = KUBERNETES;
    Err(Failure::refused(format!(
        "the server is {}, and this plugin was made for v{major}.{own}",
        info.git_version
    ))
    .hint("drop --match-server-version: other versions work"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_version_is_that_of_the_types() {
        k8s_openapi::k8s_if_ge_1_37! { assert_eq!(KUBERNETES, ("1", "37")); }
    }
}
