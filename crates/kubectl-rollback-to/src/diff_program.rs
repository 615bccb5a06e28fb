//! The user's own diff program for `--diff=full`, under kubectl's variable and by kubectl's rule (`kubectl/pkg/cmd/diff/diff.go`).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use plugin_client::Failure;

const VARIABLE: &str = "KUBECTL_EXTERNAL_DIFF";

/// `None`: the user has no such program. `Some(true)`: it found differences.
pub fn external(from: &str, to: &str) -> Result<Option<bool>, Failure> {
    match std::env::var(VARIABLE) {
        Ok(command) if !command.trim().is_empty() => run(&command, from, to).map(Some),
        _ => Ok(None),
    }
}

pub fn is_set() -> bool {
    std::env::var(VARIABLE).is_ok_and(|command| !command.trim().is_empty())
}

fn run(command: &str, from: &str, to: &str) -> Result<bool, Failure> {
    let (program, arguments) = split(command);
    let failed = |why: String| {
        Failure::failed(format!("cannot compare with {VARIABLE}={command}"))
            .cause(why)
            .hint(format!("unset {VARIABLE} for the built-in comparison"))
    };
    let io = |error: io::Error| failed(error.to_string());
    // Removed when dropped. Hidden values are hidden here too, but other users must not read a template.
    let directory = private_directory().map_err(io)?;
    let (left, right) = (directory.path().join("LIVE"), directory.path().join("TARGET"));
    write(&left, from).and_then(|()| write(&right, to)).map_err(io)?;
    let status = Command::new(program)
        .args([left.as_os_str(), right.as_os_str()])
        .args(arguments.iter().map(OsStr::new))
        // What it prints is for the eyes: stdout belongs to the result alone.
        .stdout(Stdio::from(io::stderr()))
        .status()
        .map_err(io)?;
    // diff(1): 1 is "they differ", more is an error.
    match status.code() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(code) => Err(failed(format!("it ended with exit code {code}"))),
        None => Err(failed(status.to_string())),
    }
}

/// The program and those of its arguments that kubectl passes on: letters, digits, dashes and equals signs.
fn split(command: &str) -> (&str, Vec<&str>) {
    let mut words = command.split(' ').filter(|word| !word.is_empty());
    let program = words.next().unwrap_or_default();
    let simple = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '='));
    (program, words.filter(simple).collect())
}

fn private_directory() -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("kubectl-rollback-to-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

/// Two directories, as kubectl passes them: tools that are set up for it expect nothing else.
fn write(directory: &Path, yaml: &str) -> io::Result<()> {
    fs::create_dir(directory)?;
    fs::write(directory.join("template.yaml"), yaml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_as_kubectl_reads_them() {
        assert_eq!(split("diff"), ("diff", vec![]));
        assert_eq!(split("diff -u  --color=always"), ("diff", vec!["-u", "--color=always"]));
        assert_eq!(split("sh -c 'rm x' ;"), ("sh", vec!["-c"]));
        assert_eq!(
            split("/usr/bin/dyff between --set-exit-code"),
            ("/usr/bin/dyff", vec!["between", "--set-exit-code"])
        );
    }

    #[cfg(unix)]
    mod program {
        use super::*;
        use std::os::unix::fs::PermissionsExt;

        /// A program of our own that leaves a trace of what it saw.
        fn program(text: &str) -> (tempfile::TempDir, String) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("differ");
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            let path = path.display().to_string();
            (directory, path)
        }

        #[test]
        fn it_gets_two_private_directories_that_are_gone_afterwards() {
            let trace = tempfile::NamedTempFile::new().unwrap();
            let script = format!(
                "{{ stat -c %a \"$(dirname \"$1\")\"; cat \"$1\"/* \"$2\"/*; echo \"$3\"; echo \"$1\"; }} > {}\nexit 1",
                trace.path().display()
            );
            let (_kept, path) = program(&script);
            assert!(run(&format!("{path} -u"), "a: 1\n", "a: 2\n").unwrap());
            let trace = fs::read_to_string(trace.path()).unwrap();
            let seen: Vec<&str> = trace.lines().collect();
            assert_eq!(&seen[..4], ["700", "a: 1", "a: 2", "-u"]);
            assert!(!Path::new(seen[4]).exists(), "{}", seen[4]);
        }

        #[test]
        fn exit_codes_of_diff() {
            for (code, found) in [(0, Some(false)), (1, Some(true)), (2, None)] {
                let (_kept, path) = program(&format!("exit {code}"));
                let answer = run(&path, "a", "b");
                match (found, answer) {
                    (Some(found), Ok(answer)) => assert_eq!(answer, found, "{code}"),
                    (None, Err(failure)) => {
                        assert_eq!(failure.cause.as_deref(), Some("it ended with exit code 2"));
                    }
                    (_, answer) => panic!("{code}: {answer:?}"),
                }
            }
            let failure = run("/no/such/program", "a", "b").unwrap_err();
            assert_eq!(failure.message, "cannot compare with KUBECTL_EXTERNAL_DIFF=/no/such/program");
        }
    }
}
