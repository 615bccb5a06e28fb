//! Dumps and manifests that somebody broke, or made to do harm: an error or a report, and never a panic.

use std::collections::BTreeSet;

use plugin_client::dump::Dump;
use plugin_client::{Failure, Line};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::{manifests, offline};
use crate::args::Target;
use crate::checks;
use crate::checks::testing::{World, budget, healthy, stateful_set, template};
use crate::finding::Severity;
use crate::fix::Workbench;
use crate::matrix::matrices;
use crate::options::fail_on;
use crate::snapshot::{Gathered, Read, Selection, Snapshot};

const LIMIT: u64 = 1 << 20;

fn world() -> World {
    healthy()
        .with_all(stateful_set("db", 2))
        .with(budget("db", json!({"minAvailable": "100%"})))
        .edit(
            "ReplicaSet/web-1",
            json!({"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template("web")}}),
        )
        .edit("Deployment/web", json!({"spec": {"replicas": 1}}))
}

/// As JSON in a list, or as documents of YAML.
fn text(is_json: bool) -> String {
    let version = |read: Read| {
        let (_, group, version, _) = read.api();
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
    };
    let mut objects = world().objects;
    for object in &mut objects {
        let read = Read::of_kind(object["kind"].as_str().unwrap()).unwrap();
        object["apiVersion"] = json!(version(read));
    }
    match is_json {
        true => json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string(),
        false => objects.iter().map(|it| format!("---\n{}", plugin_client::to_yaml(it))).collect(),
    }
}

/// All that a run does with it.
fn judged(gathered: Gathered, selection: Selection) -> usize {
    let options = fail_on(Severity::Info);
    let bench = Workbench::new(gathered.clone(), selection.clone(), true, &options);
    let snapshot = Snapshot::of(gathered, &selection, true);
    let (found, _) = checks::run(&snapshot, |_| true);
    let cells = matrices(&snapshot).len();
    for finding in &found {
        let shown = Line::new().plain(finding.subject.to_string()).plain(&finding.message).text();
        assert!(!shown.chars().any(cluster_model::text::is_hostile), "{shown:?}");
        if let Ok(fix) = bench.fix(finding, &snapshot) {
            assert!(fix.commands.iter().all(|it| !it.contains('\n') || it.contains('\'')), "{fix:?}");
        }
    }
    found.len() + cells
}

/// As both kinds of files.
fn read(bytes: &[u8]) -> (Result<usize, Failure>, Result<usize, Failure>) {
    let dump = Dump::of_text("file", bytes).unwrap();
    let needed: BTreeSet<Read> = fail_on(Severity::Info).reads();
    let of_dump = offline::read(&dump, &Target::All, None, &needed);
    let of_manifests = manifests::read(&[dump], &Target::All, "default");
    (
        of_dump.map(|it| judged(it.gathered, it.selection)),
        of_manifests.map(|it| judged(it.gathered, it.selection)),
    )
}

#[derive(Clone, Debug)]
enum Harm {
    Cut(Index),
    Byte(Index, u8),
    /// A part of it again, elsewhere.
    Again(Index, Index, Index),
    Put(Index, &'static str),
}

fn harm() -> impl Strategy<Value = Harm> {
    let index = any::<Index>;
    let words = prop::sample::select(vec![
        "\u{0}",
        "\u{1b}[2J",
        "\u{202e}",
        "null",
        "-9223372036854775809",
        "1e999",
        "\"",
        "}",
        "]",
        "{{",
        "---\n",
        "&a [*a]",
        "[[[[[[[[",
        "é",
        "~",
        ": ",
        "\t",
        "99999999999999999999",
        "\n",
        "\r",
        "#",
        "!!binary",
        "items:\n",
        "0x7fffffffffffffff",
        "-1",
    ]);
    prop_oneof![
        1 => index().prop_map(Harm::Cut),
        3 => (index(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        2 => (index(), index(), index()).prop_map(|(a, b, c)| Harm::Again(a, b, c)),
        4 => (index(), words).prop_map(|(at, word)| Harm::Put(at, word)),
    ]
}

fn harmed(text: &str, harms: &[Harm]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for harm in harms {
        let at = |index: &Index| index.index(bytes.len().max(1));
        match harm {
            Harm::Cut(index) => bytes.truncate(at(index)),
            Harm::Byte(index, byte) => {
                let at = at(index);
                bytes.get_mut(at).into_iter().for_each(|it| *it = *byte);
            }
            Harm::Again(from, to, place) => {
                let (from, to, place) = (at(from), at(to), at(place));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(place..place, part);
            }
            Harm::Put(index, word) => {
                let at = at(index);
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_broken_is_an_error_or_a_report(is_json in any::<bool>(), harms in prop::collection::vec(harm(), 1..4)) {
        for result in <[_; 2]>::from(read(&harmed(&text(is_json), &harms))) {
            if let Err(failure) = result {
                prop_assert!(!failure.to_string().is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (dump, manifests) = read(&bytes);
        prop_assert!(dump.is_err() && manifests.is_err());
    }
}

#[test]
fn what_is_whole_is_judged() {
    for is_json in [true, false] {
        let (dump, manifests) = read(text(is_json).as_bytes());
        let (dump, manifests) = (dump.unwrap(), manifests.unwrap());
        assert!(dump > 2 && manifests > 4, "{dump} {manifests}");
    }
}

#[test]
fn what_is_made_to_do_harm_is_an_error() {
    let deployment = |name: &str, more: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}{more}}}\n"
        )
    };
    let bomb = {
        let levels = (1..30).map(|n| {
            format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)
        });
        format!("a0: &a0 [x]\n{}", levels.collect::<String>()) + &deployment("web", "")
    };
    let nested = |open: &str, close: &str| {
        format!("x: {}{}\n{}", open.repeat(100_000), close.repeat(100_000), deployment("web", ""))
    };
    let name = "n".repeat(9 << 20);
    for (what, text) in [
        ("aliases of aliases", bomb),
        ("deep lists", nested("[", "]")),
        ("deep maps", nested("{a: ", "}")),
        ("deep JSON", format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
        ("a name of 9 MiB in YAML", deployment(&name, "")),
        (
            "a name of 9 MiB in JSON",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}).to_string(),
        ),
        ("an object with a field twice", deployment("web", ", replicas: 1, replicas: 2")),
        (
            "an object twice, and not the same",
            deployment("web", "") + "---\n" + &deployment("web", ", replicas: 2"),
        ),
    ] {
        let (dump, manifests) = read(text.as_bytes());
        assert!(dump.is_err() && manifests.is_err(), "{what}");
    }
    // The same again is the same.
    assert!(read((deployment("web", "") + "---\n" + &deployment("web", "")).as_bytes()).1.is_ok());
}

/// Before any of it is read; of a stream, `a_gigabyte_of_yaml_is_refused_early` of the live tests.
#[test]
fn what_is_too_large_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    for of in [path.as_path(), folder.path()] {
        let error = Dump::open_at_most(of, LIMIT).unwrap_err().to_string();
        assert!(error.contains("more than 1 MiB"), "{error}");
    }
}
