//! The file: written beside its place, readable by its owner alone, and put there when it is whole.

use std::fs;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use plugin_client::Failure;
use serde::Serialize;
use tempfile::NamedTempFile;

/// As kubectl does not begin a list: what begins with this may be replaced.
const START: &[u8] = b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[";

/// An empty file holds nothing that could be lost.
fn is_snapshot(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(START.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == START)
}

/// A list that is being written.
pub struct ListFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    is_empty: bool,
}

impl ListFile {
    pub fn create(path: &Path) -> Result<Self, Failure> {
        match fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => {
                return Err(Failure::refused(format!("{} is no regular file", path.display()))
                    .hint("name another file for --snapshot"));
            }
            Ok(_) if !is_snapshot(path).map_err(|error| cannot(path, &error))? => {
                return Err(Failure::refused(format!("{} is there, and no snapshot", path.display()))
                    .hint("name another file for --snapshot"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(path, &error)),
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // With mode 0600.
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|e| cannot(path, &e))?;
        let mut list = ListFile { path: path.to_owned(), file: BufWriter::new(file), is_empty: true };
        list.write(START)?;
        Ok(list)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| cannot(&self.path, &error))
    }

    fn between(&mut self) -> Result<(), Failure> {
        let first = std::mem::replace(&mut self.is_empty, false);
        self.write(if first { b"\n" } else { b",\n" })
    }

    pub fn add(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        self.between()?;
        let written = serde_json::to_writer(&mut self.file, object);
        written.map_err(|error| cannot(&self.path, &error.into()))
    }

    /// All objects of one kind.
    pub fn append(&mut self, kept: Items) -> Result<usize, Failure> {
        let path = self.path.clone();
        let cannot = |error: io::Error| cannot(&path, &error);
        let Items { file, count } = kept;
        if count == 0 {
            return Ok(0);
        }
        self.between()?;
        let mut file = file.and_then(|it| it.into_inner().map_err(Into::into)).map_err(cannot)?;
        file.rewind().map_err(cannot)?;
        // Each ends with a comma and a line; the last must not.
        let length = file.metadata().map_err(cannot)?.len().saturating_sub(2);
        io::copy(&mut file.take(length), &mut self.file).map_err(cannot)?;
        Ok(count)
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.write(b"\n]}\n")?;
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| cannot(&path, error.error()))?;
        file.as_file().sync_all().map_err(|error| cannot(&path, &error))?;
        file.persist(&path).map_err(|error| cannot(&path, &error.error))?;
        Ok(())
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::failed(format!("cannot write {}", path.display())).cause(error.to_string());
    Failure { local: true, ..failure }
}

/// Objects of one kind, stored until the last page of their list was read.
pub struct Items {
    file: io::Result<BufWriter<fs::File>>,
    count: usize,
}

impl Items {
    pub fn new() -> Self {
        Items { file: tempfile::tempfile().map(BufWriter::new), count: 0 }
    }

    pub fn add(&mut self, object: &impl Serialize) {
        let Ok(file) = &mut self.file else { return };
        let written = serde_json::to_writer(&mut *file, object).map_err(io::Error::from);
        match written.and_then(|()| file.write_all(b",\n")) {
            Ok(()) => self.count += 1,
            // The list is not whole, which its user finds here.
            Err(error) => self.file = Err(error),
        }
    }

    pub fn is_broken(&self) -> bool {
        self.file.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let write = || ListFile::create(&path).and_then(ListFile::finish);
        write().unwrap();
        write().unwrap();
        fs::write(&path, "apiVersion: v1\nkind: Config\n").unwrap();
        let failure = write().unwrap_err();
        assert!(failure.to_string().contains("no snapshot"), "{failure}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "apiVersion: v1\nkind: Config\n");
        fs::write(&path, "").unwrap();
        write().unwrap();
        assert!(ListFile::create(folder.path()).is_err(), "a folder");
    }
}
