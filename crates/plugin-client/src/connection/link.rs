//! One request and its answer, with what kube does not do itself. Network I/O.
//!
//! kube's own stack (TLS, proxy, compression, impersonation) does the transport. Around it: credentials fetched once,
//! a deadline on every answer *and its body*, retries of reads only, the server's warnings, a log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_model::admission;
use http::header::{AUTHORIZATION, RETRY_AFTER, UPGRADE, WARNING};
use http::{Method, Request, Response, StatusCode};
use kube::client::{AuthError, Body};
use tokio::sync::Semaphore;
use tower::BoxError;

use crate::connection::answers::{Answers, PendingRequest};
use crate::connection::clock::ServerTime;
use crate::connection::credential::{Credential, Held};
use crate::connection::error_body;
use crate::connection::proxy::Proxy;
use crate::connection::transport::Transport;
use crate::failure::{Deadline, NoCredentials, Unreachable, find, last};
use crate::{Line, Ui};

/// Reads are tried this often in all.
const TRIES: u32 = 4;

pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) credential: Credential,
    pub(super) server: String,
    pub(super) proxy: Option<Proxy>,
    pub(super) deadline: Option<Duration>,
    pub(super) time: ServerTime,
    pub(super) answers: Answers,
    pub(super) at_once: Arc<Semaphore>,
    pub(super) ui: Ui,
}

impl Link {
    pub(super) async fn exchange(
        self: Arc<Self>,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        // The semaphore is never closed. Waiting for a turn does not count as the server not answering.
        let _turn =
            if Awaited::by(&request) == Awaited::Watch { None } else { self.at_once.acquire().await.ok() };
        let pending = self.answers.request_sent();
        let outcome = self.in_time(request, &pending).await;
        pending.outcome(&outcome);
        outcome
    }

