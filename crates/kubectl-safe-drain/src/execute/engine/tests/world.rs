//! A simulated cluster with the faults of a real one: answers come late, in any order, twice or not at all; a list may be older than what
//! the watch has reported already; pods are bound late or recreated; somebody uncordons the node. The engine's claims are compared with it.

mod claims;

use std::collections::{BTreeMap, VecDeque};

use super::*;

/// What somebody does next.
#[derive(Clone, Debug)]
pub enum Act {
    /// The server takes up a request: its answer is about this moment.
    Serve(u8),
    /// An answer reaches the engine.
    Answer(u8),
    /// The answer reaches the engine a second time (as when a request was repeated below it).
    Repeat(u8),
    /// The answer never comes; the request may have been served or not.
    Lose(u8),
    /// An eviction is answered with 404 although the pod is there, as an admission webhook or a proxy may.
    Deny(u8),
    /// The next news of the watch of a node.
    News(u8),
    /// The watch breaks and begins anew with a list of this moment, which comes after the news that is under way.
    Rewatch(u8),
    /// A terminating pod's containers have stopped.
    Stopped(u8),
    /// A scheduler that has not observed the cordon yet binds a pod.
    Bind(u8),
    Uncordon(u8),
    Budget(i32),
    Seconds(u8),
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a test's own, and short-lived")]
enum News {
    Seen(Pod),
    Deleted(String),
    Synced(Vec<Pod>),
    Node(bool),
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a test's own, and short-lived")]
enum Answer {
    EvictAnswered(EvictionAnswer),
    PodRead(Option<Pod>),
    NodeRead(NodeNow),
    PodContextRead(Inventory),
    BudgetPodsListed,
}

/// More than any order of events may cost.
const MOST_REQUESTS: usize = 2000;

struct Request {
    command: Command,
    answer: Option<Answer>,
    served_at: u64,
    /// Answered, and the answer may come once more.
    is_over: bool,
}

#[derive(Default)]
struct There {
    pods: BTreeMap<String, Pod>,
    cordoned: bool,
    uncordoned_at: Option<u64>,
    news: VecDeque<News>,
}

pub struct World {
    pub engine: Engine,
    pub now: Timestamp,
    nodes: BTreeMap<String, There>,
    requests: Vec<Request>,
    /// Counts what happens, to order them.
    clock: u64,
    born: BTreeMap<String, u64>,
    /// When the reading was served on which a node was called drained.
    drained_by: BTreeMap<String, u64>,
    next_pod: usize,
    /// The controller recreates each pod on its node.
    pub pinned: bool,
    budget: i32,
    noticed_uncordon: bool,
    /// Accepted evictions, and the pods there before the first of them, by controller and node.
    accepted: BTreeMap<(String, String), usize>,
    had: BTreeMap<(String, String), usize>,
    pub requests_made: usize,
}

impl World {
    pub fn new(pinned: bool) -> Self {
        let mut s = guarded((0..3).map(web).collect(), 1);
        s.nodes.push(cluster_model::build::node("n2", json!({})));
        s.pods.extend([
            pod("a/high", "n1").priority(1000),
            pod("a/low", "n1").priority(-5),
            pod("a/dns", "n1").priority(2_000_000_000),
            pod("a/ds", "n1").owned_by("apps/v1", "DaemonSet", "d"),
            pod("a/other", "n2"),
        ]);
        let options = Options { concurrency: 3, stalled_after: Some(STALLED_AFTER), ..Options::default() };
        let engine = unread(&s, options);
        let mut nodes: BTreeMap<String, There> = BTreeMap::new();
        let mut had: BTreeMap<(String, String), usize> = BTreeMap::new();
        for pod in &s.pods {
            *had.entry(owner_and_node(pod)).or_default() += 1;
            let there = nodes.entry(pod.node().to_owned()).or_default();
            there.cordoned = true;
            there.pods.insert(pod.uid().to_owned(), pod.clone());
        }
        World {
            engine,
            now: now(),
            nodes,
            requests: Vec::new(),
            clock: 0,
            born: BTreeMap::new(),
            drained_by: BTreeMap::new(),
            next_pod: 10,
            pinned,
            budget: 1,
            noticed_uncordon: false,
            accepted: BTreeMap::new(),
            had,
            requests_made: 0,
        }
    }

    pub fn act(&mut self, act: &Act) -> Result<(), String> {
        self.clock += 1;
        match act {
            Act::Serve(n) => self.serve(*n),
            Act::Answer(n) => self.answer(*n, true),
            Act::Repeat(n) => self.answer(*n, false),
            Act::Lose(n) => self.lose(*n),
            Act::Deny(n) => self.deny(*n),
            Act::News(n) => self.on_watch_event(*n),
            Act::Rewatch(n) => {
                let there = self.node(*n);
                let list = there.pods.values().cloned().collect();
                there.news.push_back(News::Synced(list));
            }
            Act::Stopped(n) => self.stopped(*n),
            Act::Bind(n) => {
                let name = self.name(*n);
                self.bind(&name, "late");
            }
            Act::Uncordon(n) => {
                let clock = self.clock;
                let there = self.node(*n);
                there.cordoned = false;
                there.uncordoned_at.get_or_insert(clock);
                there.news.push_back(News::Node(false));
            }
            Act::Budget(allowed) => {
                self.budget = *allowed;
                self.engine.budget_seen(web_budget(*allowed, 2 + allowed), self.now);
            }
            Act::Seconds(n) => self.now += SignedDuration::from_secs(i64::from(*n)),
        }
        self.step()
    }

