//! `kubectl rollback-to`: bring a Deployment, StatefulSet or DaemonSet back to a revision, a moment, an image or its last healthy state.

mod args;
mod blocking;
mod checks;
mod choose;
mod completion;
mod diff;
mod diff_program;
mod execute;
mod gather;
mod health;
mod history;
mod journal;
mod last_applied;
mod merge_tree;
mod options;
mod outcome;
mod patch;
mod plan;
mod render;
mod report;
mod resume_command;
mod rights;
mod rollout_pod;
mod run;
mod server_dry_run;
mod snapshot;
mod time_arg;
mod timeline;
mod workload_selector;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
