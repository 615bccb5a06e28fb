//! What our own snapshot says about itself: the first object of its list.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use plugin_client::dump::Object;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub const API_VERSION: &str = "safe-drain/v1";
pub const KIND: &str = "ClusterSnapshot";

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    pub api_version: String,
    pub kind: String,
    #[serde(default)]
    pub metadata: Value,
    /// By the server's clock.
    pub taken_at: Time,
    /// The kinds that were listed, by their plurals, also if there was no object.
    pub listed: Vec<String>,
    /// Why the others could not be.
    #[serde(default)]
    pub missing: BTreeMap<String, String>,
}

impl Header {
    pub fn new(taken_at: Time, listed: Vec<String>, missing: BTreeMap<String, String>) -> Self {
        let metadata = json!({"name": "snapshot"});
        Header { api_version: API_VERSION.into(), kind: KIND.into(), metadata, taken_at, listed, missing }
    }
}

pub fn is_header(object: &Object<'_>) -> bool {
    object.api_version == API_VERSION && object.kind == KIND
}
