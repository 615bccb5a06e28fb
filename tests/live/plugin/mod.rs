//! Runs a plugin as a user would, through the real kubectl, and judges what it did from outside.

mod outcome;
mod watched;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use ::testbed::Room;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

pub use outcome::Outcome;
pub use watched::{Watched, Witness, requests};

/// Far more than any run takes: the long ones take minutes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(400);

/// One `kubectl PLUGIN …`, not started yet.
pub struct Run<'r> {
    room: &'r Room<'r>,
    plugin: &'static str,
    args: Vec<String>,
    kubeconfig: Option<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

/// A run that is going on.
pub struct Running {
    child: Owned,
    captured: Arc<Mutex<Stderr>>,
    out: JoinHandle<String>,
    err: JoinHandle<()>,
    /// Receives once, when stdout is closed, which only the end of the process does.
    ended: Receiver<Instant>,
}

/// What was printed on stderr so far.
#[derive(Default)]
struct Stderr {
    text: String,
    /// When each line came.
    at: Vec<SystemTime>,
}

/// Ends with its test: a plugin that rides out a server that is gone for good would run for ever.
pub struct Owned(pub Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `kubectl PLUGIN ARGS`, word by word.
pub fn plugin<'r>(room: &'r Room<'r>, plugin: &'static str, args: &[&str]) -> Run<'r> {
    let args = args.iter().map(|a| (*a).to_owned()).collect();
    Run { room, plugin, args, kubeconfig: None, environment: Vec::new() }
}

/// In a room with one node, the pods that are evicted find a place on a spare one.
#[track_caller]
pub fn safe_drain<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    if room.nodes().len() == 1 {
        room.spare_node();
    }
    plugin(room, "safe-drain", args)
}

/// As `safe_drain`, without questions and with a JSON report.
pub fn drain<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    safe_drain(room, &non_interactive(args))
}

/// `kubectl rollback-to ARGS -n ROOM`
pub fn rollback_to<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    plugin(room, "rollback-to", &[args, &["-n", room.namespace()]].concat())
}

/// As `rollback_to`, without questions and with a JSON report.
pub fn rollback<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    rollback_to(room, &non_interactive(args))
}

/// `kubectl heal-check ARGS -n ROOM`
pub fn heal_check<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    plugin(room, "heal-check", &[args, &["-n", room.namespace()]].concat())
}

fn non_interactive<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--yes", "-o", "json"]].concat()
}

impl<'r> Run<'r> {
    /// As another user.
    pub fn kubeconfig(mut self, path: &Path) -> Self {
        self.kubeconfig = Some(path.to_owned());
        self
    }

    /// With one more environment variable.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub fn command(&self) -> Command {
        let mut command = self.room.cluster().command("kubectl");
        command.arg(self.plugin).args(&self.args).env_remove("NO_COLOR").env("TERM", "xterm");
        command.env("XDG_STATE_HOME", self.state_home());
        if let Some(path) = &self.kubeconfig {
            command.env("KUBECONFIG", path);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where its journal is: one for each room, never the user's own.
    pub fn state_home(&self) -> PathBuf {
        self.room.cluster().dir().join("state").join(self.room.namespace())
    }

    #[track_caller]
    pub fn run(&self) -> Outcome {
        self.spawn().finish()
    }

    #[track_caller]
    pub fn spawn(&self) -> Running {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run kubectl: {error}"));
        let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            panic!("no pipes")
        };
        let captured = Arc::new(Mutex::new(Stderr::default()));
        let writer = Arc::clone(&captured);
        let (end, ended) = channel();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            let _ = end.send(Instant::now());
            text
        });
        let err = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut captured = lock(&writer);
                captured.text.push_str(&line);
                captured.text.push('\n');
                captured.at.push(SystemTime::now());
            }
        });
        Running { child: Owned(child), captured, out, err, ended }
    }
}

impl Stderr {
    /// When one of the report's workloads was first spoken of: its plan cannot have been shown later.
    fn first_named(&self, report: &Value) -> Option<SystemTime> {
        let workloads = report["workloads"].as_array().into_iter().flatten();
        let names: Vec<String> =
            workloads.map(|it| format!("{}/{}", text(it, "kind").to_lowercase(), text(it, "name"))).collect();
        let named = self.text.lines().position(|line| names.iter().any(|name| line.contains(name)));
        named.and_then(|line| self.at.get(line).copied())
    }
}

fn lock(captured: &Mutex<Stderr>) -> MutexGuard<'_, Stderr> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rules of a role that is enough for a drain without anything that it cannot check.
pub fn needed_rights() -> Vec<Value> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    vec![
        rule("", &["nodes"], &["get", "list", "patch"]),
        rule("", &["pods"], &["get", "list", "watch"]),
        rule("", &["pods/eviction"], &["create"]),
        rule("policy", &["poddisruptionbudgets"], &["get", "list", "watch"]),
        rule("apps", &["deployments", "replicasets", "statefulsets", "daemonsets"], &["get", "list"]),
    ]
}

impl Running {
    /// Waits until stderr contains `text`.
    #[track_caller]
    pub fn wait_for_output(&self, text: &str) {
        let found = ::testbed::poll(PATIENCE, || {
            // In this order, so that its last line counts.
            let over = self.is_over();
            let found = self.stderr().contains(text);
            (found || over).then_some(found)
        });
        assert!(found == Some(true), "the plugin did not print {text:?}; its stderr:\n{}", self.stderr());
    }

    pub fn stderr(&self) -> String {
        lock(&self.captured).text.clone()
    }

    /// It has closed what it writes to, which only its end does.
    pub fn is_over(&self) -> bool {
        self.out.is_finished() && self.err.is_finished()
    }

    /// kubectl replaces itself by the plugin, so the signal reaches it directly.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(Pid::from_child(&self.child.0), signal) {
            panic!("cannot signal the plugin: {error}");
        }
    }

    #[track_caller]
    pub fn finish(self) -> Outcome {
        self.finish_with_time().0
    }

    /// Also when it ended.
    #[track_caller]
    fn finish_with_time(mut self) -> (Outcome, Option<Instant>) {
        let ended = self.ended.recv_timeout(PATIENCE).ok();
        let end = ended.and_then(|_| ::testbed::poll(PATIENCE, || self.child.0.try_wait().ok().flatten()));
        let Some(status) = end else {
            panic!("the plugin did not end within {PATIENCE:?}; its stderr:\n{}", self.stderr())
        };
        let out = self.out.join().unwrap_or_default();
        let _ = self.err.join();
        let err = lock(&self.captured).text.clone();
        (Outcome { code: status.code().unwrap_or(-1), out, err }, ended)
    }
}

pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
