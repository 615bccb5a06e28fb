//! The help of each plugin: `-h` fits a screen, and `--help` is what the tables of flags on its page are made of.
//!
//! `UPDATE_DOCS=1 cargo test -p live-tests -- docs::` writes these tables.

use std::fs;
use std::path::Path;

use super::PAGES;

const START: &str = "<!-- flags -->";
const END: &str = "<!-- /flags -->";
const SCREEN: (usize, usize) = (80, 40);

#[test]
fn the_short_help_fits_a_screen() {
    for page in PAGES {
        let help = page.ask(&["-h"]);
        let (columns, rows) = SCREEN;
        assert!(help.lines().count() <= rows, "{} lines:\n{help}", help.lines().count());
        let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > columns).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert_eq!(help.lines().last(), Some("see --help for all flags"), "{help}");
        assert!(
            help.contains("--output") && help.contains("Examples:") && !help.contains("--help for more"),
            "{help}"
        );
        let all = page.ask(&["--help"]);
        let missing: Vec<String> =
            super::flags(&help).into_iter().filter(|flag| !all.contains(flag)).collect();
        assert!(missing.is_empty() && all.lines().count() > rows, "{missing:?}");
    }
}

#[test]
fn the_tables_of_flags_are_those_of_the_help() {
    let mut faults = Vec::new();
    for page in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{}.md", page.plugin));
        let text = fs::read_to_string(&path).unwrap();
        let parts = text.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
        let Some((before, (tables, after))) = parts else { panic!("{}: no {START} … {END}", page.plugin) };
        let wanted = format!("\n{}\n", tables_of(&page.ask(&["--help"])));
        if tables != wanted {
            let missing = wanted.lines().filter(|line| !tables.contains(line));
            faults.extend(missing.map(|line| format!("docs/{}.md lacks: {line}", page.plugin)));
            faults.push(format!("docs/{}.md differs from --help", page.plugin));
            if std::env::var_os("UPDATE_DOCS").is_some() {
                fs::write(&path, [before, START, &wanted, END, after].concat()).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{}\n(UPDATE_DOCS=1 corrects it)", faults.join("\n"));
}

/// One flag, as the help has it.
struct Flag {
    names: String,
    value: String,
    default: String,
    meaning: String,
}

/// Markdown tables, one for each group of the help.
fn tables_of(help: &str) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for line in help.lines() {
        let words = line.trim();
        match groups.last_mut() {
            _ if line.starts_with(|c: char| c.is_uppercase()) => {
                groups.push((words.trim_end_matches(':').to_owned(), Vec::new()));
            }
            Some((_, flags))
                if words.starts_with('-') && line.starts_with("  ") && !line.starts_with("        ") =>
            {
                flags.push(words.to_owned());
            }
            // The description of a flag goes on, if it is no example.
            Some((_, flags)) if line.starts_with("         ") => {
                let Some(flag) = flags.last_mut() else { continue };
                flag.push_str(if flag.contains("  ") { " " } else { "  " });
                flag.push_str(words);
            }
            _ => {}
        }
    }
    let tables = groups.iter().filter(|(_, flags)| !flags.is_empty()).map(|(group, flags)| {
        let rows: Vec<String> = flags.iter().map(|text| flag(text).row()).collect();
        format!(
            "**{group}**\n\n| flag | value | default | meaning |\n|---|---|---|---|\n{}\n",
            rows.join("\n")
        )
    });
    tables.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// `-o, --output <FORMAT>  Output format [default: text] [possible values: text, json]`
fn flag(text: &str) -> Flag {
    let (spec, meaning) = text.split_once("  ").unwrap_or((text, ""));
    let mut meaning = meaning.trim().to_owned();
    let mut take = |start: &str, end: char| {
        let Some(at) = meaning.find(start) else { return String::new() };
        let rest = meaning.split_off(at);
        let (taken, rest) = rest[start.len()..].split_once(end).unwrap_or_default();
        meaning = format!("{}{rest}", meaning.trim_end()).trim().to_owned();
        taken.to_owned()
    };
    let default = take("[default: ", ']') + &take("(default ", ')');
    let values = take("[possible values: ", ']');
    let names: Vec<&str> =
        spec.split(", ").map(|name| name.split([' ', '[', '<']).next().unwrap_or_default()).collect();
    let value = match spec.split_once('<') {
        // pflag's: the flag alone has a meaning too.
        Some((before, value)) if before.ends_with("[=") => {
            format!("[={}]", value.trim_end_matches(['>', ']']))
        }
        Some((before, value)) if before.ends_with('[') => {
            format!("[{}]", value.trim_end_matches(['>', ']']))
        }
        Some((_, value)) => value.trim_end_matches('>').to_owned(),
        None => String::new(),
    };
    let value = if values.is_empty() { value } else { format!("{value}: {values}") };
    Flag { names: names.join("`, `"), value, default, meaning }
}

impl Flag {
    fn row(&self) -> String {
        let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let cells = [
            quoted(&self.names),
            quoted(&self.value),
            quoted(&self.default),
            self.meaning.replace('|', "\\|"),
        ];
        format!("| {} |", cells.join(" | ")).replace("|  |", "| |").replace("|  |", "| |")
    }
}

#[test]
fn a_table_of_flags_has_what_the_help_says() {
    let help = "About: x\n\nUsage: kubectl x\n\nOptions:\n  -o, --output <FORMAT>  Output format [default: text] [possible\n                         values: text, json]\n      --dry-run[=<MODE>]     Only a|b\n\nConnection:\n      --request-timeout <DURATION>\n          How long (default 30s)\n  -h, --help  Print help\n\nExamples:\n  kubectl x --yes     do it\n                      now\n";
    let head = "| flag | value | default | meaning |\n|---|---|---|---|";
    assert_eq!(
        tables_of(help),
        format!(
            "**Options**\n\n{head}\n\
             | `-o`, `--output` | `FORMAT: text, json` | `text` | Output format |\n\
             | `--dry-run` | `[=MODE]` | | Only a\\|b |\n\n\
             **Connection**\n\n{head}\n\
             | `--request-timeout` | `DURATION` | `30s` | How long |\n\
             | `-h`, `--help` | | | Print help |"
        )
    );
}
