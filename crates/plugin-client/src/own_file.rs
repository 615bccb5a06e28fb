//! A file that a plugin writes: beside its place, put there when it is whole, and never over a file that is none of its own.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Failure;

/// What kind of file it is.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// As in `snapshot`.
    pub name: &'static str,
    /// The flag that names the file.
    pub flag: &'static str,
    /// Nothing else begins like this: what does may be replaced.
    pub start: &'static [u8],
    pub readers: Readers,
}

/// Who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    Owner,
    /// Whoever the umask leaves.
    All,
}

/// Nothing is at its path before `finish`.
pub struct OwnFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl OwnFile {
    /// Begins with `start`.
    ///
    /// # Errors
    ///
    /// At the path is something that is not of this kind, or the file cannot be written.
    pub fn create(path: &Path, kind: FileKind) -> Result<Self, Failure> {
        let refused = |why: &str| {
            let hint = format!("name another file for {}", kind.flag);
            Err(Failure::refused(format!("{} {why}", path.display())).hint(hint))
        };
        match fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => return refused("is no regular file"),
            Ok(_) if !is_of(path, kind.start).map_err(|error| cannot_write(path, &error))? => {
                return refused(&format!("is there, and no {}", kind.name));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot_write(path, &error)),
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = temporary(folder.unwrap_or(Path::new(".")), kind.readers);
        let file = file.map_err(|error| cannot_write(path, &error))?;
        let mut own = OwnFile { path: path.to_owned(), file: BufWriter::new(file) };
        own.put(kind.start)?;
        Ok(own)
    }

    /// # Errors
    ///
    /// The file cannot be written.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| cannot_write(&self.path, &error))
    }

    pub fn cannot(&self, error: &io::Error) -> Failure {
        cannot_write(&self.path, error)
    }

    /// # Errors
    ///
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), Failure> {
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| cannot_write(&path, error.error()))?;
        file.as_file().sync_all().map_err(|error| cannot_write(&path, &error))?;
        file.persist(&path).map_err(|error| cannot_write(&path, &error.error))?;
        Ok(())
    }
}

impl Write for OwnFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An empty file holds nothing that could be lost.
fn is_of(path: &Path, start: &[u8]) -> io::Result<bool> {
    let mut found = Vec::new();
    fs::File::open(path)?.take(start.len() as u64).read_to_end(&mut found)?;
    Ok(found.is_empty() || found == start)
}

#[cfg(unix)]
fn temporary(folder: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o666,
    };
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(mode)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary(folder: &Path, _: Readers) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::failed(format!("cannot write {}", path.display())).cause(error.to_string());
    Failure { local: true, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FileKind =
        FileKind { name: "list", flag: "--list", start: b"list:", readers: Readers::Owner };

    #[test]
    fn only_files_of_its_kind_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let write = |text: &str| {
            OwnFile::create(&path, KIND).and_then(|mut file| {
                file.put(text.as_bytes())?;
                file.finish()
            })
        };
        let read = || fs::read_to_string(&path).unwrap();
        write("a").unwrap();
        write("b").unwrap();
        assert_eq!(read(), "list:b");
        drop(OwnFile::create(&path, KIND).unwrap());
        assert_eq!(read(), "list:b", "one that is not finished");
        fs::write(&path, "apiVersion: v1\n").unwrap();
        let failure = write("c").unwrap_err();
        assert!(failure.to_string().contains("no list"), "{failure}");
        assert_eq!(read(), "apiVersion: v1\n");
        fs::write(&path, "").unwrap();
        write("d").unwrap();
        assert!(OwnFile::create(folder.path(), KIND).is_err(), "a folder");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |readers: Readers| {
            let path = folder.path().join("file");
            let written = OwnFile::create(&path, FileKind { readers, ..KIND }).and_then(OwnFile::finish);
            written.unwrap();
            fs::metadata(&path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode(Readers::Owner), 0o600);
        let plain = fs::File::create(folder.path().join("plain")).unwrap();
        assert_eq!(mode(Readers::All), plain.metadata().unwrap().permissions().mode() & 0o777);
    }
}
