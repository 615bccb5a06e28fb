//! The file: a list of objects, one after the other, readable by its owner alone.

use std::fs;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use plugin_client::Failure;
use plugin_client::own_file::{FileKind, OwnFile, Readers};
use serde::Serialize;

/// kubectl does not begin a list like this.
const SNAPSHOT: FileKind = FileKind {
    name: "snapshot",
    flag: "--snapshot",
    start: b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[",
    readers: Readers::Owner,
};

/// A list that is being written.
pub struct ListFile {
    file: OwnFile,
    is_empty: bool,
}

impl ListFile {
    pub fn create(path: &Path) -> Result<Self, Failure> {
        Ok(ListFile { file: OwnFile::create(path, SNAPSHOT)?, is_empty: true })
    }

    fn between(&mut self) -> Result<(), Failure> {
        let first = std::mem::replace(&mut self.is_empty, false);
        self.file.put(if first { b"\n" } else { b",\n" })
    }

    pub fn add(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        self.between()?;
        let written = serde_json::to_writer(&mut self.file, object);
        written.map_err(|error| self.file.cannot(&error.into()))
    }

    /// All objects of one kind.
    pub fn append(&mut self, kept: Items) -> Result<usize, Failure> {
        let Items { file, count } = kept;
        if count == 0 {
            return Ok(0);
        }
        self.between()?;
        let copied = file.and_then(|it| it.into_inner().map_err(Into::into)).and_then(|mut file| {
            file.rewind()?;
            // Each ends with a comma and a line; the last must not.
            let length = file.metadata()?.len().saturating_sub(2);
            io::copy(&mut file.take(length), &mut self.file)
        });
        copied.map_err(|error| self.file.cannot(&error))?;
        Ok(count)
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.file.put(b"\n]}\n")?;
        self.file.finish()
    }
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
