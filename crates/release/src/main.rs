//! `release`: everything between a built plugin and a user who installs it.

mod archive;
mod args;
mod checksums;
mod compile;
mod dist;
mod extras;
mod manifest;
mod output;
mod platform;
mod plugins;
mod rules;
mod sbom;
mod version;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match args::Args::parse().run() {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
