//! The TAB key in a real bash, with the script that `kubectl completion bash` prints.

use std::io::Write;

use ::testbed::{Room, shared};
use tempfile::NamedTempFile;

use super::{Installed, PLUGINS, program};
use crate::tty::Tty;

/// cobra's script needs this of the bash-completion package; where that is not installed, this does what the script asks of it:
/// the words up to the cursor, not split at = and : (bash-completion, `_get_comp_words_by_ref -n =:`).
const WORDS: &str = r#"
_get_comp_words_by_ref() {
    local rest="${COMP_LINE:0:COMP_POINT}" i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+="${COMP_WORDS[i]}"
        else
            words+=("${COMP_WORDS[i]}")
        fi
        rest="${rest#"${rest%%[![:space:]]*}"}"
        rest="${rest#"${COMP_WORDS[i]}"}"
    done
    cword=$((${#words[@]} - 1))
    cur="${words[cword]}"
    prev="${words[cword > 0 ? cword - 1 : 0]}"
}
"#;

/// All candidates at the first TAB, however many, one a line; and the line itself is to be seen.
const SETTINGS: &str = r#"
stty echo
for setting in 'show-all-if-ambiguous on' 'completion-display-width 0' 'page-completions off' 'completion-query-items 0' \
    'enable-bracketed-paste off' 'bell-style none'; do
    bind "set $setting"
done
PS1='ready> '
"#;

struct Bash {
    tty: Tty<'static>,
    // What it reads while it runs.
    _start: NamedTempFile,
    _installed: Installed,
}

impl Bash {
    fn start(room: &Room<'_>) -> Self {
        let package = "/usr/share/bash-completion/bash_completion";
        let mut start = NamedTempFile::new().unwrap();
        let mut script = format!(
            "if [ -f {package} ]; then . {package}; else\n{WORDS}\nfi\nsource <(kubectl completion bash)\n"
        );
        for plugin in PLUGINS {
            script.push_str(&format!("source <({} completion bash)\n", program(plugin)));
        }
        start.write_all((script + SETTINGS).as_bytes()).unwrap();
        let installed = Installed::new(room.cluster());
        let mut command = installed.command(room.cluster(), "bash");
        command.args(["--noprofile", "--rcfile"]).arg(start.path()).arg("-i");
        let mut tty = Tty::of(command);
        tty.until("ready> ");
        Bash { tty, _start: start, _installed: installed }
    }

    /// Types this, presses TAB, and waits for each of these in turn.
    #[track_caller]
    fn offers(&mut self, typed: &str, expected: &[&str]) {
        self.tty.keys(&format!("{typed}\t"));
        for text in expected {
            self.tty.until(text);
        }
        // Ctrl-U: the next one starts on an empty line.
        self.tty.keys("\u{15}echo $((40 + 2))done\r").until("42done").until("ready> ");
    }
}

#[test]
fn tab_lists_the_nodes_and_completes_one() {
    let room = shared().room(2);
    let node = |index: usize| room.nodes()[index].as_str();
    let mut bash = Bash::start(&room);
    bash.offers("kubectl safe-drain ", &[node(0), "(Ready, ", node(1), "(Ready, "]);
    bash.offers("kubectl-safe_drain ", &[node(0), "(Ready, ", node(1), "(Ready, "]);
    for program in ["kubectl safe-drain", "kubectl-safe_drain"] {
        // The only one left: it is completed, and a blank follows.
        let (begun, rest) = node(1).split_at(node(1).len() - 3);
        bash.offers(&format!("{program} {} {begun}", node(0)), &[begun, &format!("{rest} ")]);
        bash.offers(&format!("{program} node-1 --on-failure="), &["keep", "uncordon"]);
        bash.offers(&format!("{program} node-1 --unc"), &["--unc", "ordon "]);
    }
}

#[test]
fn tab_lists_the_revisions_newest_first_with_image_and_age() {
    let room = shared().room(1);
    room.deployment("web", 1);
    for image in ["example.invalid/app:2", "example.invalid/app:3"] {
        room.update("Deployment", "web", image, None);
        room.observed("Deployment", "web");
        room.rolled_out("Deployment", "web");
    }
    let mut bash = Bash::start(&room);
    for program in ["kubectl rollback-to", "kubectl-rollback_to"] {
        let line = format!("{program} -n {} deploy/web", room.namespace());
        let revisions =
            ["3  (example.invalid/app:3, ", " old, current)", "2  (example.invalid/app:2, ", " old)", "1  ("];
        bash.offers(&format!("{line} --to-revision "), &revisions);
        bash.offers(&format!("{line} --to-revision="), &revisions);
        for namespace in
            [format!("-n \"{}\"", room.namespace()), format!("--namespace='{}'", room.namespace())]
        {
            bash.offers(&format!("{program} {namespace} deploy/web --to-revision "), &revisions);
        }
        // Bash replaces only what follows the colon.
        bash.offers(
            &format!("{line} --image example.invalid/app:"),
            &["\n3  (revision 3, ", "\n2  (revision 2, "],
        );
        bash.offers(
            &format!("{line} --image=example.invalid/app:"),
            &["\n3  (revision 3, ", "\n2  (revision 2, "],
        );
        bash.offers(&format!("{program} -n {} deploy/w", room.namespace()), &["eb "]);
    }
}
