//! What a plugin prints about wrong input, and how that is checked.

use std::path::{Path, PathBuf};

use ::testbed::Room;
use serde_json::Value;

use crate::plugin::{Outcome, Run, text};
use crate::untouched::untouched;

/// What is wrong, how it ends, what the error names and what the hint offers.
pub struct Case<'a> {
    pub args: &'a [&'a str],
    pub code: i32,
    pub error: &'a str,
    pub hint: &'a str,
}

/// Once for people, once for programs.
#[track_caller]
pub fn check<'r>(
    room: &'r Room<'r>,
    plugin: fn(&'r Room<'r>, &[&str]) -> Run<'r>,
    kubeconfig: Option<&Path>,
    case: &Case<'_>,
) {
    let run = |more: &[&str]| {
        let run = plugin(room, &[case.args, more].concat());
        untouched(room, &kubeconfig.iter().fold(run, |run, path| run.kubeconfig(path)))
    };
    let plain = run(&["--yes"]);
    let context = format!("{:?}: {plain}", case.args);
    let error = only_error(&plain);
    assert_eq!(plain.code, case.code, "{context}");
    assert!(error.contains(case.error), "no {:?} in the error\n{context}", case.error);
    assert!(!error.contains('{') && error.chars().count() < 400, "not fit to be read\n{context}");
    assert!(plain.err.contains(case.hint), "no hint {:?}\n{context}", case.hint);
    assert_eq!(plain.out, "", "{context}");

    let json = run(&["--yes", "-o", "json"]);
    assert_eq!(json.code, case.code, "{json}");
    let report = json.report();
    let result = match case.code {
        2 | 3 => "refused",
        124 => "timeout",
        _ => "failed",
    };
    assert_eq!(text(&report, "result"), result, "{json}");
    assert!(text(&report, "error").contains(case.error), "{json}");
    only_error(&json);
}

/// The one error line.
#[track_caller]
pub fn only_error(outcome: &Outcome) -> String {
    let errors: Vec<&str> = outcome.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{outcome}");
    errors[0].to_owned()
}

/// The administrator's kubeconfig, changed.
pub fn kubeconfig_with(room: &Room<'_>, folder: &Path, name: &str, edit: impl FnOnce(&mut Value)) -> PathBuf {
    let admin = std::fs::read_to_string(room.cluster().kubeconfig()).unwrap();
    let mut config: Value = serde_json::from_str(&admin).unwrap();
    edit(&mut config);
    let path = folder.join(name);
    std::fs::write(&path, config.to_string()).unwrap();
    path
}
