//! Archives are read back with `tar`, and made twice.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::*;
use crate::plugins::find;

/// Small files in place of the real ones.
fn contents(dir: &TempDir, platform: &str) -> Contents {
    let path = |name: &str| dir.path().join(name);
    for (name, text) in [("program", "the program"), ("LICENSE", "the licence"), ("README.md", "# Read me")] {
        fs::write(path(name), text).unwrap();
    }
    fs::create_dir_all(path("extras")).unwrap();
    for name in ["kubectl-safe_drain.bash", "_kubectl-safe_drain", "kubectl-rollback_to.bash"] {
        fs::write(path("extras").join(name), name).unwrap();
    }
    Contents {
        plugin: find("safe-drain").unwrap(),
        version: "0.1.0".parse().unwrap(),
        platform: platform.parse().unwrap(),
        binary: path("program"),
        root: dir.path().to_owned(),
        extras: vec![path("extras")],
    }
}

/// Name, mode and text of each entry.
fn entries(bytes: &[u8]) -> Vec<(String, u32, String)> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let read = |mut entry: tar::Entry<'_, GzDecoder<&[u8]>>| {
        assert_eq!(entry.header().entry_type(), tar::EntryType::Regular);
        let owner = (entry.header().uid().unwrap(), entry.header().gid().unwrap());
        assert_eq!((owner, entry.header().mtime().unwrap()), ((0, 0), MTIME));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let name = entry.path().unwrap().display().to_string();
        (name, entry.header().mode().unwrap(), text)
    };
    archive.entries().unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn an_archive_is_flat_and_sorted_and_only_the_program_is_executable() {
    let dir = tempfile::tempdir().unwrap();
    let contents = contents(&dir, "linux-amd64");
    assert_eq!(contents.file_name(), "safe-drain-v0.1.0-linux-amd64.tar.gz");
    let entries = entries(&contents.pack().unwrap());
    let names: Vec<(&str, u32)> = entries.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
    let expected = [
        ("LICENSE", 0o644),
        ("README.md", 0o644),
        ("_kubectl-safe_drain", 0o644),
        ("kubectl-safe_drain", 0o755),
        ("kubectl-safe_drain.bash", 0o644),
    ];
    assert_eq!(names, expected);
    assert_eq!(entries[3].2, "the program");
}

#[test]
fn windows_gets_an_exe() {
    let dir = tempfile::tempdir().unwrap();
    let contents = contents(&dir, "windows-arm64");
    assert_eq!(contents.file_name(), "safe-drain-v0.1.0-windows-arm64.tar.gz");
    let entries = entries(&contents.pack().unwrap());
    assert!(entries.iter().any(|(name, mode, _)| name == "kubectl-safe_drain.exe" && *mode == 0o755));
    assert!(!entries.iter().any(|(name, ..)| name == "kubectl-safe_drain"));
}

#[test]
fn the_same_files_give_the_same_bytes_whatever_their_time_and_mode() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = [contents(&dirs[0], "linux-arm64"), contents(&dirs[1], "linux-arm64")];
    let program = File::open(&second.binary).unwrap();
    program.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    program.set_permissions(fs::Permissions::from_mode(0o700)).unwrap();
    let packed = first.pack().unwrap();
    assert_eq!(packed, second.pack().unwrap());
    fs::write(&second.binary, "another program").unwrap();
    assert_ne!(packed, second.pack().unwrap());
}

/// krew refuses an archive with links: what a link points at is packed instead.
#[test]
fn a_link_becomes_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut contents = contents(&dir, "linux-amd64");
    contents.binary = dir.path().join("link");
    symlink(dir.path().join("program"), &contents.binary).unwrap();
    assert!(entries(&contents.pack().unwrap()).iter().any(|(.., text)| text == "the program"));
}

#[test]
fn two_files_of_one_name_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut contents = contents(&dir, "linux-amd64");
    contents.extras.push(dir.path().join("extras"));
    let error = contents.pack().unwrap_err().to_string();
    assert!(
        error.contains("another _kubectl-safe_drain") || error.contains("another kubectl-safe_drain.bash")
    );
}

#[test]
fn a_missing_licence_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let contents = contents(&dir, "linux-amd64");
    fs::remove_file(dir.path().join("LICENSE")).unwrap();
    assert!(contents.pack().unwrap_err().to_string().contains("LICENSE"));
}
