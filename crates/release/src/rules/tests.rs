//! One manifest and one archive that pass, and each rule broken alone.

use std::fs;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::*;
use crate::manifest::{Addresses, Source, manifest};
use crate::plugins::PLUGINS;

const GOOD: &str = "\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata: {name: some-plugin}
spec:
  version: v1.2.3
  homepage: https://example.com
  shortDescription: Do something
  description: |
    Does something.
  platforms:
  - selector: {matchLabels: {os: linux, arch: amd64}}
    uri: https://example.com/some-plugin.tar.gz
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    bin: kubectl-some_plugin
  - selector: {matchExpressions: [{key: os, operator: In, values: [windows]}]}
    uri: https://example.com/some-plugin-windows.tar.gz
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    bin: kubectl-some_plugin.exe
";

/// `FIELD: MESSAGE` of each violation.
fn violations(text: &str) -> Vec<String> {
    violations_of("some-plugin.yaml", text)
}

fn violations_of(file: &str, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    fs::write(&path, text).unwrap();
    let found = check(&path, None).unwrap();
    assert!(found.iter().all(|it| it.to_string().starts_with(&format!("{}: ", path.display()))));
    found.iter().map(|it| format!("{}: {}", it.field, it.message)).collect()
}

#[test]
fn a_good_manifest_passes() {
    assert_eq!(violations(GOOD), [""; 0]);
}

#[test]
fn what_is_written_passes() {
    let addresses = Addresses { homepage: "https://example.com", base_url: "https://example.com/download" };
    for plugin in PLUGINS {
        let text = manifest(plugin, &"1.0.0".parse().unwrap(), addresses, Source::Unreleased).unwrap();
        assert_eq!(violations_of(&format!("{}.yaml", plugin.name), &text), [""; 0]);
    }
}

/// What is replaced, by what, and the violation: the first occurrence only.
#[test]
fn each_rule_is_checked() {
    let long = "x".repeat(51);
    let wide = "x".repeat(81);
    let cases = [
        ("v1alpha2", "v1", "apiVersion: must be krew.googlecontainertools.github.com/v1alpha2"),
        ("Plugin", "Plugins", "kind: must be Plugin"),
        ("some-plugin", "some.plugin", "metadata.name: must be letters, digits, - and _"),
        ("some-plugin", "other", "metadata.name: the file must be other.yaml"),
        ("some-plugin", "con", "metadata.name: is reserved on Windows"),
        ("some-plugin", "Lpt1", "metadata.name: is reserved on Windows"),
        ("v1.2.3", "1.2.3", "spec.version: must be v and a semantic version"),
        ("v1.2.3", "v1.2", "spec.version: must be v and a semantic version"),
        ("homepage", "home", "spec.homepage: is missing"),
        ("Do something", "\"\"", "spec.shortDescription: is missing"),
        ("Do something", "\"a\\nb\"", "spec.shortDescription: has a line break"),
        ("Do something", &long, "spec.shortDescription: has 51 characters, at most 50"),
        ("  description", "  other", "spec.description: is missing"),
        ("Does something.", &wide, "spec.description: a line is longer than 80 characters: xxx"),
        ("  platforms", "  other", "spec.platforms: is empty"),
        ("uri:", "url:", "spec.platforms[0].uri: is missing"),
        ("sha256", "sha512", "spec.platforms[0].sha256: must be 64 lower-case hexadecimal digits"),
        ("0123456789abc", "0123456789ABC", "spec.platforms[0].sha256: must be 64 lower-case"),
        ("0123", "012", "spec.platforms[0].sha256: must be 64 lower-case"),
        ("bin:", "binary:", "spec.platforms[0].bin: is missing"),
        ("kubectl-some", "../kubectl-some", "spec.platforms[0].bin: leaves the archive"),
        ("kubectl-some", "/kubectl-some", "spec.platforms[0].bin: leaves the archive"),
        ("_plugin.exe", "_plugin", "spec.platforms[1].bin: no .exe on windows"),
        ("_plugin\n", "_plugin.exe\n", "spec.platforms[0].bin: .exe on linux"),
        ("    bin:", "    files: []\n    bin:", "spec.platforms[0].files: leave it out"),
        ("selector: {matchLabels", "other: {matchLabels", "spec.platforms[0].selector: is missing"),
        ("{os: linux, arch: amd64}", "{}", "spec.platforms[0].selector.matchLabels: is empty"),
        ("arch: amd64", "cpu: amd64", "spec.platforms[0].selector: cpu is neither os nor arch"),
        ("amd64", "riscv64", "spec.platforms[0].selector: matches no platform that krew knows"),
        ("os: linux", "os: windows", "spec.platforms[0,1].selector: all match windows/amd64"),
        (
            "{key: os, operator: In, values: [windows]}",
            "",
            "spec.platforms[1].selector.matchExpressions: is empty",
        ),
        (
            "operator: In",
            "operator: On",
            "spec.platforms[1].selector.matchExpressions: \"On\" is no operator",
        ),
        ("spec:", "spec: [", "the whole file: no manifest"),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let found = violations(&GOOD.replacen(from, to, 1));
        assert!(found.iter().any(|it| it.starts_with(expected)), "{from} → {to}: {found:#?}");
    }
}

