//! One command in a container, its output and how it ended. Network I/O.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{Cluster, Failure};

/// More is not read of each of its outputs.
const OUTPUT: u64 = 1 << 20;
/// What it may write to one of them before the other one is read.
const BUFFER: usize = 1 << 16;

/// The server has no precondition for it: what the command runs in is the container that has the name when it gets there.
#[derive(Clone, Debug)]
pub struct ExecRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub command: Vec<String>,
}

/// A command that is running, or has ended already.
pub struct Running {
    process: AttachedProcess,
    output: Option<Box<dyn AsyncRead + Send + Unpin>>,
    first: Vec<u8>,
    /// When its first output arrived; `None`: it ended without any.
    pub answered: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    pub stdout: String,
    pub stderr: String,
    pub end: ExecEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEnd {
    Exit(i32),
    /// The runtime could not start it, or cannot say how it ended.
    Failed(String),
    /// The connection ended first.
    Cut,
}

/// Waits for its first output, or for its end if it has none.
///
/// # Errors
///
/// The server refused it, or did not answer.
pub async fn start(cluster: &Cluster, request: &ExecRequest) -> Result<Running, Failure> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
    let mut params = AttachParams::default().container(&request.container);
    params.max_stdout_buf_size = Some(BUFFER);
    params.max_stderr_buf_size = Some(BUFFER);
    let process = pods.exec(&request.pod, request.command.clone(), &params).await;
    let mut process = process.map_err(|error| {
        Failure::from_kube("run a command in a container", &error).object(format!("pod/{}", request.pod))
    })?;
    let mut first = vec![0; 1024];
    let mut output = process.stdout();
    let length = match &mut output {
        Some(output) => output.read(&mut first).await.unwrap_or(0),
        None => 0,
    };
    first.truncate(length);
    let answered = (length > 0).then(Instant::now);
    Ok(Running { process, output: output.map(|it| Box::new(it) as _), first, answered })
}

impl Running {
    /// The start of what it wrote.
    pub fn first_output(&self) -> String {
        String::from_utf8_lossy(&self.first).into_owned()
    }

    pub async fn end(mut self) -> Executed {
        let status = self.process.take_status();
        let (stdout, stderr) = futures::join!(rest(self.output), rest(self.process.stderr()));
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let stdout = [self.first, stdout].concat();
        Executed {
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            end: status.map_or(ExecEnd::Cut, |it| end_of(&it)),
        }
    }
}

async fn rest(output: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        // What came before an error counts.
        let _ = output.take(OUTPUT).read_to_end(&mut bytes).await;
    }
    bytes
}

/// As the kubelet sends it (kubelet/pkg/cri/streaming/remotecommand/exec.go).
fn end_of(status: &Status) -> ExecEnd {
    if status.status.as_deref() == Some("Success") {
        return ExecEnd::Exit(0);
    }
    let causes = status.details.iter().flat_map(|it| it.causes.iter().flatten());
    let code = causes
        .filter(|it| it.reason.as_deref() == Some("ExitCode"))
        .find_map(|it| it.message.as_deref()?.parse().ok());
    match code {
        Some(code) => ExecEnd::Exit(code),
        None => ExecEnd::Failed(status.message.clone().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_status_says_how_it_ended() {
        let of = |status| end_of(&serde_json::from_value(status).unwrap());
        assert_eq!(of(json!({"status": "Success"})), ExecEnd::Exit(0));
        let code = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
            "details": {"causes": [{"reason": "ExitCode", "message": "137"}]}});
        assert_eq!(of(code), ExecEnd::Exit(137));
        let none = json!({"status": "Failure", "reason": "InternalError", "message": "exec: \"sh\": executable file not found in $PATH"});
        assert!(matches!(of(none), ExecEnd::Failed(why) if why.contains("not found")));
    }
}
