//! krew's rules for manifests and archives, and those of its index, so that they hold where krew cannot be had.
//! Sources: krew's internal/index/validation/validate.go, cmd/validate-krew-manifest, internal/download/downloader.go, and the
//! documentation of krew-index.

mod archive;
mod manifest;
mod selector;
mod violation;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::checksums::sha256;
use manifest::Manifest;
use violation::{Findings, Violation};

/// Everything that is wrong with the manifest at `path`, and, if their directory is given, with the archives it names.
pub fn check(path: &Path, archives: Option<&Path>) -> Result<Vec<Violation>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut findings = Findings::of(path.display().to_string());
    let manifest = match serde_saphyr::from_str::<Manifest>(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            findings.add("the whole file", format!("no manifest: {error}"));
            return Ok(findings.found);
        }
    };
    manifest.check(file_name, &mut findings);
    let Some(dir) = archives else { return Ok(findings.found) };
    for (index, platform) in manifest.spec.platforms.iter().flatten().enumerate() {
        let field = format!("spec.platforms[{index}]");
        let name = platform.uri.rsplit('/').next().unwrap_or_default();
        let Ok(bytes) = fs::read(dir.join(name)) else {
            findings.add(format!("{field}.uri"), format!("{name} is not in {}", dir.display()));
            continue;
        };
        let message = format!("{name} has {}", sha256(&bytes));
        findings.require(platform.sha256 == sha256(&bytes), format!("{field}.sha256"), message);
        let mut inside = Findings::of(dir.join(name).display().to_string());
        archive::check(&bytes, &platform.bin, &mut inside);
        findings.found.extend(inside.found);
    }
    Ok(findings.found)
}

#[cfg(test)]
mod tests;
