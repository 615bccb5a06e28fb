//! `--fix=DIR`: proven patches as files, and the commands that use them. Nothing that exists is overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use plugin_client::{Failure, shell, to_yaml};

use crate::finding::{Change, Finding, Offer};

/// Files of one name.
const MOST: u32 = 1000;

/// Writes every proven fix, and replaces its commands by those that use the files.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(folder: &Path, findings: &mut [Finding]) -> Result<usize, Failure> {
    let cannot = |path: &Path, error: &io::Error| {
        let failure = Failure::refused(format!("cannot write {}", path.display())).cause(error.to_string());
        Failure { local: true, ..failure }
    };
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let mut count = 0;
    for finding in findings {
        let id = finding.id;
        let Some(Offer::Fix(fix)) = &mut finding.offer else { continue };
        if fix.partial.is_some() {
            continue;
        }
        let mut commands = Vec::new();
        for change in fix.changes() {
            let (path, mut file) =
                free(folder, &name(id, change)).map_err(|(path, error)| cannot(&path, &error))?;
            file.write_all(to_yaml(&change.patch).as_bytes()).map_err(|error| cannot(&path, &error))?;
            let word = shell::word(&path.to_string_lossy());
            commands.push(match change.creates {
                true => format!("kubectl create -f {word}"),
                false => format!("{} --patch-file {word}", change.kubectl_patch()),
            });
            count += 1;
        }
        fix.commands = commands;
    }
    Ok(count)
}

/// A new file: under the next number if there is one of that name, of an earlier run or of another finding.
fn free(folder: &Path, name: &str) -> Result<(PathBuf, File), (PathBuf, io::Error)> {
    let mut number = 1;
    loop {
        let path =
            folder.join(if number == 1 { format!("{name}.yaml") } else { format!("{name}-{number}.yaml") });
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST => number += 1,
            Err(error) => return Err((path, error)),
        }
    }
}

/// Names of objects in files may be anything; this one is a name within the folder.
fn name(id: &str, change: &Change) -> String {
    let target = &change.target;
    let words = [id, &target.namespace, &target.kind.to_lowercase(), &target.name].join("-");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    words.chars().map(|c| if is_plain(c) { c } else { '_' }).take(200).collect()
}
