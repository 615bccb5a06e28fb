//! `kubectl safe-drain`: cordon, drain and uncordon nodes without breaking a disruption budget, losing data nobody agreed to lose,
//! or hanging without a named reason.

mod args;
mod checks;
mod completion;
mod consent;
mod estimate;
mod execute;
mod gather;
mod options;
mod placement;
mod plan;
mod pod_filter;
mod render;
mod report;
mod rights;
mod run;
mod server_dry_run;
mod snapshot;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
