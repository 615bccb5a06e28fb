//! Requests as raw JSON, and how they were refused. `kube::Api` would read the answer into types, and forgets `Retry-After`. Network I/O.

use std::ops::Deref;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request};
use kube::client::Body;
use kube::core::Status;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use plugin_client::{Cluster, Failure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::patch::as_the_server_spells;

/// The request was not carried out, or that is not known.
#[derive(Debug)]
pub struct Refusal {
    pub error: kube::Error,
    /// From the header: flow control sends no Status to look into.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// In the server's own words, one line; `doing` completes "cannot …".
    pub fn message(&self, doing: &str) -> String {
        Failure::from_kube(doing, &self.error).to_string()
    }
}

/// What is sent, and as what.
pub enum Content<'a> {
    None,
    Json(&'a Value),
    /// RFC 6902
    Patch(&'a [Value]),
}

pub async fn send<T: DeserializeOwned>(
    cluster: &Cluster,
    method: Method,
    path: &str,
    content: Content<'_>,
) -> Result<T, Refusal> {
    let body = body(cluster, method, path, content).await?;
    serde_json::from_slice(&body).map_err(unreadable)
}

/// The answer as it came, of a success.
pub async fn body(
    cluster: &Cluster,
    method: Method,
    path: &str,
    content: Content<'_>,
) -> Result<impl AsRef<[u8]> + Deref<Target = [u8]> + use<>, Refusal> {
    let refusal = |error| Refusal { error, retry_after: None };
    let request = Request::builder().method(method).uri(path).header(ACCEPT, "application/json");
    let (kind, body) = match content {
        Content::None => (None, Ok(Vec::new())),
        Content::Json(value) => (Some("application/json"), serde_json::to_vec(value)),
        Content::Patch(ops) => {
            (Some("application/json-patch+json"), serde_json::to_vec(ops).map(as_the_server_spells))
        }
    };
    let body = body.map_err(|error| refusal(kube::Error::SerdeError(error)))?;
    let request = match kind {
        Some(kind) => request.header(CONTENT_TYPE, kind),
        None => request,
    };
    let request = request.body(Body::from(body)).map_err(|error| refusal(kube::Error::HttpError(error)))?;
    let answer = cluster.client.send(request).await.map_err(refusal)?;
    let code = answer.status();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let bytes = answer.into_body().collect_bytes().await.map_err(refusal)?;
    if code.is_success() {
        return Ok(bytes);
    }
    let status = serde_json::from_slice::<Status>(&bytes).unwrap_or_else(|_| {
        // As from a proxy or flow control.
        Status::failure(String::from_utf8_lossy(&bytes).trim(), "")
    });
    let error = kube::Error::Api(Box::new(status.with_code(code.as_u16())));
    Err(Refusal { error, retry_after: wait.map(Duration::from_secs) })
}

pub fn unreadable(error: serde_json::Error) -> Refusal {
    Refusal { error: kube::Error::SerdeError(error), retry_after: None }
}

/// `/api/v1/namespaces/shop/pods/web-0`
pub fn path(api: &str, namespace: &str, plural: &str, name: &str) -> String {
    format!("{api}/namespaces/{namespace}/{plural}/{name}")
}

/// All but what RFC 3986 2.3 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value for a query, percent-encoded.
pub fn query(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

pub const CORE: &str = "/api/v1";
pub const EVENTS: &str = "/apis/events.k8s.io/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        assert_eq!(query("kubectl-rollback-to"), "kubectl-rollback-to");
        assert_eq!(query("a b&dryRun=All/ü"), "a%20b%26dryRun%3DAll%2F%C3%BC");
    }
}
