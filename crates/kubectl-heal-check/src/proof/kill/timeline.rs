//! One round of a container kill: when each phase of the restart was seen. Pure; all times are of one monotonic clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::proof::endpoint_window::EndpointWindow;
use crate::proof::observed::{EndedRun, Observed, Ran, Seen, Version};
use crate::proof::timeline::Phase;

/// A signal that ends a container does so by then; a later end may have any cause. A busy kubelet reports an end with its next sync, which
/// is up to 10 s later (`pkg/kubelet/status/status_manager.go`, syncPeriod).
pub const EFFECT_WITHIN: Duration = Duration::from_secs(20);
/// A pod that was out of its Services only between two messages of the watch is never seen out of them.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

pub struct KillTimeline {
    victim: Seen,
    container: Ran,
    min_ready: Duration,
    version: Option<Version>,
    endpoints: EndpointWindow,
    /// The first sign of the signal: the command that sends it, or the end of the container.
    sent: Option<Instant>,
    seen: BTreeMap<Phase, Instant>,
    ended: Option<EndedRun>,
    ready_since: Option<Instant>,
    /// A Service was seen without the pod.
    was_out: bool,
    void: Option<String>,
}

impl KillTimeline {
    /// `None`: it has no such container.
    pub fn new(victim: &Seen, container: &str, min_ready: Duration, before: &Observed) -> Option<Self> {
        Some(KillTimeline {
            container: victim.containers.iter().find(|it| it.name == container)?.clone(),
            victim: victim.clone(),
            min_ready,
            version: before.version.clone(),
            endpoints: EndpointWindow::new(&victim.uid, before),
            sent: None,
            seen: BTreeMap::new(),
            ended: None,
            ready_since: None,
            was_out: false,
            void: None,
        })
    }

    pub fn sent_at(&mut self, at: Instant) {
        self.sent.get_or_insert(at);
    }

    /// The command has nothing to do with what is seen.
    pub fn unsent(&mut self) {
        self.sent = None;
    }

    /// What there is at this moment. The phases that are seen for the first time.
    pub fn look(&mut self, at: Instant, now: &Observed) -> Vec<Phase> {
        let before: Vec<Phase> = self.seen.keys().copied().collect();
        if now.version != self.version {
            self.void_because("the workload was changed meanwhile".to_owned());
        }
        match now.pods.get(&self.victim.uid).filter(|it| !it.is_leaving) {
            Some(pod) => self.follow(at, &pod.clone(), now),
            None => self.void_because(format!("pod {} was deleted, or ended, meanwhile", self.victim.name)),
        }
        self.endpoints.look(at, now);
        self.seen.keys().copied().filter(|it| !before.contains(it)).collect()
    }

    fn follow(&mut self, at: Instant, pod: &Seen, now: &Observed) {
        let Some(own) = pod.containers.iter().find(|it| it.name == self.container.name) else { return };
        let ended = own.ended.as_ref().filter(|it| it.id == self.container.id);
        let is_new = own.id != self.container.id || own.restarts > self.container.restarts;
        if ended.is_none() && !is_new {
            return;
        }
        self.sent_at(at);
        self.reach(Phase::Terminated, at);
        if self.ended.is_none() {
            self.ended = ended.cloned();
        }
        if is_new && own.is_running {
            self.reach(Phase::Started, at);
        }
        let has_endpoint = self.endpoints.all_have(&pod.uid, now);
        self.was_out |= !has_endpoint;
        if !(is_new && own.is_running && own.is_ready && pod.is_ready) {
            self.ready_since = None;
            return;
        }
        self.reach(Phase::Ready, at);
        let since = *self.ready_since.get_or_insert(at);
        if at.duration_since(since) >= self.min_ready {
            self.reach(Phase::Available, at);
        }
        if has_endpoint && self.was_out {
            self.reach(Phase::Endpoint, at);
        } else if has_endpoint && at.duration_since(since) >= SETTLED_AFTER {
            self.reach(Phase::Endpoint, since);
        }
    }

    fn reach(&mut self, phase: Phase, at: Instant) {
        self.seen.entry(phase).or_insert(at);
    }

    fn void_because(&mut self, why: String) {
        if !self.is_recovered() {
            self.void.get_or_insert(why);
        }
    }

