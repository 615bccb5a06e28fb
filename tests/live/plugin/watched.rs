//! A run that the independent watcher observes, and its check against every invariant.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use ::testbed::{Audit, Consent, Mark, Record, Room, Watcher};

use super::{Outcome, Run, Running, lock};

impl<'r> Run<'r> {
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

/// What the plugin, or any if it has no name, requested in this room: its objects, its nodes, and lists of what is on them.
pub fn requests(room: &Room<'_>, plugin: &str, audit: Audit) -> Audit {
    audit.by_user_agent_prefix(&format!("kubectl-{plugin}")).filter(|entry| {
        entry.namespace == room.namespace()
            || room.nodes().iter().any(|node| entry.name == *node || names(&entry.uri, node))
    })
}

fn names(uri: &str, node: &str) -> bool {
    uri.ends_with(node) || uri.contains(&format!("{node}&")) || uri.contains(&format!("{node}?"))
}
