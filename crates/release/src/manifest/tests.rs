//! Manifests, and the ones in krew-manifests against the code that writes them.

use std::fs;

use serde_json::Value;

use super::*;
use crate::plugins::{PLUGINS, find};

const ADDRESSES: Addresses<'_> =
    Addresses { homepage: "https://example.com/plugins", base_url: "https://example.com/download/v1.2.3" };

fn version() -> Version {
    "1.2.3".parse().unwrap()
}

fn parsed(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_manifest_reads_as_what_it_was_made_of() {
    for plugin in PLUGINS {
        let read = parsed(&manifest(plugin, &version(), ADDRESSES, Source::Unreleased).unwrap());
        let spec = &read["spec"];
        assert_eq!(read["metadata"]["name"], plugin.name);
        assert_eq!(spec["version"], "v1.2.3");
        assert_eq!(spec["homepage"], ADDRESSES.homepage);
        assert_eq!(spec["shortDescription"], plugin.short_description);
        assert_eq!(spec["description"], format!("{}\n", plugin.description));
        assert_eq!(spec["caveats"], format!("{}\n", plugin.caveats()));
        assert_eq!(spec["platforms"].as_array().unwrap().len(), 6);
        assert!(plugin.caveats().contains("completion") && plugin.caveats().contains("docs/rbac/"));
    }
}

#[test]
fn it_names_the_archives_that_are_there_and_their_checksums() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = find("rollback-to").unwrap();
    let made = || manifest(plugin, &version(), ADDRESSES, Source::Archives(dir.path()));
    assert_eq!(made().unwrap_err().to_string(), "no archive of rollback-to v1.2.3");
    let file = "rollback-to-v1.2.3-windows-amd64.tar.gz";
    fs::write(dir.path().join(file), "abc").unwrap();
    let read = parsed(&made().unwrap());
    let platforms = read["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 1, "{read}");
    assert_eq!(platforms[0]["selector"]["matchLabels"]["os"], "windows");
    assert_eq!(platforms[0]["uri"], format!("{}/{file}", ADDRESSES.base_url));
    assert_eq!(platforms[0]["sha256"], checksums::sha256(b"abc"));
    assert_eq!(platforms[0]["bin"], "kubectl-rollback_to.exe");
}

/// krew-release-bot replaces `addURIAndSha` by both lines, and the tag everywhere.
#[test]
fn the_template_of_the_release_bot_names_no_version() {
    let addresses = Addresses { base_url: "https://example.com/download/v1.2.3/", ..ADDRESSES };
    let text = manifest(find("safe-drain").unwrap(), &version(), addresses, Source::ReleaseBot).unwrap();
    let line = "    {{ addURIAndSha \"https://example.com/download/{{ .TagName }}/safe-drain-{{ .TagName }}-linux-amd64.tar.gz\" .TagName }}\n";
    assert!(text.contains(line) && text.contains("  version: {{ .TagName }}\n"), "{text}");
    assert!(!text.contains("1.2.3") && !text.contains("sha256"), "{text}");
}

/// Until the first release replaces them.
#[test]
fn the_manifests_of_this_repository_are_what_is_written_now() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../krew-manifests");
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|it| it == "yaml")).count();
    assert_eq!(manifests, PLUGINS.len());
    for plugin in PLUGINS {
        let found = fs::read_to_string(dir.join(format!("{}.yaml", plugin.name))).unwrap();
        let read = parsed(&found);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let version: Version = text(&read["spec"]["version"]).parse().unwrap();
        let homepage = text(&read["spec"]["homepage"]);
        let uri = text(&read["spec"]["platforms"][0]["uri"]);
        let addresses = Addresses { homepage: &homepage, base_url: uri.rsplit_once('/').unwrap().0 };
        let mut expected = manifest(plugin, &version, addresses, Source::Unreleased).unwrap();
        if !found.contains(NO_CHECKSUM) {
            expected = released(&expected, &read);
        }
        assert_eq!(found, expected, "run: cargo run -p release -- manifests -o krew-manifests");
    }
}

/// The same with the checksums of a release, which are not known here.
fn released(unreleased: &str, read: &Value) -> String {
    let mut text = unreleased.strip_prefix(UNRELEASED).unwrap().to_owned();
    for platform in read["spec"]["platforms"].as_array().unwrap() {
        text = text.replacen(NO_CHECKSUM, platform["sha256"].as_str().unwrap(), 1);
    }
    text
}

#[test]
fn the_manifests_of_a_release_pass_the_same_comparison() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = find("safe-drain").unwrap();
    for platform in PLATFORMS {
        fs::write(dir.path().join(file_name(plugin, &version(), *platform)), platform.target).unwrap();
    }
    let made = manifest(plugin, &version(), ADDRESSES, Source::Archives(dir.path())).unwrap();
    let unreleased = manifest(plugin, &version(), ADDRESSES, Source::Unreleased).unwrap();
    assert_eq!(released(&unreleased, &parsed(&made)), made);
}
