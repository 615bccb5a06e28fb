//! Reads the workloads with their past: what every mode begins with.

use std::collections::BTreeSet;

use cluster_model::Known;
use plugin_client::{Cluster, Failure};

use super::Run;
use crate::choose::Past;
use crate::gather;
use crate::health::{Health, health};
use crate::rights::requirements::EVENTS_LOST;
use crate::snapshot::Snapshot;
use crate::timeline::{Timeline, timeline};
use crate::workload_selector::Subjects;

/// The workloads, and what their past shows.
pub(super) struct Loaded {
    pub snapshot: Snapshot,
    /// Not found by a selector: what cannot be done for one of them is refused, not skipped.
    pub named: bool,
    timelines: Vec<Timeline>,
    healths: Vec<Vec<Health>>,
}

impl Loaded {
    pub fn past(&self, index: usize) -> Past<'_> {
        Past {
            rollout: &self.snapshot.rollouts[index],
            timeline: &self.timelines[index],
            health: &self.healths[index],
            now: self.snapshot.taken_at,
        }
    }

    /// What only the plan was made from: while a rollout is followed, all of it would stay in memory beside what is watched.
    pub fn forget_evidence(&mut self) {
        (self.timelines, self.healths) = (Vec::new(), Vec::new());
        let Snapshot { taken_at, rollouts, owners, .. } = &mut self.snapshot;
        rollouts.iter_mut().for_each(|rollout| rollout.pods = Vec::new());
        let (rollouts, owners) = (std::mem::take(rollouts), std::mem::take(owners));
        self.snapshot = Snapshot { rollouts, owners, ..Snapshot::empty(*taken_at) };
    }

    pub fn pasts(&self) -> impl Iterator<Item = Past<'_>> {
        (0..self.snapshot.rollouts.len()).map(|index| self.past(index))
    }
}

impl Run<'_> {
    /// For the modes that report no findings.
    pub(super) fn warn_of_unread_events(&self, looked: &Loaded) {
        let unread: BTreeSet<&str> = looked
            .snapshot
            .events
            .values()
            .filter_map(|events| match events {
                Known::Unknown(why) => Some(why.as_str()),
                Known::Seen(_) => None,
            })
            .collect();
        for why in unread {
            self.bounds.ui.warn(format!("{why}: {EVENTS_LOST}"));
        }
    }

    pub(super) async fn look(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Loaded, Failure> {
        let rollouts = gather::rollouts(cluster, subjects).await?;
        let events = gather::events(cluster, &rollouts).await;
        // After the first answer: by the server's clock.
        let mut snapshot = Snapshot { rollouts, events, ..Snapshot::empty(cluster.now()) };
        let unread = || Known::Unknown("not read".to_owned());
        for rollout in &snapshot.rollouts {
            snapshot.events.entry(rollout.id.uid.clone()).or_insert_with(unread);
        }
        let now = snapshot.taken_at;
        let (mut timelines, mut healths) = (Vec::new(), Vec::new());
        for rollout in &snapshot.rollouts {
            let events = &snapshot.events[&rollout.id.uid];
            let timeline = timeline(rollout, events);
            healths.push(health(rollout, &timeline, events, now));
            timelines.push(timeline);
        }
        let named = matches!(subjects, Subjects::Named(_) | Subjects::Journal);
        Ok(Loaded { snapshot, named, timelines, healths })
    }
}
