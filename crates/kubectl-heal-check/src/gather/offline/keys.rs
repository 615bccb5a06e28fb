//! ConfigMaps and Secrets, of which only the keys are read: what they hold is skipped by the parser.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::managed_fields;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::snapshot::Read;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    pub metadata: ObjectMeta,
    #[serde(default)]
    data: Option<BTreeMap<String, IgnoredAny>>,
    #[serde(default)]
    binary_data: Option<BTreeMap<String, IgnoredAny>>,
}

impl Keys {
    /// As of a live cluster, where only metadata is requested: there the keys are those of managedFields.
    pub fn kept(&self, read: Read) -> Value {
        let metadata = serde_json::to_value(&self.metadata).unwrap_or_default();
        let recorded = managed_fields::keys(&json!({"metadata": metadata}));
        let held: Vec<_> = [&self.data, &self.binary_data].into_iter().flatten().collect();
        // Who writes a dump may have left out what they hold.
        let keys: Option<BTreeSet<String>> = match held.is_empty() {
            true => recorded,
            false => Some(held.into_iter().flat_map(BTreeMap::keys).cloned().collect()),
        };
        json!({"kind": read.api().0, "keys": keys,
            "metadata": {"namespace": self.metadata.namespace, "name": self.metadata.name}})
    }
}
