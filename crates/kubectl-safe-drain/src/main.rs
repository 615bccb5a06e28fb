//! `kubectl safe-drain`: cordon, drain and uncordon nodes without breaking a disruption budget, losing data nobody agreed to lose,
//! or hanging without a named reason.

mod args;
mod checks;
mod consent;
mod estimate;
mod execute;
mod fate;
mod gather;
mod options;
mod plan;
mod probe;
mod render;
mod report;
mod rights;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    plugin_client::start(run::run)
}
