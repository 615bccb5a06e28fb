//! Credentials that have to be fetched: exec plugins and token files. Runs programs and reads files.
//!
//! kube 5.0.0 runs an exec plugin three times for one client and names neither a missing plugin nor its `installHint`;
//! here it is run once, and again only when its token is about to expire (client-go/plugin/pkg/client/auth/exec).

use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cluster_model::text::{neutralise, shorten};
use http::HeaderValue;
use k8s_openapi::{ByteString, jiff::Timestamp};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::kubeconfig::Target;
use crate::{Failure, Line, Ui};

/// A token is renewed this long before it expires, so that none does on its way.
const MARGIN: Duration = Duration::from_secs(60);

/// Where the `Authorization` header comes from.
pub(crate) enum Credential {
    /// What kube adds by itself: token, basic, OIDC; or a client certificate.
    Fixed,
    /// Read again for every request, since it rotates; the last one serves while the file is away.
    File {
        path: PathBuf,
        last: Mutex<Option<HeaderValue>>,
    },
    Exec {
        plugin: Arc<Plugin>,
        held: Mutex<(HeaderValue, Option<Timestamp>)>,
    },
}

pub(crate) struct Plugin {
    exec: ExecConfig,
    ui: Ui,
}

impl Credential {
    /// Runs the exec plugin, if there is one. Before any progress is drawn: it may ask.
    pub(crate) fn fetch(target: &mut Target, ui: &Ui) -> Result<Self, Failure> {
        if let Some(exec) = target.exec.take() {
            let plugin = Plugin { exec, ui: ui.clone() };
            let issued = plugin.run()?;
            issued.identify(&mut target.config.auth_info);
            return Ok(match issued.token {
                Some(token) => {
                    let held = Mutex::new((bearer(&token)?, issued.expires));
                    Credential::Exec { plugin: Arc::new(plugin), held }
                }
                None => Credential::Fixed,
            });
        }
        Ok(match target.token_file.take() {
            Some(path) => Credential::File { path, last: Mutex::new(None) },
            None => Credential::Fixed,
        })
    }

    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, Failure> {
        match self {
            Credential::Fixed => Ok(None),
            Credential::File { path, last } => {
                let mut last = last.lock().await;
                match (std::fs::read_to_string(path), &*last) {
                    (Ok(token), _) => *last = Some(bearer(token.trim())?),
                    (Err(_), Some(_)) => {}
                    (Err(error), None) => {
                        return Err(Failure::failed(format!(
                            "cannot read the token file {}",
                            path.display()
                        ))
                        .cause(error.to_string()));
                    }
                }
                Ok(last.clone())
            }
            Credential::Exec { plugin, held } => {
                let mut held = held.lock().await;
                if held.1.is_some_and(|expires| Timestamp::now() + MARGIN >= expires) {
                    let plugin = Arc::clone(plugin);
                    let issued =
                        tokio::task::spawn_blocking(move || plugin.run()).await.map_err(|error| {
                            Failure::failed("cannot renew the credentials").cause(error.to_string())
                        })??;
                    if let Some(token) = issued.token {
                        *held = (bearer(&token)?, issued.expires);
                    }
                }
                Ok(Some(held.0.clone()))
            }
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Failure::failed("the token holds characters that no HTTP header can"))?;
    value.set_sensitive(true);
    Ok(value)
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

struct Issued {
    token: Option<String>,
    /// Certificate and key, PEM.
    identity: Option<(String, String)>,
    expires: Option<Timestamp>,
}

impl Issued {
    fn identify(&self, user: &mut AuthInfo) {
        let Some((certificate, key)) = &self.identity else { return };
        // A kubeconfig holds its data in base64, as ByteString writes them.
        let encode = |pem: &str| match serde_json::to_value(ByteString(pem.as_bytes().to_vec())) {
            Ok(Value::String(base64)) => Some(base64),
            _ => None,
        };
        user.client_certificate_data = encode(certificate);
        user.client_key_data = encode(key).map(Into::into);
    }
}

impl Plugin {
    fn run(&self) -> Result<Issued, Failure> {
        let exec = &self.exec;
        let Some(name) = exec.command.as_deref().filter(|name| !name.is_empty()) else {
            return Err(Failure::failed("the user's exec section in the kubeconfig has no command"));
        };
        let terminal = std::io::stdin().is_terminal();
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) && !terminal {
            return Err(Failure::failed(format!(
                "the credential plugin {name} has to ask, and there is no terminal"
            ))
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
        let (stdout, status) = self.talk(command, interactive).map_err(|error| {
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
                .hint(format!("run it by hand to see why: `{}`", command_line(exec))));
        }
        self.read(name, &stdout)
    }

    /// What a plugin says while it cannot ask (a code to type elsewhere, say) has to be seen at once, but like all foreign text neutralised.
    fn talk(&self, mut command: Command, interactive: bool) -> std::io::Result<(Vec<u8>, ExitStatus)> {
        let (stdin, stderr) = match interactive {
            true => (Stdio::inherit(), Stdio::inherit()),
            false => (Stdio::null(), Stdio::piped()),
        };
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(stderr).spawn()?;
        let said = child.stderr.take();
        let mut answer = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for line in
                    said.into_iter().flat_map(|said| BufReader::new(said).split(b'\n')).map_while(Result::ok)
                {
                    self.ui.status(&Line::from(String::from_utf8_lossy(&line).trim_end_matches('\r')));
                }
            });
            child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut answer))
        })?;
        Ok((answer, child.wait()?))
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
                neutralise(answer.api_version.as_deref().unwrap_or("no apiVersion")),
                neutralise(self.exec.api_version.as_deref().unwrap_or("no apiVersion")),
            )));
        }
        let status = answer.status.ok_or_else(|| wrong("its answer has no status"))?;
        let expires = status
            .expiration_timestamp
            .map(|text| text.parse().map_err(|_| wrong("its expirationTimestamp is no time")))
            .transpose()?;
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
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

fn command_line(exec: &ExecConfig) -> String {
    let words = exec.command.iter().chain(exec.args.iter().flatten());
    shorten(&words.map(String::as_str).collect::<Vec<_>>().join(" "), 200)
}
