//! `--fix=DIR`: proven patches as files, and the commands that use them. Nothing that exists is overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use plugin_client::{Failure, shell, to_yaml};

use crate::finding::{Change, Finding, Offer};

/// Files of one name.
const MOST: u32 = 1000;

/// Writes every proven fix, and replaces its commands, if it has some, by those that use the files.
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
        if !fix.is_for_files() {
            fix.commands = commands;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Fix, Location, Proof, Severity, Subject};
    use serde_json::json;

    fn finding(id: &'static str, partial: Option<&str>, names: &[&str]) -> Finding {
        let change = |name: &&str| Change {
            creates: name.starts_with("new-"),
            target: Subject::new("Deployment", "shop", name),
            patch: json!({"metadata": {"name": name, "of": id}}),
            location: None,
        };
        let mut changes = names.iter().map(change);
        let fix = Fix {
            first: changes.next().unwrap(),
            also: changes.collect(),
            proof: Proof { accepted: true, fits: true, resolved: true, no_worse: true },
            partial: partial.map(str::to_owned),
            is_by_server: true,
            commands: Vec::new(),
        };
        Finding {
            id,
            name: "n",
            severity: Severity::Error,
            subject: Subject::new("Deployment", "shop", names[0]),
            message: String::new(),
            remedy: String::new(),
            location: None,
            offer: Some(Offer::Fix(Box::new(fix))),
        }
    }

    #[test]
    fn files_of_one_name_are_numbered_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (first, second, third) = (
            "HC201-shop-deployment-web.yaml",
            "HC201-shop-deployment-web-2.yaml",
            "HC201-shop-deployment-web-3.yaml",
        );
        fs::write(at(first), "of an earlier run").unwrap();
        // Two changes of one object in a fix, another fix of it, one of another check, and one that is not proven.
        let mut findings = [
            finding("HC201", None, &["web", "web"]),
            finding("HC201", None, &["web", "new-web"]),
            finding("HC203", None, &["web"]),
            finding("HC204", Some("no room"), &["web"]),
        ];
        assert_eq!(write(folder.path(), &mut findings).unwrap(), 5);
        assert_eq!(fs::read_to_string(at(first)).unwrap(), "of an earlier run");
        let commands = findings.map(|it| it.offer.unwrap().fix().unwrap().commands.clone());
        let patch = |name: &str| {
            let file = at(name);
            format!("kubectl patch deployment web --namespace shop --patch-file {}", file.display())
        };
        assert_eq!(commands[0], [patch(second), patch(third)], "in the order in which they are to be made");
        let created = format!("kubectl create -f {}", at("HC201-shop-deployment-new-web.yaml").display());
        assert_eq!(commands[1], [patch("HC201-shop-deployment-web-4.yaml"), created]);
        assert_eq!(commands[2], [patch("HC203-shop-deployment-web.yaml")]);
        assert_eq!(commands[3], [""; 0], "what is not proven is not written");
        assert!(fs::read_to_string(at(third)).unwrap().contains("of: HC201"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1 + 5);

        let mut in_files = finding("HC301", None, &["web"]);
        let Some(Offer::Fix(fix)) = &mut in_files.offer else { panic!() };
        fix.first.location = Some(Location { file: "web.yaml".to_owned(), line: None });
        assert_eq!(write(folder.path(), std::slice::from_mut(&mut in_files)).unwrap(), 1);
        assert_eq!(in_files.offer.unwrap().fix().unwrap().commands, [""; 0], "no cluster has it");
    }
}
