//! A plugin's command line for the tests of this module.

use clap::{CommandFactory, Parser};

use super::{Candidate, Candidates, Completing, Completion};
use crate::cli::start::CommandLine;
use crate::{AsInKubectl, ConnectionFlags, DryRun, Failure};

#[derive(Parser)]
#[command(
    name = "kubectl safe-probe",
    about = "Probe things",
    after_help = "Examples:\n  kubectl safe-probe a\n\nExit codes: 0 done"
)]
pub(super) struct Probe {
    nodes: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Accept findings by id. All of them with `all`.
    #[arg(long, value_delimiter = ',')]
    allow: Vec<String>,
    /// Only show the plan
    #[arg(long, dry_run())]
    dry_run: DryRun,
    #[command(flatten)]
    connection: ConnectionFlags,
}

impl CommandLine for Probe {
    const REPORT: (&'static str, &'static str) = ("ProbeReport", "nodes");

    fn connection(&self) -> &ConnectionFlags {
        &self.connection
    }
}

impl Completion for Probe {
    async fn complete(at: &Completing<'_>) -> Result<Candidates, Failure> {
        match at.flag() {
            Some("allow") => {
                Ok(["bare-pod", "other"].map(|id| Candidate::new(id, "what it is")).into_iter().collect())
            }
            None if at.words() == ["panic"] => panic!("a defect"),
            None if at.words() == ["block"] => loop {
                std::thread::park();
            },
            None if at.words() == ["wait"] => std::future::pending().await,
            None if at.words() == ["fail"] => Err(Failure::failed("no")),
            None => Ok([Candidate::new(at.words().join("+") + "x", "")].into_iter().collect()),
            Some(_) => Ok(Candidates::default()),
        }
    }
}

pub(super) fn command() -> clap::Command {
    let mut command = Probe::command();
    command.build();
    command
}
