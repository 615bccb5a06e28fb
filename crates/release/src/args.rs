//! The command line.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::archive::{Contents, write};
use crate::compile::compile_for_here;
use crate::manifest::{Addresses, NO_ADDRESS, Source, manifest};
use crate::output::{complain, print};
use crate::platform::Platform;
use crate::plugins::{PLUGINS, Plugin, find};
use crate::version::Version;
use crate::{checksums, dist, extras, rules, sbom};

/// Archives, checksums, bills of materials and krew manifests of the plugins
#[derive(Debug, Parser)]
#[command(name = "release", version)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the names of the plugins, or their crates
    List {
        #[arg(long)]
        packages: bool,
    },
    /// Build and pack every plugin for each platform that can be built here
    Dist(dist::Dist),
    /// Build every plugin for this machine, as it is shipped, and print the directory with the programs
    Programs,
    /// Pack one plugin for one platform
    Archive {
        #[arg(value_parser = plugin)]
        plugin: &'static Plugin,
        #[arg(long)]
        platform: Platform,
        /// The program to pack
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// Directories with what `extras` writes; of it, what carries the program's name is packed
        #[arg(long, value_name = "DIR")]
        extras: Vec<PathBuf>,
        /// Where LICENSE and README.md are
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,
        #[arg(long, default_value_t = Version::current())]
        version: Version,
        #[arg(short, long, value_name = "DIR", default_value = "dist")]
        output: PathBuf,
    },
    /// Write the shell completions and the manual page that a plugin prints
    Extras {
        #[arg(value_parser = plugin)]
        plugin: &'static Plugin,
        /// The plugin, built for this machine
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Write the CycloneDX bill of materials of each plugin
    Sbom {
        /// The program cargo-cyclonedx
        #[arg(long, value_name = "FILE")]
        tool: PathBuf,
        #[arg(long, default_value_t = Version::current())]
        version: Version,
        #[arg(short, long, value_name = "DIR", default_value = "dist")]
        output: PathBuf,
    },
    /// Write SHA256SUMS of the files in a directory
    Checksums {
        #[arg(value_name = "DIR", default_value = "dist")]
        dir: PathBuf,
    },
    /// Write the krew manifest of each plugin
    Manifests(Manifests),
    /// Check krew manifests, and the archives they name, against krew's rules
    Check {
        #[arg(value_name = "FILE", required = true)]
        manifests: Vec<PathBuf>,
        /// Also check the archives in this directory
        #[arg(long, value_name = "DIR")]
        archives: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Manifests {
    /// Take the archives and their checksums from here; without it, manifests are written that krew refuses to install
    #[arg(long, value_name = "DIR")]
    archives: Option<PathBuf>,
    /// Write templates for krew-release-bot
    #[arg(long, conflicts_with = "archives")]
    release_bot: bool,
    #[arg(long, default_value_t = Version::current())]
    version: Version,
    /// The archives are directly below; the homepage's releases by default
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[arg(long, value_name = "URL", default_value = NO_ADDRESS)]
    homepage: String,
    #[arg(short, long, value_name = "DIR", default_value = "krew-manifests")]
    output: PathBuf,
}

fn plugin(name: &str) -> Result<&'static Plugin, String> {
    let names: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
    find(name).ok_or_else(|| format!("no such plugin, there are: {}", names.join(", ")))
}

impl Args {
    pub fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::List { packages } => {
                for plugin in PLUGINS {
                    print(&if packages { plugin.package() } else { plugin.name.to_owned() });
                }
            }
            Action::Dist(dist) => dist.run()?,
            Action::Programs => print(&compile_for_here()?.display().to_string()),
            Action::Archive { plugin, platform, binary, extras, root, version, output } => {
                let contents = Contents { plugin, version, platform, binary, root, extras };
                print(&write(&output, &contents.file_name(), &contents.pack()?)?.display().to_string());
            }
            Action::Extras { plugin, binary, output } => extras::extras(plugin, &binary, &output)?,
            Action::Sbom { tool, version, output } => {
                for (plugin, text) in sbom::make(&tool, &fs::canonicalize(".")?)? {
                    let name = sbom::file_name(plugin, &version);
                    print(&write(&output, &name, text.as_bytes())?.display().to_string());
                }
            }
            Action::Checksums { dir } => {
                let list = checksums::list(&dir)?;
                print(&write(&dir, checksums::LIST, list.as_bytes())?.display().to_string());
            }
            Action::Manifests(manifests) => manifests.write()?,
            Action::Check { manifests, archives } => {
                let mut violations = Vec::new();
                for path in &manifests {
                    violations.extend(rules::check(path, archives.as_deref())?);
                }
                for violation in &violations {
                    complain(&violation.to_string());
                }
                return Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Manifests {
    fn write(&self) -> Result<()> {
        let homepage = self.homepage.trim_end_matches('/');
        let base_url =
            self.base_url.clone().unwrap_or_else(|| format!("{homepage}/releases/download/{}", self.version));
        let source = match &self.archives {
            Some(dir) => Source::Archives(dir),
            None if self.release_bot => Source::ReleaseBot,
            None => Source::Unreleased,
        };
        for plugin in PLUGINS {
            let text = manifest(plugin, &self.version, Addresses { homepage, base_url: &base_url }, source)?;
            let path = write(&self.output, &format!("{}.yaml", plugin.name), text.as_bytes())?;
            print(&path.display().to_string());
        }
        Ok(())
    }
}
