//! One round: when each phase of the recovery was seen. Pure; all times are of one monotonic clock, taken when a message of a watch arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::endpoint_window::EndpointWindow;
use super::observed::{Observed, Seen, Version};
use crate::snapshot::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Gone,
    /// Of a container that was killed.
    Terminated,
    Created,
    Scheduled,
    Started,
    Ready,
    /// Ready for minReadySeconds.
    Available,
    /// Every Service through which the victim was reached has the replacement.
    Endpoint,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Phase::Gone => "gone",
            Phase::Terminated => "terminated",
            Phase::Created => "created",
            Phase::Scheduled => "scheduled",
            Phase::Started => "started",
            Phase::Ready => "ready",
            Phase::Available => "available",
            Phase::Endpoint => "endpoint",
        }
    }
}

pub struct Timeline {
    kind: Kind,
    min_ready: Duration,
    victim: Seen,
    /// Pods that were there before.
    known: BTreeSet<String>,
    version: Option<Version>,
    endpoints: EndpointWindow,
    /// The first proof of the acceptance: the server's answer, or the victim on its way out.
    accepted: Option<Instant>,
    is_marked: bool,
    replacement: Option<Seen>,
    seen: BTreeMap<Phase, Instant>,
    ready_since: Option<Instant>,
    void: Option<String>,
}

impl Timeline {
    pub fn new(kind: Kind, min_ready: Duration, victim: &Seen, before: &Observed) -> Self {
        Timeline {
            kind,
            min_ready,
            victim: victim.clone(),
            known: before.pods.keys().cloned().collect(),
            version: before.version.clone(),
            endpoints: EndpointWindow::new(&victim.uid, before),
            accepted: None,
            is_marked: false,
            replacement: None,
            seen: BTreeMap::new(),
            ready_since: None,
            void: None,
        }
    }

    pub fn accepted_at(&mut self, at: Instant) {
        self.accepted.get_or_insert(at);
    }

    /// The victim is on its way out, and not by our eviction.
    pub fn disown(&mut self) {
        self.accepted = None;
    }

    /// What there is at this moment. The phases that are seen for the first time.
    pub fn look(&mut self, at: Instant, now: &Observed) -> Vec<Phase> {
        let before: BTreeSet<Phase> = self.seen.keys().copied().collect();
        let victim = now.pods.get(&self.victim.uid);
        if victim.is_none_or(|it| it.is_leaving) {
            self.is_marked = true;
            self.accepted_at(at);
        }
        if victim.is_none() {
            self.reach(Phase::Gone, at);
        }
        self.find_replacement(now);
        if let Some(uid) = self.replacement.as_ref().map(|it| it.uid.clone()) {
            match now.pods.get(&uid).filter(|it| !it.is_leaving) {
                Some(pod) => self.follow(at, pod, now),
                None if !self.is_recovered() => {
                    self.void_because(format!("the replacement {} was deleted meanwhile", self.name()));
                }
                None => {}
            }
        }
        if now.version != self.version {
            self.void_because("the workload was changed meanwhile".to_owned());
        }
        self.endpoints.look(at, now);
        self.seen.keys().copied().filter(|it| !before.contains(it)).collect()
    }

    /// By its controller and a new UID, and only after the victim is on its way out: a pod that comes earlier comes of something else.
    fn find_replacement(&mut self, now: &Observed) {
        let is_new = |pod: &&Seen| !self.known.contains(&pod.uid);
        let is_candidate = |pod: &&Seen| match self.kind {
            Kind::StatefulSet => pod.name == self.victim.name,
            Kind::DaemonSet => pod.meant_for.as_ref().is_none_or(|node| *node == self.victim.node),
            _ => true,
        };
        let found: Vec<Seen> = now.pods.values().filter(is_new).filter(is_candidate).cloned().collect();
        match (found.as_slice(), &self.replacement) {
            ([], _) => {}
            ([first, ..], _) if !self.is_marked => {
                self.void_because(format!(
                    "pod {} was made before {} was deleted",
                    first.name, self.victim.name
                ));
            }
            ([one], None) => self.replacement = Some(one.clone()),
            ([one], Some(known)) if one.uid == known.uid => {}
            ([..], _) => {
                self.void_because("more than one new pod: which is the replacement cannot be said".to_owned())
            }
        }
    }

