//! Files of the command line that are read whole: never more of them than a sensible one has, as `/dev/zero` has no end.

use std::fs::File;
use std::io::{Error, Read, Result};
use std::path::Path;

const MIB: u64 = 1 << 20;
/// Hundred thousand findings fit.
const MOST: u64 = 32 * MIB;

/// # Errors
///
/// It cannot be read, is no UTF-8, or is too large.
pub fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST {
        true => Err(Error::other(format!("it is larger than {} MiB", MOST / MIB))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 32 MiB");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "failOn: error").unwrap();
        assert_eq!(read(file.path()).unwrap(), "failOn: error");
    }
}
