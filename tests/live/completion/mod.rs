//! TAB: through the real kubectl, in a real bash, and what it never does.

mod bash;
mod bounds;
mod kubectl;
mod manual;

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ::testbed::{Cluster, plugins_dir};
use tempfile::TempDir;

const PLUGINS: [&str; 3] = ["safe-drain", "rollback-to", "heal-check"];

/// The program of a plugin, as kubectl finds it.
fn program(plugin: &str) -> String {
    format!("kubectl-{}", plugin.replace('-', "_"))
}

/// Where a user puts what `completion kubectl` prints.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn new(cluster: &Cluster) -> Self {
        let folder = TempDir::new().unwrap();
        for plugin in PLUGINS {
            let script = printed(&mut cluster.command("kubectl"), &[plugin, "completion", "kubectl"]);
            let file = folder.path().join(format!("kubectl_complete-{}", plugin.replace('-', "_")));
            std::fs::write(&file, script).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Installed { folder }
    }

    /// A program that finds the cluster, kubectl, the plugins and their completion.
    fn command(&self, cluster: &Cluster, program: &str) -> Command {
        let mut command = cluster.command(program);
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let path = path.map(OsString::from).unwrap_or_default();
        let folders = [self.folder.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command
    }
}

/// `kubectl-safe_drain __complete WORDS`, directly.
fn complete(plugin: &str, kubeconfig: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(plugins_dir().join(program(plugin)));
    command.arg("__complete").args(words).env("KUBECONFIG", kubeconfig).stdin(Stdio::null());
    command.output().unwrap()
}

/// It printed nothing but "no candidates, no files", and did not fail.
#[track_caller]
fn assert_nothing(output: &Output, case: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(printed, (Some(0), ":4\n".to_owned(), String::new()), "{case}");
}

#[track_caller]
fn printed(command: &mut Command, args: &[&str]) -> String {
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
