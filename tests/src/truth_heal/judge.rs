//! A cell beside what happened.

use super::case::Event;
use super::predict::Cell;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// After so many seconds as many pods were ready as before.
    Healed(f64),
    DidNotHeal,
}

#[derive(Clone, Debug)]
pub struct Judged {
    pub event: Event,
    pub workload: String,
    pub cell: Cell,
    /// Its pods were on the node or in the zone that the cell calls the worst.
    pub is_worst: bool,
    pub outcome: Outcome,
    /// What the cell's time is here, where a silent node is noticed sooner.
    pub expected: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    FalseHeals,
    FalseWont,
}

/// The server's times are whole seconds, and several of them count.
const RESOLUTION: f64 = 2.0;

impl Judged {
    pub fn promises(&self) -> bool {
        matches!(&*self.cell.verdict, "heals" | "slow")
    }

    pub fn contradiction(&self) -> Option<Contradiction> {
        match (self.promises(), self.outcome) {
            (true, Outcome::DidNotHeal) => Some(Contradiction::FalseHeals),
            // A Node that is deleted is what some wait for, and a domain less.
            (false, Outcome::Healed(_))
                if self.cell.verdict == "wont" && self.is_worst && self.event != Event::NodeDeleted =>
            {
                Some(Contradiction::FalseWont)
            }
            _ => None,
        }
    }

    /// Expected and measured seconds, of what was promised for this very node or zone.
    pub fn times(&self) -> Option<(f64, f64)> {
        match self.outcome {
            Outcome::Healed(measured) if self.promises() && self.is_worst => Some((self.expected?, measured)),
            _ => None,
        }
    }
}

/// Within a factor of two, or within what the server's clock can tell.
pub fn is_within_two((expected, measured): (f64, f64)) -> bool {
    (expected - measured).abs() <= RESOLUTION || (expected <= 2.0 * measured && measured <= 2.0 * expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_a_cell() {
        let judged = |verdict: &str, event, is_worst, outcome| {
            let cell =
                Cell { verdict: verdict.to_owned(), eta: None, worst: String::new(), reason: String::new() };
            Judged { event, workload: String::new(), cell, is_worst, outcome, expected: Some(5.0) }
                .contradiction()
        };
        let healed = Outcome::Healed(3.0);
        for (verdict, event, is_worst, outcome, expected) in [
            ("heals", Event::Drain, true, healed, None),
            ("heals", Event::Drain, false, Outcome::DidNotHeal, Some(Contradiction::FalseHeals)),
            ("slow", Event::NodeDeleted, true, Outcome::DidNotHeal, Some(Contradiction::FalseHeals)),
            ("wont", Event::NodeSilent, true, healed, Some(Contradiction::FalseWont)),
            ("wont", Event::NodeSilent, false, healed, None),
            ("wont", Event::NodeDeleted, true, healed, None),
            ("wont", Event::NodeSilent, true, Outcome::DidNotHeal, None),
            ("unknown", Event::NodeSilent, true, healed, None),
            ("unknown", Event::NodeSilent, true, Outcome::DidNotHeal, None),
        ] {
            assert_eq!(judged(verdict, event, is_worst, outcome), expected, "{verdict} {event:?} {is_worst}");
        }
    }

    #[test]
    fn a_factor_of_two_either_way() {
        for (expected, measured, is_within) in [
            (10.0, 5.0, true),
            (10.0, 4.9, false),
            (10.0, 20.0, true),
            (10.0, 20.1, false),
            (0.0, 2.0, true),
            (0.0, 2.1, false),
        ] {
            assert_eq!(is_within_two((expected, measured)), is_within, "{expected} {measured}");
        }
    }
}
