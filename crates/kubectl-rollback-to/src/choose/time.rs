//! `--time`: what was rolled out at a moment, as far as that can be known.

use std::cmp::Reverse;

use cluster_model::raw::Raw;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::Failure;

use super::hints::Hints;
use super::messages;
use super::target::{Chosen, Past, target};
use crate::time_arg::{local, show};
use crate::timeline::{Bound, Reach, Stretch};

const FLAG: &str = "--time";

/// One question about the past.
struct Moment<'a> {
    past: Past<'a>,
    at: Timestamp,
    zone: &'a TimeZone,
    reaches: Vec<Reach>,
}

pub fn time(past: Past<'_>, at: Timestamp, closest: bool, zone: &TimeZone) -> Result<Chosen, Failure> {
    let reaches =
        (0..past.timeline.stretches.len()).map(|index| past.timeline.reach(index, past.now)).collect();
    let moment = Moment { past, at, zone, reaches };
    // As exactly as both are shown: the server's clock is known to the second, and `0s` is now.
    if at.as_second() > past.now.as_second() {
        let now = show(past.now, zone);
        return Err(Failure::usage(format!("--time {} is in the future: it is {now} now", moment.when())));
    }
    if let Some(sure) = moment.reaches.iter().position(|reach| reach.surely(at)) {
        return Ok(moment.take(sure));
    }
    let (possible, lost) = moment.possible();
    let revisions = moment.revisions(&possible);
    match (&revisions[..], lost) {
        ([], false) if moment.is_after_all() => Err(moment.no_revision()),
        ([], false) => moment.before_all(),
        // Several stretches of one revision, and nothing else in between.
        ([_], false) if possible.len() > 1 => Ok(moment.take(possible[0])),
        _ if closest => Ok(moment.take_closest()),
        _ => Err(moment.ambiguous(&revisions, lost)),
    }
}

