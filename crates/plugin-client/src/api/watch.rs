//! One kind, listed and then watched, as a stream that does not break. Network I/O.
//!
//! kube's watcher treats every error as temporary: without the stop here it would repeat a forbidden request for ever.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use futures::{Stream, stream};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::failure::{NoCredentials, find};
use crate::{Failure, ServerHealth};

/// Selectors and page size of a feed: `Watched::default().fields("spec.nodeName=a")`.
pub use kube::runtime::watcher::Config as Watched;

/// Seconds after which the server ends a watch and it is taken up where it was, without a new list. kube gives a watch up a few seconds
/// later than that if nothing came, not even its end: so long a connection lost without a reset goes unnoticed.
const WATCH: u32 = 60;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What happened.
#[derive(Clone, Debug)]
pub enum Feed<K> {
    /// The whole list: at the start, and again whenever the server no longer has the missed changes (410).
    Synced(Vec<K>),
    Applied(K),
    Deleted(K),
    /// The server did not answer; the watch is retried. Reported once until it answers again.
    /// An expired watch (410) is normal and not reported: `Synced` follows.
    Interrupted(Failure),
}

/// 5xx, lost connections and expired watches are retried (and, for a moment after them, 401 and 403);
/// an error that retrying cannot fix (401, 403, a missing kind, a bad selector) is the last item. managedFields are dropped.
pub fn feed<K>(api: Api<K>, watched: Watched) -> impl Stream<Item = Result<Feed<K>, Failure>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    feed_of(api, &K::plural(&()), watched, |object| {
        object.managed_fields_mut().clear();
        true
    })
}

/// The same of any kind, `plural` being its name in failures. `keep` removes from an object the fields that are not read, and returns
/// whether to keep it: of a list the other objects are dropped page by page. Every change is passed on: the object may have been kept before.
pub fn feed_of<K, F>(
    api: Api<K>,
    plural: &str,
    watched: Watched,
    keep: F,
) -> impl Stream<Item = Result<Feed<K>, Failure>> + Send + use<K, F>
where
    F: FnMut(&mut K) -> bool + Send + 'static,
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let state = State {
        doing: format!("watch {plural}"),
        events: watcher::watcher(api, bounded(watched)).boxed(),
        keep,
        listed: Vec::new(),
        failures: 0,
        health: ServerHealth::default(),
        ready: VecDeque::new(),
        ended: false,
    };
    stream::unfold(state, |mut state| async move {
        let item = state.next().await?;
        Some((item, state))
    })
}

fn bounded(watched: Watched) -> Watched {
    match watched.timeout {
        None => watched.timeout(WATCH),
        Some(_) => watched,
    }
}

struct State<K, F> {
    doing: String,
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    keep: F,
    listed: Vec<K>,
    failures: u32,
    health: ServerHealth,
    ready: VecDeque<Feed<K>>,
    ended: bool,
}

impl<K, F: FnMut(&mut K) -> bool> State<K, F> {
    async fn next(&mut self) -> Option<Result<Feed<K>, Failure>> {
        while !self.ended {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.failures > 0 {
                tokio::time::sleep(wait(self.failures)).await;
            }
            match self.events.next().await? {
                Ok(event) => self.take(event),
                Err(error) => {
                    let (failure, severity) = classify(&self.doing, error);
                    self.failures += 1;
                    match severity {
                        Severity::Permanent
                            if self.health.is_starting() && matches!(failure.code, Some(401 | 403)) => {}
                        Severity::Permanent => {
                            self.ended = true;
                            return Some(Err(failure));
                        }
                        Severity::Temporary if self.health.failed() => {
                            return Some(Ok(Feed::Interrupted(failure)));
                        }
                        Severity::Temporary | Severity::Expected => {}
                    }
                }
            }
        }
        None
    }

    fn take(&mut self, event: Event<K>) {
        // `Init` only announces a list; it does not mean that the server answered.
        if !matches!(event, Event::Init) {
            self.failures = 0;
            self.health.answered();
        }
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(mut object) => {
                if (self.keep)(&mut object) {
                    self.listed.push(object);
                }
            }
            Event::InitDone => self.ready.push_back(Feed::Synced(std::mem::take(&mut self.listed))),
            Event::Apply(mut object) => {
                (self.keep)(&mut object);
                self.ready.push_back(Feed::Applied(object));
            }
            Event::Delete(object) => self.ready.push_back(Feed::Deleted(object)),
        }
    }
}

enum Severity {
    Expected,
    Temporary,
    /// Retrying does not fix it.
    Permanent,
}

fn classify(doing: &str, error: watcher::Error) -> (Failure, Severity) {
    let error = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        error @ watcher::Error::NoResourceVersion => {
            return (
                Failure::failed(format!("cannot {doing}")).cause(error.to_string()),
                Severity::Permanent,
            );
        }
    };
    let severity = match &error {
        kube::Error::Api(status) => match status.code {
            410 => Severity::Expected,
            408 | 429 => Severity::Temporary,
            400..=499 => Severity::Permanent,
            _ => Severity::Temporary,
        },
        error if find::<NoCredentials>(error).is_some_and(|none| none.lasting) => Severity::Permanent,
        _ => Severity::Temporary,
    };
    (Failure::from_kube(doing, &error), severity)
}

/// 100 ms, doubled up to 2 s, each shortened by up to a half so that many clients do not come back at once.
fn wait(failures: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << (failures - 1).min(5)).min(LONGEST_WAIT);
    // The standard library's only source of randomness.
    let jitter = RandomState::new().hash_one(failures) % 500;
    full.mul_f64(1.0 - jitter as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        for failures in 1..40 {
            let full = Duration::from_millis((100 << (failures - 1).min(5)).min(2000));
            let wait = wait(failures);
            assert!(wait <= full && wait >= full / 2, "{failures}: {wait:?}");
        }
    }
}