    /// The engine's requests of this moment, checked against what must never be requested.
    fn step(&mut self) -> Result<(), String> {
        for command in self.engine.next(self.now) {
            self.requests_made += 1;
            if let Command::Evict { uid, name, .. } = &command {
                self.judge_request(uid, name)?;
            }
            self.requests.push(Request { command, answer: None, served_at: 0, is_over: false });
        }
        let web = self.requests_in_flight().filter(|uid| uid.starts_with("uid-web")).count();
        if web > 1 {
            return Err("two evictions of one budget in flight".into());
        }
        if self.requests_made > MOST_REQUESTS {
            return Err(format!("{} requests for some ten pods", self.requests_made));
        }
        if self.engine.wake_at(self.now).is_some_and(|at| at <= self.now) {
            return Err("a busy loop".into());
        }
        Ok(())
    }

    fn requests_in_flight(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().filter(|r| !r.is_over).filter_map(|r| match &r.command {
            Command::Evict { uid, .. } => Some(uid.as_str()),
            _ => None,
        })
    }

    fn priority(&self, uid: &str) -> i32 {
        self.engine.pods().find(|p| p.step.uid == uid).map_or(0, |p| p.step.priority)
    }

    fn name(&self, n: u8) -> String {
        if n.is_multiple_of(3) { "n2".to_owned() } else { "n1".to_owned() }
    }

    fn node(&mut self, n: u8) -> &mut There {
        let name = self.name(n);
        self.nodes.entry(name).or_default()
    }

    fn bind(&mut self, node: &str, owner: &str) {
        self.next_pod += 1;
        let mut pod = pod(&format!("a/{owner}-{}", self.next_pod), node);
        if owner != "late" {
            pod = pod.owned_by("apps/v1", "ReplicaSet", owner);
        }
        self.born.insert(pod.uid().to_owned(), self.clock);
        let key = owner_and_node(&pod);
        if !self.accepted.contains_key(&key) {
            *self.had.entry(key).or_default() += 1;
        }
        let there = self.nodes.entry(node.to_owned()).or_default();
        there.pods.insert(pod.uid().to_owned(), pod.clone());
        there.news.push_back(News::Seen(pod));
    }

    fn serve(&mut self, n: u8) {
        let open: Vec<usize> =
            (0..self.requests.len()).filter(|at| self.requests[*at].answer.is_none()).collect();
        let Some(at) = open.get(usize::from(n) % open.len().max(1)).copied() else { return };
        let command = self.requests[at].command.clone();
        let answer = match command {
            Command::Evict { uid, .. } => Answer::EvictAnswered(self.evict(&uid)),
            Command::GetPod { name, .. } => {
                let named = |p: &&Pod| p.name() == name;
                Answer::PodRead(
                    self.nodes.values().flat_map(|there| there.pods.values()).find(named).cloned(),
                )
            }
            Command::VerifyNode { node, last, .. } => {
                let there = &self.nodes[&node];
                Answer::NodeRead(NodeNow {
                    cordoned: Some(there.cordoned),
                    pods: there.pods.values().cloned().collect(),
                    awaited: last.then(Vec::new),
                    ..NodeNow::default()
                })
            }
            Command::GetPodContext { pod, .. } => Answer::PodContextRead(inventory_of(vec![*pod])),
            Command::ListBudgetPods { .. } => Answer::BudgetPodsListed,
        };
        (self.requests[at].answer, self.requests[at].served_at) = (Some(answer), self.clock);
    }

    fn deny(&mut self, n: u8) {
        let is_open = |r: &Request| r.answer.is_none() && matches!(r.command, Command::Evict { .. });
        let open: Vec<usize> = (0..self.requests.len()).filter(|at| is_open(&self.requests[*at])).collect();
        if let Some(at) = open.get(usize::from(n) % open.len().max(1)) {
            self.requests[*at].answer = Some(Answer::EvictAnswered(EvictionAnswer::NotFound));
        }
    }

    fn evict(&mut self, uid: &str) -> EvictionAnswer {
        let Some(there) = self.nodes.values_mut().find(|n| n.pods.contains_key(uid)) else {
            return EvictionAnswer::NotFound;
        };
        let Some(pod) = there.pods.get_mut(uid) else { return EvictionAnswer::NotFound };
        if uid.starts_with("uid-web") && self.budget <= 0 {
            return EvictionAnswer::BudgetSpent { message: "spent".into() };
        }
        if !pod.is_terminating() {
            *pod = pod.clone().deleted(&(self.now + SignedDuration::from_secs(30)).to_string());
            *self.accepted.entry(owner_and_node(pod)).or_default() += 1;
        }
        let pod = pod.clone();
        there.news.push_back(News::Seen(pod));
        EvictionAnswer::Accepted
    }

