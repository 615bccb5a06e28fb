//! The files of a dump: one, all of a folder, or a stream that is stored first because it is read more than once.

use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::Timestamp;

use super::object::bad;
use crate::{Exit, Failure};

/// Folders in folders, at most.
const DEPTH: usize = 16;

/// What stdin is called where a file would be named.
pub const STDIN: &str = "stdin";
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

#[derive(Debug)]
pub(super) struct Input {
    name: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Of a folder: opened when it is read, since there may be more of them than a process may open.
    Path(PathBuf),
    /// The same file in every pass, whatever becomes of its name.
    Open(File),
    /// A stream that was stored.
    Spooled(File),
}

pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) { STDIN.to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Of files that are larger together than this, `bad` says so.
pub(super) fn open(path: &Path, at_most: u64) -> Result<Vec<Input>, Failure> {
    let name = name(path);
    if is_stdin(path) {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("stdin is a terminal: there is nothing to read")
                .hint("kubectl get … -o json | kubectl … --from -"));
        }
        return Ok(vec![Input::spooled(&name, &mut io::stdin().lock(), at_most)?]);
    }
    let cannot = |error: io::Error| match error.kind() {
        // The command line names what is not there.
        io::ErrorKind::NotFound => bad(&name, error.to_string()).exit(Exit::Usage),
        _ => bad(&name, error.to_string()),
    };
    let metadata = fs::metadata(path).map_err(cannot)?;
    if metadata.is_dir() {
        let mut files = Vec::new();
        walk(path, 0, &mut files)?;
        if files.is_empty() {
            return Err(bad(&name, "there is no .json, .yaml or .yml file in this folder"));
        }
        files.sort();
        let sizes = files.iter().filter_map(|it| Some(fs::metadata(it).ok()?.len()));
        if sizes.fold(0, u64::saturating_add) > at_most {
            return Err(too_much(&name, at_most));
        }
        let input = |path: PathBuf| Input { name: self::name(&path), source: Source::Path(path) };
        return Ok(files.into_iter().map(input).collect());
    }
    if metadata.is_file() {
        if metadata.len() > at_most {
            return Err(too_much(&name, at_most));
        }
        let file = File::open(path).map_err(cannot)?;
        return Ok(vec![Input { name, source: Source::Open(file) }]);
    }
    if !is_pipe(&metadata) {
        return Err(bad(&name, "it is a device or a socket, and no file"));
    }
    let mut pipe = File::open(path).map_err(cannot)?;
    Ok(vec![Input::spooled(&name, &mut pipe, at_most)?])
}

fn too_much(name: &str, at_most: u64) -> Failure {
    bad(name, format!("it has more than {} MiB", at_most >> 20))
}

#[cfg(unix)]
fn is_pipe(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

/// Links to files are followed, links to folders are not: they could lead in a circle.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let cannot = |error: io::Error| bad(&name(folder), error.to_string());
    if depth > DEPTH {
        return Err(bad(&name(folder), format!("there are more than {DEPTH} folders in each other")));
    }
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let path = entry.path();
        if entry.file_type().map_err(cannot)?.is_dir() {
            walk(&path, depth + 1, files)?;
            continue;
        }
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if EXTENSIONS.contains(&extension) && fs::metadata(&path).is_ok_and(|it| it.is_file()) {
            files.push(path);
        }
    }
    Ok(())
}

impl Input {
    pub fn spooled(name: &str, stream: &mut dyn Read, at_most: u64) -> Result<Self, Failure> {
        let mut store = || -> io::Result<(File, u64)> {
            let mut file = tempfile::tempfile()?;
            let copied = io::copy(&mut stream.take(at_most.saturating_add(1)), &mut file)?;
            Ok((file, copied))
        };
        let stored = store().map_err(|error| bad(name, format!("it could not be stored: {error}")))?;
        let (file, copied) = stored;
        if copied > at_most {
            return Err(too_much(name, at_most));
        }
        Ok(Input { name: name.to_owned(), source: Source::Spooled(file) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn modified(&self) -> Option<Timestamp> {
        let metadata = match &self.source {
            Source::Path(path) => fs::metadata(path),
            Source::Open(file) => file.metadata(),
            Source::Spooled(_) => return None,
        };
        Timestamp::try_from(metadata.ok()?.modified().ok()?).ok()
    }

    /// From its first byte.
    pub fn start(&self) -> Result<File, Failure> {
        let open = || match &self.source {
            Source::Path(path) => File::open(path),
            Source::Open(file) | Source::Spooled(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
        };
        open().map_err(|error| bad(&self.name, error.to_string()))
    }
}
