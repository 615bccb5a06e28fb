//! Kubernetes objects in files, as `kubectl get -o json|yaml` and `kubectl cluster-info dump` write them, one at a time: a list of any size
//! is never in memory as a whole. Does I/O; knows no kind of object.
//!
//! What is not whole or not understood is an error: half a file would look like a small cluster.

mod age;
mod duplicates;
mod input;
mod json;
mod lines;
mod object;
mod yaml;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use k8s_openapi::jiff::Timestamp;

use crate::Failure;
pub use age::age;
pub use duplicates::Duplicates;
use input::Input;
pub use input::STDIN;
pub use object::{Entry, KUSTOMIZATION, Object, TEMPLATE, Visit};
use object::{Head, bad};

const BUFFER: usize = 1 << 18;

/// Of one object, or of a document that is parsed as a whole: so much of a file is in memory. The API server accepts 3 MiB an object.
const LIMIT: usize = 8 << 20;

fn too_large() -> String {
    format!("larger than {} MiB, which no object is", LIMIT >> 20)
}

/// The files of one dump. They can be read several times.
#[derive(Debug)]
pub struct Dump {
    name: String,
    files: Vec<Input>,
}

impl Dump {
    /// A file, a folder with files, or `-` for stdin.
    ///
    /// # Errors
    ///
    /// There is nothing to read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_at_most(path, u64::MAX)
    }

    /// The same of files that have no more than so many bytes together: no more is stored of a stream.
    ///
    /// # Errors
    ///
    /// There is nothing to read, or more.
    pub fn open_at_most(path: &Path, bytes: u64) -> Result<Self, Failure> {
        Ok(Dump { name: input::name(path), files: input::open(path, bytes)? })
    }

    /// Of one text, as if it was a file.
    ///
    /// # Errors
    ///
    /// No temporary file can be written.
    pub fn of_text(name: &str, text: &[u8]) -> Result<Self, Failure> {
        Ok(Dump { name: name.to_owned(), files: vec![Input::spooled(name, &mut &*text, u64::MAX)?] })
    }

    /// As it was named: `cluster.json`, `stdin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the oldest of its files was last written; not known of a stream.
    pub fn modified(&self) -> Option<Timestamp> {
        let times: Option<Vec<Timestamp>> = self.files.iter().map(Input::modified).collect();
        times?.into_iter().min()
    }

    /// Every object, in the order of the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is not whole; or what `visit` fails with.
    pub fn read(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        self.files.iter().try_for_each(|input| read(input, visit))
    }
}

/// Why the reading of a file ends.
enum Stop {
    Failed(Failure),
    /// The items of this document, counted from 0, have no kind, and the kind of their list comes behind them.
    KindAfterItems(usize),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// From which document on, and what its list is if that is known already.
#[derive(Default)]
struct Start {
    document: usize,
    head: Option<Head>,
}

fn read(input: &Input, visit: &mut Visit<'_>) -> Result<(), Failure> {
    let name = input.name();
    let mut start = Start::default();
    loop {
        let (mut reader, is_json) = opened(input)?;
        let end = match is_json {
            true => json::read(&mut reader, name, &start, visit),
            false => yaml::read(&mut reader, name, &start, visit),
        };
        let document = match end {
            Ok(()) => return Ok(()),
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::KindAfterItems(document)) => document,
        };
        let (mut reader, _) = opened(input)?;
        let head = match is_json {
            true => json::head(&mut reader, name, document),
            false => yaml::head(&mut reader, name, document),
        }?;
        if head.kind.is_none() || start.head.is_some() && start.document == document {
            return Err(bad(name, "a list in it has no kind").hint(object::COMPLETE));
        }
        start = Start { document, head: Some(head) };
    }
}

/// At the first character that counts, and whether that begins JSON.
fn opened(input: &Input) -> Result<(BufReader<File>, bool), Failure> {
    let name = input.name();
    let cannot = |error: std::io::Error| bad(name, error.to_string());
    let mut reader = BufReader::with_capacity(BUFFER, input.start()?);
    let start = reader.fill_buf().map_err(cannot)?;
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(bad(name, "it is UTF-16, as PowerShell's `>` writes it")
                .hint("write UTF-8: `kubectl get … -o json | Out-File -Encoding utf8 FILE`"));
        }
        [0x1f, 0x8b, ..] => return Err(bad(name, "it is compressed").hint("gunzip it first")),
        [0xef, 0xbb, 0xbf, ..] => reader.consume(3),
        _ => {}
    }
    loop {
        let buffer = reader.fill_buf().map_err(cannot)?;
        match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) => {
                let is_json = matches!(buffer[at], b'{' | b'[');
                // The indentation of a first line of YAML counts; in JSON the lines do, for error messages.
                return Ok((reader, is_json));
            }
            None if buffer.is_empty() => return Err(bad(name, "it is empty")),
            // Only a file of nothing but space gets here.
            None => {
                let length = buffer.len();
                reader.consume(length);
            }
        }
    }
}

#[cfg(test)]
mod tests;
