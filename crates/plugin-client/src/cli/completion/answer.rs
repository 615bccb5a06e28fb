//! `__complete WORDS…`, cobra's protocol (spf13/cobra, completions.go): candidates, one a line, and a directive for the shell. Does I/O.
//!
//! A shell waits for it, and kubectl offers file names if it fails (kubectl/pkg/cmd/util/plugin_completion.go): so it ends in time and
//! never fails.

use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Command;

use super::candidate::{Candidates, FILES, NOTHING};
use super::completing::{Completing, Completion};
use super::typed::{Part, Typed};
use super::{flags, shared};
use crate::Failure;

/// What requests and credential plugins may take together. Two seconds are what a user waits for, kubectl's start included.
const LIMIT: Duration = Duration::from_millis(1600);
/// When it ends in any case: a read of a kubeconfig that is a pipe, for example, cannot be cancelled.
const HARD_LIMIT: Duration = Duration::from_millis(1750);

/// The whole output. The last of `words` is the one that is being completed.
pub(super) fn answer<A: Completion>(command: Command, words: Vec<String>) -> String {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Nobody listens any more if it took too long.
        let _ = sender.send(run::<A>(command, &words));
    });
    // An error: too late, or a defect.
    receiver.recv_timeout(HARD_LIMIT).ok().flatten().unwrap_or_else(|| NOTHING.to_owned())
}

fn run<A: Completion>(mut command: Command, words: &[String]) -> Option<String> {
    command.build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let printed = runtime.block_on(async {
        // Dropping the future ends a credential plugin that still runs.
        tokio::time::timeout(LIMIT, print::<A>(&command, words)).await
    });
    // A name may still be being resolved.
    runtime.shutdown_background();
    printed.ok()?.ok()
}

async fn print<A: Completion>(command: &Command, words: &[String]) -> Result<String, Failure> {
    let line = Typed::read(command, words);
    let plugin = command.get_name();
    Ok(match &line.part {
        Part::Flag { typed } => flags::names(command, &line, typed).print("", typed),
        Part::Value { flag, .. } if flags::is_file(flag) => FILES.to_owned(),
        Part::Value { flag, kept, typed } => {
            let at = Completing { plugin, line: &line, flag: flag.get_long(), typed };
            let candidates = match flags::values(flag) {
                Some(candidates) => candidates,
                None => match shared::values(&at).await {
                    Some(candidates) => candidates?,
                    None => A::complete(&at).await?,
                },
            };
            let before = line.values(flag);
            let listed = flag.get_value_delimiter().map(|delimiter| kept.split(delimiter));
            let listed: Vec<&str> = listed.into_iter().flatten().chain(before).collect();
            candidates.without(&listed).print(kept, typed)
        }
        Part::Positional { typed } => {
            let at = Completing { plugin, line: &line, flag: None, typed };
            let candidates: Candidates = A::complete(&at).await?;
            candidates.print("", typed)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::probe::{Probe, command};
    use super::*;

    fn answered(words: &[&str]) -> String {
        answer::<Probe>(command(), words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn each_part_is_completed_by_whoever_knows_it() {
        let cases: [(&[&str], &str); 10] = [
            (&["a", "b", ""], "a+bx\n:4\n"),
            (&[], "x\n:4\n"),
            (&["a", "--ye"], "--yes\tDo not ask\n:4\n"),
            (&["--dry-run=s"], "server\n:4\n"),
            (&["--kubeconfig", "/tm"], ":0\n"),
            (&["--allow", "b"], "bare-pod\twhat it is\n:4\n"),
            (&["--allow", "bare-pod,"], "bare-pod,other\twhat it is\n:4\n"),
            (&["--allow=bare-pod", "--allow", ""], "other\twhat it is\n:4\n"),
            (&["--token", ""], NOTHING),
            (&["fail", ""], NOTHING),
        ];
        for (words, expected) in cases {
            assert_eq!(answered(words), expected, "{words:?}");
        }
    }

    #[test]
    fn neither_a_defect_nor_a_wait_without_end_keeps_the_shell_waiting() {
        for word in ["panic", "wait", "block"] {
            let started = Instant::now();
            assert_eq!(answered(&[word, ""]), NOTHING, "{word}");
            // By what it waits for, not by how busy this machine is: without a limit it would wait for ever.
            assert!(started.elapsed() < HARD_LIMIT * 20, "{word}");
        }
    }
}
