//! The page of each plugin against its code: it names every finding and flags that exist; its page in docs/dev/ names tests that exist.
//! The commands of all pages are executed in `commands`.

mod commands;
mod fixtures;
mod flags;
mod mask;
mod page;
mod pictures;
mod shell;
mod svg;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ::testbed::plugins_dir;

/// What a plugin's page is compared with.
struct Page {
    plugin: &'static str,
    text: &'static str,
    /// Which tests cover the statements of the page.
    tests: &'static str,
    /// An object name for the command line; it need not exist.
    object: &'static str,
    /// The flag that takes the ids of findings.
    ids: &'static str,
    /// The cases of kubectl's own tests that it numbers; 0 if kubectl has none.
    cases: usize,
}

const PAGES: &[Page] = &[
    Page {
        plugin: "safe-drain",
        text: include_str!("../../../docs/safe-drain.md"),
        tests: include_str!("../../../docs/dev/safe-drain-tests.md"),
        object: "n1",
        ids: "--allow",
        cases: 42,
    },
    Page {
        plugin: "rollback-to",
        text: include_str!("../../../docs/rollback-to.md"),
        tests: include_str!("../../../docs/dev/rollback-to-tests.md"),
        object: "deployment/web",
        ids: "--allow",
        cases: 27,
    },
    Page {
        plugin: "heal-check",
        text: include_str!("../../../docs/heal-check.md"),
        tests: include_str!("../../../docs/dev/heal-check-tests.md"),
        object: "deployment/web",
        ids: "--ignore",
        cases: 0,
    },
];

const SEVERITIES: [&str; 5] = ["critical", "error", "warning", "info", "unknown"];

const FINDINGS: &str = "## Findings";
const CASES: &str = "## The cases of kubectl's own tests";

#[test]
fn a_page_lists_every_finding_and_no_other() {
    for page in PAGES {
        // The one place where a plugin lists all ids: its answer to one that does not exist.
        let output = page.ask(&[page.object, page.ids, "no-such-finding"]);
        let (_, ids) = output.split_once("there are: ").unwrap();
        let known: BTreeSet<&str> = ids.split(',').map(str::trim).collect();
        let rows = table(page.text, FINDINGS);
        let listed: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        assert!(known.len() > 5, "{output}");
        assert_same(&listed, &known, page.plugin);
        assert_eq!(rows.len(), listed.len(), "an id is listed twice");
        let tested = table(page.tests, FINDINGS);
        let tested: BTreeSet<&str> = tested.iter().map(|row| row[0].trim_matches('`')).collect();
        assert_same(&tested, &known, page.tests.lines().next().unwrap_or_default());
        assert!(
            rows.iter().all(|row| row[1].split(", ").all(|severity| SEVERITIES.contains(&severity))),
            "{rows:?}"
        );
    }
}

/// Fails with what differs only.
#[track_caller]
fn assert_same(page: &BTreeSet<&str>, code: &BTreeSet<&str>, name: &str) {
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (code.difference(page).collect(), page.difference(code).collect());
    assert!(missing.is_empty() && unknown.is_empty(), "{name}: missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn a_page_holds_all_cases() {
    for page in PAGES.iter().filter(|page| page.cases > 0) {
        let cases: Vec<usize> =
            table(page.tests, CASES).iter().filter_map(|row| row[0].parse().ok()).collect();
        assert_eq!(cases, (1..=page.cases).collect::<Vec<_>>(), "{}", page.plugin);
    }
}

#[test]
fn every_test_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for dir in ["crates", "tests"] {
        read_all(&root.join(dir), &mut sources);
    }
    for page in PAGES {
        let cases = if page.cases > 0 { table(page.tests, CASES) } else { Vec::new() };
        for row in table(page.tests, FINDINGS).into_iter().chain(cases) {
            let names: Vec<&str> = quoted(row.last().copied().unwrap_or_default());
            assert!(!names.is_empty(), "no test: {row:?}");
            for name in names {
                assert!(is_test(&sources, name), "{name} is no test: {row:?}");
            }
        }
    }
    assert!(!is_test(&sources, "such_a_test_does_not_exist") && !is_test(&sources, "main"));
}

