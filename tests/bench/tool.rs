//! The one way in which a process is measured.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testbed::{Audit, Cluster};
use wait4::Wait4;

const SAMPLED_EVERY: Duration = Duration::from_millis(20);

/// Who is measured: its name in the tables, its program, and the User-Agent under which the audit log has it.
#[derive(Clone)]
pub struct Tool {
    pub name: &'static str,
    program: PathBuf,
    agent: &'static str,
    open_files: Option<u32>,
}

/// What one process took, or several one after another.
pub struct Run {
    pub seconds: f64,
    /// Of the client alone, user and system.
    pub cpu: f64,
    pub peak_mib: f64,
    /// The most that were open at once, as far as samples show; a process has some for itself.
    pub sockets: usize,
    /// By the API server's own audit log, which leaves reads of events out.
    pub requests: Audit,
    pub ended: Instant,
    /// None if a signal ended it.
    pub code: Option<i32>,
    /// The end of what it said, if it failed.
    pub said: String,
}

impl Tool {
    pub fn safe_drain(program: &Path) -> Self {
        Self { name: "ours", program: program.to_owned(), agent: "kubectl-safe-drain/", open_files: None }
    }

    pub fn rollback_to(program: &Path) -> Self {
        Self { name: "ours", program: program.to_owned(), agent: "kubectl-rollback-to/", open_files: None }
    }

    pub fn kubectl() -> Self {
        Self { name: "kubectl", program: "kubectl".into(), agent: "kubectl/", open_files: None }
    }

    /// What fetches without looking at what it gets.
    pub fn curl() -> Self {
        Self { name: "raw", program: "curl".into(), agent: "curl/", open_files: None }
    }

    /// Under `ulimit -n FILES`.
    pub fn with_open_files(&self, files: u32) -> Self {
        Self { open_files: Some(files), ..self.clone() }
    }

    pub fn run(&self, cluster: &Cluster, args: &[&str]) -> Run {
        self.run_each(cluster, &[args])
    }

    /// One command after another, until one fails.
    pub fn run_each(&self, cluster: &Cluster, commands: &[&[&str]]) -> Run {
        let errors = cluster.dir().join("bench.stderr");
        let mark = cluster.audit_mark();
        let start = Instant::now();
        let mut used = Used::default();
        for args in commands {
            used.add(self.command(cluster, args), &errors);
            if used.code != Some(0) {
                break;
            }
        }
        let ended = Instant::now();
        Run {
            seconds: ended.duration_since(start).as_secs_f64(),
            cpu: used.cpu,
            peak_mib: used.peak_kib as f64 / 1024.0,
            sockets: used.sockets,
            requests: cluster.audit_since(mark).by_user_agent_prefix(self.agent),
            ended,
            said: if used.code == Some(0) { String::new() } else { end_of(&errors) },
            code: used.code,
        }
    }

    /// To the revision before, and waits for it.
    pub fn rollback(&self, cluster: &Cluster, what: &[&str]) -> Run {
        match self.name {
            "kubectl" => {
                let [undo, status] = ["undo", "status"].map(|verb| [&["rollout", verb], what].concat());
                self.run_each(cluster, &[&undo, &status])
            }
            _ => self.run(cluster, &[what, &["--previous", "--yes"]].concat()),
        }
    }

    fn command(&self, cluster: &Cluster, args: &[&str]) -> Command {
        let mut command = match self.open_files {
            None => cluster.command(&self.program),
            Some(files) => {
                let mut shell = cluster.command("sh");
                let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
                shell.arg("-c").arg(script).arg(&self.program);
                shell
            }
        };
        command.env("XDG_STATE_HOME", cluster.dir().join("state")).args(args);
        command
    }
}

#[derive(Default)]
struct Used {
    cpu: f64,
    peak_kib: u64,
    sockets: usize,
    code: Option<i32>,
}

impl Used {
    /// Runs the command, and waits for its end.
    fn add(&mut self, mut command: Command, errors: &Path) {
        let stderr = File::create(errors).map_or_else(|_| Stdio::null(), Stdio::from);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (pid, over) = (child.id().to_string(), AtomicBool::new(false));
        let ended = std::thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.peak_kib = peak_kib(&pid).max(self.peak_kib);
                    self.sockets = open_sockets(&pid).max(self.sockets);
                    std::thread::park_timeout(SAMPLED_EVERY);
                }
            });
            let ended = child.wait4();
            over.store(true, Ordering::Relaxed);
            sampler.thread().unpark();
            ended
        });
        let ended = ended.unwrap_or_else(|error| panic!("lost {command:?}: {error}"));
        self.code = ended.status.code();
        self.cpu += (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
        // A child starts with the peak of its parent, which is this program: up to there only the samples speak of the child.
        let whole = ended.rusage.maxrss / 1024;
        if whole > peak_kib("self") {
            self.peak_kib = self.peak_kib.max(whole);
        }
    }
}

impl Run {
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    pub fn or_panic(self) -> Self {
        assert!(self.succeeded(), "exit {:?}: {}", self.code, self.said);
        self
    }
}

/// The most memory the process has had so far; nothing once it is gone.
fn peak_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn open_sockets(pid: &str) -> usize {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let is_socket = |file: &std::fs::DirEntry| {
        std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    files.flatten().filter(is_socket).count()
}

fn end_of(errors: &Path) -> String {
    let said = std::fs::read_to_string(errors).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
