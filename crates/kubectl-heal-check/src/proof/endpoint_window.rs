//! For how long one of the Services had none of the workload's pods. Pure.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::observed::Observed;

pub struct EndpointWindow {
    /// Through which the victim was reached.
    pub services: BTreeSet<String>,
    since: Option<Instant>,
    total: Duration,
}

impl EndpointWindow {
    pub fn new(victim: &str, before: &Observed) -> Self {
        let services = before.serving(victim).into_iter().map(str::to_owned).collect();
        EndpointWindow { services, since: None, total: Duration::ZERO }
    }

    pub fn look(&mut self, at: Instant, now: &Observed) {
        let none = self.services.iter().any(|it| now.endpoints(it) == 0);
        match (none, self.since) {
            (true, None) => self.since = Some(at),
            (false, Some(since)) => {
                self.total += at.duration_since(since);
                self.since = None;
            }
            _ => {}
        }
    }

    /// All of them have that pod.
    pub fn all_have(&self, uid: &str, now: &Observed) -> bool {
        let serving = now.serving(uid);
        !self.services.is_empty() && self.services.iter().all(|it| serving.contains(it.as_str()))
    }

    /// `None` without a Service.
    pub fn total(&self, now: Instant) -> Option<Duration> {
        let open = self.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        (!self.services.is_empty()).then_some(self.total + open)
    }
}
