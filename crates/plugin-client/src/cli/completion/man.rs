//! `__man`: the manual page, section 1. The same bytes from the same version. Pure.

use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// `command` without its mention of completion; `file` is how the program is called.
pub(super) fn page(command: Command, file: &str) -> io::Result<Vec<u8>> {
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let version = command.get_version().unwrap_or_default().to_owned();
    let name = command.get_name().replace(' ', "-");
    // What `man` and `apropos` look for.
    let man = Man::new(command.display_name(name.clone()).mut_args(with_short_heading))
        .title(name.to_uppercase())
        .source(format!("{file} {version}"))
        .manual("kubectl plugins");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    sections(&notes).to_writer(&mut page)?;
    Ok(page)
}

/// A heading is in capitals here: what stands in parentheses would be unreadable.
fn with_short_heading(flag: Arg) -> Arg {
    let short = flag.get_help_heading().and_then(|heading| Some(heading.split_once(" (")?.0.to_owned()));
    match short {
        Some(short) => flag.help_heading(short),
        None => flag,
    }
}

/// The paragraphs of a help text: `Examples:` and the lines below it as they are, others as text.
fn sections(notes: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in notes.split("\n\n").map(str::trim_end).filter(|paragraph| !paragraph.is_empty()) {
        match paragraph.split_once(":\n") {
            Some((title, lines)) if !title.contains('\n') => {
                roff.control("SH", [title.to_uppercase().as_str()]).control("nf", []);
                roff.text(lines.lines().map(|line| roman(format!("{line}\n"))).collect::<Vec<_>>());
                roff.control("fi", []);
            }
            _ => {
                roff.control("SH", ["NOTES"]).text([roman(paragraph)]);
            }
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::super::probe::command;

    #[test]
    fn a_page_has_its_sections_and_is_the_same_each_time() {
        let page = || String::from_utf8(super::page(command(), "kubectl-safe_probe").unwrap()).unwrap();
        let text = page();
        assert!(text.contains(".TH KUBECTL-SAFE-PROBE 1 "), "{text}");
        assert!(text.contains("kubectl\\-safe\\-probe \\- Probe things"), "{text}");
        for part in [
            ".SH SYNOPSIS",
            ".SH OPTIONS",
            ".SH CONNECTION\n",
            "\\fB\\-\\-yes\\fR",
            ".SH EXAMPLES\n.nf\n",
            "kubectl safe\\-probe a\n",
            ".SH NOTES\nExit codes: 0 done",
        ] {
            assert!(text.contains(part), "no {part:?} in:\n{text}");
        }
        assert!(!text.contains("vmodule") && text == page());
    }
}
