//! How a proof ended, and what each round showed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plugin_client::Failure;

use super::kill::signal::Signal;
use super::kill::timeline::KillTimeline;
use super::member::Member;
use super::observed::EndedRun;
use super::timeline::{Phase, Timeline};

#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub victim: Member,
    pub replacement: Option<Member>,
    pub phases: BTreeMap<Phase, Duration>,
    pub recovery: Option<Duration>,
    pub no_endpoint: Option<Duration>,
    /// A watch was broken meanwhile: times may be late.
    pub is_uncertain: bool,
    pub killed: Option<Killed>,
}

/// The container of the victim that was killed.
#[derive(Clone, Debug, PartialEq)]
pub struct Killed {
    pub container: String,
    pub signal: Signal,
    /// As the kubelet reports it.
    pub ended: Option<EndedRun>,
}

/// From one phase to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// `None`: the eviction, or the signal.
    pub from: Option<Phase>,
    pub to: Phase,
    pub took: Duration,
}

/// An ephemeral container that was added to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    pub pod: String,
    pub container: String,
    /// The server said so.
    pub is_certain: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Recovered,
    /// Longer than `--max-recovery`.
    Slow {
        round: usize,
        limit: Duration,
    },
    NotRecovered(String),
    /// Nothing can be proven in this way.
    Refused(String),
    Void(String),
    Aborted(String),
    Interrupted,
    Timeout,
    Failed(Failure),
}

impl Round {
    pub fn of(timeline: &Timeline, now: Instant, is_uncertain: bool) -> Self {
        Round {
            victim: Member::from(timeline.victim()),
            replacement: timeline.replacement().map(Member::from),
            phases: timeline.phases(),
            recovery: timeline.recovery(),
            no_endpoint: timeline.no_endpoint(now),
            is_uncertain,
            killed: None,
        }
    }

    pub fn of_kill(timeline: &KillTimeline, signal: Signal, now: Instant, is_uncertain: bool) -> Self {
        Round {
            victim: Member::from(timeline.victim()),
            replacement: None,
            phases: timeline.phases(),
            recovery: timeline.recovery(),
            no_endpoint: timeline.no_endpoint(now),
            is_uncertain,
            killed: Some(Killed {
                container: timeline.container().to_owned(),
                signal,
                ended: timeline.ended().cloned(),
            }),
        }
    }

    /// The step that took longest: from one phase to the next in the order in which they were seen.
    pub fn slowest(&self) -> Option<Step> {
        let mut needed: Vec<(Phase, Duration)> = self
            .phases
            .iter()
            .filter(|(phase, _)| **phase != Phase::Gone)
            .map(|(phase, at)| (*phase, *at))
            .collect();
        needed.sort_by_key(|(_, at)| *at);
        let before = std::iter::once(None).chain(needed.iter().map(Some));
        let steps = needed.iter().zip(before).map(|((to, at), before)| Step {
            from: before.map(|(phase, _)| *phase),
            to: *to,
            took: before.map_or(*at, |(_, start)| at.saturating_sub(*start)),
        });
        steps.max_by(|a, b| a.took.cmp(&b.took).then(std::cmp::Ordering::Greater))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_phase_is_the_longest_step() {
        let of = |phases: &[(Phase, u64)]| Round {
            victim: Member { name: String::new(), uid: String::new(), node: String::new() },
            replacement: None,
            phases: phases.iter().map(|(phase, at)| (*phase, Duration::from_secs(*at))).collect(),
            recovery: None,
            no_endpoint: None,
            is_uncertain: false,
            killed: None,
        };
        let overlapping = of(&[
            (Phase::Gone, 60),
            (Phase::Created, 1),
            (Phase::Scheduled, 2),
            (Phase::Started, 3),
            (Phase::Ready, 9),
            (Phase::Available, 9),
        ]);
        let step = |from, to, seconds| Some(Step { from, to, took: Duration::from_secs(seconds) });
        assert_eq!(overlapping.slowest(), step(Some(Phase::Started), Phase::Ready, 6));
        assert_eq!(of(&[(Phase::Created, 4), (Phase::Ready, 5)]).slowest(), step(None, Phase::Created, 4));
        assert_eq!(of(&[]).slowest(), None);
    }
}
