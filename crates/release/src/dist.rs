//! `release dist`: every plugin for each platform that can be built here, with checksums of what is in the directory.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail};

use crate::archive::{Contents, write};
use crate::compile::{compile, obstacle, runs_here};
use crate::extras::extras;
use crate::output::{complain, print};
use crate::platform::{PLATFORMS, Platform};
use crate::plugins::{PLUGINS, Plugin};
use crate::version::Version;

/// A program that is larger is reported.
const LARGEST: u64 = 8_000_000;

#[derive(Debug, clap::Args)]
pub struct Dist {
    /// Only these; one that cannot be built here is an error then
    #[arg(long, value_delimiter = ',')]
    platform: Vec<Platform>,
    #[arg(long, default_value_t = Version::current())]
    version: Version,
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
}

impl Dist {
    /// Run in the root of the workspace.
    pub fn run(self) -> Result<()> {
        let root = fs::canonicalize(".")?;
        let plugins: Vec<&Plugin> = PLUGINS.iter().collect();
        let mut platforms = self.platforms()?;
        let mut printed = Vec::new();
        // First: its programs print the completions and manual pages for all.
        platforms.sort_by_key(|platform| !runs_here(*platform));
        for platform in platforms {
            let programs = compile(&root, platform, &plugins)?;
            if runs_here(platform) {
                printed.push(extras_of(&plugins, &programs)?);
            }
            for &plugin in &plugins {
                let binary = programs.join(format!("{}{}", plugin.binary(), platform.suffix()));
                let size = fs::metadata(&binary)?.len();
                let contents = Contents {
                    plugin,
                    version: self.version.clone(),
                    platform,
                    binary,
                    root: root.clone(),
                    extras: printed.clone(),
                };
                let archive = write(&self.output, &contents.file_name(), &contents.pack()?)?;
                let packed = fs::metadata(&archive)?.len();
                print(&format!("{}  {packed} bytes, the program {size}", archive.display()));
                if size > LARGEST {
                    complain(&format!("{} for {platform} is larger than {LARGEST} bytes", plugin.binary()));
                }
            }
        }
        Ok(())
    }

    fn platforms(&self) -> Result<Vec<Platform>> {
        let selected = if self.platform.is_empty() { PLATFORMS } else { &self.platform };
        let mut possible = Vec::new();
        for &platform in selected {
            match obstacle(platform) {
                None => possible.push(platform),
                Some(reason) if self.platform.is_empty() => {
                    complain(&format!("not built: {platform} {reason}"))
                }
                Some(reason) => bail!("{platform} cannot be built here: {reason}"),
            }
        }
        Ok(possible)
    }
}

/// The directory with what the plugins in `programs` print.
fn extras_of(plugins: &[&Plugin], programs: &Path) -> Result<PathBuf> {
    let dir = programs.join("extras");
    fs::create_dir_all(&dir)?;
    for plugin in plugins {
        let program = programs.join(format!("{}{}", plugin.binary(), env::consts::EXE_SUFFIX));
        extras(plugin, &program, &dir)?;
    }
    Ok(dir)
}