    fn answer(&mut self, n: u8, taken: bool) {
        let served: Vec<usize> =
            (0..self.requests.len()).filter(|at| self.requests[*at].answer.is_some()).collect();
        let Some(at) = served.get(usize::from(n) % served.len().max(1)).copied() else { return };
        let Some(answer) = self.requests[at].answer.clone() else { return };
        let (command, served_at) = (self.requests[at].command.clone(), self.requests[at].served_at);
        if taken {
            self.requests.swap_remove(at);
        } else {
            self.requests[at].is_over = true;
        }
        match (command, answer) {
            (Command::Evict { ticket, uid, .. }, Answer::EvictAnswered(verdict)) => {
                self.engine.evict_answered(ticket, &uid, verdict, self.now);
            }
            (Command::GetPod { uid, .. }, Answer::PodRead(found)) => {
                self.engine.pod_read(&uid, Ok(found), self.now)
            }
            (Command::GetPodContext { uid, .. }, Answer::PodContextRead(alone)) => {
                self.engine.pod_context_read(&uid, &alone, self.now);
            }
            (Command::VerifyNode { ticket, node, .. }, Answer::NodeRead(found)) => {
                self.engine.node_read(ticket, &node, Ok(found), self.now);
                if self.engine.is_drained(&node) {
                    self.drained_by.insert(node, served_at);
                }
            }
            (Command::ListBudgetPods { budget }, _) => self.engine.budget_pods_listed(&budget, &[]),
            _ => {}
        }
    }

    fn lose(&mut self, n: u8) {
        if self.requests.is_empty() {
            return;
        }
        let request = self.requests.swap_remove(usize::from(n) % self.requests.len());
        match request.command {
            Command::Evict { ticket, uid, .. } => {
                self.engine.evict_answered(
                    ticket,
                    &uid,
                    EvictionAnswer::Unknown { message: "connection reset".into() },
                    self.now,
                );
            }
            Command::GetPod { uid, .. } => {
                self.engine.pod_read(&uid, Err("connection reset".into()), self.now)
            }
            Command::VerifyNode { ticket, node, .. } => {
                self.engine.node_read(ticket, &node, Err("connection reset".into()), self.now);
            }
            // What could not be read is in the answer, which always comes.
            Command::GetPodContext { uid, pod } => {
                self.engine.pod_context_read(&uid, &inventory_of(vec![*pod]), self.now)
            }
            Command::ListBudgetPods { budget } => self.engine.budget_pods_listed(&budget, &[]),
        }
    }

    fn on_watch_event(&mut self, n: u8) {
        let (name, now) = (self.name(n), self.now);
        let Some(news) = self.nodes.get_mut(&name).and_then(|there| there.news.pop_front()) else { return };
        match news {
            News::Seen(pod) => self.engine.pod_seen(&name, pod, now),
            News::Deleted(uid) => self.engine.pod_gone(&uid, now),
            News::Synced(pods) => self.engine.pods_synced(&name, pods, now),
            News::Node(cordoned) => {
                self.engine.node_seen(&name, Some(cordoned));
                self.noticed_uncordon |= self.engine.stopped().is_some();
            }
        }
    }

    fn stopped(&mut self, n: u8) {
        let name = self.name(n);
        let there = self.nodes.entry(name.clone()).or_default();
        let uids: Vec<String> =
            there.pods.values().filter(|p| p.is_terminating()).map(|p| p.uid().to_owned()).collect();
        let Some(uid) = uids.get(usize::from(n) % uids.len().max(1)) else { return };
        there.pods.remove(uid);
        there.news.push_back(News::Deleted(uid.clone()));
        if self.pinned {
            self.bind(&name, "rs");
        }
    }

    /// From here on everything works, as a rule it does. Ends within a bounded number of steps or fails with what is still open.
    pub fn run_to_the_end(&mut self) -> Result<(), String> {
        for step in 0..4000 {
            if self.engine.is_done() || self.engine.stalled().is_some() {
                return Ok(());
            }
            let n = u8::try_from(step % 251).unwrap_or_default();
            let acts =
                [Act::Serve(n), Act::Answer(n), Act::News(0), Act::News(1), Act::Stopped(0), Act::Stopped(1)];
            for act in acts {
                self.act(&act)?;
            }
            if step % 5 == 0 {
                self.act(&Act::Budget(1))?;
                self.act(&Act::Seconds(1))?;
            }
        }
        let open: Vec<String> =
            self.engine.pods().map(|p| format!("{} {:?}", p.step.name, p.phase)).collect();
        Err(format!("it does not end: {open:#?}"))
    }
}

fn owner_and_node(pod: &Pod) -> (String, String) {
    (pod.controller().map(|o| o.name.clone()).unwrap_or_default(), pod.node().to_owned())
}