impl Moment<'_> {
    /// Always absolute and with its zone, whatever was typed.
    fn when(&self) -> String {
        show(self.at, self.zone)
    }

    /// The stretches that may hold it; and whether it may also lie in a revision that is no longer kept.
    fn possible(&self) -> (Vec<usize>, bool) {
        let possible =
            (0..self.reaches.len()).filter(|&index| self.reaches[index].perhaps(self.at)).collect();
        let lost = self.past.timeline.stretches.iter().enumerate().any(|(index, stretch)| {
            let began = self.reaches[index].perhaps_from.is_some_and(|from| from <= self.at);
            let next = self.reaches.get(index + 1).map_or(self.past.now, |next| next.surely_from);
            stretch.then_lost && began && self.at < next
        });
        (possible, lost)
    }

    /// Each revision once, oldest stretch first.
    fn revisions(&self, stretches: &[usize]) -> Vec<usize> {
        let mut found = Vec::new();
        for &stretch in stretches {
            let revision = self.past.timeline.stretches[stretch].revision;
            if !found.contains(&revision) {
                found.push(revision);
            }
        }
        found
    }

    fn take(&self, stretch: usize) -> Chosen {
        let index = self.past.timeline.stretches[stretch].revision;
        let number = messages::number(self.past, index);
        let already = if self.is_live(stretch) { ", and still is" } else { "" };
        let evidence = format!(
            "revision {number} was active at {}{already}: {}; {}",
            self.when(),
            self.stretch(stretch),
            messages::health(&self.past.health[index])
        );
        target(self.past, index, FLAG, evidence)
    }

    fn is_live(&self, stretch: usize) -> bool {
        let stretch = &self.past.timeline.stretches[stretch];
        stretch.until.is_none() && self.past.rollout.current() == Some(stretch.revision)
    }

    /// `from 2026-11-23 10:00:00 until between … and …`
    fn stretch(&self, index: usize) -> String {
        let stretch = &self.past.timeline.stretches[index];
        let bound = |bound: Bound| match bound {
            Bound::Exact(at) => local(at, self.zone),
            Bound::Between(a, b) => format!("between {} and {}", local(a, self.zone), local(b, self.zone)),
            Bound::Unknown => "an unknown time".to_owned(),
        };
        let until = stretch.until.map(|until| format!(" until {}", bound(until))).unwrap_or_default();
        format!("from {}{until}", bound(stretch.from))
    }

    fn take_closest(&self) -> Chosen {
        let stretch = self.closest();
        let index = self.past.timeline.stretches[stretch].revision;
        let evidence = format!(
            "revision {} is the closest to {}, which is between two known times: it was active {}; {}",
            messages::number(self.past, index),
            self.when(),
            self.stretch(stretch),
            messages::health(&self.past.health[index])
        );
        target(self.past, index, "--time --closest", evidence)
    }

    /// By the distance to what is sure of each stretch; the later one of two that are equally far.
    fn closest(&self) -> usize {
        let distance = |reach: &Reach| {
            let (from, until) = (reach.surely_from.as_second(), reach.surely_until.as_second());
            // Nothing of it is sure: then the middle of what is possible.
            let (from, until) = if from <= until {
                (from, until)
            } else {
                (i64::midpoint(from, until), i64::midpoint(from, until))
            };
            (from - self.at.as_second()).max(self.at.as_second() - until).max(0)
        };
        let nearest =
            self.reaches.iter().enumerate().min_by_key(|(index, reach)| (distance(reach), Reverse(*index)));
        nearest.map_or(0, |(index, _)| index)
    }

    fn ambiguous(&self, revisions: &[usize], lost: bool) -> Failure {
        let id = &self.past.rollout.id;
        let mut names: Vec<String> =
            messages::numbers(self.past, revisions).iter().map(|n| format!("revision {n}")).collect();
        if lost {
            names.push("a revision that is no longer kept".to_owned());
        }
        if names.len() == 1 && !lost {
            let early = self.reaches.first().is_some_and(|first| self.at < first.surely_from);
            names.push(if early { "no revision yet" } else { "a template without a revision" }.to_owned());
        }
        let why = if lost { "" } else { ": the exact time of the change is unknown" };
        let message = format!("at {} {id} was at {}{why}", self.when(), messages::listed(&names, "or"));
        let nearest = self.past.timeline.stretches[self.closest()].revision;
        let failure = Failure::refused(message).take(self.past, revisions);
        // Of the current one nothing would be written.
        let failure = match self.past.rollout.current() == Some(nearest) {
            true => failure,
            false => {
                let number = messages::number(self.past, nearest);
                failure.hint(format!("to take the nearest, revision {number}, add --closest"))
            }
        };
        failure.history(self.past)
    }

    /// Later than the newest revision: the live template is another one.
    fn is_after_all(&self) -> bool {
        self.reaches.last().is_some_and(|last| self.at >= last.surely_until)
    }

    fn no_revision(&self) -> Failure {
        let id = &self.past.rollout.id;
        let message = format!("at {} {id} was at a template without a revision", self.when());
        Failure::refused(message).history(self.past)
    }

    fn not_yet_created(&self, created: Timestamp, oldest: Option<(&Stretch, Timestamp)>) -> Failure {
        let id = &self.past.rollout.id;
        let created = show(created, self.zone);
        let mut message = format!("{id} did not exist at {}: it was created at {created}", self.when());
        let Some((stretch, from)) = oldest else { return Failure::refused(message).history(self.past) };
        let number = self.past.rollout.revisions[stretch.revision].number;
        message.push_str(&format!(
            "; its history reaches back to {} (revision {number})",
            show(from, self.zone)
        ));
        Failure::refused(message).take(self.past, &[stretch.revision]).history(self.past)
    }

    /// Earlier than anything that is kept.
    fn before_all(&self) -> Result<Chosen, Failure> {
        let object = &self.past.rollout.object;
        let id = &self.past.rollout.id;
        let created = object.time("/metadata/creationTimestamp");
        let oldest = self.past.timeline.stretches.first().and_then(|s| Some((s, s.from.earliest()?)));
        if let Some(created) = created.filter(|created| self.at < *created) {
            return Ok(Chosen::NotYetCreated(self.not_yet_created(created, oldest)));
        }
        let Some((stretch, from)) = oldest else {
            let message = format!("unknown which template {id} had at {}", self.when());
            return Err(Failure::refused(message).history(self.past));
        };
        let first = &self.past.rollout.revisions[stretch.revision];
        let from = show(from, self.zone);
        let message = match messages::older(self.past) {
            Some(gone) => format!(
                "the history of {id} reaches back to {from} (revision {}), not to {}: older revisions {gone}",
                first.number,
                self.when(),
            ),
            None => format!("{id} had no revision yet at {}: its first was made at {from}", self.when()),
        };
        Err(Failure::refused(message).take(self.past, &[stretch.revision]).history(self.past))
    }
}
