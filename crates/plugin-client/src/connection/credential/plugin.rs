//! One run of an exec plugin: its input, and what its answer means. Runs a program.

use std::io::{ErrorKind, IsTerminal};
use std::time::Duration;

use cluster_model::text::{sanitize, shorten};
use k8s_openapi::{ByteString, jiff::Timestamp};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::process;
use crate::{Failure, Line, Ui};

/// No run takes longer, interactive or not: otherwise one that hangs would never be ended.
pub(super) const LONGEST: Duration = Duration::from_secs(5 * 60);
/// After so long the user is notified what is waited for.
const NOTIFY_AFTER: Duration = Duration::from_secs(5);

pub(super) struct Plugin {
    exec: ExecConfig,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

pub(super) struct Issued {
    pub token: Option<String>,
    pub identity: Option<Identity>,
    pub expires: Option<Timestamp>,
}

/// Certificate and key, PEM.
#[derive(PartialEq, Eq)]
pub(crate) struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    pub(crate) fn identify(&self, user: &mut AuthInfo) {
        // A kubeconfig holds its data in base64, as ByteString writes them.
        let encode = |pem: &str| match serde_json::to_value(ByteString(pem.as_bytes().to_vec())) {
            Ok(Value::String(base64)) => Some(base64),
            _ => None,
        };
        user.client_certificate_data = encode(&self.certificate);
        user.client_key_data = encode(&self.key).map(Into::into);
    }
}

impl Plugin {
    pub fn new(exec: ExecConfig) -> Self {
        Plugin { exec }
    }

    pub fn name(&self) -> &str {
        self.exec.command.as_deref().unwrap_or_default()
    }

    /// `may_prompt`: the terminal is free for its prompts. `limit` is for a run without prompts; one that prompts may take `LONGEST`.
    pub async fn run(&self, may_prompt: bool, limit: Duration, ui: &Ui) -> Result<Issued, Failure> {
        let exec = &self.exec;
        let Some(name) = exec.command.as_deref().filter(|name| !name.is_empty()) else {
            return Err(Failure::failed("the user's exec section in the kubeconfig has no command"));
        };
        let terminal = may_prompt && !ui.is_captured() && std::io::stdin().is_terminal();
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) && !terminal {
            let why = if may_prompt { "there is no terminal" } else { "the terminal shows the progress" };
            return Err(Failure::failed(format!("the credential plugin {name} has to ask, and {why}"))
                .hint("run this in a terminal, or log in first"));
        }
        let interactive = terminal && exec.interactive_mode != Some(ExecInteractiveMode::Never);

        let mut spec = json!({ "interactive": interactive });
        if let Some(cluster) = &exec.cluster {
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        let info = json!({ "apiVersion": exec.api_version, "kind": "ExecCredential", "spec": spec });
        let mut command = Command::new(name);
        command.args(exec.args.iter().flatten()).env("KUBERNETES_EXEC_INFO", info.to_string());
        for variable in exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        let running = process::run(command, interactive, ui);
        let limit = if interactive { LONGEST } else { limit.min(LONGEST) };
        let waiting =
            || ui.status(&Line::new().warn("waiting for the credential plugin").plain(format!(" {name}")));
        let ended = within(running, NOTIFY_AFTER, limit, waiting).await.ok_or_else(|| {
            Failure::failed(format!("the credential plugin {name} has not answered within {limit:?}"))
                .hint(by_hand(exec))
        })?;
        let process::Output { stdout, status } = ended.map_err(|error| {
            let failure = Failure::failed(format!("cannot run the credential plugin {name}"));
            match error.kind() {
                ErrorKind::NotFound => failure.cause("there is no such program on the PATH").hint(
                    exec.install_hint.as_deref().map_or_else(
                        || format!("install {name}: the kubeconfig's user logs in through it"),
                        |hint| shorten(&hint.trim().replace('\n', " "), 600),
                    ),
                ),
                _ => failure.cause(error.to_string()),
            }
        })?;
        if !status.success() {
            return Err(Failure::failed(format!("the credential plugin {name} failed"))
                .cause(status.to_string())
                .hint(by_hand(exec)));
        }
        self.read(name, &stdout)
    }

    fn read(&self, name: &str, stdout: &[u8]) -> Result<Issued, Failure> {
        let wrong = |cause: &str| {
            Failure::failed(format!("the credential plugin {name} gave no credentials")).cause(cause)
        };
        // client-go's codec takes YAML too, and some plugins write it.
        let answer: Answer =
            serde_saphyr::from_slice(stdout).map_err(|_| wrong("its answer is no ExecCredential"))?;
        if answer.api_version != self.exec.api_version {
            return Err(wrong(&format!(
                "it answered in {}, the kubeconfig wants {}",
                sanitize(answer.api_version.as_deref().unwrap_or("no apiVersion")),
                sanitize(self.exec.api_version.as_deref().unwrap_or("no apiVersion")),
            )));
        }
        let status = answer.status.ok_or_else(|| wrong("its answer has no status"))?;
        let expires = status
            .expiration_timestamp
            .map(|text| text.parse().map_err(|_| wrong("its expirationTimestamp is no time")))
            .transpose()?;
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => return Err(wrong("it gave a certificate or a key, and not both")),
        };
        let token = status.token.filter(|token| !token.is_empty());
        if token.is_none() && identity.is_none() {
            return Err(wrong("neither a token nor a certificate is in its answer"));
        }
        Ok(Issued { token, identity, expires })
    }
}

/// `None`: it took longer than `limit`. `notify` is called when it has taken `notify_after`.
async fn within<T>(
    running: impl Future<Output = T>,
    notify_after: Duration,
    limit: Duration,
    notify: impl FnOnce(),
) -> Option<T> {
    let mut running = std::pin::pin!(running);
    let first = notify_after.min(limit);
    if let Ok(end) = tokio::time::timeout(first, &mut running).await {
        return Some(end);
    }
    if first == limit {
        return None;
    }
    notify();
    tokio::time::timeout(limit - first, running).await.ok()
}

fn by_hand(exec: &ExecConfig) -> String {
    let words = exec.command.iter().chain(exec.args.iter().flatten());
    let line = shorten(&words.map(String::as_str).collect::<Vec<_>>().join(" "), 200);
    format!("run it yourself to see why: `{line}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plugin_that_hangs_is_named_and_ended() {
        let soon = Duration::from_millis(1);
        let mut notified = 0;
        assert_eq!(within(std::future::pending::<()>(), Duration::ZERO, soon, || notified += 1).await, None);
        assert_eq!(notified, 1, "a plugin that hangs");
        assert_eq!(within(std::future::pending::<()>(), soon, soon, || notified += 1).await, None);
        assert_eq!(within(std::future::ready(7), LONGEST, LONGEST, || notified += 1).await, Some(7));
        assert_eq!(notified, 1, "no notice about one that ends in time");
    }

    #[tokio::test]
    async fn a_first_run_has_an_end_without_any_timeout() {
        let exec = ExecConfig { command: Some("sleep".into()), args: Some(vec!["9".into()]), ..none() };
        let failure =
            Plugin::new(exec).run(false, Duration::from_millis(1), &Ui::captured()).await.err().unwrap();
        assert!(failure.message.ends_with("sleep has not answered within 1ms"), "{failure}");
    }

    fn none() -> ExecConfig {
        serde_json::from_value(json!({"interactiveMode": "Never"})).unwrap()
    }
}
