//! Keys that answer a question, as dialoguer takes and shows them; and the end of input (Ctrl-D), which dialoguer ignores, is no.

use std::io;

use dialoguer::console::{Key, Term};
use dialoguer::theme::{SimpleTheme, Theme};

use super::line::Line;

/// Yes or no: `y` and `n` change the answer, Enter gives it.
pub fn yes(terminal: &Term, prompt: &str) -> io::Result<bool> {
    let show = |answer: bool| {
        let mut text = String::new();
        SimpleTheme.format_confirm_prompt(&mut text, prompt, Some(answer)).map_err(io::Error::other)?;
        terminal.clear_line()?;
        terminal.write_str(&text)
    };
    show(false)?;
    terminal.hide_cursor()?;
    let mut answer = false;
    loop {
        answer = match terminal.read_key()? {
            Key::Enter => break,
            key if is_end(&key) => {
                answer = false;
                break;
            }
            Key::Char('y' | 'Y') => true,
            Key::Char('n' | 'N' | 'q') | Key::Escape => false,
            _ => continue,
        };
        show(answer)?;
    }
    let mut text = String::new();
    let shown = SimpleTheme.format_confirm_prompt_selection(&mut text, prompt, Some(answer));
    shown.map_err(io::Error::other)?;
    terminal.clear_line()?;
    terminal.write_line(&text)?;
    terminal.show_cursor()?;
    Ok(answer)
}

/// Whether this word is typed, and Enter after it.
pub fn typed(terminal: &Term, prompt: &str, word: &str) -> io::Result<bool> {
    let mut text = String::new();
    SimpleTheme.format_input_prompt(&mut text, prompt, None).map_err(io::Error::other)?;
    terminal.write_str(&text)?;
    let mut typed = String::new();
    let is_given = loop {
        match terminal.read_key()? {
            Key::Enter => break true,
            key if is_end(&key) => break false,
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
    Ok(is_given && typed.trim() == word)
}

/// Ctrl-D. One that was typed before keys were read comes as NUL: the terminal has taken it for the end of a line then (n_tty).
fn is_end(key: &Key) -> bool {
    matches!(key, Key::Char('\u{4}' | '\0'))
}
