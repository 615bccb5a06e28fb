//! `kubectl heal-check`: what heals by itself if a container, a pod, a node or a zone is lost and in a drain, how long it takes, what does
//! not heal, and why. It changes nothing, except with `--prove`.

mod again;
mod args;
mod ask;
mod baseline;
mod bounded_file;
mod checks;
mod completion;
mod config;
mod dependencies;
mod exempt;
mod finding;
mod fix;
mod formats;
mod gather;
mod half;
mod ignores;
mod matrix;
mod options;
mod parallel;
mod proof;
mod refused;
mod render;
mod report;
mod rights;
mod run;
mod snapshot;
mod spans;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
