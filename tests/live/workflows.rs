//! The workflows of the hosted side, which cannot run here, through their linter.

use std::fs;
use std::path::Path;
use std::process::Command;

use ::testbed::release_tools;

#[test]
fn the_workflows_are_well_formed() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows");
    let mut linted = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        lint(&path).unwrap_or_else(|output| panic!("{output}"));
        let broken = fs::read_to_string(&path).unwrap().replacen("runs-on:", "run-on:", 1);
        let copy = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
        fs::write(copy.path(), broken).unwrap();
        assert!(lint(copy.path()).unwrap_err().contains("run-on"), "the linter does not look");
        linted += 1;
    }
    assert!(linted > 0);
}

/// Without the linters of other languages, which a machine may have or not.
fn lint(path: &Path) -> Result<(), String> {
    let linter = release_tools().unwrap().join("actionlint");
    let output = Command::new(linter).args(["-shellcheck=", "-pyflakes=", "-no-color"]).arg(path).output();
    let output = output.unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
}
