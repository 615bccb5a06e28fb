//! The journal as a file of lines: replaced whole and under a lock, or not touched, also by several processes; and kept short.
//! Who cannot have the lock in time leaves its line in a file of its own beside it, which every reader sees and the next writer merges.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::trusted;

/// Runs that are kept.
pub(super) const KEPT: usize = 200;
/// Of their beginnings; a completion adds little. Well below what is read.
const KEPT_BYTES: usize = trusted::LARGEST as usize / 2;
/// A process that was stopped while it held the lock must not hold up a rollback.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// What waits to be merged.
const ASIDE: &str = "aside";

/// One line more. The message of the error `WouldBlock` names the file it was written to instead.
pub(super) fn append(path: &Path, line: &str, patience: Duration) -> io::Result<()> {
    let (path, line) = (path.to_owned(), line.to_owned());
    trusted::within(patience + trusted::WRITE_PATIENCE, move || add(&trusted::target(&path), &line, patience))
}

fn add(path: &Path, line: &str, patience: Duration) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    private_folder(folder)?;
    let Some(_lock) = locked(&path.with_extension("lock"), patience) else {
        let aside = named(path, ASIDE);
        write_whole(path, &aside, line)?;
        let message = format!(
            "could not lock the journal within {patience:?}: the entry is in {} and the next run merges it",
            aside.display()
        );
        return Err(io::Error::new(ErrorKind::WouldBlock, message));
    };
    let aside = aside(path)?;
    let mut lines = merged(trusted::lines(path)?, read_all(&aside)?);
    lines.push(line.to_owned());
    write_whole(path, path, &shortened(&lines).join("\n"))?;
    // Who dies before this leaves lines that are there already, and they are passed over.
    aside.iter().try_for_each(fs::remove_file)
}

/// None if there is no file.
pub(super) fn lines(path: &Path) -> io::Result<Vec<String>> {
    let path = path.to_owned();
    trusted::within(trusted::PATIENCE, move || {
        let path = trusted::target(&path);
        // In this order: what is merged meanwhile is then read twice, and not missed.
        let aside = read_all(&aside(&path)?)?;
        Ok(merged(trusted::lines(&path)?, aside))
    })
}

/// Lines that were left aside stand where they belong: a run behind the last that began before it, and its end behind all. Pure.
pub(super) fn merged(mut lines: Vec<String>, aside: Vec<String>) -> Vec<String> {
    for line in aside {
        if lines.contains(&line) {
            continue;
        }
        let began = began(&line);
        let before = |other: &String| self::began(other).is_some_and(|other| Some(other) <= began);
        let place = match began {
            Some(_) => lines.iter().rposition(before).map_or(0, |at| at + 1),
            None => lines.len(),
        };
        lines.insert(place, line);
    }
    lines
}

/// When the run of this line began; `None` for what is no beginning.
fn began(line: &str) -> Option<Timestamp> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("workloads")?;
    value["time"].as_str()?.parse().ok()
}

fn aside(path: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(folder) = path.parent().filter(|folder| folder.exists()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?.path();
        let own = entry.file_name().and_then(OsStr::to_str).zip(path.file_stem().and_then(OsStr::to_str));
        let is_own =
            own.is_some_and(|(name, stem)| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')));
        if is_own && entry.extension().is_some_and(|extension| extension == ASIDE) {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

fn read_all(paths: &[PathBuf]) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for path in paths {
        lines.extend(trusted::lines(path)?);
    }
    Ok(lines)
}

/// Without the oldest runs, and what cannot be read. The last run is kept whatever its size.
fn shortened(lines: &[String]) -> Vec<&str> {
    let parsed: Vec<(Value, &String)> =
        lines.iter().filter_map(|line| Some((serde_json::from_str(line).ok()?, line))).collect();
    let runs: Vec<(&Value, usize)> = parsed
        .iter()
        .filter(|(line, _)| line.get("workloads").is_some())
        .map(|(line, text)| (&line["id"], text.len()))
        .collect();
    let mut size = 0;
    let fits = |(_, length): &&(&Value, usize)| {
        let is_last = size == 0;
        size += length;
        is_last || size <= KEPT_BYTES
    };
    let kept: Vec<&Value> = runs.iter().rev().take(KEPT).take_while(fits).map(|(id, _)| *id).collect();
    parsed.iter().filter(|(line, _)| kept.contains(&&line["id"])).map(|(_, line)| line.as_str()).collect()
}

/// Readers never see a part of it: written to another file, and then renamed.
fn write_whole(path: &Path, to: &Path, text: &str) -> io::Result<()> {
    let new = named(path, "new");
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_data());
    let done = written.and_then(|()| fs::rename(&new, to));
    if done.is_err() {
        // The first error counts.
        let _ = fs::remove_file(&new);
    }
    done
}

/// `journal.PID-N.EXTENSION`, which no other process writes.
fn named(path: &Path, extension: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{count}.{extension}", std::process::id()))
}

/// `None` when it cannot be had soon, or the file system has no locks.
fn locked(path: &Path, patience: Duration) -> Option<File> {
    let path = path.to_owned();
    // Too late: then the file is dropped, and with it the lock.
    let lock = trusted::within(patience, move || {
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
        file.lock().map(|()| file)
    });
    lock.ok()
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

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
