//! Who is measured, and what its runs took.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use testbed::{Audit, Cluster};

use crate::child::PARENT;

/// This program, also once a newer one was built in its place.
const SELF: &str = "/proc/self/exe";

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
    pub code: Option<i64>,
    /// The end of its output, if it failed.
    pub output: String,
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

    pub fn heal_check(program: &Path) -> Self {
        Self { name: "ours", program: program.to_owned(), agent: "kubectl-heal-check/", open_files: None }
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
        let mut run = Run::nothing();
        for args in commands {
            run.add(self.command(cluster.command(SELF), cluster.dir(), args), &errors);
            if !run.succeeded() {
                break;
            }
        }
        run.requests = cluster.audit_since(mark).by_user_agent_prefix(self.agent);
        run
    }

    /// Against whatever server the file names; requests are not counted.
    pub fn run_with(&self, kubeconfig: &Path, args: &[&str]) -> Run {
        let directory = kubeconfig.parent().unwrap_or(Path::new("."));
        let mut command = Command::new(SELF);
        command.env("KUBECONFIG", kubeconfig);
        let mut run = Run::nothing();
        run.add(self.command(command, directory, args), &directory.join("bench.stderr"));
        run
    }

    /// To the revision before, and waits for it: not for ever, as whoever runs out of open files may do.
    pub fn rollback(&self, cluster: &Cluster, what: &[&str]) -> Run {
        match self.name {
            "kubectl" => {
                let [undo, status] = ["undo", "status"].map(|verb| [&["rollout", verb], what].concat());
                self.run_each(cluster, &[&undo, &status])
            }
            _ => self.run(cluster, &[what, &["--previous", "--yes", "--timeout=5m"]].concat()),
        }
    }

    fn command(&self, mut command: Command, directory: &Path, args: &[&str]) -> Command {
        command.arg(PARENT).env("XDG_STATE_HOME", directory.join("state"));
        if let Some(files) = self.open_files {
            command.args(["sh", "-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]);
        }
        command.arg(&self.program).args(args);
        command
    }
}

impl Run {
    pub fn nothing() -> Self {
        Self {
            seconds: 0.0,
            cpu: 0.0,
            peak_mib: 0.0,
            sockets: 0,
            requests: Audit::default(),
            ended: Instant::now(),
            code: None,
            output: String::new(),
        }
    }

    /// What one more process took.
    fn add(&mut self, mut command: Command, errors: &Path) {
        let stderr = File::create(errors).map_or_else(|_| Stdio::null(), Stdio::from);
        let output = command.stderr(stderr).output();
        self.ended = Instant::now();
        let figures = output.ok().and_then(|output| serde_json::from_slice::<Value>(&output.stdout).ok());
        let Some(figures) = figures else { panic!("cannot run {command:?}: {}", end_of(errors)) };
        let number = |name: &str| figures[name].as_f64().unwrap_or_default();
        self.seconds += number("seconds");
        self.cpu += number("cpu");
        self.peak_mib = self.peak_mib.max(number("peakMib"));
        self.sockets = self.sockets.max(number("sockets") as usize);
        self.code = figures["code"].as_i64();
        if !self.succeeded() {
            self.output = end_of(errors);
        }
    }

    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    pub fn or_panic(self) -> Self {
        assert!(self.succeeded(), "exit {:?}: {}", self.code, self.output);
        self
    }
}

fn end_of(errors: &Path) -> String {
    let output = std::fs::read_to_string(errors).unwrap_or_default();
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
