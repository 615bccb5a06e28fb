//! What was compared, as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::Event;
use super::judge::{Contradiction, Judged, is_within_two};

/// This share of the times has to be within a factor of two, in percent.
const ENOUGH: usize = 90;

#[derive(Default)]
pub struct Tally {
    pub seeds: usize,
    /// Seeds that did not come to an end, and events that could not be judged.
    pub broken: usize,
    pub void: usize,
    /// By event: heals, slow, wont, unknown.
    counts: BTreeMap<Event, [usize; 4]>,
    false_heals: BTreeMap<Event, usize>,
    false_wont: BTreeMap<Event, usize>,
    times: BTreeMap<Event, Vec<(f64, f64)>>,
}

impl Tally {
    pub fn add(&mut self, judged: &Judged) {
        let column = match &*judged.cell.verdict {
            "heals" => 0,
            "slow" => 1,
            "wont" => 2,
            _ => 3,
        };
        self.counts.entry(judged.event).or_default()[column] += 1;
        match judged.contradiction() {
            Some(Contradiction::FalseHeals) => *self.false_heals.entry(judged.event).or_default() += 1,
            Some(Contradiction::FalseWont) => *self.false_wont.entry(judged.event).or_default() += 1,
            None => {}
        }
        self.times.entry(judged.event).or_default().extend(judged.times());
    }

    pub fn contradictions(&self) -> usize {
        self.false_heals.values().sum::<usize>() + self.false_wont.values().sum::<usize>()
    }

    pub fn is_in_time(&self) -> bool {
        let all: Vec<_> = self.times.values().flatten().copied().collect();
        let within = all.iter().copied().filter(|it| is_within_two(*it)).count();
        within * 100 >= all.len() * ENOUGH
    }

    pub fn shown(&self) -> String {
        let mut text =
            format!("{} seeds ({} without an end, {} events void)\n", self.seeds, self.broken, self.void);
        let heads = [
            "cells", "heals", "slow", "won't", "unknown", "false h.", "false w.", "times", "in 2x", "p10",
            "p50", "p90",
        ];
        let _ = write!(text, "{:<14}", "event");
        heads.iter().for_each(|head| text.push_str(&format!("{head:>9}")));
        for event in Event::ALL {
            let of = |from: &BTreeMap<Event, usize>| from.get(&event).copied().unwrap_or_default();
            let counts = self.counts.get(&event).copied().unwrap_or_default();
            let times = self.times.get(&event).cloned().unwrap_or_default();
            let numbers = [
                counts.iter().sum(),
                counts[0],
                counts[1],
                counts[2],
                counts[3],
                of(&self.false_heals),
                of(&self.false_wont),
                times.len(),
            ];
            let _ = write!(text, "\n{:<14}", event.name());
            numbers.iter().for_each(|number| text.push_str(&format!("{number:>9}")));
            text.push_str(&share(&times));
            text.push_str(&percentiles(&times));
        }
        let all: Vec<_> = self.times.values().flatten().copied().collect();
        let _ = writeln!(
            text,
            "\ntimes: {} within a factor of two or two seconds;{} are p10, p50, p90 of expected / measured",
            share(&all).trim(),
            percentiles(&all)
        );
        text
    }
}

fn share(times: &[(f64, f64)]) -> String {
    let within = times.iter().copied().filter(|it| is_within_two(*it)).count();
    format!("{:>8}%", (within * 100).checked_div(times.len()).unwrap_or(100))
}

/// Of expected by measured.
fn percentiles(times: &[(f64, f64)]) -> String {
    let mut ratios: Vec<f64> =
        times.iter().map(|(expected, measured)| expected / measured.max(0.1)).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |percent: usize| ratios.get(ratios.len().saturating_sub(1) * percent / 100).copied();
    [10, 50, 90]
        .iter()
        .map(|percent| at(*percent).map_or(format!("{:>9}", "-"), |ratio| format!("{ratio:>9.2}")))
        .collect()
}
