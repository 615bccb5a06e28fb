//! Was a revision ever healthy? The evidence, strongest first; nothing is claimed that left no trace.

mod inferred;
mod pods;
mod status;
#[cfg(test)]
mod tests;
mod verdict;

use cluster_model::Known;
use cluster_model::rollout::{Revision, Rollout};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

pub use inferred::old_pods_wait;
pub use verdict::{Health, Verdict};

use pods::{Pods, counted};
use verdict::Trial;

use crate::timeline::{Timeline, scalings};

/// One for each of `Rollout::revisions`.
pub fn health(
    rollout: &Rollout,
    timeline: &Timeline,
    events: &Known<Vec<Value>>,
    now: Timestamp,
) -> Vec<Health> {
    let scalings = scalings(rollout, events);
    let current = rollout.current();
    let judge = |(index, revision): (usize, &Revision)| {
        let pods = Pods::of(rollout, revision, now);
        let is_current = current == Some(index);
        let trial = Trial { rollout, timeline, scalings: &scalings, now, index, revision, is_current, pods };
        if is_current { trial.current() } else { trial.past() }
    };
    rollout.revisions.iter().enumerate().map(judge).collect()
}

impl Trial<'_> {
    fn current(&self) -> Health {
        self.complete_now()
            .or_else(|| self.stuck())
            .or_else(|| self.without_pods())
            .or_else(|| self.rolled_out_once())
            .unwrap_or_else(|| self.partly())
    }

    fn past(&self) -> Health {
        self.serves()
            .or_else(|| self.fails())
            .or_else(|| self.rolled_out_once())
            .unwrap_or_else(|| self.inferred())
    }

    /// Pods of an old revision that are available now: the rollout that should replace them has not got so far.
    fn serves(&self) -> Option<Health> {
        let available = self.pods.available;
        if available == 0 {
            return None;
        }
        let verb = if available == 1 { "is" } else { "are" };
        let evidence = format!("serves {} that {verb} available now", counted(available));
        Some(self.weighed(available, evidence))
    }

    /// Good as far as the pods of this moment are.
    fn weighed(&self, available: i64, evidence: String) -> Health {
        match self.pods.issue() {
            None => Health::new(Verdict::Healthy, evidence),
            Some(issue) if self.pods.mostly_good(available) => {
                Health::new(Verdict::Healthy, format!("{evidence}; {issue}"))
            }
            Some(issue) => Health::new(Verdict::Unknown, format!("{evidence}, but {issue}")),
        }
    }

    /// All pods that it still has show a fault.
    fn fails(&self) -> Option<Health> {
        let first = self.pods.failing.first()?;
        Some(Health::new(Verdict::Unhealthy, format!("no pod is available: {first}")))
    }
}
