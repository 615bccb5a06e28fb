//! One process, measured by a small parent of its own: a child's peak of memory begins with that of its parent, and the bench itself
//! grows larger than what it measures.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wait4::Wait4;

/// The first argument that makes this program such a parent; the rest is the command.
pub const PARENT: &str = "parent-of";

const SAMPLED_EVERY: Duration = Duration::from_millis(20);

/// Runs the command, and prints what it took.
pub fn parent(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    match measured(&mut command) {
        Ok(figures) if writeln!(std::io::stdout(), "{figures}").is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            testbed::status::line(&format!("cannot run {command:?}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measured(command: &mut Command) -> std::io::Result<Value> {
    let start = Instant::now();
    let child = command.spawn()?;
    let (pid, over) = (child.id(), AtomicBool::new(false));
    let (ended, sockets) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = open_sockets(pid).max(most);
                std::thread::park_timeout(SAMPLED_EVERY);
            }
            most
        });
        let ended = child.wait4().map(|used| (used, start.elapsed()));
        over.store(true, Ordering::Relaxed);
        sampler.thread().unpark();
        (ended, sampler.join().unwrap_or_default())
    });
    let (used, elapsed) = ended?;
    Ok(json!({
        "code": used.status.code(),
        "seconds": elapsed.as_secs_f64(),
        "cpu": (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        "peakMib": used.rusage.maxrss as f64 / f64::from(1 << 20),
        "sockets": sockets,
    }))
}

fn open_sockets(pid: u32) -> usize {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let is_socket = |file: &std::fs::DirEntry| {
        std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    files.flatten().filter(is_socket).count()
}
