//! `kubectl rollback-to`: bring a Deployment, StatefulSet or DaemonSet back to a revision, a moment, an image or its last healthy state.

mod args;
mod checks;
mod choose;
mod diff;
mod execute;
mod external;
mod fields;
mod gather;
mod go_on;
mod health;
mod history;
mod journal;
mod last_applied;
mod moment;
mod needs;
mod options;
mod patch;
mod plan;
mod quantity;
mod rehearse;
mod render;
mod report;
mod rights;
mod run;
mod snapshot;
mod strategy;
mod subjects;
mod timeline;
mod tree;
mod written;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
