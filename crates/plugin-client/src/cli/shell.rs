//! Words of commands that are shown to be copied into a POSIX shell, bash or zsh. Pure.

use std::fmt::Write;

use cluster_model::text::is_hostile;

/// One word of a command line.
pub fn word(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if value.contains(is_hostile) {
        return escaped(value);
    }
    // zsh takes `=ls` for the path of ls.
    match !value.is_empty() && !value.starts_with('=') && value.chars().all(is_plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

/// ` --name VALUE`, to be appended to a command.
pub fn flag(name: &str, value: &str) -> String {
    // Else it looks like another flag.
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!(" --{name}{between}{}", word(value))
}

/// `$'a\nb'`: what is shown as an escape is also typed as one.
fn escaped(value: &str) -> String {
    let mut out = String::from("$'");
    for c in value.chars() {
        match c {
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_hostile(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_in_a_shell() {
        for (value, expected) in [
            ("kind-a@b/c:6443", "kind-a@b/c:6443"),
            ("", "''"),
            ("it's main", r"'it'\''s main'"),
            ("$(reboot)", "'$(reboot)'"),
            ("=ls", "'=ls'"),
            ("a=b", "a=b"),
            ("~", "'~'"),
            ("x\ny", r"$'x\ny'"),
            ("it's\\\u{1b}\t", r"$'it\'s\\\U0000001b\t'"),
            ("a\u{202e}b", r"$'a\U0000202eb'"),
        ] {
            assert_eq!(word(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_flag_is_kept_apart() {
        assert_eq!(flag("context", "main"), " --context main");
        assert_eq!(flag("context", "-l"), " --context=-l");
        assert_eq!(flag("context", "-a b"), " --context='-a b'");
    }

    /// What bash reads is what was meant.
    #[cfg(unix)]
    #[test]
    fn bash_reads_the_value_back() {
        for value in ["it's", "x\ny", "=ls", "a\\n'\u{1b}[31m", "\t\u{7f}", "$HOME `id`"] {
            let script = format!("printf %s {}", word(value));
            let Ok(output) = std::process::Command::new("bash").args(["-c", &script]).output() else {
                return;
            };
            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }
}
