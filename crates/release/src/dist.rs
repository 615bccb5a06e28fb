//! `release dist`: every plugin for each platform that can be built here, with checksums of what is in the directory.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail};

use crate::archive::{Contents, write};
use crate::args::{complain, print};
use crate::compile::{compile, obstacle, runs_here};
use crate::extras::completions;
use crate::platform::{PLATFORMS, Platform};
use crate::plugins::{PLUGINS, Plugin};
use crate::version::Version;

#[derive(Debug, clap::Args)]
pub struct Dist {
    /// Only these; one that cannot be built here is an error then
    #[arg(long, value_delimiter = ',')]
    platform: Vec<Platform>,
    #[arg(long, default_value_t = Version::current())]
    version: Version,
    /// Directories of man pages; those that carry a program's name are packed
    #[arg(long, value_name = "DIR")]
    extras: Vec<PathBuf>,
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
}

impl Dist {
    /// Run in the root of the workspace.
    pub fn run(mut self) -> Result<()> {
        let root = fs::canonicalize(".")?;
        let plugins: Vec<&Plugin> = PLUGINS.iter().collect();
        let mut platforms = self.platforms()?;
        // First: its programs print the completions for all.
        platforms.sort_by_key(|platform| !runs_here(*platform));
        for platform in platforms {
            let programs = compile(&root, platform, &plugins)?;
            if runs_here(platform) {
                self.extras.push(completions_of(&plugins, &programs)?);
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
                    extras: self.extras.clone(),
                };
                let archive = write(&self.output, &contents.file_name(), &contents.pack()?)?;
                let packed = fs::metadata(&archive)?.len();
                print(&format!("{}  {packed} bytes, the program {size}", archive.display()));
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

/// The directory with the completions that the plugins in `programs` print.
fn completions_of(plugins: &[&Plugin], programs: &Path) -> Result<PathBuf> {
    let dir = programs.join("completions");
    fs::create_dir_all(&dir)?;
    for plugin in plugins {
        if let Err(error) = completions(
            plugin,
            &programs.join(format!("{}{}", plugin.binary(), env::consts::EXE_SUFFIX)),
            &dir,
        ) {
            complain(&format!("no completions: {error:#}"));
        }
    }
    Ok(dir)
}
