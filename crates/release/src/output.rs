//! What the commands print.

use std::io::{Write, stderr, stdout};

pub fn print(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

pub fn complain(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
