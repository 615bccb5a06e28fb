//! What can be concluded of a revision that has no pods any more. A ReplicaSet that was scaled to 0 keeps no record of its health,
//! a ControllerRevision never has one: so this is never proof.

use cluster_model::raw::Raw;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::rollout::{CompletionRecord, Rollout};
use cluster_model::text::span;

use super::pods::patience;
use super::verdict::{Health, Trial, Verdict};
use crate::timeline::{Reach, emptied};

const NEVER_HAD_PODS: &str = "never had a pod: it was scaled to 0";

/// Do the old pods stay until new ones are available? Only then does their being gone speak for the new ones.
pub fn old_pods_wait(rollout: &Rollout) -> bool {
    // Whatever it was scaled to when its pods were replaced: 100% of none would be none.
    let desired = rollout.desired().max(1);
    let rules = rollout.id.kind.rules();
    match rules.moves(&rollout.object, desired) {
        Moves::Rolling { unavailable, .. } => rules.revisions_own_pods() && unavailable < desired,
        _ => false,
    }
}

/// What was left of the revisions before it.
enum Predecessors {
    None,
    Gone,
    /// The number of one that still had pods.
    Stayed(i64),
    Unknown,
}

impl Trial<'_> {
    /// It desires no pods, and without pods every rollout is complete: that it replaced the pods of others before is the only trace.
    pub(super) fn without_pods(&self) -> Option<Health> {
        if self.rollout.desired() > 0 {
            return None;
        }
        let unknown = |evidence: &str| Some(Health::new(Verdict::Unknown, evidence));
        if self.rollout.id.kind.rules().is_per_node() {
            return unknown("no node matches: no pods run");
        }
        if self.never_had_pods() {
            return unknown(NEVER_HAD_PODS);
        }
        let last = self.timeline.of(self.index).next_back().map(|(at, _)| at);
        match last.map(|at| self.predecessors(at, self.timeline.reach(at, self.now))) {
            Some(Predecessors::Gone) => Some(Health::new(
                Verdict::Likely,
                "is scaled to 0 now; before, it replaced all pods of its predecessors",
            )),
            _ => unknown("is scaled to 0: no pods run, and it is unknown whether any ever did"),
        }
    }

    pub(super) fn never_had_pods(&self) -> bool {
        self.rollout.id.kind.rules().never_had_pods(&self.revision.object)
    }

    pub(super) fn inferred(&self) -> Health {
        let stretches = self.timeline.of(self.index).rev();
        let (mut longest, mut only_short) = (None::<(usize, Reach)>, true);
        for (index, _) in stretches {
            let reach = self.timeline.reach(index, self.now);
            let at_most =
                reach.perhaps_from.zip(reach.perhaps_until).map(|(a, b)| b.as_second() - a.as_second());
            only_short &= at_most.is_some_and(|seconds| seconds < patience(self.rollout));
            if longest.is_none_or(|(_, longest)| longest.seconds() < reach.seconds()) {
                longest = Some((index, reach));
            }
        }
        let unknown = |evidence: String| Health::new(Verdict::Unknown, evidence);
        if self.never_had_pods() {
            return unknown(NEVER_HAD_PODS.to_owned());
        }
        let Some((index, reach)) = longest else { return unknown("no evidence of its health".to_owned()) };
        if reach.seconds() < patience(self.rollout) {
            let least = span(patience(self.rollout));
            return unknown(if only_short {
                format!("was active for less than {least}, no other evidence")
            } else {
                "no evidence of its health".to_owned()
            });
        }
        let long = format!("was active for {}", lasting(reach.seconds()));
        let is_recorded =
            self.rollout.id.kind.rules().completion_record() == CompletionRecord::CurrentRevision;
        if is_recorded && self.moves_on() && self.never_completed(index) {
            return unknown(format!("{long}, but status.currentRevision did not move to it"));
        }
        match self.predecessors(index, reach) {
            Predecessors::Gone => {
                Health::new(Verdict::Likely, format!("{long}, while its predecessors were at 0"))
            }
            // How long it was active is no evidence if it may have had no pods all the while.
            Predecessors::None if self.rollout.desired() == 0 => {
                unknown(format!("{long}, but unknown whether it had pods: there are none now"))
            }
            Predecessors::None => Health::new(Verdict::Likely, format!("{long}; no other evidence")),
            Predecessors::Stayed(number) => {
                unknown(format!("{long}, but never replaced all pods of revision {number}"))
            }
            Predecessors::Unknown => {
                unknown(format!("{long}, but unknown whether it replaced its predecessors"))
            }
        }
    }

    /// Another revision that was active earlier is the last one that was rolled out completely.
    fn never_completed(&self, index: usize) -> bool {
        let object = &self.rollout.object;
        let (current, update) =
            (object.text("/status/currentRevision"), object.text("/status/updateRevision"));
        let last = self.rollout.revisions.iter().position(|revision| revision.name == current);
        let before = last.and_then(|last| self.timeline.of(last).next_back()).map(|(at, _)| at);
        current != update && last != Some(self.index) && before.is_some_and(|before| before < index)
    }

    /// Only a Deployment keeps a count for each revision, and only where old pods wait for new ones does it mean anything.
    fn predecessors(&self, stretch: usize, reach: Reach) -> Predecessors {
        if !old_pods_wait(self.rollout) {
            return Predecessors::None;
        }
        let mut found = Predecessors::None;
        let revisions = self.rollout.revisions.iter().enumerate().filter(|(other, _)| *other != self.index);
        for (other, revision) in revisions {
            let mut places = self.timeline.of(other).map(|(at, _)| at);
            let Some(first) = places.next().filter(|&first| first < stretch) else { continue };
            if places.next_back().unwrap_or(first) > stretch {
                // It came back later: its replicas before are not kept.
                return Predecessors::Unknown;
            }
            let has_pods = revision.object.number("/spec/replicas") != Some(0);
            match emptied(self.rollout, self.scalings, other) {
                Some(at) if at <= reach.surely_until => found = Predecessors::Gone,
                Some(_) => return Predecessors::Stayed(revision.number),
                None if has_pods => return Predecessors::Stayed(revision.number),
                None => return Predecessors::Unknown,
            }
        }
        found
    }
}

/// `41h`, `12d`
pub fn lasting(seconds: i64) -> String {
    if seconds < 3 * 86_400 { span(seconds) } else { format!("{}d", seconds / 86_400) }
}
