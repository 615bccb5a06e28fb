//! Shell completions for direct calls of a plugin, and its manual page, as the plugin itself prints them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::archive::write;
use crate::plugins::Plugin;

/// What the plugin is called with, and what stands before and after its file name in the name of what it prints.
const EXTRAS: [(&[&str], &str, &str); 4] = [
    (&["completion", "bash"], "", ".bash"),
    (&["completion", "zsh"], "_", ""),
    (&["completion", "fish"], "", ".fish"),
    (&["__man"], "", ".1"),
];

/// Writes to `dir` what `program`, the plugin's binary for this machine, prints.
pub fn extras(plugin: &Plugin, program: &Path, dir: &Path) -> Result<()> {
    for (args, before, after) in EXTRAS {
        let output = Command::new(program)
            .args(args)
            // It needs no cluster, and must not find one.
            .env("KUBECONFIG", dir.join("no-kubeconfig"))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", program.display()))?;
        if !output.status.success() || output.stdout.is_empty() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("{} {}: {}", program.display(), args.join(" "), error.trim());
        }
        write(dir, &format!("{before}{}{after}", plugin.binary()), &output.stdout)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::plugins::find;

    fn program(dir: &Path, script: &str) -> std::path::PathBuf {
        let path = dir.join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn each_shell_has_its_file_and_man_has_its_page() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), "echo \"$@\"");
        let out = dir.path().join("out");
        extras(find("safe-drain").unwrap(), &program, &out).unwrap();
        for (name, text) in [
            ("kubectl-safe_drain.bash", "completion bash\n"),
            ("_kubectl-safe_drain", "completion zsh\n"),
            ("kubectl-safe_drain.fish", "completion fish\n"),
            ("kubectl-safe_drain.1", "__man\n"),
        ] {
            assert_eq!(fs::read_to_string(out.join(name)).unwrap(), text);
        }
    }

    #[test]
    fn a_program_that_prints_nothing_or_fails_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        for script in ["echo no such command >&2; exit 1", "exit 0"] {
            let program = program(dir.path(), script);
            let error = extras(find("safe-drain").unwrap(), &program, dir.path()).unwrap_err();
            assert!(error.to_string().contains("completion bash"), "{error}");
        }
    }
}
