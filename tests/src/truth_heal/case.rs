//! One generated cluster, and what happens to it.

use serde_json::{Value, json};

use crate::truth::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    PodLoss,
    Drain,
    NodeSilent,
    ZoneSilent,
    NodeDeleted,
}

impl Event {
    pub const ALL: [Event; 5] =
        [Event::PodLoss, Event::Drain, Event::NodeSilent, Event::ZoneSilent, Event::NodeDeleted];

    /// The column of the matrix that is about it.
    pub fn column(self) -> &'static str {
        match self {
            Event::PodLoss => "podLoss",
            Event::Drain => "drain",
            Event::NodeSilent | Event::NodeDeleted => "nodeLoss",
            Event::ZoneSilent => "zoneLoss",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Event::PodLoss => "pod evicted",
            Event::Drain => "node drained",
            Event::NodeSilent => "node silent",
            Event::ZoneSilent => "zone silent",
            Event::NodeDeleted => "node deleted",
        }
    }

    /// Nothing runs on the nodes afterwards, and nobody ends what is there.
    pub fn loses_nodes(self) -> bool {
        !matches!(self, Event::PodLoss | Event::Drain)
    }
}

#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    /// By node: its zone, its room in CPUs and whether it is tainted.
    pub nodes: Vec<(usize, u64, bool)>,
    pub objects: Vec<Value>,
    /// In this order; the last one leaves the cluster as it is.
    pub events: Vec<Event>,
    /// Which of the workloads and nodes an event is about.
    pub picks: u64,
}

impl Case {
    /// The workload whose worst node is taken, for each event.
    pub fn pick(&self, event: Event, of: usize) -> usize {
        let number = event as u64;
        Random::new(self.picks.wrapping_add(number)).between(0, of - 1)
    }

    pub fn shown(&self) -> String {
        let events: Vec<&str> = self.events.iter().map(|event| event.name()).collect();
        format!(
            "{:#}",
            json!({"seed": self.seed, "events": events, "nodes": self.nodes, "objects": self.objects})
        )
    }
}

pub fn zone_name(room: &str, zone: usize) -> String {
    format!("{room}-zone-{zone}")
}
