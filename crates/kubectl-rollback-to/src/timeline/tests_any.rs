//! Any past, right or wrong: what must hold of every timeline, and what may never be claimed.

use super::fixture::{History, at};
use super::*;
use cluster_model::rollout::Kind;
use proptest::prelude::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Objects that contradict themselves and each other.
fn nonsense() -> impl Strategy<Value = History> {
    let revision = (0i64..12, 0i64..2000, 0i64..2000, any::<bool>(), prop::collection::vec(1i64..12, 0..3));
    let event = (0usize..5, 0i64..3, 0i64..3, 0i64..2000);
    (
        prop::sample::select(Kind::ALL.to_vec()),
        prop::collection::vec(revision, 1..6),
        prop::collection::vec(event, 0..6),
        prop::option::of((0i64..2000, any::<bool>())),
        (any::<bool>(), 0usize..6),
    )
        .prop_map(|(kind, revisions, events, written, (stripped, live))| {
            let mut history = History::of(kind);
            for (nth, (number, created, wrote, emptied, before)) in revisions.into_iter().enumerate() {
                let before: Vec<String> = before.iter().map(i64::to_string).collect();
                history = history.revision(number, NAMES[nth], created).controller_wrote(wrote);
                history = if emptied { history.emptied(wrote) } else { history };
                history = history.was(&before.join(","));
            }
            for (name, from, to, time) in events {
                history = history.scaled(NAMES[name], from, to, time);
            }
            if let Some((time, only)) = written {
                history = history.written("x", time, only);
            }
            history = history.live(NAMES.get(live).unwrap_or(&"z"));
            if stripped { history.stripped() } else { history }
        })
}

/// A controller at work: rollouts one after another, each done in time or overtaken by the next.
#[derive(Clone, Debug)]
struct Work {
    kind: Kind,
    /// Which template, after how many seconds, and how long its rollout takes.
    rollouts: Vec<(usize, i64, i64)>,
    limit: usize,
    /// Who wrote the last template also wrote something else, so much later.
    wrote_more: Option<i64>,
    events_last: i64,
    stripped: bool,
}

#[derive(Clone, Default)]
struct Kept {
    name: usize,
    created: i64,
    numbers: Vec<i64>,
    wrote: i64,
    emptied: Option<i64>,
}

fn work() -> impl Strategy<Value = Work> {
    (
        prop::sample::select(Kind::ALL.to_vec()),
        prop::collection::vec((0usize..5, 2i64..400, 1i64..500), 1..9),
        1usize..5,
        prop::option::of(0i64..100),
        (0i64..2000, any::<bool>()),
    )
        .prop_map(|(kind, mut rollouts, limit, wrote_more, (events_last, stripped))| {
            rollouts.dedup_by_key(|rollout| rollout.0);
            Work { kind, rollouts, limit, wrote_more, events_last, stripped }
        })
}

