//! Names that were typed, and become a part of a path: one with a question mark would mean another object.

use crate::Failure;

/// `word` is what it was typed in, as in `deployment/web`.
///
/// # Errors
///
/// No object can have this name.
pub fn checked<'n>(word: &str, name: &'n str) -> Result<&'n str, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    match name.chars().find(|c| !is_plain(*c)) {
        Some(c) => Err(Failure::usage(format!("{word}: no name has a {c:?}"))),
        None if matches!(name, "" | "." | "..") => {
            Err(Failure::usage(format!("{word}: {name:?} is no name")))
        }
        None => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_another_path_is_no_name() {
        for name in ["web", "web-0", "a.b.example.com", "system:node"] {
            assert_eq!(checked("w", name).unwrap(), name);
        }
        for name in ["web?dryRun=All", "web/scale", "..", ".", "", "a b", "a%2Fb", "a#b", "ä"] {
            assert!(checked("w", name).is_err(), "{name}");
        }
    }
}
