//! Credentials that have to be fetched: exec plugins and token files. Runs programs and reads files.
//!
//! kube 5.0.0 runs an exec plugin three times for one client, blocks the thread meanwhile, and names neither a missing plugin nor its
//! `installHint`. Here, as in client-go (plugin/pkg/client/auth/exec): once, and again when its credentials are about to expire or were
//! not accepted (401). Unlike there, valid credentials are used while their successors are fetched. A certificate whose end its plugin
//! does not give one is renewed when the server no longer accepts it.

mod plugin;
mod process;
mod renewal;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, Shared};
use http::HeaderValue;
use k8s_openapi::jiff::Timestamp;

pub(crate) use self::plugin::Identity;
use self::plugin::{Issued, LONGEST, Plugin};
use self::renewal::{Failures, Life, Step, step};
use crate::connection::clock::ServerTime;
use crate::connection::kubeconfig::Target;
use crate::failure::NoCredentials;
use crate::mutex::lock;
use crate::{ConnectionFlags, Failure, Ui};

/// What one request is sent with.
#[derive(Clone, Default)]
pub(crate) struct Held {
    pub header: Option<HeaderValue>,
    /// The certificate a plugin issued: part of the connection.
    pub identity: Option<Arc<Identity>>,
    life: Option<Life>,
}

impl Held {
    fn is_same(&self, other: &Held) -> bool {
        self.header == other.header && self.identity == other.identity
    }
}

/// Where a request's credentials come from.
pub(crate) enum Credential {
    /// What kube adds by itself: token, basic, OIDC; or a client certificate.
    Fixed,
    /// Read again for every request, since it rotates; the last one is used while the file is missing.
    File {
        path: PathBuf,
        last: Mutex<Option<HeaderValue>>,
    },
    Exec(Arc<Exec>),
}

pub(crate) struct Exec {
    plugin: Plugin,
    ui: Ui,
    time: ServerTime,
    /// The time limit of a renewal without prompts.
    limit: Duration,
    state: Mutex<State>,
}

struct State {
    held: Held,
    failures: Option<(Failures, Failure)>,
    /// All requests that need it wait for the same run, which continues if they are cancelled.
    running: Option<Renewal>,
}

type Renewal = Shared<BoxFuture<'static, Result<Held, Failure>>>;

impl Credential {
    /// Runs the exec plugin, if there is one. Before any progress is drawn: it may prompt, and run for long. Dropping this future kills it.
    pub(crate) async fn fetch(
        target: &mut Target,
        flags: &ConnectionFlags,
        time: &ServerTime,
        ui: &Ui,
    ) -> Result<Self, Failure> {
        if let Some(exec) = target.exec.take() {
            let plugin = Plugin::new(exec);
            let held = held(plugin.run(true, LONGEST, ui).await?, None, time.now())?;
            return Ok(Credential::Exec(Arc::new(Exec {
                plugin,
                ui: ui.clone(),
                time: time.clone(),
                // It may outlast the request that waits for it: the next request finds it done.
                limit: flags.deadline().map_or(LONGEST, |deadline| deadline.saturating_mul(2)),
                state: Mutex::new(State { held, failures: None, running: None }),
            })));
        }
        Ok(match target.token_file.take() {
            Some(path) => Credential::File { path, last: Mutex::new(None) },
            None => Credential::Fixed,
        })
    }

    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        match self {
            Credential::Exec(exec) => lock(&exec.state).held.identity.clone(),
            Credential::Fixed | Credential::File { .. } => None,
        }
    }

    /// For the next request, which has to be sent before `until`.
    pub(crate) async fn current(&self, until: Option<(Instant, Duration)>) -> Result<Held, NoCredentials> {
        match self {
            Credential::Fixed => Ok(Held::default()),
            Credential::File { path, last } => {
                let header = read_token(path, &mut lock(last))?;
                Ok(Held { header: Some(header), ..Held::default() })
            }
            Credential::Exec(exec) => match until {
                None => exec.current().await,
                Some((until, after)) => {
                    let late = |_| {
                        let name = exec.plugin.name();
                        NoCredentials::passing(Failure::failed(format!(
                            "the credential plugin {name} has not answered within {after:?} (--request-timeout)"
                        )))
                    };
                    tokio::time::timeout_at(until.into(), exec.current()).await.map_err(late)?
                }
            },
        }
    }

    /// After a request with `rejected` got 401: other credentials, if there are any.
    pub(crate) async fn other_than(
        &self,
        rejected: &Held,
        until: Option<(Instant, Duration)>,
    ) -> Result<Option<Held>, NoCredentials> {
        match self {
            Credential::Fixed => return Ok(None),
            Credential::File { .. } => {}
            Credential::Exec(exec) => exec.reject(rejected),
        }
        let held = self.current(until).await?;
        Ok((!held.is_same(rejected)).then_some(held))
    }
}

