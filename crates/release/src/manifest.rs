//! A krew manifest as text: what krew shows of a plugin, and where each platform's archive is.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, bail};

use crate::archive::file_name;
use crate::checksums;
use crate::platform::{PLATFORMS, Platform};
use crate::plugins::Plugin;
use crate::version::Version;

/// No file has it, so that krew refuses whatever it may be given for it.
pub const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Reserved by RFC 2606: nobody can answer there until the project has an address.
pub const NO_ADDRESS: &str = "https://kubectl-plugins.example";

const UNRELEASED: &str = "\
# No release yet: the checksums are zeros, so krew refuses to install this, and the address is reserved for examples.
# Written by `release manifests`; the texts are in crates/release/src/plugins.rs.
";

/// Where archives are, or will be.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// All platforms, without checksums: before the first release.
    Unreleased,
    /// The archives in this directory; platforms without one are left out.
    Archives(&'a Path),
    /// All platforms, as a template of krew-release-bot, which fills in version and checksums itself.
    ReleaseBot,
}

#[derive(Debug, Clone, Copy)]
pub struct Addresses<'a> {
    pub homepage: &'a str,
    /// The archives are directly below.
    pub base_url: &'a str,
}

pub fn manifest(
    plugin: &Plugin,
    version: &Version,
    addresses: Addresses<'_>,
    source: Source<'_>,
) -> Result<String> {
    let mut platforms = Vec::new();
    for &platform in PLATFORMS {
        let file = file_name(plugin, version, platform);
        let url = format!("{}/{file}", addresses.base_url.trim_end_matches('/'));
        let place = match source {
            Source::Unreleased => located(&url, NO_CHECKSUM),
            Source::ReleaseBot => {
                let url = url.replace(&version.to_string(), "{{ .TagName }}");
                format!("    {{{{ addURIAndSha \"{url}\" .TagName }}}}\n")
            }
            Source::Archives(dir) if dir.join(&file).is_file() => {
                located(&url, &checksums::of_file(&dir.join(&file))?)
            }
            Source::Archives(_) => continue,
        };
        platforms.push((platform, place));
    }
    if platforms.is_empty() {
        bail!("no archive of {} {version}", plugin.name);
    }
    let (comment, version) = match source {
        Source::Unreleased => (UNRELEASED, version.to_string()),
        Source::Archives(_) => ("", version.to_string()),
        Source::ReleaseBot => ("", "{{ .TagName }}".to_owned()),
    };
    Ok(format!("{comment}{}", render(plugin, &version, addresses.homepage, &platforms)))
}

fn located(url: &str, sha256: &str) -> String {
    format!("    uri: {url}\n    sha256: \"{sha256}\"\n")
}

fn render(plugin: &Plugin, version: &str, homepage: &str, platforms: &[(Platform, String)]) -> String {
    let mut text = format!(
        "\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: {}
spec:
  version: {version}
  homepage: {homepage}
  shortDescription: {}
  description: |
{}  caveats: |
{}  platforms:
",
        plugin.name,
        plugin.short_description,
        indented(plugin.description),
        indented(&plugin.caveats()),
    );
    for (platform, place) in platforms {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  - selector:\n      matchLabels:\n        os: {}\n        arch: {}\n{place}    bin: {}{}\n",
            platform.os,
            platform.arch,
            plugin.binary(),
            platform.suffix(),
        );
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests;
