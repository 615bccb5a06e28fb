//! A fake API server on loopback: scripted answers, faults, and a log of the requests. Plain HTTP/1.1, one thread a connection.
//!
//! For what a real server will not do on demand: silence, cut connections, text instead of a Status, `410 Gone` in a watch.
//!
//! ```no_run
//! use testbed::fake::{Answer, Fake};
//! let fake = Fake::start();
//! fake.on("GET", "/api/v1/nodes/a").answer(Answer::status(403, "Forbidden", "no"));
//! fake.on("POST", "*/eviction").times(2).answer(Answer::text(429, "slow down").header("Retry-After", "0"));
//! ```

mod wire;

use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpSocket;

pub(crate) use wire::read as read_request;
pub use wire::{Answer, Request};
use wire::{read, write};

use crate::wait::PATIENCE;

/// A port on which nobody listens, and which nobody else is given while this lives: the port of a server that has ended may soon be that of
/// another one.
pub struct ClosedPort {
    _socket: TcpSocket,
    pub address: SocketAddr,
}

impl ClosedPort {
    /// On loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub fn reserve() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = socket.local_addr()?;
        Ok(ClosedPort { _socket: socket, address })
    }
}

struct Rule {
    method: String,
    path: String,
    /// `Some`: only lists or only watches, which share their path.
    watch: Option<bool>,
    left: usize,
    answer: Answer,
}

impl Rule {
    /// `*` at the start or the end of a path stands for anything.
    fn matches(&self, request: &Request) -> bool {
        let path = match (self.path.strip_prefix('*'), self.path.strip_suffix('*')) {
            (Some(end), _) => request.path.ends_with(end),
            (None, Some(start)) => request.path.starts_with(start),
            (None, None) => request.path == self.path,
        };
        self.left > 0
            && path
            && (self.method == "*" || self.method == request.method)
            && self.watch.is_none_or(|watch| watch == request.is_watch())
    }
}

/// A rule that is being written: `answer` adds it. Rules are tried in the order they were added; one that is used up is passed over.
pub struct RuleBuilder<'a> {
    fake: &'a Fake,
    rule: Rule,
}

impl RuleBuilder<'_> {
    pub fn once(self) -> Self {
        self.times(1)
    }

    pub fn times(mut self, times: usize) -> Self {
        self.rule.left = times;
        self
    }

    pub fn lists(mut self) -> Self {
        self.rule.watch = Some(false);
        self
    }

    pub fn watches(mut self) -> Self {
        self.rule.watch = Some(true);
        self
    }

    pub fn answer(mut self, answer: Answer) {
        self.rule.answer = answer;
        lock(&self.fake.shared.state).rules.push(self.rule);
    }
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    log: Vec<Request>,
    open: Vec<TcpStream>,
    stopped: bool,
    /// How far its clock is behind; without it, its answers have no date.
    behind: Option<Duration>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    logged: Condvar,
}

/// Runs until dropped. What no rule answers is a 404.
pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Fake {
    /// Panics if loopback has no free port.
    pub fn start() -> Self {
        let (listener, address) =
            match TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr().map(|at| (it, at))) {
                Ok(bound) => bound,
                Err(error) => panic!("no port for the fake API server: {error}"),
            };
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut state = lock(&accepting.state);
                if state.stopped {
                    return;
                }
                state.open.extend(stream.try_clone());
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Fake { address, shared }
    }

    /// From now on its answers carry a date, and its clock is behind by so much.
    pub fn clock_behind(&self, behind: Duration) {
        lock(&self.shared.state).behind = Some(behind);
    }

    /// What its clock will show after that time, as objects carry it.
    pub fn time_in(&self, span: Duration) -> String {
        self.time(SystemTime::now() + span)
    }

    /// What it showed that long ago.
    pub fn time_before(&self, span: Duration) -> String {
        self.time(SystemTime::now() - span)
    }

    fn time(&self, ours: SystemTime) -> String {
        let time = ours - lock(&self.shared.state).behind.unwrap_or_default();
        let time = Timestamp::try_from(time).unwrap_or_default();
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn on(&self, method: &str, path: &str) -> RuleBuilder<'_> {
        let rule = Rule {
            method: method.into(),
            path: path.into(),
            watch: None,
            left: usize::MAX,
            answer: Answer::cut(),
        };
        RuleBuilder { fake: self, rule }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.state).log.clone()
    }

    /// Waits until `count` requests that `matches` came; gives them, or panics with the log when they do not.
    pub fn wait_for(&self, count: usize, matches: impl Fn(&Request) -> bool) -> Vec<Request> {
        let until = Instant::now() + PATIENCE;
        let mut state = lock(&self.shared.state);
        loop {
            let found: Vec<Request> = state.log.iter().filter(|request| matches(request)).cloned().collect();
            let left = until.saturating_duration_since(Instant::now());
            if found.len() >= count {
                return found;
            }
            assert!(
                !left.is_zero(),
                "{count} requests were awaited, {} came; all: {:#?}",
                found.len(),
                state.log
            );
            state = self.shared.logged.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes a kubeconfig with context, cluster and user `fake` (token `fake-token`) and gives its path.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("kubeconfig");
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url()}}],
            "users": [{"name": "fake", "user": {"token": "fake-token"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}]});
        if let Err(error) = std::fs::write(&path, config.to_string()) {
            panic!("cannot write {}: {error}", path.display());
        }
        path
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let open = {
            let mut state = lock(&self.shared.state);
            state.stopped = true;
            std::mem::take(&mut state.open)
        };
        for stream in open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = read(&mut reader) {
        let (answer, date) = {
            let mut state = lock(&shared.state);
            let rule = state.rules.iter_mut().find(|rule| rule.matches(&request));
            let answer = rule.map(|rule| {
                rule.left -= 1;
                rule.answer.clone()
            });
            state.log.push(request.clone());
            shared.logged.notify_all();
            let answer = answer.unwrap_or_else(|| {
                Answer::status(404, "NotFound", &format!("the fake has no {}", request.path))
            });
            (answer, state.behind.map(|behind| SystemTime::now() - behind))
        };
        if !matches!(write(stream, &mut reader, &request, answer, date), Ok(true)) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}
