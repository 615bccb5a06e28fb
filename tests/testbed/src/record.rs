//! What the watcher saw of one room, in the order in which it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use crate::audit::Audit;
use crate::room::is_healthy;
use crate::watcher::uid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

#[derive(Debug, Clone)]
pub struct Event {
    /// The resourceVersion.
    pub version: u64,
    pub change: Change,
    /// One of those that the watcher looks at.
    pub kind: &'static str,
    pub object: Value,
    /// When the watcher got it.
    pub at: Instant,
}

impl Event {
    pub fn uid(&self) -> &str {
        uid(&self.object)
    }

    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Default)]
pub struct Record {
    pub events: Vec<Event>,
    /// Every request of that time, whoever made it.
    pub requests: Audit,
    pub end: End,
}

/// What there was when the run had ended, from lists of the watcher's own.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// When the run's process ended; nothing if that was not recorded.
    pub at: Option<Instant>,
    /// The pods on the room's nodes, of any namespace.
    pub on_nodes: Vec<Value>,
    /// Kind and object of everything in the room's namespace that the watcher looks at, and of its nodes.
    pub objects: Vec<(&'static str, Value)>,
}

/// A budget at one moment: how many pods it protects are healthy, and how many should be.
struct Moment {
    version: u64,
    healthy: u64,
    desired: u64,
}

impl Record {
    /// The fewest healthy pods from the moment on in which the budget was first kept.
    pub fn lowest_healthy(&self, budget: &str) -> Option<u64> {
        self.moments(budget).iter().map(|moment| moment.healthy).min()
    }

    /// One line for every moment in which a budget was broken.
    pub fn budget_violations(&self) -> Vec<String> {
        let budgets: BTreeSet<&str> =
            self.events.iter().filter(|event| event.kind == "PodDisruptionBudget").map(Event::name).collect();
        let broken = |budget: &str| {
            let below = |moment: &Moment| moment.healthy < moment.desired;
            let line = |moment: Moment| {
                format!(
                    "budget {budget}: {} healthy of {} desired at resourceVersion {}",
                    moment.healthy, moment.desired, moment.version
                )
            };
            self.moments(budget).into_iter().filter(below).map(line).collect::<Vec<_>>()
        };
        budgets.into_iter().flat_map(broken).collect()
    }

    #[track_caller]
    pub fn assert_budgets_respected(&self) {
        let violations = self.budget_violations();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }

    /// UIDs of pods that are gone or on their way out.
    pub fn deleted_uids(&self) -> BTreeSet<String> {
        let leaving = |event: &&Event| {
            event.kind == "Pod"
                && (event.change == Change::Deleted
                    || !event.object["metadata"]["deletionTimestamp"].is_null())
        };
        self.events.iter().filter(leaving).map(|event| event.uid().to_owned()).collect()
    }

    /// Every change of `spec.unschedulable`, with the resourceVersion of the change; the first is how it was found.
    pub fn cordon_history(&self, node: &str) -> Vec<(u64, bool)> {
        let states = self
            .events
            .iter()
            .filter(|event| event.kind == "Node" && event.name() == node)
            .map(|event| (event.version, event.object["spec"]["unschedulable"] == true));
        let mut history: Vec<(u64, bool)> = Vec::new();
        for (version, cordoned) in states {
            if history.last().is_none_or(|(_, last)| *last != cordoned) {
                history.push((version, cordoned));
            }
        }
        history
    }

    /// What was seen of one object.
    pub fn of(&self, kind: &str, name: &str) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.kind == kind && event.name() == name)
    }

    /// Every pod template that a workload had, with the resourceVersion of the change; the first is how it was found.
    pub fn templates(&self, kind: &str, name: &str) -> Vec<(u64, &Value)> {
        let mut templates: Vec<(u64, &Value)> = Vec::new();
        for event in self.of(kind, name) {
            let template = &event.object["spec"]["template"];
            if templates.last().is_none_or(|(_, last)| *last != template) {
                templates.push((event.version, template));
            }
        }
        templates
    }

    /// One line for every moment in which a workload had a template that is none of these: a rollback goes from one to another,
    /// and makes no mix of them.
    pub fn unknown_templates(&self, kind: &str, name: &str, known: &[&Value]) -> Vec<String> {
        let line = |(version, template): (u64, &Value)| {
            format!("{kind} {name} has another template at resourceVersion {version}: {template}")
        };
        let seen = self.templates(kind, name).into_iter();
        seen.filter(|(_, template)| !known.contains(template)).map(line).collect()
    }

    /// The node a pod was seen on.
    pub fn node_of(&self, uid: &str) -> Option<&str> {
        self.events
            .iter()
            .filter(|event| event.kind == "Pod" && event.uid() == uid)
            .find_map(|event| event.object["spec"]["nodeName"].as_str())
    }

    /// Counted at every event since the budget was first kept. A bar that is raised above the pods there
    /// are (more replicas wanted, a changed budget) is nobody's disruption: it counts once it was reached.
    fn moments(&self, budget: &str) -> Vec<Moment> {
        let mut pods: BTreeMap<&str, &Value> = BTreeMap::new();
        let mut current: Option<&Value> = None;
        let mut kept = false;
        let mut moments = Vec::new();
        for event in &self.events {
            match (event.kind, event.change) {
                ("Pod", Change::Deleted) => drop(pods.remove(event.uid())),
                ("Pod", _) => drop(pods.insert(event.uid(), &event.object)),
                ("PodDisruptionBudget", change) if event.name() == budget => {
                    let before = current.map_or(0, desired);
                    current = (change != Change::Deleted).then_some(&event.object);
                    kept &= current.is_some_and(|now| desired(now) <= before);
                }
                _ => continue,
            }
            let Some(budget) = current else { continue };
            let desired = desired(budget);
            let protects = |pod: &&&Value| selects(&budget["spec"]["selector"], &pod["metadata"]["labels"]);
            let healthy = pods.values().filter(protects).filter(|pod| is_healthy(pod)).count() as u64;
            // A status that the disruption controller has not written yet asks for nothing.
            kept |= healthy >= desired && budget["status"]["observedGeneration"].is_u64();
            if kept {
                moments.push(Moment { version: event.version, healthy, desired });
            }
        }
        moments
    }
}

fn desired(budget: &Value) -> u64 {
    budget["status"]["desiredHealthy"].as_u64().unwrap_or_default()
}

/// A label selector; one that is missing selects nothing, an empty one everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    if selector.is_null() {
        return false;
    }
    let matches = |(key, value): (&String, &Value)| &labels[key] == value;
    let exact = selector["matchLabels"].as_object().is_none_or(|wanted| wanted.iter().all(matches));
    let meets = |rule: &Value| {
        let label = rule["key"].as_str().and_then(|key| labels.get(key));
        let listed =
            || label.is_some_and(|label| rule["values"].as_array().is_some_and(|all| all.contains(label)));
        match rule["operator"].as_str() {
            Some("In") => listed(),
            Some("NotIn") => !listed(),
            Some("Exists") => label.is_some(),
            Some("DoesNotExist") => label.is_none(),
            _ => false,
        }
    };
    exact && selector["matchExpressions"].as_array().is_none_or(|rules| rules.iter().all(meets))
}