impl Exec {
    async fn current(self: &Arc<Self>) -> Result<Held, NoCredentials> {
        let renewal = {
            let mut state = lock(&self.state);
            let now = Instant::now();
            let (held, failed) = (state.held.clone(), state.failures.clone());
            let Some(life) = held.life else { return Ok(held) };
            match step(life, failed.as_ref().map(|(failures, _)| *failures), self.time.now(), now) {
                Step::Use => return Ok(held),
                Step::UseAndRenew => {
                    // It goes on by itself.
                    drop(self.renewal(&mut state));
                    return Ok(held);
                }
                Step::Renew => self.renewal(&mut state),
                Step::Fail => return Err(self.no_credentials(failed, now)),
            }
        };
        match renewal.await {
            Ok(held) => Ok(held),
            Err(failure) => {
                let failures = lock(&self.state).failures.as_ref().map(|(failures, _)| *failures);
                Err(self.no_credentials(failures.map(|failures| (failures, failure)), Instant::now()))
            }
        }
    }

    fn no_credentials(&self, failed: Option<(Failures, Failure)>, now: Instant) -> NoCredentials {
        match failed {
            Some((failures, failure)) if failures.is_final(now) => NoCredentials::lasting(failure),
            Some((_, failure)) => NoCredentials::passing(failure),
            // Another request has just renewed it.
            None => NoCredentials::passing(Failure::failed(format!(
                "the credential plugin {} failed",
                self.plugin.name()
            ))),
        }
    }

    /// Unless there are newer ones by now.
    fn reject(&self, rejected: &Held) {
        let mut state = lock(&self.state);
        if state.held.is_same(rejected)
            && let Some(life) = &mut state.held.life
        {
            life.rejected = true;
        }
    }

    /// The one that is running, or a new one.
    fn renewal(self: &Arc<Self>, state: &mut State) -> Renewal {
        if let Some(running) = &state.running {
            return running.clone();
        }
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.renew().await });
        let renewal = task.map(|end| end.unwrap_or_else(|error| Err(Failure::failed(error.to_string()))));
        state.running.insert(renewal.boxed().shared()).clone()
    }

    async fn renew(&self) -> Result<Held, Failure> {
        // Its prompts would be drawn over, and what is drawn would be typed into.
        let may_prompt = !self.ui.is_drawing();
        let issued = self.plugin.run(may_prompt, self.limit, &self.ui).await;
        let mut state = lock(&self.state);
        state.running = None;
        let now = self.time.now();
        match issued.and_then(|issued| held(issued, state.held.identity.as_ref(), now)) {
            Ok(held) => {
                state.failures = None;
                state.held = held.clone();
                Ok(held)
            }
            Err(failure) => {
                let over = state.held.life.is_some_and(|life| life.is_over(now));
                let before = state.failures.as_ref().map(|(failures, _)| *failures);
                let failures = Failures::one_more(before, over, Instant::now());
                if failures.is_first() && !over {
                    self.ui
                        .warn(format!("{failure}; the credentials are still valid, and it is tried again"));
                }
                state.failures = Some((failures, failure.clone()));
                Err(failure)
            }
        }
    }
}

/// `before` stays if it is issued again: no new connection is needed.
fn held(issued: Issued, before: Option<&Arc<Identity>>, now: Timestamp) -> Result<Held, Failure> {
    let identity = issued.identity.map(|identity| match before {
        Some(before) if **before == identity => Arc::clone(before),
        _ => Arc::new(identity),
    });
    Ok(Held {
        header: issued.token.as_deref().map(bearer).transpose()?,
        identity,
        life: Some(Life { obtained: now, expires: issued.expires, rejected: false }),
    })
}

fn read_token(path: &PathBuf, last: &mut Option<HeaderValue>) -> Result<HeaderValue, NoCredentials> {
    match (std::fs::read_to_string(path), &*last) {
        (Ok(token), _) => {
            let header = bearer(token.trim()).map_err(NoCredentials::lasting)?;
            Ok(last.insert(header).clone())
        }
        (Err(_), Some(last)) => Ok(last.clone()),
        (Err(error), None) => Err(NoCredentials::lasting(
            Failure::failed(format!("cannot read the token file {}", path.display()))
                .cause(error.to_string()),
        )),
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Failure::failed("the token holds characters that no HTTP header can"))?;
    value.set_sensitive(true);
    Ok(value)
}
