//! Keys that answer a question, which is shown as dialoguer shows it. dialoguer itself takes any y among other keys for yes, and ignores the
//! end of input (Ctrl-D), which is no.

use std::io;

use dialoguer::console::{Key, Term};
use dialoguer::theme::{SimpleTheme, Theme};

use super::line::Line;

/// Whether `y` or `yes` is typed, and Enter after it. Whatever else is typed is no: `nay` has a y in it too.
pub fn yes(terminal: &Term, prompt: &str) -> io::Result<bool> {
    let mut text = String::new();
    SimpleTheme.format_confirm_prompt(&mut text, prompt, Some(false)).map_err(io::Error::other)?;
    Ok(line(terminal, text.trim_end())?.is_some_and(|it| is_yes(&it)))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
}

/// Whether this word is typed, and Enter after it.
pub fn typed(terminal: &Term, prompt: &str, word: &str) -> io::Result<bool> {
    let mut text = String::new();
    SimpleTheme.format_input_prompt(&mut text, prompt, None).map_err(io::Error::other)?;
    Ok(line(terminal, text.trim_end())?.is_some_and(|it| it == word))
}

/// What is typed until Enter, without the spaces around it. Escape begins anew.
fn line(terminal: &Term, prompt: &str) -> io::Result<Option<String>> {
    terminal.write_str(prompt)?;
    terminal.write_str(" ")?;
    let mut typed = String::new();
    let is_given = loop {
        match terminal.read_key()? {
            Key::Enter => break true,
            key if is_end(&key) => break false,
            Key::Escape => {
                terminal.clear_chars(Line::from(std::mem::take(&mut typed)).width())?;
            }
            Key::Backspace => {
                if let Some(last) = typed.pop() {
                    terminal.clear_chars(Line::from(last.to_string()).width())?;
                }
            }
            Key::Char(c) if !c.is_control() => {
                typed.push(c);
                terminal.write_str(c.encode_utf8(&mut [0; 4]))?;
            }
            _ => {}
        }
    };
    terminal.write_line("")?;
    Ok(is_given.then(|| typed.trim().to_owned()))
}

/// Ctrl-D. One that was typed before keys were read comes as NUL: the terminal has taken it for the end of a line then (n_tty).
fn is_end(key: &Key) -> bool {
    matches!(key, Key::Char('\u{4}' | '\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_yes_is_one() {
        for (answer, expected) in [
            ("y", true),
            ("Yes", true),
            ("", false),
            ("n", false),
            ("nay", false),
            ("not yet", false),
            ("no way", false),
            ("yse", false),
            ("yy", false),
        ] {
            assert_eq!(is_yes(answer), expected, "{answer}");
        }
    }
}
