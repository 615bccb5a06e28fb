//! Runs a plugin as a user would, through the real kubectl, and judges what it did from outside.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use ::testbed::{Audit, Consent, Mark, Record, Room, Watcher};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::schema;

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

/// What it printed and its exit code.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
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

pub fn safe_drain<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
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

    /// A run under the eyes of the independent watcher: checks every invariant against its JSON report and the audit log.
    #[track_caller]
    pub fn watched(&self) -> (Outcome, Record) {
        let (outcome, record, _) = self.watch().finish();
        (outcome, record)
    }

    /// For a run on real nodes whose output somebody else reads.
    #[track_caller]
    pub fn witness(&self) -> Option<Witness<'r>> {
        let (room, plugin) = (self.room, self.plugin);
        (!room.nodes().is_empty()).then(|| Witness {
            room,
            plugin,
            watcher: Watcher::start(room.cluster(), room),
        })
    }

    /// The same for a run that something happens to.
    #[track_caller]
    pub fn watch(&self) -> Watched<'r> {
        let cluster = self.room.cluster();
        let watcher = Watcher::start(cluster, self.room);
        let mark = cluster.audit_mark();
        let only_written = self.args.iter().any(|arg| arg == "--no-wait");
        Watched { running: self.spawn(), room: self.room, plugin: self.plugin, watcher, mark, only_written }
    }
}

/// What watches a run on a terminal, which ends without a report.
pub struct Witness<'r> {
    room: &'r Room<'r>,
    plugin: &'static str,
    watcher: Watcher<'r>,
}

impl Witness<'_> {
    /// The run has just ended, and `output` is all it printed; `shown`: when the plan that was last confirmed was shown.
    #[track_caller]
    pub fn judge(mut self, output: &str, shown: Option<SystemTime>) {
        self.watcher.look(Some(Instant::now()));
        let record = self.watcher.finish();
        let audit = requests(self.room, self.plugin, record.requests.clone());
        match self.plugin {
            "safe-drain" => record.assert_invariants_without_report(output, &audit),
            _ => {
                let consent = Consent { shown, only_written: false };
                record.assert_rollback_invariants_without_report(output, &audit, consent);
            }
        }
    }
}

/// A run that is going on, and its witness.
pub struct Watched<'r> {
    running: Running,
    room: &'r Room<'r>,
    plugin: &'static str,
    watcher: Watcher<'r>,
    mark: Mark,
    only_written: bool,
}

impl std::ops::Deref for Watched<'_> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl Watched<'_> {
    /// What the plugin has requested so far.
    #[track_caller]
    pub fn requests(&self) -> Audit {
        requests(self.room, self.plugin, self.room.cluster().audit_since(self.mark))
    }

    /// Waits for the end of the run and checks every invariant.
    #[track_caller]
    pub fn finish(self) -> (Outcome, Record, Audit) {
        self.finish_but_for("every invariant counts")
    }

    /// The same, except that somebody else broke a budget meanwhile.
    #[track_caller]
    pub fn finish_but_for_budgets(self) -> (Outcome, Record, Audit) {
        self.finish_but_for("budget ")
    }

    #[track_caller]
    fn finish_but_for(self, prefix: &str) -> (Outcome, Record, Audit) {
        let (plugin, only_written, captured) =
            (self.plugin, self.only_written, Arc::clone(&self.running.captured));
        let (outcome, record, audit) = self.finish_unchecked();
        let mut broken = match plugin {
            "safe-drain" if !outcome.out.starts_with('{') => {
                record.broken_invariants_without_report(&format!("{}{}", outcome.out, outcome.err), &audit)
            }
            "safe-drain" => record.broken_invariants(&outcome.report(), &audit),
            _ => {
                let report = outcome.report();
                let consent = Consent { shown: lock(&captured).first_named(&report), only_written };
                record.broken_rollback_invariants(&report, &audit, consent)
            }
        };
        broken.retain(|line| !line.starts_with(prefix));
        assert!(broken.is_empty(), "{}\n{outcome}\nrequests:\n{audit}", broken.join("\n"));
        (outcome, record, audit)
    }

    /// For several runs at once, or one that was killed: the caller judges.
    #[track_caller]
    pub fn finish_unchecked(mut self) -> (Outcome, Record, Audit) {
        let (outcome, ended) = self.running.finish_with_time();
        self.watcher.look(ended);
        let record = self.watcher.finish();
        let audit = requests(self.room, self.plugin, record.requests.clone());
        (outcome, record, audit)
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

/// What the plugin, or any if it has no name, requested in this room: its objects, its nodes, and lists of what is on them.
pub fn requests(room: &Room<'_>, plugin: &str, audit: Audit) -> Audit {
    audit.by_user_agent_prefix(&format!("kubectl-{plugin}")).filter(|entry| {
        entry.namespace == room.namespace()
            || room.nodes().iter().any(|node| entry.name == *node || names(&entry.uri, node))
    })
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

fn names(uri: &str, node: &str) -> bool {
    uri.ends_with(node) || uri.contains(&format!("{node}&")) || uri.contains(&format!("{node}?"))
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

impl Outcome {
    #[track_caller]
    pub fn report(&self) -> Value {
        let report = serde_json::from_str(&self.out);
        let report = report.unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"));
        let faults = schema::faults(&report);
        assert!(faults.is_empty(), "against the schema of its kind:\n{}\n{self}", faults.join("\n"));
        report
    }

    /// Ids of all findings.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        self.report()["findings"].as_array().into_iter().flatten().map(|f| text(f, "id").to_owned()).collect()
    }

    #[track_caller]
    pub fn finding(&self, id: &str) -> Value {
        let report = self.report();
        let found = report["findings"].as_array().into_iter().flatten().find(|f| f["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("no finding {id}\n{self}"))
    }

    /// All pods of all nodes of a drain.
    #[track_caller]
    pub fn pods(&self) -> Vec<Value> {
        let report = self.report();
        report["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|n| n["pods"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    /// How many pods ended like this: `gone`, `kept`, `blocked`, …
    #[track_caller]
    pub fn count(&self, result: &str) -> usize {
        self.pods().iter().filter(|p| p["result"] == result).count()
    }

    /// The verdict and the exit code, which must agree with it.
    #[track_caller]
    pub fn expect(&self, result: &str, code: i32) -> &Self {
        assert_eq!((text(&self.report(), "result"), self.code), (result, code), "\n{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\nstdout:\n{}\nstderr:\n{}", self.code, self.out, self.err)
    }
}

pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
