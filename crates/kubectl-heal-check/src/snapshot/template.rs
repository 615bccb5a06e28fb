//! What the pods of a workload are made from.

use std::collections::BTreeMap;

use cluster_model::json::{Members, Pool};
use cluster_model::pod_security::APP_ARMOR;
use cluster_model::{Json, Raw};
use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct Template {
    pub labels: BTreeMap<String, String>,
    /// Those that Pod Security reads.
    pub annotations: Map<String, Value>,
    pub spec: Json,
}

impl Template {
    /// `None` where no template is known.
    pub fn of(template: &Value, pool: &mut Pool) -> Option<Self> {
        if template.is_null() {
            return None;
        }
        let template = pool.json(template);
        let annotations = template.map("/metadata/annotations").into_iter().flatten();
        let annotations = annotations.filter(|(key, _)| key.starts_with(APP_ARMOR));
        Some(Template {
            labels: template.labels(),
            annotations: annotations.map(|(key, value)| (key.to_owned(), value.to_value())).collect(),
            spec: template["spec"].clone(),
        })
    }

    /// All of these labels, as a Service selects them.
    pub fn has(&self, wanted: &Members) -> bool {
        wanted.iter().all(|(key, value)| self.labels.get(key).is_some_and(|own| *value == **own))
    }
}
