//! `completion SHELL`: scripts that call `__complete`. For kubectl a program that it looks for on PATH (kubectl/pkg/cmd/util/
//! plugin_completion.go); for direct calls one a shell. Pure.

const KUBECTL: &str = include_str!("scripts/kubectl.sh");
const BASH: &str = include_str!("scripts/direct.bash");
const ZSH: &str = include_str!("scripts/direct.zsh");
const FISH: &str = include_str!("scripts/direct.fish");

/// Whose arguments are completed: `kubectl safe-drain`.
pub(super) struct Plugin<'a>(pub &'a str);

impl Plugin<'_> {
    /// `safe_drain`: kubectl looks for dashes as underscores.
    fn short(&self) -> String {
        self.0.trim_start_matches("kubectl ").replace('-', "_")
    }

    /// `kubectl-safe_drain`
    pub fn file(&self) -> String {
        format!("kubectl-{}", self.short())
    }

    /// `kubectl_complete-safe_drain`
    fn completer(&self) -> String {
        format!("kubectl_complete-{}", self.short())
    }

    /// `None`: no such shell.
    pub fn script(&self, shell: &str) -> Option<String> {
        let script = match shell {
            "kubectl" => KUBECTL,
            "bash" => BASH,
            "zsh" => ZSH,
            "fish" => FISH,
            _ => return None,
        };
        let script = script.replace("@COMMAND@", self.0).replace("@COMPLETER@", &self.completer());
        Some(script.replace("@FILE@", &self.file()).replace("@FUNCTION@", &self.file().replace('-', "_")))
    }

    pub fn usage(&self) -> String {
        format!("{} completion kubectl|bash|zsh|fish", self.0)
    }

    pub fn help(&self) -> String {
        format!(
            "Print what completes the arguments of {command} on TAB\n\n\
             Usage: {usage}\n\n\
             \x20 kubectl         {command}, in every shell that completes kubectl\n\
             \x20 bash, zsh, fish {file}, called directly\n\n\
             The first lines of each say where it goes. More: docs/completion.md\n",
            command = self.0,
            usage = self.usage(),
            file = self.file(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_kubectl_looks_for_is_two_lines_and_its_place() {
        let script = Plugin("kubectl safe-drain").script("kubectl").unwrap();
        let code: Vec<&str> = script.lines().filter(|line| !line.starts_with("# ")).collect();
        assert_eq!(code, ["#!/bin/sh", "exec kubectl-safe_drain __complete \"$@\""]);
        assert!(script.contains(
            "kubectl safe-drain completion kubectl > \"${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-safe_drain\""
        ));
        assert!(script.contains("chmod +x \"${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-safe_drain\""));
    }

    #[test]
    fn each_script_calls_the_program_it_completes() {
        for shell in ["bash", "zsh", "fish"] {
            let script = Plugin("kubectl rollback-to").script(shell).unwrap();
            assert!(script.contains("kubectl-rollback_to") && script.contains("__complete"), "{script}");
            let placeholders = ["@COMMAND@", "@COMPLETER@", "@FILE@", "@FUNCTION@"];
            assert!(!placeholders.iter().any(|left| script.contains(left)), "{script}");
        }
        assert_eq!(Plugin("kubectl rollback-to").script("tcsh"), None);
    }
}
