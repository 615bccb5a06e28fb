//! The rules for an archive whose files are all extracted.

use std::io::Read;

use flate2::read::GzDecoder;
use tar::EntryType;

use super::violation::Findings;

/// The field that stands for the archive itself.
const WHOLE: &str = "the whole file";

/// `bin` is the manifest's.
pub fn check(bytes: &[u8], bin: &str, findings: &mut Findings) {
    if let Err(error) = check_entries(bytes, bin, findings) {
        findings.add(WHOLE, format!("no gzip-compressed tar archive: {error}"));
    }
}

fn check_entries(bytes: &[u8], bin: &str, findings: &mut Findings) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let mut program = None;
    let mut licensed = false;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode()?);
        if !matches!(kind, EntryType::Regular | EntryType::Directory) {
            findings.add(&name, "neither a file nor a directory; krew refuses links");
        }
        findings.require(!name.contains("..") && !name.starts_with(['/', '\\']), &name, "leaves the archive");
        let flat = name.trim_start_matches("./");
        if kind == EntryType::Regular {
            licensed |= is_licence(flat);
            if flat == bin.trim_start_matches("./") {
                program = Some(mode);
            }
        }
        // To its end: a cut archive shows only there.
        std::io::copy(&mut entry.by_ref(), &mut std::io::sink())?;
    }
    findings.require(licensed, WHOLE, "has no LICENSE that krew's index accepts");
    match program {
        None => findings.add(bin, "the program that the manifest names is missing"),
        // krew sets no mode itself, and kubectl passes over what is not executable.
        Some(mode) => findings.require(mode & 0o777 == 0o755, bin, format!("has mode {mode:04o}, not 0755")),
    }
    Ok(())
}

/// validate-krew-manifest: LICENSE, LICENSES or COPYING, with nothing or .txt behind it; the first two also with .md.
fn is_licence(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    match stem {
        "license" | "licenses" => ["", "txt", "md"].contains(&extension),
        "copying" => ["", "txt"].contains(&extension),
        _ => false,
    }
}
