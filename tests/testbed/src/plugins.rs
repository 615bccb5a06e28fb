//! The plugins under test, freshly built.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::error::{Doing, Error};
use crate::status;

/// The folder of ready plugins.
const READY: &str = "TESTBED_PLUGINS";

/// The directory with the plugins and nothing else; the first call builds them, in the profile that runs now.
/// `TESTBED_PLUGINS=DIR` uses ready ones instead.
#[track_caller]
pub fn plugins_dir() -> &'static Path {
    build_plugins().unwrap_or_else(|error| panic!("{error}"))
}

/// The same, with the error for the caller.
pub fn build_plugins() -> Result<&'static Path, Error> {
    static BUILT: OnceLock<Result<PathBuf, Error>> = OnceLock::new();
    let built = BUILT.get_or_init(|| match std::env::var_os(READY) {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => build(),
    });
    built.as_deref().map_err(Error::clone)
}

/// The same with a line about it, unless there are ready ones.
pub fn build_plugins_aloud() -> Result<&'static Path, Error> {
    if let Some(line) = announced(std::env::var_os(READY).as_deref()) {
        status::line(line);
    }
    build_plugins()
}

fn announced(ready: Option<&OsStr>) -> Option<&'static str> {
    ready.is_none().then_some("building the plugins")
}

fn build() -> Result<PathBuf, Error> {
    let dir = profile_dir()?;
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let output = cargo()
        .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .doing("cannot run cargo")?;
    if output.status.success() {
        link(&dir)
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(Error::new(format!("the plugins could not be built; cargo printed:\n{}", stderr.trim_end())))
    }
}

/// The cargo that runs this, without the variables it set for this program about its own package: build scripts look at those variables
/// (ring's does), and would run again, with all that depends on them, each time another program runs this.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let set_by_cargo = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| set_by_cargo.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// A folder of links to the plugins: kubectl takes every `kubectl-*` on PATH for one, and cargo puts other files of such
/// names beside them.
fn link(programs: &Path) -> Result<PathBuf, Error> {
    let dir = programs.join("plugins");
    let what = format!("cannot link the plugins into {}", dir.display());
    fs::create_dir_all(&dir).doing(&what)?;
    for entry in fs::read_dir(&dir).doing(&what)? {
        // A plugin that is not built any more, or one of another checkout from which this folder was copied. Two programs may do this at once.
        let path = entry.doing(&what)?.path();
        let is_linked_here = fs::read_link(&path).is_ok_and(|target| target.parent() == Some(programs));
        if !path.exists() || !is_linked_here {
            let _ = fs::remove_file(path);
        }
    }
    for entry in fs::read_dir(programs).doing(&what)? {
        let program = entry.doing(&what)?.path();
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("kubectl-") && !name.contains('.') {
            match std::os::unix::fs::symlink(&program, dir.join(name)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made.doing(&what)?,
            }
        }
    }
    Ok(dir)
}

/// A program of this workspace that is no plugin, such as `testbed`; built with the plugins.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    plugins_dir();
    profile_dir().unwrap_or_else(|error| panic!("{error}")).join(name)
}

/// `target/debug` or its like: where this very program was built, without the `deps` of a test.
fn profile_dir() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().doing("cannot find this program")?;
    let dir = program.ancestors().skip(1).find(|dir| !dir.ends_with("deps"));
    dir.map(Path::to_owned).ok_or_else(|| Error::new("this program has no directory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_plugins_are_not_said_to_be_built() {
        assert_eq!(announced(None), Some("building the plugins"));
        assert_eq!(announced(Some(OsStr::new("/ready"))), None);
    }
}
