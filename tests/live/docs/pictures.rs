//! docs/pictures: what a terminal shows, from real runs; each picture beside its text.
//!
//! `make pictures` draws them again. A picture is outdated if its command prints something else now.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixtures::Fixture;
use super::mask::masked;
use super::svg::picture;

/// Name, fixture and command.
const PICTURES: [(&str, &str, &str); 6] = [
    (
        "drain",
        "a node with web, worker, db and agent under a budget",
        "kubectl safe-drain node-1 --delete-emptydir-data",
    ),
    ("status", "a failed update", "kubectl rollback-to deploy/web -n shop --status"),
    (
        "rollback",
        "a Deployment with a good, a bad and a worse revision",
        "kubectl rollback-to deploy/web -n shop --last-healthy",
    ),
    (
        "check",
        "web, worker and agent to check",
        "kubectl heal-check deploy/web deploy/worker ds/agent -n shop",
    ),
    ("fix", "web, worker and agent to check", "kubectl heal-check deploy/web -n shop --fix"),
    (
        "proof",
        "web, worker and agent to check",
        "kubectl heal-check deploy/web -n shop --prove=evict --rounds 2 --interval 1s --yes",
    ),
];

#[test]
fn drain() {
    compare(0);
}

#[test]
fn status() {
    compare(1);
}

#[test]
fn rollback() {
    compare(2);
}

#[test]
fn check() {
    compare(3);
}

#[test]
fn fix() {
    compare(4);
}

#[test]
fn proof() {
    compare(5);
}

/// Somebody may have changed one of the two by hand.
#[test]
fn a_picture_shows_its_text() {
    for (name, _, _) in PICTURES {
        let svg = fs::read_to_string(file(name, "svg")).unwrap();
        // A command that is longer than a row goes on in the next one.
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        let rows = svg.lines().filter(|line| line.starts_with("<text")).map(plain).collect::<String>();
        let text = fs::read_to_string(file(name, "txt")).unwrap();
        assert_eq!(bare(&rows), bare(&text), "{name}");
    }
}

fn file(name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures").join(name).with_extension(extension)
}

/// A row of a picture without its tags.
fn plain(row: &str) -> String {
    let outside = row.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    outside.collect::<String>().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn compare(index: usize) {
    let (name, fixture, command) = PICTURES[index];
    let fixture = Fixture::new(fixture).unwrap();
    let (_, terminal) = fixture.screen(command);
    let screen = terminal.screen();
    let shown = fixture.with_page_names(&screen.contents());
    let text = format!("$ {command}\n{}\n", shown.trim_end());
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let before = fs::read_to_string(file(name, "txt")).unwrap_or_default();
    let [expected, seen] = [&before, &text].map(|text| masked(&lines(text), true).concat());
    if expected == seen {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file(name, "txt").parent().unwrap()).unwrap();
        fs::write(file(name, "txt"), &text).unwrap();
        let svg = picture(command, screen, |text| fixture.with_page_names(text));
        fs::write(file(name, "svg"), svg).unwrap();
    }
    panic!(
        "docs/pictures/{name} is outdated (`make pictures` draws it again); the command prints:\n{text}\n{}",
        first_difference(&expected, &seen)
    );
}

/// Long output is cut where tests are run: what matters is at its end.
fn first_difference(expected: &str, seen: &str) -> String {
    let words = |text: &'_ str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (expected, seen) = (words(expected), words(seen));
    let at = expected.iter().zip(&seen).take_while(|(one, other)| one == other).count();
    let near = |words: &[String]| words[at.saturating_sub(5)..words.len().min(at + 15)].join(" ");
    format!("the first difference:\n  page: {}\n  seen: {}", near(&expected), near(&seen))
}
