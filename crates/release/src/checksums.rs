//! SHA-256 of files, and the list of them that `sha256sum --check` reads.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

pub const LIST: &str = "SHA256SUMS";

/// Lower case, as krew wants it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Of the file at `path`.
pub fn of_file(path: &Path) -> Result<String> {
    Ok(sha256(&fs::read(path).with_context(|| format!("cannot read {}", path.display()))?))
}

/// One line for each file directly in `dir`, sorted by name.
pub fn list(dir: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() && name != LIST {
            lines.push((name.to_owned(), of_file(&path)?));
        }
    }
    if lines.is_empty() {
        bail!("{} has no files", dir.display());
    }
    lines.sort();
    Ok(lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_leaves_itself_out() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(dir.path()).is_err());
        for name in ["b.tar.gz", "a.tar.gz", LIST] {
            fs::write(dir.path().join(name), "abc").unwrap();
        }
        fs::create_dir(dir.path().join("plugins")).unwrap();
        // The example of FIPS 180-2, appendix B.1.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(list(dir.path()).unwrap(), format!("{hash}  a.tar.gz\n{hash}  b.tar.gz\n"));
    }
}
