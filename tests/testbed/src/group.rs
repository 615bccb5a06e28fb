//! The processes and the directory of one cluster, and the guard that ends both with their owner.
//!
//! All components live in one process group of their own, so a terminal's Ctrl-C passes them by. The owner
//! holds the only write end of a pipe. However the owner ends — return, panic, `exit`, SIGKILL — the pipe
//! closes, and the guard at its other end kills the group and removes the directory.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::{Doing, Error};

/// SIGKILL for all: an API server with open watches takes a minute to stop politely. `rm` is repeated because
/// a process that is just dying may still be writing.
const GUARD: &str = r#"
trap '' INT TERM HUP QUIT
read -r _
kill -s KILL -- "-$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$2" 2>/dev/null && break
    sleep 0.1
done
"#;

pub(crate) struct Group {
    dir: PathBuf,
    /// Leads the group and holds its number while components come and go.
    leader: Child,
    guard: Child,
    lifeline: Option<PipeWriter>,
}

impl Group {
    pub fn new() -> Result<Self, Error> {
        let dir = fresh_dir();
        // Both ends close on exec: nothing that is started later inherits them.
        let (read, lifeline) = pipe().doing("cannot open a pipe")?;
        let leader = waiting(&mut Command::new("cat"), &read).doing("cannot start cat")?;
        let group = leader.id().to_string();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "testbed-guard", &group]).arg(&dir);
        let guard = waiting(&mut guard, &read).doing("cannot start sh")?;
        // Only now: from here on, someone is there to remove it.
        fs::create_dir_all(&dir).doing(&format!("cannot create {}", dir.display()))?;
        Ok(Self { dir, leader, guard, lifeline: Some(lifeline) })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn id(&self) -> u32 {
        self.leader.id()
    }

    /// Starts one component in the group; its output is appended to `log`.
    pub fn spawn(&self, program: &Path, args: &[String], log: &Path) -> Result<Child, Error> {
        let what = format!("cannot start {}", program.display());
        let log = File::options().create(true).append(true).open(log).doing(&what)?;
        Command::new(program)
            .args(args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().doing(&what)?)
            .stderr(log)
            .process_group(i32::try_from(self.id()).doing(&what)?)
            .spawn()
            .doing(&what)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.guard.wait();
        let _ = self.leader.wait();
    }
}

/// A process, in a group of its own, that does nothing until the pipe closes.
fn waiting(command: &mut Command, pipe: &PipeReader) -> std::io::Result<Child> {
    command.stdin(pipe.try_clone()?).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn()
}

/// In memory where there is room for etcd's log, which it claims 64 MB at a time.
fn fresh_dir() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    const ROOM: u64 = 2 << 30;

    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |fs| fs.f_bavail * fs.f_frsize);
    let base = if free >= ROOM { memory.to_owned() } else { std::env::temp_dir() };
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    base.join(format!("testbed-{}-{count}", std::process::id()))
}