    async fn in_time(
        &self,
        request: Request<Body>,
        pending: &PendingRequest,
    ) -> Result<Response<Body>, BoxError> {
        let Some(after) = self.deadline else { return self.attempts(request, None, pending).await };
        let until = Instant::now() + after;
        let attempts = self.attempts(request, Some((until, after)), pending);
        match tokio::time::timeout_at(until.into(), attempts).await {
            Ok(answer) => answer,
            Err(_) => {
                let proxy = self.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}"));
                let server = format!("{}{}", self.server, proxy.unwrap_or_default());
                Err(Deadline { server, after }.into())
            }
        }
    }

    /// Reads are retried when the server is overloaded, and any request that got 401 once, with renewed credentials: it was not carried
    /// out. Writes otherwise never: the caller has to find out whether they were applied.
    async fn attempts(
        &self,
        request: Request<Body>,
        until: Option<(Instant, Duration)>,
        pending: &PendingRequest,
    ) -> Result<Response<Body>, BoxError> {
        let awaited = Awaited::by(&request);
        // What is upgraded is a command in a container, and a GET all the same.
        let repeatable = request.method() == Method::GET && awaited == Awaited::Answer;
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let mut held = self.credential.current(until).await?;
        let (mut attempt, mut renewed) = (1, false);
        loop {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            let answer = self.once(request, &held, awaited).await;
            pending.outcome(&answer);
            let answer = answer?;
            if answer.status() == StatusCode::UNAUTHORIZED && !renewed {
                let (answer, by_admission) = is_denial(answer).await?;
                let other =
                    if by_admission { None } else { self.credential.other_than(&held, until).await? };
                let Some(other) = other else { return Ok(answer) };
                (held, renewed) = (other, true);
                continue;
            }
            let wait = retry_after(&answer, attempt).filter(|_| repeatable && attempt < TRIES);
            let Some(wait) = wait else { return Ok(answer) };
            if until.is_some_and(|(until, _)| Instant::now() + wait >= until) {
                return Ok(answer);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One request, its answer read to the end unless it is a stream.
    async fn once(
        &self,
        mut request: Request<Body>,
        held: &Held,
        awaited: Awaited,
    ) -> Result<Response<Body>, BoxError> {
        if let Some(header) = &held.header {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        let request_line =
            format!("{} {}", request.method(), request.uri().to_string().trim_end_matches('?'));
        let started = Instant::now();
        let outcome = self.transfer(request, held, awaited).await;
        if self.ui.verbosity() > 0 {
            let end = match &outcome {
                Ok(answer) => answer.status().to_string(),
                Err(error) => error.to_string(),
            };
            self.ui.log(&Line::from(format!("{request_line} {end} in {} ms", started.elapsed().as_millis())));
        }
        let answer = outcome?;
        for warning in answer.headers().get_all(WARNING) {
            self.ui.server_warning(&warning_text(&String::from_utf8_lossy(warning.as_bytes())));
        }
        Ok(answer)
    }

    async fn transfer(
        &self,
        request: Request<Body>,
        held: &Held,
        awaited: Awaited,
    ) -> Result<Response<Body>, BoxError> {
        let identity = held.identity.as_ref();
        let transport = match awaited {
            Awaited::Upgrade => self.transport.for_upgrade(identity),
            Awaited::Answer | Awaited::Watch => self.transport.with(identity, awaited == Awaited::Watch),
        };
        let transport = transport.map_err(NoCredentials::lasting)?;
        let answer = transport.send(request).await.map_err(|error| self.broken(error))?;
        // Before the body: that may take its time.
        self.time.update(answer.headers());
        let is_stream = match awaited {
            Awaited::Answer => false,
            Awaited::Watch => answer.status().is_success(),
            Awaited::Upgrade => answer.status() == StatusCode::SWITCHING_PROTOCOLS,
        };
        if is_stream {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        let bytes = body.collect_bytes().await.map_err(|error| self.broken(error))?;
        let has_failed = parts.status.is_client_error() || parts.status.is_server_error();
        let coded = if has_failed { error_body::with_code(&bytes, parts.status) } else { None };
        Ok(Response::from_parts(parts, coded.map_or_else(|| Body::from(bytes), Body::from)))
    }

    fn broken(&self, source: kube::Error) -> BoxError {
        if find::<AuthError>(&source).is_some() {
            return source.into();
        }
        let connecting = find::<hyper_util::client::legacy::Error>(&source)
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        let words = match &self.proxy {
            Some(proxy) => proxy.failed_hop(&self.server, &source),
            None => format!("{}: {}", self.server, last(&source)),
        };
        let proxy_set_by = self.proxy.as_ref().map(|proxy| proxy.set_by);
        Unreachable { words, proxy_set_by, sent: !connecting, source }.into()
    }
}

/// An admission webhook may deny with any code, also 401: then the credentials are fine.
async fn is_denial(answer: Response<Body>) -> Result<(Response<Body>, bool), BoxError> {
    let (parts, body) = answer.into_parts();
    let bytes = body.collect_bytes().await?;
    let denied = admission::is_refusal(&String::from_utf8_lossy(&bytes));
    Ok((Response::from_parts(parts, Body::from(bytes)), denied))
}

/// What follows a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Answer,
    /// It has no timeout here; kube's watcher ends one that sends nothing.
    Watch,
    /// A WebSocket.
    Upgrade,
}

impl Awaited {
    fn by(request: &Request<Body>) -> Self {
        match is_watch(request) {
            true => Awaited::Watch,
            false if request.headers().contains_key(UPGRADE) => Awaited::Upgrade,
            false => Awaited::Answer,
        }
    }
}

fn is_watch(request: &Request<Body>) -> bool {
    request.uri().query().unwrap_or_default().split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

/// How long to wait before the next try; `None` if this answer is to be taken. By hand: the loop also renews credentials.
fn retry_after(answer: &Response<Body>, attempt: u32) -> Option<Duration> {
    if !matches!(answer.status().as_u16(), 429 | 503 | 504) {
        return None;
    }
    let seconds =
        answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Some(seconds.map_or(Duration::from_millis(100 << attempt), Duration::from_secs))
}

/// `299 - "text"` (RFC 7234 5.5; apimachinery/pkg/util/net/http.go, `ParseWarningHeader`).
fn warning_text(header: &str) -> String {
    let quoted = header.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(text, _)| text);
    quoted.unwrap_or(header).replace("\\\"", "\"").replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let cases = [
            (r#"299 - "policy/v1beta1 is deprecated""#, "policy/v1beta1 is deprecated"),
            (r#"299 kube "say \"hi\"""#, r#"say "hi""#),
            ("199 bare", "199 bare"),
        ];
        for (header, text) in cases {
            assert_eq!(warning_text(header), text);
        }
    }

    #[test]
    fn only_a_watch_is_a_watch() {
        let cases = [
            ("/api/v1/pods?watch=true", true),
            ("/api/v1/pods?limit=1&watch=1", true),
            ("/api/v1/pods?watch=false", false),
            ("/api/v1/pods?fieldSelector=metadata.name%3Dwatch=true", false),
            ("/api/v1/pods", false),
        ];
        for (uri, watch) in cases {
            assert_eq!(is_watch(&Request::get(uri).body(Body::empty()).unwrap()), watch, "{uri}");
        }
    }

    #[test]
    fn only_an_upgrade_is_an_upgrade() {
        let of = |request: http::request::Builder| Awaited::by(&request.body(Body::empty()).unwrap());
        assert_eq!(of(Request::get("/exec?command=watch%3Dtrue")), Awaited::Answer);
        assert_eq!(of(Request::get("/exec").header(UPGRADE, "websocket")), Awaited::Upgrade);
        assert_eq!(of(Request::get("/pods?watch=true")), Awaited::Watch);
    }
}