    /// When a phase is reached although nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        let since = self.ready_since?;
        let available = (!self.is_seen(Phase::Available)).then(|| since + self.min_ready);
        let waits = !self.is_seen(Phase::Endpoint) && self.is_needed(Phase::Endpoint) && !self.was_out;
        available.into_iter().chain(waits.then(|| since + SETTLED_AFTER)).min()
    }

    fn is_needed(&self, phase: Phase) -> bool {
        phase != Phase::Endpoint || !self.endpoints.services.is_empty()
    }

    pub fn void(&self) -> Option<&str> {
        self.void.as_deref()
    }

    pub fn sent(&self) -> Option<Instant> {
        self.sent
    }

    pub fn victim(&self) -> &Seen {
        &self.victim
    }

    pub fn container(&self) -> &str {
        &self.container.name
    }

    /// How the run of the container that was there before ended.
    pub fn ended(&self) -> Option<&EndedRun> {
        self.ended.as_ref()
    }

    pub fn is_seen(&self, phase: Phase) -> bool {
        self.seen.contains_key(&phase)
    }

    pub fn is_recovered(&self) -> bool {
        [Phase::Available, Phase::Endpoint].into_iter().all(|it| !self.is_needed(it) || self.is_seen(it))
    }

    /// One interval, from the signal to the last phase.
    pub fn recovery(&self) -> Option<Duration> {
        let last = self.seen.values().max().filter(|_| self.is_recovered())?;
        Some(last.saturating_duration_since(self.sent?))
    }

    pub fn phases(&self) -> BTreeMap<Phase, Duration> {
        let Some(sent) = self.sent else { return BTreeMap::new() };
        self.seen.iter().map(|(phase, at)| (*phase, at.saturating_duration_since(sent))).collect()
    }

    pub fn no_endpoint(&self, now: Instant) -> Option<Duration> {
        self.endpoints.total(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::observed::News;
    use plugin_client::Feed;
    use serde_json::{Value, json};

    struct Case {
        now: Observed,
        line: KillTimeline,
        zero: Instant,
    }

    fn ran(id: &str, restarts: i32, ready: bool) -> Ran {
        Ran {
            name: "main".into(),
            id: id.into(),
            restarts,
            is_running: true,
            is_ready: ready,
            ..Ran::default()
        }
    }

    fn slices(uids: &[&str]) -> News {
        let endpoints: Vec<Value> =
            uids.iter().map(|it| json!({"addresses": [], "targetRef": {"uid": it}})).collect();
        News::Slices(Feed::Applied(
            serde_json::from_value(json!({"addressType": "IPv4", "metadata": {"name": "web-1",
            "labels": {"kubernetes.io/service-name": "web"}}, "endpoints": endpoints}))
            .unwrap(),
        ))
    }

    impl Case {
        fn of(min_ready: u64) -> Self {
            let mut now = Observed::new("rs");
            now.version = Version::at(1);
            let pod = Seen {
                name: "web-a".into(),
                uid: "u".into(),
                is_started: true,
                is_ready: true,
                containers: vec![ran("a", 0, true)],
                ..Seen::default()
            };
            now.pods.insert("u".into(), pod.clone());
            now.apply(slices(&["u"]));
            let line = KillTimeline::new(&pod, "main", Duration::from_secs(min_ready), &now).unwrap();
            Case { now, line, zero: Instant::now() }
        }

        fn at(&mut self, tenths: u64, edit: impl FnOnce(&mut Observed)) -> Vec<Phase> {
            edit(&mut self.now);
            self.line.look(self.zero + Duration::from_millis(tenths * 100), &self.now)
        }

        fn container(&mut self, tenths: u64, is_ready: bool, container: Ran) -> Vec<Phase> {
            self.at(tenths, |now| {
                let pod = now.pods.get_mut("u").unwrap();
                (pod.is_ready, pod.containers) = (is_ready, vec![container]);
            })
        }

        fn tenths(&self, phase: Phase) -> u128 {
            self.line.phases()[&phase].as_millis() / 100
        }
    }

    fn ended(id: &str) -> Ran {
        Ran {
            is_running: false,
            is_ready: false,
            ended: Some(EndedRun { id: "a".into(), code: 143, reason: "Error".into() }),
            ..ran(id, 0, false)
        }
    }

    #[test]
    fn from_the_signal_to_the_endpoint() {
        let mut case = Case::of(0);
        case.line.sent_at(case.zero);
        assert_eq!(case.at(1, |_| ()), []);
        assert_eq!(case.container(2, false, ended("a")), [Phase::Terminated]);
        case.at(3, |now| now.apply(slices(&[])));
        assert_eq!(case.container(5, false, ran("b", 1, false)), [Phase::Started]);
        assert_eq!(case.container(20, true, ran("b", 1, true)), [Phase::Ready, Phase::Available]);
        assert!(!case.line.is_recovered());
        assert_eq!(case.at(23, |now| now.apply(slices(&["u"]))), [Phase::Endpoint]);
        assert_eq!(case.line.recovery(), Some(Duration::from_millis(2300)));
        assert_eq!(case.line.no_endpoint(case.zero), Some(Duration::from_millis(2000)));
        assert_eq!(case.line.ended().map(|it| it.code), Some(143));
        assert_eq!([Phase::Terminated, Phase::Started, Phase::Ready].map(|it| case.tenths(it)), [2, 5, 20]);
    }

    /// The slice is still the old one when the pod is ready again: that is no sign of an endpoint.
    #[test]
    fn an_endpoint_that_was_never_seen_out_is_believed_after_a_moment() {
        let mut case = Case::of(0);
        case.line.sent_at(case.zero);
        case.container(1, false, ended("a"));
        assert_eq!(
            case.container(3, true, ran("b", 1, true)),
            [Phase::Started, Phase::Ready, Phase::Available]
        );
        assert_eq!(case.line.wake_at(), Some(case.zero + Duration::from_millis(1300)));
        let mut late = Case::of(0);
        late.line.sent_at(late.zero);
        late.container(3, true, ran("b", 1, true));
        assert_eq!(late.at(5, |now| now.apply(slices(&[]))), []);
        assert_eq!(late.at(15, |_| ()), []);
        assert_eq!(late.at(16, |now| now.apply(slices(&["u"]))), [Phase::Endpoint]);
        assert_eq!(case.at(13, |_| ()), [Phase::Endpoint]);
        assert_eq!((case.tenths(Phase::Endpoint), case.line.is_recovered()), (3, true));
    }

    #[test]
    fn nothing_is_seen_of_a_signal_without_effect_or_in_another_container() {
        let mut case = Case::of(0);
        case.line.sent_at(case.zero);
        let other = Ran { name: "other".into(), ..ran("z", 7, true) };
        let edit = |now: &mut Observed| now.pods.get_mut("u").unwrap().containers.push(other);
        assert_eq!(case.at(5, edit), []);
        // An end of long before.
        let before = Ran {
            ended: Some(EndedRun { id: "earlier".into(), ..EndedRun::default() }),
            ..ran("a", 0, true)
        };
        assert_eq!(case.container(6, true, before), []);
        assert!(!case.line.is_recovered() && case.line.void().is_none());
    }

    #[test]
    fn ready_again_for_as_long_as_the_workload_asks() {
        let mut case = Case::of(10);
        case.line.sent_at(case.zero);
        case.at(0, |now| now.apply(slices(&[])));
        case.container(10, true, ran("b", 1, true));
        case.at(12, |now| now.apply(slices(&["u"])));
        // It ends once more, and is started again.
        case.container(50, false, Ran { is_running: false, ..ran("b", 1, false) });
        case.container(70, true, ran("c", 2, true));
        assert_eq!(case.line.wake_at(), Some(case.zero + Duration::from_secs(17)));
        assert_eq!(case.at(169, |_| ()), []);
        assert_eq!(case.at(170, |_| ()), [Phase::Available]);
        assert_eq!(case.line.recovery(), Some(Duration::from_secs(17)));
    }

    #[test]
    fn another_pod_by_that_name_makes_it_void() {
        let mut gone = Case::of(0);
        gone.line.sent_at(gone.zero);
        gone.at(1, |now| {
            let pod = now.pods.remove("u").unwrap();
            now.pods.insert(
                "other".into(),
                Seen { uid: "other".into(), containers: vec![ran("b", 0, true)], ..pod },
            );
        });
        assert!(gone.line.void().unwrap().contains("web-a was deleted"));
        assert!(gone.line.phases().is_empty());
        let mut changed = Case::of(0);
        changed.at(1, |now| now.version = Version::at(2));
        assert!(changed.line.void().unwrap().contains("was changed"));
    }
}