/// docs/dev/guarantees.md names the tests of each guarantee of docs/safety.md.
#[test]
fn every_guarantee_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for dir in ["crates", "tests"] {
        read_all(&root.join(dir), &mut sources);
    }
    let rows = |file: &str| -> Vec<Vec<String>> {
        let text = fs::read_to_string(root.join("docs").join(file)).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| guarantee"));
        rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
            .collect()
    };
    let tests = rows("dev/guarantees.md");
    let promised = rows("safety.md");
    assert!(promised.len() > 10);
    for row in &promised {
        assert!(tests.iter().any(|test| test[0] == row[0]), "no tests are named for: {}", row[0]);
    }
    for row in &tests {
        let names = quoted(&row[1]);
        assert!(!names.is_empty(), "no test: {row:?}");
        for name in names {
            assert!(is_test(&sources, name), "{name} is no test: {row:?}");
        }
    }
}

/// Each path in backticks, and each folder of the layout, from the root or from a crate's sources.
#[test]
fn every_path_the_architecture_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let crates = fs::read_dir(root.join("crates")).unwrap().filter_map(Result::ok);
    let bases: Vec<_> = crates.map(|entry| entry.path().join("src")).chain([root.clone()]).collect();
    let words = text.split(|c: char| c == '`' || c.is_whitespace());
    let paths: BTreeSet<&str> = words.filter(|w| w.ends_with(".rs") || w.ends_with('/')).collect();
    assert!(paths.len() > 50, "{paths:?}");
    let missing: Vec<_> =
        paths.iter().filter(|path| !bases.iter().any(|base| base.join(path).exists())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// `--flag` in the plugin's page, and in every line of any other page and of the README that runs the plugin.
#[test]
fn every_flag_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let documents: Vec<String> = docs
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .chain([root.join("README.md")])
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for page in PAGES {
        let help = page.ask(&["--help"]);
        let known: BTreeSet<String> = flags(&help);
        assert!(known.contains("--output") && known.contains("--kubeconfig"), "{help}");
        let mut named = flags(page.text);
        let run = format!("kubectl {} ", page.plugin);
        let lines = documents.iter().flat_map(|text| text.lines());
        named.extend(lines.filter(|line| line.contains(&run)).flat_map(flags));
        // Of other programs: kubectl itself, kube-apiserver, operators.
        for other in
            ["--raw", "--previous", "--event-ttl", "--leader-elect", "--role", "--clusterrole", "--user"]
        {
            if !known.contains(other) {
                named.remove(other);
            }
        }
        let unknown: Vec<&String> = named.iter().filter(|flag| !known.contains(*flag)).collect();
        assert!(unknown.is_empty(), "{}: documented and not there: {unknown:?}", page.plugin);
        // And the other way round for what belongs to the plugin itself.
        let own = help.split("Connection (").next().unwrap_or_default();
        let silent: Vec<String> = flags(own)
            .into_iter()
            .filter(|f| !named.contains(f) && f != "--help" && f != "--version")
            .collect();
        assert!(silent.is_empty(), "{}: there and not documented: {silent:?}", page.plugin);
    }
}

impl Page {
    /// What the plugin prints, on either stream.
    fn ask(&self, args: &[&str]) -> String {
        let program = plugins_dir().join(format!("kubectl-{}", self.plugin.replace('-', "_")));
        match std::process::Command::new(program).args(args).env("COLUMNS", "80").output() {
            Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            Err(error) => panic!("cannot run {}: {error}", self.plugin),
        }
    }
}

/// The cells of every row of the first table under a heading, without its head.
fn table(text: &'static str, heading: &str) -> Vec<Vec<&'static str>> {
    let Some((_, section)) = text.split_once(&format!("\n{heading}\n")) else {
        panic!("no section {heading}")
    };
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// All Rust sources below a folder.
fn read_all(dir: &Path, text: &mut String) {
    for path in fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// A function of that name right under an attribute that makes it a test.
fn is_test(sources: &str, name: &str) -> bool {
    // A property test has arguments.
    sources.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let before = sources[..at].lines().rev().take(3).collect::<Vec<_>>().join("\n");
        before.contains("#[test]") || before.contains("#[tokio::test")
    })
}

fn flags(text: &str) -> BTreeSet<String> {
    let is_of_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    let starts = text.match_indices("--").filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| is_of_flag(c) || c == '|')
    });
    let flag =
        |(at, _): (usize, &str)| -> String { text[at..].chars().take_while(|c| is_of_flag(*c)).collect() };
    starts.map(flag).filter(|flag| flag.len() > 2).collect()
}
