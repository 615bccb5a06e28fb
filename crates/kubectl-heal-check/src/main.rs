//! `kubectl heal-check`: what heals by itself if a container, a pod, a node or a zone is lost and in a drain, how long it takes, what does
//! not heal, and why. It reads only.

mod args;
mod checks;
mod completion;
mod finding;
mod fix;
mod gather;
mod matrix;
mod options;
mod render;
mod report;
mod rights;
mod run;
mod snapshot;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
