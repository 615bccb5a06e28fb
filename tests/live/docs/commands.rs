//! Every command of the documentation is executed on the real control plane, and prints what its page shows.
//!
//! `UPDATE_DOCS=1 cargo test -p live-tests -- docs::` writes what they print into the pages.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixtures::{Fixture, is_known};
use super::mask::masked;
use super::page::{Block, CONTINUED, Run, blocks, body};

/// A test executes each.
const PAGES: [&str; 6] = [
    "README.md",
    "README.ko.md",
    "docs/safe-drain.md",
    "docs/rollback-to.md",
    "docs/rollback-to-terminal.md",
    "docs/heal-check.md",
];

#[test]
fn readme() {
    execute("README.md");
}

#[test]
fn korean_readme() {
    execute("README.ko.md");
}

#[test]
fn safe_drain() {
    execute("docs/safe-drain.md");
}

#[test]
fn rollback_to() {
    execute("docs/rollback-to.md");
}

#[test]
fn rollback_to_on_a_terminal() {
    execute("docs/rollback-to-terminal.md");
}

#[test]
fn heal_check() {
    execute("docs/heal-check.md");
}

/// No page is left out, and every block says how it is executed.
#[test]
fn every_block_is_executed_or_says_why_not() {
    let docs = fs::read_dir(root().join("docs")).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    pages.extend(
        ["README.md", "README.ko.md"].map(|page| root().join(page)).into_iter().filter(|page| page.exists()),
    );
    assert!(pages.len() > 4, "{pages:?}");
    let (mut faults, mut executed) = (Vec::new(), 0);
    for path in pages {
        let page = path.strip_prefix(root()).unwrap().display().to_string();
        match blocks(&fs::read_to_string(&path).unwrap()) {
            Ok(blocks) if blocks.iter().all(|block| matches!(block.run, Run::Not(_))) => {}
            Ok(_) if !PAGES.contains(&page.as_str()) => {
                faults.push(format!("{page}: no test executes it; add it to PAGES"));
            }
            Ok(blocks) => {
                for (at, block) in blocks.iter().enumerate() {
                    let Run::In { fixture, .. } = &block.run else { continue };
                    executed += 1;
                    if !(is_known(fixture) || fixture == CONTINUED && at > 0) {
                        faults
                            .push(format!("{page}:{}: no fixture is called {fixture:?}", block.lines.start));
                    }
                }
            }
            Err(more) => faults.extend(more.into_iter().map(|fault| format!("{page}:{fault}"))),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(executed > 5, "{executed}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn execute(page: &str) {
    let path = root().join(page);
    let Ok(text) = fs::read_to_string(&path) else { return };
    let blocks =
        blocks(&text).unwrap_or_else(|faults| panic!("{page}:{}", faults.join(&format!("\n{page}:"))));
    // A block that continues another runs after it; the others run side by side.
    let mut chains: Vec<Vec<&Block>> = Vec::new();
    for block in &blocks {
        match (&block.run, chains.last_mut()) {
            (Run::Not(_), _) => {}
            (Run::In { fixture, .. }, Some(chain)) if fixture == CONTINUED => chain.push(block),
            _ => chains.push(vec![block]),
        }
    }
    let mut faults: Vec<Fault> = std::thread::scope(|scope| {
        let running: Vec<_> = chains.iter().map(|chain| scope.spawn(|| run(chain))).collect();
        let ended = running.into_iter().map(|chain| chain.join());
        ended.flat_map(|faults| faults.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    if faults.is_empty() {
        return;
    }
    faults.sort_by_key(|fault| fault.lines.start);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for fault in faults.iter().rev() {
            if let Some(real) = &fault.real {
                lines.splice(fault.lines.clone(), real.iter().cloned());
            }
        }
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let named = |fault: &Fault| format!("{page}:{}: {}", fault.lines.start + 1, fault.message);
    let named: Vec<String> = faults.iter().map(named).collect();
    panic!("{}\n(UPDATE_DOCS=1 writes the real output into the page)", named.join("\n\n"));
}

struct Fault {
    lines: std::ops::Range<usize>,
    message: String,
    /// What the block should hold; `None` where nothing that could be written makes it right.
    real: Option<Vec<String>>,
}

fn run(chain: &[&Block]) -> Vec<Fault> {
    let mut fixture = None;
    let mut faults = Vec::new();
    for block in chain {
        let Run::In { fixture: name, on_terminal } = &block.run else { continue };
        if name != CONTINUED {
            fixture = Fixture::new(name);
        }
        match &fixture {
            Some(fixture) => faults.extend(run_block(fixture, block, *on_terminal)),
            None => faults.push(block.fault(format!("no fixture is called {name:?}"), None)),
        }
    }
    faults
}

impl Block {
    fn fault(&self, message: String, real: Option<Vec<String>>) -> Fault {
        Fault { lines: self.lines.clone(), message, real }
    }
}

fn run_block(fixture: &Fixture, block: &Block, on_terminal: bool) -> Option<Fault> {
    let (mut outputs, mut differences) = (Vec::new(), Vec::new());
    for command in &block.commands {
        let (code, real) = fixture.run(&command.text, on_terminal);
        match &command.output {
            // A block of commands alone shows what works.
            None if code != 0 => {
                return Some(
                    block.fault(format!("{}: exit {code}:\n{}", command.text, real.join("\n")), None),
                );
            }
            None => {}
            Some(shown) => {
                let (shown_masked, real_masked) = (masked(shown, on_terminal), masked(&real, on_terminal));
                // What differs only in what varies stays as it is.
                let same = shown_masked == real_masked;
                if !same {
                    differences.push(format!(
                        "{}\n  page: {shown_masked:#?}\n  real: {real_masked:#?}",
                        command.text
                    ));
                }
                outputs.push((command.text.clone(), if same { shown.clone() } else { real }));
            }
        }
    }
    if differences.is_empty() {
        return None;
    }
    let real = body(&outputs);
    Some(block.fault(format!("{}\nthe real block:\n{}", differences.join("\n"), real.join("\n")), Some(real)))
}
