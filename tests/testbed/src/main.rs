//! `testbed`: a real control plane for one command, or kept for work by hand.

mod keep;
mod run;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use testbed::{Error, status};

/// A real Kubernetes control plane, with nodes that kwok plays.
#[derive(Parser)]
#[command(name = "testbed")]
struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a fresh cluster, run a command in it, end it, and return the command's exit code.
    Run {
        /// How many nodes: node-1, node-2, … spread over two zones.
        #[arg(long, default_value_t = 3)]
        nodes: usize,
        /// One more node, real-1, that runs containers: a kubelet and containerd on this machine, as root. Pods that are to
        /// run there need the node selector room=real, and tolerate its taint room=real:NoSchedule.
        #[arg(long)]
        real_node: bool,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Start a cluster that stays, and print what to `eval` to use it.
    Up {
        #[arg(long, default_value_t = 3)]
        nodes: usize,
    },
    /// End the cluster that `up` has started.
    Down,
    /// Build the control plane if need be, and print the directory with its programs.
    Assets,
    /// Owns the cluster that `up` has started, until it is ended.
    #[command(hide = true)]
    Keep { nodes: usize, state: PathBuf },
}

fn main() -> ExitCode {
    let done = match Args::parse().action {
        Action::Run { nodes, real_node, command } => run::run(nodes, real_node, &command),
        Action::Up { nodes } => keep::up(nodes),
        Action::Down => keep::down(),
        Action::Assets => testbed::assets().and_then(|dir| print(&dir.display().to_string())),
        Action::Keep { nodes, state } => keep::keep(nodes, &state),
    };
    done.unwrap_or_else(|error| {
        status::line(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

/// The result, on stdout.
fn print(text: &str) -> Result<ExitCode, Error> {
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(ExitCode::SUCCESS)
}
