//! Runs a plugin as a user would, through the real kubectl, and judges what it did from outside.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ::testbed::{Audit, Mark, Record, Room, Watcher, wait};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::schema;

const PATIENCE: Duration = Duration::from_secs(90);

/// One `kubectl PLUGIN …`, not started yet.
pub struct Run<'r> {
    room: &'r Room<'r>,
    plugin: &'static str,
    args: Vec<String>,
    kubeconfig: Option<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

/// What it said and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A run that is going on.
pub struct Running {
    child: Owned,
    /// What was said on stderr so far.
    said: Arc<Mutex<String>>,
    out: JoinHandle<String>,
    err: JoinHandle<()>,
}

/// Ends with its test: a plugin that rides out a server that is gone for good would run for ever.
struct Owned(Child);

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
    safe_drain(room, &unasked(args))
}

/// `kubectl rollback-to ARGS -n ROOM`
pub fn rollback_to<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    plugin(room, "rollback-to", &[args, &["-n", room.namespace()]].concat())
}

/// As `rollback_to`, without questions and with a JSON report.
pub fn rollback<'r>(room: &'r Room<'r>, args: &[&str]) -> Run<'r> {
    rollback_to(room, &unasked(args))
}

fn unasked<'a>(args: &[&'a str]) -> Vec<&'a str> {
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
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let err = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Ok(mut text) = heard.lock() {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        });
        Running { child: Owned(child), said, out, err }
    }

    /// A drain under the eyes of the independent watcher: checks every invariant against its JSON report and the audit log.
    #[track_caller]
    pub fn watched(&self) -> (Outcome, Record) {
        let (outcome, record, _) = self.watch().finish();
        (outcome, record)
    }

    /// The same for a run that something happens to.
    #[track_caller]
    pub fn watch(&self) -> Watched<'r> {
        let cluster = self.room.cluster();
        let watcher = Watcher::start(cluster, self.room);
        let mark = cluster.audit_mark();
        Watched { running: self.spawn(), room: self.room, plugin: self.plugin, watcher, mark }
    }
}

/// A run that is going on, and its witness.
pub struct Watched<'r> {
    running: Running,
    room: &'r Room<'r>,
    plugin: &'static str,
    watcher: Watcher<'r>,
    mark: Mark,
}

impl std::ops::Deref for Watched<'_> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl Watched<'_> {
    /// What the plugin has asked for so far.
    #[track_caller]
    pub fn requests(&self) -> Audit {
        requests(self.room, self.plugin, self.room.cluster().audit_since(self.mark))
    }

    /// Waits for the end of a drain and checks every invariant.
    #[track_caller]
    pub fn finish(self) -> (Outcome, Record, Audit) {
        let (outcome, record, audit) = self.finish_unchecked();
        record.assert_invariants(&outcome.report(), &audit);
        (outcome, record, audit)
    }

    /// The same, except that somebody else broke a budget meanwhile.
    #[track_caller]
    pub fn finish_but_for_budgets(self) -> (Outcome, Record, Audit) {
        let (outcome, record, audit) = self.finish_unchecked();
        let mut broken = record.broken_invariants(&outcome.report(), &audit);
        broken.retain(|line| !line.starts_with("budget "));
        assert!(broken.is_empty(), "{broken:?}\n{outcome}");
        (outcome, record, audit)
    }

    /// For what is no drain, several runs at once, or one that was killed: the caller judges.
    #[track_caller]
    pub fn finish_unchecked(self) -> (Outcome, Record, Audit) {
        let outcome = self.running.finish();
        let audit = requests(self.room, self.plugin, self.room.cluster().audit_since(self.mark));
        (outcome, self.watcher.finish(), audit)
    }
}

/// What the plugin, or any if it has no name, asked for in this room: its objects, its nodes, and lists of what is on them.
pub fn requests(room: &Room<'_>, plugin: &str, audit: Audit) -> Audit {
    audit.by_user_agent_prefix(&format!("kubectl-{plugin}")).filter(|entry| {
        entry.namespace == room.namespace()
            || room.nodes().iter().any(|node| entry.name == *node || names(&entry.uri, node))
    })
}

/// The rules of a role that is enough for a drain without any gap in what it can see.
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
    pub fn hear(&self, text: &str) {
        wait(&format!("the plugin to say {text:?}; it said:\n{}", self.said()), PATIENCE, || {
            self.said().contains(text).then_some(())
        });
    }

    pub fn said(&self) -> String {
        self.said.lock().map(|text| text.clone()).unwrap_or_default()
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
    pub fn finish(mut self) -> Outcome {
        let end = ::testbed::poll(PATIENCE, || self.child.0.try_wait().ok().flatten());
        let Some(status) = end else {
            panic!("the plugin did not end within {PATIENCE:?}; it said:\n{}", self.said())
        };
        let out = self.out.join().unwrap_or_default();
        let _ = self.err.join();
        let err = self.said.lock().map(|text| text.clone()).unwrap_or_default();
        Outcome { code: status.code().unwrap_or(-1), out, err }
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
