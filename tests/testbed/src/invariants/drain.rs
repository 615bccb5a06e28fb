//! What must hold after every drain.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{controller, place, rows, text, uid};
use crate::audit::Audit;
use crate::record::{Change, Record};
use crate::room::describe;

impl Record {
    /// Panics with every broken invariant. `report` is a `DrainReport`; `audit` holds the requests of that
    /// one run and of nobody else.
    #[track_caller]
    pub fn assert_invariants(&self, report: &Value, audit: &Audit) {
        let broken = self.broken_invariants(report, audit);
        assert!(broken.is_empty(), "{}\nreport: {report:#}\nrequests:\n{audit}", broken.join("\n"));
    }

    /// What can be judged of a run without a report: `output` is its text output.
    #[track_caller]
    pub fn assert_invariants_without_report(&self, output: &str, audit: &Audit) {
        let broken = self.broken_invariants_without_report(output, audit);
        assert!(broken.is_empty(), "{}\n{output}\nrequests:\n{audit}", broken.join("\n"));
    }

    pub fn broken_invariants_without_report(&self, output: &str, audit: &Audit) -> Vec<String> {
        let mut broken = self.budget_violations();
        broken.extend(self.removed_twice(audit));
        broken.extend(self.removals_from_schedulable_nodes(audit));
        broken.extend(self.excessive_losses(audit));
        for pod in self.end.on_nodes.iter().filter(|pod| !self.came_later(pod) && !stays_by_nature(pod)) {
            let claim = format!("node/{} drained", text(&pod["spec"], "nodeName"));
            if output.contains(&claim) && !output.contains(text(&pod["metadata"], "name")) {
                broken.push(format!(
                    "{claim:?} was printed, and pod {} is there:{}",
                    place(pod),
                    describe(pod)
                ));
            }
        }
        broken
    }

    /// One line for every pod whose removal was accepted more than once.
    fn removed_twice(&self, audit: &Audit) -> Vec<String> {
        let removals = self.removals_by_uid(audit).into_iter();
        let twice = removals.filter(|(_, count)| *count > 1);
        twice.map(|(uid, count)| format!("pod {uid}: {count} accepted removals")).collect()
    }

    /// It was bound to its node after the run had ended.
    fn came_later(&self, pod: &Value) -> bool {
        let bound = self.pod(uid(pod)).find(|event| event.object["spec"]["nodeName"].is_string());
        bound.zip(self.end.at).is_some_and(|(event, end)| event.at > end)
    }

    pub fn broken_invariants(&self, report: &Value, audit: &Audit) -> Vec<String> {
        let check = Check { record: self, audit, pods: pods(report), nodes: rows(&report["nodes"]) };
        let mut broken = self.budget_violations();
        broken.extend(check.kept_pods());
        broken.extend(check.targets_only());
        broken.extend(check.results());
        broken.extend(check.cordons());
        broken.extend(check.evictions());
        broken.extend(check.drained());
        if report["result"] == "drained" {
            let left = check.nodes.iter().filter(|node| node["result"] != "drained");
            broken.extend(left.map(|node| {
                format!("all is reported as drained, and {} is {}", node["name"], node["result"])
            }));
        }
        broken.extend(self.removals_from_schedulable_nodes(audit));
        broken.extend(self.excessive_losses(audit));
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
            let asked = self.record.removals_by_uid(self.audit).contains_key(text(pod, "uid"));
            asked.then(|| format!("{} was to be kept, and its removal was asked for", name(pod)))
        })
        .collect()
    }

    /// No pod elsewhere is touched, and nothing is deleted that was not to be.
    fn targets_only(&self) -> Vec<String> {
        let targets: BTreeSet<&str> = self.nodes.iter().map(|node| text(node, "name")).collect();
        let mut broken = Vec::new();
        for uid in self.record.removals_by_uid(self.audit).keys() {
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

    /// The report's result of each pod is what became of it.
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
            .map(|pod| format!("{} is reported as {}, and is not", name(pod), pod["result"]))
            .collect()
    }

    /// Each node is left as the report states: null for one that is gone.
    fn cordons(&self) -> Vec<String> {
        let wrong = |node: &&Value| {
            let last = self.record.of("Node", text(node, "name")).last();
            let there = last.filter(|event| event.change != Change::Deleted);
            let cordoned = there.map(|event| event.object["spec"]["unschedulable"] == true);
            cordoned != node["cordoned"].as_bool()
        };
        let line = |node: &Value| format!("{} is reported as cordoned={}", node["name"], node["cordoned"]);
        self.nodes.iter().filter(wrong).map(line).collect()
    }

    /// At most one accepted removal for a pod, and no more than planned.
    fn evictions(&self) -> Vec<String> {
        let mut broken = self.record.removed_twice(self.audit);
        let removed = self.record.removals_by_uid(self.audit).len();
        let planned = self.pods.iter().filter(|pod| pod["action"] != "keep").count();
        if removed > planned {
            broken.push(format!("{removed} removals, {planned} planned"));
        }
        broken
    }

    /// A node is reported as drained only if nothing is on it but the pods that the report lists as kept.
    fn drained(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for node in self.nodes.iter().filter(|node| node["result"] == "drained") {
            let listed = rows(&node["pods"]);
            let name = text(node, "name");
            let left = |pod: &&Value| matches!(text(pod, "result"), "planned" | "blocked" | "failed");
            for pod in listed.iter().filter(left) {
                broken.push(format!(
                    "{name} is reported as drained, and {} {}",
                    self::name(pod),
                    pod["result"]
                ));
            }
            let stays: BTreeSet<&str> =
                listed.iter().filter(|pod| is_said_to_stay(pod)).map(|pod| text(pod, "uid")).collect();
            let here = self.record.end.on_nodes.iter().filter(|pod| pod["spec"]["nodeName"] == *name);
            for pod in here.filter(|pod| !stays.contains(uid(pod)) && !self.record.came_later(pod)) {
                broken.push(format!(
                    "{name} is reported as drained, and pod {} is on it:{}",
                    place(pod),
                    describe(pod)
                ));
            }
        }
        broken
    }
}

/// A DaemonSet would put it back, or the kubelet.
fn stays_by_nature(pod: &Value) -> bool {
    controller(pod).is_some_and(|owner| owner["kind"] == "DaemonSet")
        || pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_string()
}

/// Kept, or left behind while it stops, with the reason why nobody waits for it.
fn is_said_to_stay(pod: &Value) -> bool {
    match text(pod, "result") {
        "kept" => true,
        "terminating" => !text(pod, "reason").is_empty(),
        _ => false,
    }
}

fn pods(report: &Value) -> Vec<&Value> {
    rows(&report["nodes"]).iter().flat_map(|node| rows(&node["pods"])).collect()
}

fn name(pod: &Value) -> String {
    format!("pod {}/{}", text(pod, "namespace"), text(pod, "name"))
}
