//! Reads a pod, looks into its container, and sends the signal there. Network I/O.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use plugin_client::api::exec::{self, ExecEnd, ExecRequest, Executed, Running};
use plugin_client::{Cluster, Failure};

use super::ephemeral::Addition;
use super::ladder::{NoWay, Way};
use super::look::{self, Look, SENDING};
use super::target::Target;

/// A command in a container takes moments; on a machine that is busy, some seconds.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

const NO_SHELL: &str = "an image without a shell (distroless) can be killed from an ephemeral container: --debug-image IMAGE names an image with sh and sleep";

/// `None`: it is not there.
pub async fn read(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Option<Pod>, Failure> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    pods.get_opt(pod)
        .await
        .map_err(|error| Failure::from_kube("read the pod", &error).object(format!("pod/{pod}")))
}

/// Adds an ephemeral container, or asks whether the server would (`is_dry`).
///
/// # Errors
///
/// The server refused it, as a policy may demand, or did not answer.
pub async fn add(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    addition: &Addition,
    is_dry: bool,
) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PatchParams { dry_run: is_dry, ..PatchParams::default() };
    let patch = Patch::Strategic(&addition.patch);
    let added = pods.patch_subresource("ephemeralcontainers", pod, &params, &patch).await;
    added.map(drop).map_err(|error| {
        Failure::from_kube("add an ephemeral container", &error).object(format!("pod/{pod}"))
    })
}

/// What is seen inside; or why nothing can be seen.
///
/// # Errors
///
/// The server refused the command, or did not answer.
pub async fn look(
    cluster: &Cluster,
    namespace: &str,
    target: &Target,
) -> Result<Result<Look, NoWay>, Failure> {
    let request = request(namespace, target, look::look(target.is_shared));
    let run = async { Ok::<_, Failure>(exec::start(cluster, &request).await?.end().await) };
    let executed = tokio::time::timeout(COMMAND_WITHIN, run).await.unwrap_or_else(|_| Ok(nothing()))?;
    Ok(look::parse(&executed.stdout).ok_or_else(|| unseen(target, &executed)))
}

/// Why the look came to no end.
fn unseen(target: &Target, executed: &Executed) -> NoWay {
    let container = &target.commands_in;
    let no = |why: String| NoWay { why, hint: NO_SHELL, lacks_shell: false };
    let no_shell = || NoWay { lacks_shell: true, ..no(format!("container {container} has no shell (sh)")) };
    match &executed.end {
        ExecEnd::Failed(why) if is_missing(why) => no_shell(),
        // As a shell would say it, by some runtimes.
        ExecEnd::Exit(126 | 127) => no_shell(),
        ExecEnd::Failed(why) => no(format!("no command can be run in container {container}: {}", why.trim())),
        ExecEnd::Exit(code) => no(format!(
            "the look into container {container} ended with exit code {code}: {}",
            executed.stderr.trim()
        )),
        ExecEnd::Cut => no(format!("the look into container {container} did not come to its end")),
    }
}

/// runc's and crun's words.
fn is_missing(why: &str) -> bool {
    ["executable file not found", "no such file or directory", "executable file `sh` not found"]
        .iter()
        .any(|it| why.contains(it))
}

/// Waits until the command says that it sends the signal now, or has ended.
pub async fn send(
    cluster: &Cluster,
    namespace: &str,
    target: &Target,
    way: &Way,
) -> Result<Running, Failure> {
    let command = look::kill(way.process, way.start, &way.boot, way.signal.number());
    let request = request(namespace, target, command);
    let start = exec::start(cluster, &request);
    match tokio::time::timeout(COMMAND_WITHIN, start).await {
        Ok(running) => running,
        Err(_) => {
            Err(Failure::failed("the command did not answer in time").object(format!("pod/{}", target.pod)))
        }
    }
}

pub async fn end(running: Running) -> Executed {
    tokio::time::timeout(COMMAND_WITHIN, running.end()).await.unwrap_or_else(|_| nothing())
}

/// What is known of a signal when its command has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Or at least that was tried: the container may have ended before its command could say so.
    Yes,
    /// The process was another one by then.
    Changed,
    No(String),
    Unknown,
}

pub fn sent(executed: &Executed) -> Sent {
    let lines: Vec<&str> = executed.stdout.lines().collect();
    match &executed.end {
        _ if lines.contains(&look::CHANGED) => Sent::Changed,
        ExecEnd::Exit(1 | 2) if lines.contains(&SENDING) && !lines.contains(&look::SENT) => {
            Sent::No(executed.stderr.trim().to_owned())
        }
        _ if lines.contains(&SENDING) => Sent::Yes,
        ExecEnd::Failed(why) => Sent::No(why.trim().to_owned()),
        ExecEnd::Exit(code) if *code < 128 => {
            Sent::No(format!("the command ended with exit code {code}: {}", executed.stderr.trim()))
        }
        ExecEnd::Exit(_) | ExecEnd::Cut => Sent::Unknown,
    }
}

fn nothing() -> Executed {
    Executed { stdout: String::new(), stderr: String::new(), end: ExecEnd::Cut }
}

fn request(namespace: &str, target: &Target, command: Vec<String>) -> ExecRequest {
    ExecRequest {
        namespace: namespace.to_owned(),
        pod: target.pod.clone(),
        container: target.commands_in.clone(),
        command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_says_of_the_signal() {
        let of = |stdout: &str, stderr: &str, end: ExecEnd| {
            sent(&Executed { stdout: stdout.into(), stderr: stderr.into(), end })
        };
        let cases = [
            (of("sending\nsent\n", "", ExecEnd::Exit(0)), Sent::Yes),
            // The container ended, and its command with it.
            (of("sending\n", "", ExecEnd::Exit(137)), Sent::Yes),
            (of("sending\n", "", ExecEnd::Cut), Sent::Yes),
            (of("changed\n", "", ExecEnd::Exit(0)), Sent::Changed),
            (
                of("sending\n", "sh: can't kill pid 1: Operation not permitted", ExecEnd::Exit(1)),
                Sent::No("sh: can't kill pid 1: Operation not permitted".into()),
            ),
            (
                of("", "", ExecEnd::Failed("container not running".into())),
                Sent::No("container not running".into()),
            ),
            (of("", "", ExecEnd::Cut), Sent::Unknown),
            (of("", "", ExecEnd::Exit(137)), Sent::Unknown),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
