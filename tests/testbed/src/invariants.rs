//! What must hold after every drain, checked from outside: the report against the watcher and the audit log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::audit::Audit;
use crate::record::{Change, Record};

impl Record {
    /// Panics with every broken invariant. `report` is a `DrainReport`; `audit` holds the requests of that
    /// one run and of nobody else.
    #[track_caller]
    pub fn assert_invariants(&self, report: &Value, audit: &Audit) {
        let broken = self.broken_invariants(report, audit);
        assert!(broken.is_empty(), "{}\nreport: {report:#}\nrequests:\n{audit}", broken.join("\n"));
    }

    pub fn broken_invariants(&self, report: &Value, audit: &Audit) -> Vec<String> {
        let check = Check { record: self, audit, pods: pods(report), nodes: rows(&report["nodes"]) };
        let mut broken = self.budget_violations();
        broken.extend(check.kept_pods());
        broken.extend(check.targets_only());
        broken.extend(check.results());
        broken.extend(check.cordons());
        broken.extend(check.evictions());
        broken
    }
}

struct Check<'a> {
    record: &'a Record,
    audit: &'a Audit,
    /// Every pod of the report.
    pods: Vec<&'a Value>,
    nodes: &'a [Value],
}

impl Check<'_> {
    /// A pod that stays is neither evicted nor deleted.
    fn kept_pods(&self) -> Vec<String> {
        let kept = self.pods.iter().filter(|pod| pod["action"] == "keep");
        kept.filter_map(|pod| {
            let asked = self.removals().contains_key(text(pod, "uid"));
            asked.then(|| format!("{} was to be kept, and its removal was asked for", name(pod)))
        })
        .collect()
    }

    /// No pod elsewhere is touched, and nothing is deleted that was not to be.
    fn targets_only(&self) -> Vec<String> {
        let targets: BTreeSet<&str> = self.nodes.iter().map(|node| text(node, "name")).collect();
        let mut broken = Vec::new();
        for uid in self.removals().keys() {
            if let Some(node) = self.record.node_of(uid).filter(|node| !targets.contains(node)) {
                broken.push(format!("the removal of pod {uid} was asked for, and it runs on {node}"));
            }
        }
        let agreed: BTreeSet<&str> =
            self.pods.iter().filter(|pod| pod["action"] == "delete").map(|pod| text(pod, "name")).collect();
        for entry in
            self.audit.iter().filter(|entry| entry.resource == "pods" && entry.verb.starts_with("delete"))
        {
            if !agreed.contains(entry.name.as_str()) && !entry.is_dry_run() {
                broken.push(format!("{} {}: nothing in the report agrees to it", entry.verb, entry.uri));
            }
        }
        broken
    }

    /// What the report says of each pod is what became of it.
    fn results(&self) -> Vec<String> {
        let leaving = self.record.deleted_uids();
        let gone: BTreeSet<&str> = self
            .record
            .events
            .iter()
            .filter(|event| event.kind == "Pod" && event.change == Change::Deleted)
            .map(|event| event.uid())
            .collect();
        let agrees = |pod: &Value| {
            let uid = text(pod, "uid");
            match text(pod, "result") {
                "gone" => gone.contains(uid),
                "terminating" => leaving.contains(uid),
                "planned" | "blocked" | "failed" => !leaving.contains(uid),
                _ => true,
            }
        };
        self.pods
            .iter()
            .filter(|pod| !agrees(pod))
            .map(|pod| format!("{} is said to be {}, and is not", name(pod), pod["result"]))
            .collect()
    }

    /// Each node is left as the report says.
    fn cordons(&self) -> Vec<String> {
        let wrong = |node: &&Value| {
            let last = self.record.cordon_history(text(node, "name")).last().map(|(_, cordoned)| *cordoned);
            last != node["cordoned"].as_bool()
        };
        let line = |node: &Value| format!("{} is said to have cordoned={}", node["name"], node["cordoned"]);
        self.nodes.iter().filter(wrong).map(line).collect()
    }

    /// At most one accepted removal for a pod, and no more than planned.
    fn evictions(&self) -> Vec<String> {
        let removals = self.removals();
        let mut broken: Vec<String> = removals
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(uid, count)| format!("pod {uid}: {count} accepted removals"))
            .collect();
        let planned = self.pods.iter().filter(|pod| pod["action"] != "keep").count();
        if removals.len() > planned {
            broken.push(format!("{} removals, {planned} planned", removals.len()));
        }
        broken
    }

    /// The accepted evictions and deletions of pods, counted by UID.
    fn removals(&self) -> BTreeMap<String, usize> {
        let mut removals = BTreeMap::new();
        for entry in self.audit.iter() {
            let removal = entry.is_eviction() || (entry.resource == "pods" && entry.verb == "delete");
            if removal && entry.accepted() && !entry.is_dry_run() {
                let uid =
                    self.uid_in(&entry.request_object).or_else(|| self.uid_of(&entry.namespace, &entry.name));
                *removals.entry(uid.unwrap_or_else(|| entry.name.clone())).or_default() += 1;
            }
        }
        removals
    }

    fn uid_in(&self, body: &Value) -> Option<String> {
        let places = ["/deleteOptions/preconditions/uid", "/preconditions/uid"];
        places.iter().find_map(|at| body.pointer(at)?.as_str()).map(str::to_owned)
    }

    /// Names come back (StatefulSets), so this is the first pod of that name; a precondition says it better.
    fn uid_of(&self, namespace: &str, name: &str) -> Option<String> {
        let same = |event: &&crate::record::Event| {
            event.kind == "Pod" && event.name() == name && event.object["metadata"]["namespace"] == namespace
        };
        self.record.events.iter().find(same).map(|event| event.uid().to_owned())
    }
}

fn pods(report: &Value) -> Vec<&Value> {
    rows(&report["nodes"]).iter().flat_map(|node| rows(&node["pods"])).collect()
}

fn rows(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn name(pod: &Value) -> String {
    format!("pod {}/{}", text(pod, "namespace"), text(pod, "name"))
}
