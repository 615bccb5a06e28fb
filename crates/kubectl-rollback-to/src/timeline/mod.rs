//! When each revision was active, and how exactly that is known (only first activations leave a sure trace).

mod activation;
#[cfg(test)]
pub mod fixture;
mod scaling;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_any;
mod trace;
mod window;

use cluster_model::Known;
use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use activation::Activation;
pub use scaling::{Scaling, scalings};
pub use trace::emptied;
pub use window::Bound;
use window::Window;

/// One stretch in which a revision was the template of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Index into `Rollout::revisions`.
    pub revision: usize,
    pub from: Bound,
    /// `None`: still.
    pub until: Option<Bound>,
    /// Between this one and the next another revision was active that the cluster no longer keeps: the end is not the next one's beginning.
    pub then_lost: bool,
}

/// All known stretches, oldest first. A revision that was rolled back to has several.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Timeline {
    pub stretches: Vec<Stretch>,
}

/// The limits of one stretch, also from its neighbours. `None`: no limit known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    pub perhaps_from: Option<Timestamp>,
    pub surely_from: Timestamp,
    /// Of a stretch that goes on: now.
    pub surely_until: Timestamp,
    pub perhaps_until: Option<Timestamp>,
    pub goes_on: bool,
}

impl Reach {
    /// Was it active at that moment, whatever the true bounds are?
    pub fn surely(&self, at: Timestamp) -> bool {
        self.surely_from <= at && (self.goes_on || at < self.surely_until)
    }

    /// Can it have been?
    pub fn perhaps(&self, at: Timestamp) -> bool {
        self.perhaps_from.is_none_or(|from| from <= at) && self.perhaps_until.is_none_or(|until| at < until)
    }

    /// How long it lasted at least.
    pub fn seconds(&self) -> i64 {
        (self.surely_until.as_second() - self.surely_from.as_second()).max(0)
    }
}

impl Timeline {
    pub fn reach(&self, index: usize, now: Timestamp) -> Reach {
        let stretch = &self.stretches[index];
        let before = || self.stretches[..index].iter().rev().find_map(|s| s.from.earliest());
        let after = || self.stretches[index + 1..].iter().find_map(|s| s.from.latest());
        let perhaps_from = stretch.from.earliest().or_else(before);
        let surely_from = stretch.from.latest().or_else(after).unwrap_or(now);
        let (surely_until, perhaps_until) = match stretch.until {
            None => (now, None),
            Some(Bound::Unknown) => (perhaps_from.unwrap_or(surely_from), after()),
            Some(bound) => (bound.earliest().unwrap_or(now), bound.latest()),
        };
        Reach { perhaps_from, surely_from, surely_until, perhaps_until, goes_on: stretch.until.is_none() }
    }

    /// The stretches of one revision, oldest first.
    pub fn of(&self, revision: usize) -> impl DoubleEndedIterator<Item = (usize, &Stretch)> {
        self.stretches.iter().enumerate().filter(move |(_, stretch)| stretch.revision == revision)
    }
}

/// An activation that, by its number, ended before its ReplicaSet or ControllerRevision was made: the number has come from elsewhere, as
/// that of a ReplicaSet that was adopted, and nothing is known of when it was active.
fn before_creation(rollout: &Rollout, activations: &[Activation], windows: &[Window]) -> Option<usize> {
    activations.iter().zip(windows).position(|(activation, window)| {
        let created = rollout.revisions[activation.revision].created;
        created.zip(window.latest).is_some_and(|(created, latest)| latest < created)
    })
}

pub fn timeline(rollout: &Rollout, events: &Known<Vec<Value>>) -> Timeline {
    let mut activations = activation::activations(rollout);
    let scalings = scalings(rollout, events);
    let windows = loop {
        let mut windows: Vec<Window> = window::of_certain_times(&activations);
        trace::narrow(rollout, &activations, &scalings, &mut windows);
        match before_creation(rollout, &activations, &windows) {
            Some(index) => activation::forget(&mut activations, index),
            None => break windows,
        }
    };
    let stretches = activations.iter().enumerate().map(|(index, activation)| {
        let own = windows[index];
        let until = match windows.get(index + 1) {
            None => trace::ended(rollout, own),
            Some(next) if activation.lost_after => {
                let mut end = Window { earliest: own.earliest, latest: next.latest };
                // When its pods were gone it was over; unless clocks contradict each other.
                let last = activations[index + 1..].iter().all(|later| later.revision != activation.revision);
                let gone =
                    emptied(rollout, &scalings, activation.revision).filter(|gone| own.latest <= Some(*gone));
                if last && own.latest.is_some() {
                    end.narrow(None, gone);
                }
                Some(end.bound())
            }
            Some(next) => Some(next.bound()),
        };
        Stretch { revision: activation.revision, from: own.bound(), until, then_lost: activation.lost_after }
    });
    Timeline { stretches: stretches.collect() }
}
