//! The fenced blocks of a page of the documentation that hold commands, and how each is to be executed. No I/O.
//!
//! A comment above the block says it: `<!-- run: FIXTURE -->`, `<!-- run: FIXTURE, on a terminal -->`, or `<!-- not run: REASON -->`.
//! The fixture `continued` is what the block before has left. Every fenced block counts that has no language, or a shell's.

use std::ops::Range;

const SHELLS: [&str; 5] = ["", "sh", "bash", "shell", "console"];
const TERMINAL: &str = ", on a terminal";
pub const CONTINUED: &str = "continued";

#[derive(Debug)]
pub struct Block {
    /// The lines between its fences, counted from 0.
    pub lines: Range<usize>,
    pub run: Run,
    pub commands: Vec<Command>,
}

#[derive(Debug, PartialEq)]
pub enum Run {
    In {
        fixture: String,
        on_terminal: bool,
    },
    /// With the reason.
    Not(String),
}

#[derive(Debug, PartialEq)]
pub struct Command {
    pub text: String,
    /// What the page shows of its output; `None` where a block lists commands only.
    pub output: Option<Vec<String>>,
}

/// All blocks with commands, or what is wrong with the comments, each with its line.
pub fn blocks(text: &str) -> Result<Vec<Block>, Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut blocks, mut faults) = (Vec::new(), Vec::new());
    let mut above = "";
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].trim_start().strip_prefix("```") else {
            if !lines[at].trim().is_empty() {
                above = lines[at].trim();
            }
            at += 1;
            continue;
        };
        let start = at + 1;
        let length = lines[start..].iter().position(|line| line.trim() == "```");
        let end = length.map_or(lines.len(), |length| start + length);
        let body = &lines[start..end];
        if SHELLS.contains(&language.trim()) || body.iter().any(|line| line.starts_with("$ ")) {
            match run(above) {
                Ok(run) => blocks.push(Block { lines: start..end, run, commands: commands(body) }),
                Err(fault) => faults.push(format!("{}: {fault}", at + 1)),
            }
        }
        above = "";
        at = end + 1;
    }
    if faults.is_empty() { Ok(blocks) } else { Err(faults) }
}

fn run(above: &str) -> Result<Run, String> {
    let comment = above.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).map_or("", str::trim);
    if let Some(reason) = comment.strip_prefix("not run:").map(str::trim) {
        return if reason.is_empty() {
            Err("`not run` without a reason".into())
        } else {
            Ok(Run::Not(reason.into()))
        };
    }
    let Some(fixture) = comment.strip_prefix("run:").map(str::trim) else {
        return Err("no <!-- run: FIXTURE --> or <!-- not run: REASON --> above this block".into());
    };
    let (fixture, on_terminal) = match fixture.strip_suffix(TERMINAL) {
        Some(fixture) => (fixture, true),
        None => (fixture, false),
    };
    if fixture.is_empty() {
        Err("`run` without a fixture".into())
    } else {
        Ok(Run::In { fixture: fixture.into(), on_terminal })
    }
}

/// Commands with their output if a line begins with `$ `, or else one command a line.
fn commands(body: &[&str]) -> Vec<Command> {
    if !body.iter().any(|line| line.starts_with("$ ")) {
        let lines =
            body.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#'));
        return lines.map(|line| Command { text: line.to_owned(), output: None }).collect();
    }
    let mut commands: Vec<Command> = Vec::new();
    for line in body {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(Command { text: text.to_owned(), output: Some(Vec::new()) }),
            (None, Some(Command { output: Some(output), .. })) => output.push((*line).to_owned()),
            (None, _) => {}
        }
    }
    for output in commands.iter_mut().filter_map(|command| command.output.as_mut()) {
        while output.last().is_some_and(|line| line.is_empty()) {
            output.pop();
        }
    }
    commands
}

/// What a block should hold between its fences: all commands with these outputs.
pub fn body(outputs: &[(String, Vec<String>)]) -> Vec<String> {
    let shown = outputs.iter().map(|(command, output)| {
        let mut lines = vec![format!("$ {command}")];
        lines.extend(output.iter().cloned());
        lines
    });
    shown.collect::<Vec<_>>().join(&String::new())
}

#[test]
fn a_block_is_executed_as_the_comment_above_it_says() {
    let page = "text\n\n<!-- run: a node -->\n```\n$ kubectl a\none\n\n$ kubectl b\n```\n\
                <!-- run: continued, on a terminal -->\n\n```sh\nkubectl c   # why\n\n# a comment\nkubectl d\n```\n\
                <!-- not run: needs the internet -->\n```\nkubectl e\n```\n```yaml\na: b\n```\n";
    let blocks = blocks(page).unwrap();
    let runs: Vec<&Run> = blocks.iter().map(|block| &block.run).collect();
    let run = |fixture: &str, on_terminal| Run::In { fixture: fixture.into(), on_terminal };
    assert_eq!(
        runs,
        [&run("a node", false), &run("continued", true), &Run::Not("needs the internet".into())]
    );
    let command = |text: &str, output: Option<&[&str]>| Command {
        text: text.into(),
        output: output.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()),
    };
    assert_eq!(blocks[0].commands, [command("kubectl a", Some(&["one"])), command("kubectl b", Some(&[]))]);
    assert_eq!(blocks[1].commands, [command("kubectl c   # why", None), command("kubectl d", None)]);
    assert_eq!(blocks[0].lines, 4..8);
    let shown = [("kubectl a".to_owned(), vec!["one".to_owned()]), ("kubectl b".to_owned(), vec![])];
    assert_eq!(body(&shown), ["$ kubectl a", "one", "", "$ kubectl b"]);
}

#[test]
fn a_block_without_a_comment_or_with_half_a_comment_is_named() {
    for (page, fault) in [
        ("text\n```\nkubectl a\n```\n", "2: no <!-- run"),
        ("<!-- run: a node -->\ntext\n```\nkubectl a\n```\n", "3: no <!-- run"),
        ("<!-- run: a node -->\n```\nkubectl a\n```\n```\nkubectl b\n```\n", "5: no <!-- run"),
        ("```text\n$ kubectl a\n```\n", "1: no <!-- run"),
        ("<!-- not run: -->\n```\nkubectl a\n```\n", "2: `not run` without a reason"),
        ("<!-- run: -->\n```\nkubectl a\n```\n", "2: `run` without a fixture"),
    ] {
        let faults = blocks(page).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with(fault), "{page}: {faults:?}");
    }
}
