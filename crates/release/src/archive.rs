//! The archive of one plugin for one platform: a flat tar.gz whose bytes depend on its files alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};

use crate::platform::Platform;
use crate::plugins::Plugin;
use crate::version::Version;

/// 1980-01-01: the oldest time that every tool accepts.
const MTIME: u64 = 315_532_800;

/// What `gzip` writes for "unknown": the system that packs must not show.
const UNKNOWN_SYSTEM: u8 = 255;

/// What goes into one archive.
pub struct Contents {
    pub plugin: &'static Plugin,
    pub version: Version,
    pub platform: Platform,
    pub binary: PathBuf,
    /// Holds LICENSE and README.md.
    pub root: PathBuf,
    /// Directories with completions and manual pages: of each, the files that carry the name of the binary.
    pub extras: Vec<PathBuf>,
}

/// `safe-drain-v0.1.0-linux-amd64.tar.gz`
pub fn file_name(plugin: &Plugin, version: &Version, platform: Platform) -> String {
    format!("{}-{version}-{platform}.tar.gz", plugin.name)
}

impl Contents {
    pub fn file_name(&self) -> String {
        file_name(self.plugin, &self.version, self.platform)
    }

    /// The archive's bytes.
    pub fn pack(&self) -> Result<Vec<u8>> {
        let binary = self.plugin.binary();
        let program = format!("{binary}{}", self.platform.suffix());
        let mut files = BTreeMap::new();
        add(&mut files, &program, &self.binary)?;
        for name in ["LICENSE", "README.md"] {
            add(&mut files, name, &self.root.join(name))?;
        }
        for dir in &self.extras {
            for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if path.is_file() && name.contains(&binary) {
                    add(&mut files, name, &path)?;
                }
            }
        }
        tar_gz(&files, &program)
    }
}

fn add(files: &mut BTreeMap<String, Vec<u8>>, name: &str, path: &Path) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if files.insert(name.to_owned(), bytes).is_some() {
        bail!("{}: the archive has another {name} already", path.display());
    }
    Ok(())
}

/// Sorted by name; only `program` is executable. krew sets no mode itself.
fn tar_gz(files: &BTreeMap<String, Vec<u8>>, program: &str) -> Result<Vec<u8>> {
    let gzip = GzBuilder::new().operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(if name == program { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MTIME);
        tar.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// Writes `bytes` to `dir/name`, and gives the path.
pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let path = dir.join(name);
    let written = fs::File::create(&path).and_then(|mut file| file.write_all(bytes));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests;