#[test]
fn only_yaml_is_a_manifest() {
    assert_eq!(violations_of("some-plugin.yml", GOOD), ["metadata.name: the file must be some-plugin.yaml"]);
}

/// A name, its kind and its mode.
type Packed<'a> = (&'a str, EntryType, u32);

const PROGRAM: Packed<'_> = ("kubectl-some_plugin", EntryType::Regular, 0o755);
const LICENCE: Packed<'_> = ("LICENSE", EntryType::Regular, 0o644);

fn tar(entries: &[Packed<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_size(0);
        // Not `set_path`, which refuses what the rules refuse.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, bytes).unwrap();
    gzip.finish().unwrap()
}

fn in_archive(bytes: &[u8]) -> Vec<String> {
    let mut findings = Findings::of("some-plugin.tar.gz");
    archive::check(bytes, "kubectl-some_plugin", &mut findings);
    findings.found.iter().map(|it| format!("{}: {}", it.field, it.message)).collect()
}

#[test]
fn a_good_archive_passes() {
    assert_eq!(in_archive(&gz(&tar(&[PROGRAM, LICENCE]))), [""; 0]);
    let dotted = [("./", EntryType::Directory, 0o755), ("./LICENSE", EntryType::Regular, 0o644)];
    let program = ("./kubectl-some_plugin", EntryType::Regular, 0o755);
    assert_eq!(in_archive(&gz(&tar(&[dotted[0], dotted[1], program]))), [""; 0]);
}

#[test]
fn each_rule_for_archives_is_checked() {
    let file = |name, mode| (name, EntryType::Regular, mode);
    let cases = [
        (vec![LICENCE], "kubectl-some_plugin: the program that the manifest names is missing"),
        (vec![file(PROGRAM.0, 0o644), LICENCE], "kubectl-some_plugin: has mode 0644, not 0755"),
        (vec![PROGRAM], "the whole file: has no LICENSE that krew's index accepts"),
        (vec![PROGRAM, ("LICENSE", EntryType::Directory, 0o755)], "the whole file: has no LICENSE"),
        (vec![PROGRAM, LICENCE, ("link", EntryType::Symlink, 0o777)], "link: neither a file nor a directory"),
        (vec![PROGRAM, LICENCE, ("link", EntryType::Link, 0o644)], "link: neither a file nor a directory"),
        (vec![PROGRAM, LICENCE, file("../other", 0o644)], "../other: leaves the archive"),
        (vec![PROGRAM, LICENCE, file("/etc/other", 0o644)], "/etc/other: leaves the archive"),
        (vec![(PROGRAM.0, EntryType::Symlink, 0o755), LICENCE], "kubectl-some_plugin: the program"),
    ];
    for (entries, expected) in cases {
        let found = in_archive(&gz(&tar(&entries)));
        assert!(found.iter().any(|it| it.starts_with(expected)), "{expected}: {found:#?}");
    }
}

/// As validate-krew-manifest judges them.
#[test]
fn only_some_names_are_licences() {
    let passes = |name| in_archive(&gz(&tar(&[PROGRAM, (name, EntryType::Regular, 0o644)]))).is_empty();
    for name in ["LICENSE", "LICENSE.md", "LICENSES.txt", "COPYING", "License.TXT"] {
        assert!(passes(name), "{name}");
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "NOTICE", "UNLICENSE", "LICENSES/MIT.txt", "COPYING.md"] {
        assert!(!passes(name), "{name}");
    }
}

#[test]
fn only_a_gzip_compressed_tar_is_an_archive() {
    let good = tar(&[PROGRAM, LICENCE]);
    for bytes in [good.clone(), b"\xfd7zXZ\0".to_vec(), gz(b"no tar"), gz(&good)[..60].to_vec()] {
        let found = in_archive(&bytes);
        assert!(found.iter().any(|it| it.starts_with("the whole file: no gzip-compressed tar")), "{found:?}");
    }
}

#[test]
fn the_archives_of_a_manifest_must_be_there_and_have_its_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some-plugin.yaml");
    fs::write(&path, GOOD).unwrap();
    let bytes = gz(&tar(&[PROGRAM, LICENCE]));
    fs::write(dir.path().join("some-plugin.tar.gz"), &bytes).unwrap();
    let found: Vec<String> =
        check(&path, Some(dir.path())).unwrap().iter().map(|it| it.field.clone()).collect();
    assert_eq!(found, ["spec.platforms[0].sha256", "spec.platforms[1].uri"]);

    let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let (first, _) = GOOD.split_once("  - selector: {matchExpressions").unwrap();
    fs::write(&path, first.replacen(hash, &sha256(&bytes), 1)).unwrap();
    assert_eq!(check(&path, Some(dir.path())).unwrap(), []);

    let other = gz(&tar(&[PROGRAM]));
    fs::write(dir.path().join("some-plugin.tar.gz"), &other).unwrap();
    fs::write(&path, first.replacen(hash, &sha256(&other), 1)).unwrap();
    let found = check(&path, Some(dir.path())).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].file.ends_with("some-plugin.tar.gz"));
}
