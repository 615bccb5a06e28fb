//! Files of the command line that are read whole: files and pipes, and never more of them than a sensible one has.

use std::fs::{File, FileType};
use std::io::{Error, Read, Result};
use std::path::Path;

const MIB: u64 = 1 << 20;
/// Hundred thousand findings fit.
const MOST: u64 = 32 * MIB;

/// A pipe may have no writer for ever: not to be called where that must not hold up the run.
///
/// # Errors
///
/// It is no file and no pipe, cannot be read, is no UTF-8, or is too large.
pub fn read(path: &Path) -> Result<String> {
    let kind = path.metadata()?.file_type();
    if !is_readable(kind) && path != Path::new("/dev/null") {
        let what = if kind.is_dir() { "a folder" } else { "a device" };
        return Err(Error::other(format!("it is {what}: a file or a pipe expected")));
    }
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST {
        true => Err(Error::other(format!("it is larger than {} MiB", MOST / MIB))),
        false => Ok(text),
    }
}

/// Process substitution and `/dev/stdin` behind a pipe are pipes.
#[cfg(unix)]
fn is_readable(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_file() || kind.is_fifo() || kind.is_socket()
}

#[cfg(not(unix))]
fn is_readable(kind: FileType) -> bool {
    !kind.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_nothing_without_an_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "failOn: error").unwrap();
        assert_eq!(read(file.path()).unwrap(), "failOn: error");
        file.as_file().set_len(MOST + 1).unwrap();
        assert_eq!(read(file.path()).unwrap_err().to_string(), "it is larger than 32 MiB");
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "it is a folder: a file or a pipe expected");
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "it is a device: a file or a pipe expected");
        assert_eq!(read(Path::new("/dev/null")).unwrap(), "");
    }
}
