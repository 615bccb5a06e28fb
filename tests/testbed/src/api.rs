//! Raw requests to the API server: JSON in, JSON out, without the plugins' model.

use std::time::Duration;

use http::{Method, Request, header};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::ApiError;

/// Longer than any answer takes; a frozen server must not hang a test for ever.
const LIMIT: Duration = Duration::from_secs(60);

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

/// These panic with method, path and the server's own message; the `try_` ones hand that back instead.
impl Cluster {
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        or_panic(self.request(Method::GET, path, None))
    }

    /// Nothing if there is no such object.
    #[track_caller]
    pub fn try_get(&self, path: &str) -> Option<Value> {
        match self.request(Method::GET, path, None) {
            Err(error) if error.code == 404 => None,
            answer => Some(or_panic(answer)),
        }
    }

    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        items(self.get(path))
    }

    #[track_caller]
    pub fn create(&self, path: &str, object: &Value) -> Value {
        or_panic(self.try_create(path, object))
    }

    pub fn try_create(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        self.request(Method::POST, path, Some((JSON, object)))
    }

    /// A JSON merge patch: a field set to null is removed.
    #[track_caller]
    pub fn merge(&self, path: &str, patch: &Value) -> Value {
        or_panic(self.try_merge(path, patch))
    }

    pub fn try_merge(&self, path: &str, patch: &Value) -> Result<Value, ApiError> {
        self.request(Method::PATCH, path, Some((MERGE, patch)))
    }

    /// The same on the status subresource; `patch` is the status alone.
    #[track_caller]
    pub fn merge_status(&self, path: &str, status: &Value) -> Value {
        self.merge(&format!("{path}/status"), &serde_json::json!({"status": status}))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) {
        or_panic(self.try_delete(path));
    }

    pub fn try_delete(&self, path: &str) -> Result<Value, ApiError> {
        self.request(Method::DELETE, path, None)
    }

    /// Any request; the body with its content type.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, ApiError> {
        let failed = |code, reason: &str, message: String| ApiError {
            method: method.to_string(),
            path: path.to_owned(),
            code,
            reason: reason.to_owned(),
            message,
        };
        let mut request = Request::builder().method(&method).uri(path);
        if let Some((content_type, _)) = body {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let bytes = body.map_or_else(Vec::new, |(_, value)| value.to_string().into_bytes());
        let request = request.body(bytes).map_err(|error| failed(0, "", error.to_string()))?;
        match self.driver().block_on(LIMIT, self.client().request::<Value>(request)) {
            Some(Ok(value)) => Ok(value),
            Some(Err(kube::Error::Api(status))) => {
                Err(failed(status.code, &status.reason, status.message.clone()))
            }
            Some(Err(error)) => Err(failed(0, "", causes(&error))),
            None => Err(failed(0, "", format!("no answer within {LIMIT:?}"))),
        }
    }
}

/// The items of a list; empty for anything else.
fn items(mut list: Value) -> Vec<Value> {
    match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[track_caller]
fn or_panic(answer: Result<Value, ApiError>) -> Value {
    answer.unwrap_or_else(|error| panic!("{error}"))
}
