//! The journal as a file of lines: appended whole or not at all, also by several processes, and kept short.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Runs that are kept.
pub(super) const KEPT: usize = 200;
/// A process that was stopped while it held the lock must not hold up a rollback.
const PATIENCE: Duration = Duration::from_millis(500);

/// One line more, with one write.
pub(super) fn append(path: &Path, line: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    private_folder(folder)?;
    // Only who shortens the file needs the lock; a line is appended without it if need be.
    let lock = locked(&path.with_extension("lock"));
    if lock.is_some() {
        shorten(path)?;
    }
    let mut file = private(OpenOptions::new().append(true).read(true).create(true)).open(path)?;
    make_private(&file)?;
    // Whoever died in the middle of a line takes only that one with them.
    let torn = file.seek(SeekFrom::End(-1)).is_ok() && {
        let mut byte = [b'\n'];
        file.read_exact(&mut byte).is_ok() && byte != [b'\n']
    };
    // Not synced: it is there for whoever dies here, and waiting for a disk is no help in an incident.
    file.write_all(format!("{}{line}\n", if torn { "\n" } else { "" }).as_bytes())
}

/// None if there is no file.
pub(super) fn lines(path: &Path) -> io::Result<Vec<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Drops the oldest runs, and what cannot be read. Only under the lock.
fn shorten(path: &Path) -> io::Result<()> {
    let lines = lines(path)?;
    let parsed: Vec<(Value, &String)> =
        lines.iter().filter_map(|line| Some((serde_json::from_str(line).ok()?, line))).collect();
    let runs: Vec<&Value> = parsed
        .iter()
        .filter(|(line, _)| line.get("workloads").is_some())
        .map(|(line, _)| &line["id"])
        .collect();
    // The one that is about to be appended has room.
    if runs.len() < KEPT {
        return Ok(());
    }
    let kept = &runs[runs.len() + 1 - KEPT..];
    let short: String = parsed
        .iter()
        .filter(|(line, _)| kept.contains(&&line["id"]))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    file.write_all(short.as_bytes())?;
    file.sync_data()?;
    fs::rename(&new, path)
}

/// `None` when it cannot be had soon, or the file system has no locks.
fn locked(path: &Path) -> Option<File> {
    let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(path).ok()?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let locked = file.lock().ok().map(|()| file);
        // Too late: then it is dropped, and with it the lock.
        let _ = tell.send(locked);
    });
    told.recv_timeout(PATIENCE).ok().flatten()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Also one that was there before.
#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_: &File) -> io::Result<()> {
    Ok(())
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