impl Work {
    /// What is left of it, and what really happened: (template, from when).
    fn done(&self) -> (History, Vec<(usize, i64)>, i64) {
        let mut kept: Vec<Kept> = Vec::new();
        let (mut truth, mut events) = (Vec::new(), Vec::new());
        let mut now = 0;
        for (nth, &(name, _, takes)) in self.rollouts.iter().enumerate() {
            truth.push((name, now));
            let number = i64::try_from(nth).unwrap() + 1;
            if !kept.iter().any(|k| k.name == name) {
                kept.push(Kept { name, created: now, ..Kept::default() });
            }
            let own = kept.iter().position(|k| k.name == name).unwrap();
            kept[own].numbers.push(number);
            kept[own].wrote = now;
            if kept[own].emptied.take().is_some() || kept[own].created == now {
                events.push((name, 0, 1, now));
            }
            let next = self.rollouts.get(nth + 1).map_or(i64::MAX, |next| now + next.1);
            let done = now + takes;
            if done < next {
                kept[own].wrote = done;
                for other in kept.iter_mut().filter(|k| k.name != name && k.emptied.is_none()) {
                    (other.emptied, other.wrote) = (Some(done), done);
                    events.push((other.name, 1, 0, done));
                }
                while kept.len() > self.limit + 1 {
                    let oldest = kept
                        .iter()
                        .filter(|k| k.name != name)
                        .min_by_key(|k| k.numbers.last().copied())
                        .unwrap()
                        .name;
                    kept.retain(|k| k.name != oldest);
                }
            }
            now = if next == i64::MAX { done } else { next };
        }
        let end = now;
        let mut history = History::of(self.kind);
        for k in &kept {
            let name = NAMES[k.name];
            history = history.revision(*k.numbers.last().unwrap(), name, k.created);
            if self.kind == Kind::Deployment {
                let before: Vec<String> =
                    k.numbers[..k.numbers.len() - 1].iter().map(i64::to_string).collect();
                history = history.was(&before.join(",")).controller_wrote(k.wrote);
                history = k.emptied.map_or(history.clone(), |at| history.emptied(at));
            } else {
                let bumped = truth.iter().rev().find(|(name, _)| *name == k.name).unwrap().1;
                history = history.controller_wrote(bumped);
            }
        }
        for (name, from, to, time) in events {
            if time + self.events_last >= end {
                history = history.scaled(NAMES[name], from, to, time);
            }
        }
        let (live, wrote) = *truth.last().unwrap();
        history = history.live(NAMES[live]);
        history =
            history.written("x", wrote + self.wrote_more.unwrap_or_default(), self.wrote_more.is_none());
        (if self.stripped { history.stripped() } else { history }, truth, end)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stretches_are_ordered_and_none_lies_before_its_revision_was_made(history in nonsense()) {
        let (rollout, timeline) = (history.rollout(), history.timeline());
        for stretch in &timeline.stretches {
            let created = rollout.revisions[stretch.revision].created;
            prop_assert!(stretch.from.latest().is_none_or(|latest| created <= Some(latest)), "{timeline:?}");
        }
        let ends: Vec<Bound> = timeline.stretches.iter().flat_map(|s| [Some(s.from), s.until]).flatten().collect();
        let known = |limit: fn(Bound) -> Option<Timestamp>| ends.iter().copied().filter_map(limit).collect::<Vec<_>>();
        prop_assert!(known(Bound::earliest).is_sorted() && known(Bound::latest).is_sorted(), "{ends:?}");
        for end in &ends {
            prop_assert!(end.earliest() <= end.latest());
        }
        for pair in timeline.stretches.windows(2) {
            prop_assert!(pair[0].until == Some(pair[1].from) || pair[0].then_lost);
        }
        prop_assert!(timeline.stretches.iter().rev().skip(1).all(|stretch| stretch.until.is_some()));
    }

    #[test]
    fn what_is_sure_leaves_room_for_nothing_else(history in nonsense(), second in 0i64..3000) {
        let timeline = history.timeline();
        let reaches: Vec<Reach> = (0..timeline.stretches.len()).map(|i| timeline.reach(i, at(3000))).collect();
        let sure = reaches.iter().filter(|r| r.surely(at(second))).count();
        prop_assert!(sure <= 1);
        prop_assert!(sure == 0 || reaches.iter().filter(|r| r.perhaps(at(second))).count() == 1);
    }

    /// The one that matters: a moment is never given to a revision that was not active then.
    #[test]
    fn nothing_untrue_is_claimed(work in work(), moments in prop::collection::vec(0i64..3200, 24)) {
        let (history, truth, end) = work.done();
        let (rollout, timeline) = (history.rollout(), history.timeline());
        let name = |index: usize| rollout.revisions[timeline.stretches[index].revision].name.clone();
        let really = |second: i64| truth.iter().rev().find(|(_, from)| *from <= second).map(|(name, _)| format!("web-{}", NAMES[*name]));
        for second in moments.into_iter().filter(|second| *second <= end) {
            let reaches = (0..timeline.stretches.len()).map(|i| (i, timeline.reach(i, at(end))));
            let (sure, possible): (Vec<_>, Vec<_>) = reaches.filter(|(_, r)| r.perhaps(at(second))).partition(|(_, r)| r.surely(at(second)));
            let real = really(second).unwrap();
            for (index, _) in &sure {
                prop_assert_eq!(name(*index), real.clone(), "second {} in {:?}", second, timeline);
            }
            let is_kept = rollout.revisions.iter().any(|revision| revision.name == real);
            let lost = timeline.stretches.iter().any(|stretch| stretch.then_lost);
            let before = timeline.stretches[0].from.earliest().is_some_and(|from| at(second) < from);
            if sure.is_empty() && is_kept && !lost && !before {
                prop_assert!(possible.iter().any(|(index, _)| name(*index) == real), "second {} in {:?}", second, timeline);
            }
        }
        for (index, stretch) in timeline.stretches.iter().enumerate() {
            if let Bound::Exact(from) = stretch.from {
                let real = truth.iter().any(|(n, second)| at(*second) == from && name(index) == format!("web-{}", NAMES[*n]));
                prop_assert!(real, "{:?}", timeline);
            }
        }
    }
}
