//! A program that is run for its output, and killed when it is no longer waited for. Starts and kills processes.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Line, Ui};

/// No credentials are longer; what comes after it is not read.
const LONGEST_ANSWER: u64 = 1 << 20;
/// A line on stderr is shown up to this length.
const LONGEST_LINE: u64 = 4096;
/// Lines that were written just before the end are still on their way then. A browser that the program opened may hold stderr for hours.
const LAST_LINES: Duration = Duration::from_millis(200);

pub(super) struct Output {
    pub stdout: Vec<u8>,
    pub status: ExitStatus,
}

/// Dropping this future kills the program, and unless it may use the terminal, everything it started: then it has a process group
/// of its own. One that may use the terminal cannot have: the terminal's driver would stop it at its first question.
pub(super) async fn run(mut command: Command, interactive: bool, ui: &Ui) -> io::Result<Output> {
    command.stdout(Stdio::piped()).kill_on_drop(true);
    if interactive {
        ui.flush();
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
    }
    let mut running = Running { child: command.spawn()?, group: !interactive };
    let relayed = running.child.stderr.take().map(|stderr| tokio::spawn(relay(stderr, ui.clone())));
    let mut stdout = Vec::new();
    if let Some(pipe) = running.child.stdout.take() {
        pipe.take(LONGEST_ANSWER).read_to_end(&mut stdout).await?;
    }
    let status = running.child.wait().await?;
    if let Some(relayed) = relayed {
        // Late lines are shown when they come.
        let _ = tokio::time::timeout(LAST_LINES, relayed).await;
    }
    Ok(Output { stdout, status })
}

/// Its stderr (a login code, for example) has to be shown at once, but sanitized like all text from outside.
async fn relay(stderr: impl AsyncRead + Unpin, ui: Ui) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    while (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        ui.status(&Line::from(text.trim_end_matches(['\r', '\n'])));
        line.clear();
    }
}

struct Running {
    child: Child,
    group: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // No id: it has ended and was waited for, and what it left behind (a browser) is meant to stay.
        #[cfg(unix)]
        if let Some(leader) = self.child.id().filter(|_| self.group)
            && let Some(leader) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw)
        {
            // It may have ended this moment.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}
