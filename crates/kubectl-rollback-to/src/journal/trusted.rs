//! Reads a file of the journal: only a regular file of limited size that no other user can write, and for a limited time.
//! A FIFO, a device or a network home that does not respond must not block a run, nor may others decide what `--last` writes.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// More is no journal.
pub(super) const LARGEST: u64 = 64 << 20;
/// How long a read is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// A write also waits for the disk.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// In a thread of its own, which is left behind if it takes too long: a system call that blocks cannot be cancelled.
pub(super) fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody may wait for it any more.
        let _ = sender.send(work());
    });
    receiver.recv_timeout(patience).unwrap_or_else(|_| {
        let message = format!("the file system did not respond within {patience:?}");
        Err(io::Error::new(ErrorKind::TimedOut, message))
    })
}

/// None if there is no file.
pub(super) fn lines(path: &Path) -> io::Result<Vec<String>> {
    let file = match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let unusable = |why: String| io::Error::new(ErrorKind::InvalidData, format!("{} {why}", path.display()));
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(unusable("is not a regular file; remove it".into()));
    }
    if let Some(why) = written_by_others(&metadata) {
        let fix = "check what it contains, then make it yours alone (chown, chmod 600), or remove it";
        return Err(unusable(format!("{why}; {fix}")));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(unusable(format!("is larger than {} MiB; move it away", LARGEST >> 20)));
    }
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
}

/// The file that is replaced when `path` is written: a symbolic link stays one.
pub(super) fn target(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    // As many as Linux follows; a link to a missing file is followed too, which `canonicalize` does not do.
    for _ in 0..40 {
        let Ok(next) = target.read_link() else { return target };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    path.to_owned()
}

/// Without waiting for a writer, as a FIFO has none.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Who else can have written it. root can write everything.
#[cfg(unix)]
fn written_by_others(metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    if ![own, 0].contains(&metadata.uid()) {
        return Some(format!("belongs to another user (uid {})", metadata.uid()));
    }
    let mode = metadata.mode() & 0o777;
    (mode & 0o022 != 0).then(|| format!("can be written by other users (mode {mode:04o})"))
}

#[cfg(not(unix))]
fn written_by_others(_: &Metadata) -> Option<String> {
    None
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