    fn follow(&mut self, at: Instant, pod: &Seen, now: &Observed) {
        self.reach(Phase::Created, at);
        if !pod.node.is_empty() {
            self.reach(Phase::Scheduled, at);
        }
        if pod.is_started || pod.is_ready {
            self.reach(Phase::Started, at);
        }
        if pod.is_ready {
            self.reach(Phase::Ready, at);
            let since = *self.ready_since.get_or_insert(at);
            if at.duration_since(since) >= self.min_ready {
                self.reach(Phase::Available, at);
            }
        } else {
            self.ready_since = None;
        }
        if self.endpoints.all_have(&pod.uid, now) {
            self.reach(Phase::Endpoint, at);
        }
        self.replacement = Some(pod.clone());
    }

    fn reach(&mut self, phase: Phase, at: Instant) {
        self.seen.entry(phase).or_insert(at);
    }

    fn void_because(&mut self, why: String) {
        // After its end nothing changes what was measured.
        if !self.is_recovered() {
            self.void.get_or_insert(why);
        }
    }

    fn name(&self) -> &str {
        self.replacement.as_ref().map(|it| it.name.as_str()).unwrap_or_default()
    }

    /// When a phase is reached although nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        let waits = !self.seen.contains_key(&Phase::Available);
        self.ready_since.filter(|_| waits).map(|since| since + self.min_ready)
    }

    pub fn void(&self) -> Option<&str> {
        self.void.as_deref()
    }

    pub fn accepted(&self) -> Option<Instant> {
        self.accepted
    }

    pub fn victim(&self) -> &Seen {
        &self.victim
    }

    pub fn replacement(&self) -> Option<&Seen> {
        self.replacement.as_ref()
    }

    pub fn is_seen(&self, phase: Phase) -> bool {
        self.seen.contains_key(&phase)
    }

    /// As before, for whoever uses it: the victim may still be stopping.
    pub fn is_recovered(&self) -> bool {
        self.is_seen(Phase::Available)
            && (self.endpoints.services.is_empty() || self.is_seen(Phase::Endpoint))
    }

    /// One interval, from the acceptance to the last phase that is needed: phases overlap, and are never added.
    pub fn recovery(&self) -> Option<Duration> {
        if !self.is_recovered() {
            return None;
        }
        let needed = self.seen.iter().filter(|(phase, _)| **phase != Phase::Gone).map(|(_, at)| *at).max()?;
        Some(needed.saturating_duration_since(self.accepted?))
    }

    /// How long after the acceptance each phase was seen.
    pub fn phases(&self) -> BTreeMap<Phase, Duration> {
        let Some(accepted) = self.accepted else { return BTreeMap::new() };
        self.seen.iter().map(|(phase, at)| (*phase, at.saturating_duration_since(accepted))).collect()
    }

    /// For how long one of the Services had none of its pods; `None` without a Service.
    pub fn no_endpoint(&self, now: Instant) -> Option<Duration> {
        self.endpoints.total(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str, ready: bool) -> Seen {
        Seen {
            name: name.into(),
            uid: uid.into(),
            node: "n1".into(),
            is_started: ready,
            is_ready: ready,
            ..Seen::default()
        }
    }

    struct Case {
        now: Observed,
        line: Timeline,
        zero: Instant,
    }

    impl Case {
        fn of(kind: Kind, min_ready: u64) -> Self {
            let mut now = Observed::new("rs");
            for n in ["0", "1"] {
                now.pods.insert(format!("u{n}"), pod(&format!("web-{n}"), &format!("u{n}"), true));
            }
            now.version = Version::at(1);
            let line = Timeline::new(kind, Duration::from_secs(min_ready), &now.pods["u0"].clone(), &now);
            Case { now, line, zero: Instant::now() }
        }

        fn at(&mut self, seconds: u64, edit: impl FnOnce(&mut Observed)) -> Vec<Phase> {
            edit(&mut self.now);
            self.line.look(self.zero + Duration::from_secs(seconds), &self.now)
        }

        fn put(&mut self, seconds: u64, one: Seen) -> Vec<Phase> {
            self.at(seconds, |now| drop(now.pods.insert(one.uid.clone(), one)))
        }

        fn leave(&mut self, seconds: u64) -> Vec<Phase> {
            self.at(seconds, |now| now.pods.get_mut("u0").unwrap().is_leaving = true)
        }

        fn gone(&mut self, seconds: u64) -> Vec<Phase> {
            self.at(seconds, |now| drop(now.pods.remove("u0")))
        }

        fn seconds(&self) -> Vec<(Phase, u64)> {
            self.line.phases().into_iter().map(|(phase, it)| (phase, it.as_secs())).collect()
        }
    }

    /// The victim takes 20 s to stop while the replacement starts in 8 s: the recovery is 8 s, neither 20 nor 28.
    #[test]
    fn phases_that_overlap_are_not_added() {
        let mut case = Case::of(Kind::Deployment, 0);
        case.leave(0);
        assert_eq!(case.put(1, Seen { node: String::new(), ..pod("web-2", "u2", false) }), [Phase::Created]);
        assert_eq!(case.put(2, pod("web-2", "u2", false)), [Phase::Scheduled]);
        assert_eq!(case.put(8, pod("web-2", "u2", true)), [Phase::Started, Phase::Ready, Phase::Available]);
        assert_eq!(case.gone(20), [Phase::Gone]);
        assert_eq!(case.line.recovery(), Some(Duration::from_secs(8)));
        assert_eq!(case.line.void(), None);
        assert_eq!(
            case.seconds(),
            [
                (Phase::Gone, 20),
                (Phase::Created, 1),
                (Phase::Scheduled, 2),
                (Phase::Started, 8),
                (Phase::Ready, 8),
                (Phase::Available, 8)
            ]
        );
    }

    #[test]
    fn available_is_ready_for_as_long_as_the_workload_asks() {
        let mut case = Case::of(Kind::Deployment, 10);
        case.leave(0);
        assert!(case.put(3, pod("web-2", "u2", true)).contains(&Phase::Ready));
        assert_eq!(case.line.wake_at(), Some(case.zero + Duration::from_secs(13)));
        // Not Ready in between: it begins anew.
        case.put(5, pod("web-2", "u2", false));
        case.put(7, pod("web-2", "u2", true));
        assert_eq!(case.at(14, |_| ()), []);
        assert_eq!(case.at(17, |_| ()), [Phase::Available]);
        assert_eq!(case.line.recovery(), Some(Duration::from_secs(17)));
    }

    #[test]
    fn a_stateful_set_makes_the_same_name_again() {
        let mut case = Case::of(Kind::StatefulSet, 0);
        case.leave(0);
        case.gone(4);
        // By scaling, and not its replacement.
        assert_eq!(case.put(5, pod("web-2", "u2", true)), []);
        assert!(case.put(6, pod("web-0", "u0b", true)).contains(&Phase::Available));
        assert_eq!((case.line.replacement().unwrap().uid.as_str(), case.line.void()), ("u0b", None));
    }

    #[test]
    fn another_pod_of_a_daemon_set_is_not_mistaken() {
        let mut case = Case::of(Kind::DaemonSet, 0);
        let on = |node: &str, uid: &str| Seen { meant_for: Some(node.into()), ..pod(uid, uid, true) };
        case.leave(0);
        assert_eq!(case.put(1, on("n2", "other")), []);
        case.gone(2);
        assert!(case.put(3, on("n1", "next")).contains(&Phase::Available));
        assert_eq!(case.line.replacement().unwrap().uid, "next");
    }

    #[test]
    fn what_makes_a_round_void() {
        // A pod that comes before the victim is on its way out.
        let mut early = Case::of(Kind::Deployment, 0);
        early.put(1, pod("web-2", "u2", true));
        assert!(early.line.void().unwrap().contains("before web-0 was deleted"));
        // Two new pods.
        let mut two = Case::of(Kind::Deployment, 0);
        two.leave(0);
        two.put(1, pod("web-2", "u2", false));
        assert_eq!(two.line.void(), None);
        two.put(2, pod("web-3", "u3", false));
        assert!(two.line.void().unwrap().contains("more than one new pod"));
        let mut scaled = Case::of(Kind::Deployment, 0);
        scaled.leave(0);
        scaled.at(1, |now| now.version = Version::at(2));
        assert!(scaled.line.void().unwrap().contains("changed meanwhile"));
        let mut deleted = Case::of(Kind::Deployment, 0);
        deleted.leave(0);
        deleted.put(1, pod("web-2", "u2", false));
        deleted.at(2, |now| drop(now.pods.remove("u2")));
        assert!(deleted.line.void().unwrap().contains("web-2 was deleted"));
        // After its recovery nothing makes it void.
        let mut late = Case::of(Kind::Deployment, 0);
        late.leave(0);
        late.put(1, pod("web-2", "u2", true));
        late.at(2, |now| now.version = Version::at(2));
        assert_eq!(late.line.void(), None);
    }

    /// The answer of the server may come after the watch has shown what it did.
    #[test]
    fn it_begins_with_whatever_shows_the_acceptance_first() {
        let mut case = Case::of(Kind::Deployment, 0);
        case.leave(2);
        case.line.accepted_at(case.zero + Duration::from_secs(3));
        assert_eq!(case.line.accepted(), Some(case.zero + Duration::from_secs(2)));
    }
}
