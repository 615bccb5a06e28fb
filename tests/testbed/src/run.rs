//! `testbed run`: one command in a fresh cluster.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use testbed::{Cluster, Error, Options, build_plugins_aloud, real_node_requirements, status};
use tokio::signal::unix::{SignalKind, signal};

pub fn run(nodes: usize, real_node: bool, command: &[OsString]) -> Result<ExitCode, Error> {
    let Some((program, args)) = command.split_first() else { return Ok(ExitCode::FAILURE) };
    let cluster = start(nodes, real_node)?;
    let failed = |error: std::io::Error| Error::new(format!("cannot run {}: {error}", program.display()));

    // From here on Ctrl-C is the command's: the terminal sends it to both, and only the command ends of it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let _inside = runtime.enter();
    let _ignored = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;

    // What is rolled back here is not for the user's journal.
    let state = cluster.dir().join("state");
    let mut child =
        cluster.command(program).args(args).env("XDG_STATE_HOME", state).spawn().map_err(failed)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    std::thread::spawn(move || {
        runtime.block_on(async {
            while terminate.recv().await.is_some() {
                if let Some(pid) = pid {
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
        });
    });
    let ended = child.wait().map_err(failed)?;
    drop(cluster);
    status::line("the cluster is gone");
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// A cluster with nodes, and the plugins beside it.
pub fn start(nodes: usize, real_node: bool) -> Result<Cluster, Error> {
    if real_node {
        real_node_requirements()?;
        testbed::kubelet()?;
    }
    testbed::assets()?;
    build_plugins_aloud()?;
    status::line("starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok");
    let started = Instant::now();
    let cluster = Cluster::start(&Options { real_node, ..Options::default() })?;
    let names = cluster.add_nodes("node", nodes, |_, _| ());
    status::line(&format!(
        "{} nodes ready after {:.1} s",
        names.len() + usize::from(real_node),
        started.elapsed().as_secs_f64()
    ));
    Ok(cluster)
}
