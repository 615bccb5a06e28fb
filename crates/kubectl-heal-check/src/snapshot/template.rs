//! What the pods of a workload are made from. Specs that are equal are in memory once: as a tree of maps one takes some 30 KB.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cluster_model::Raw;
use cluster_model::pod_security::APP_ARMOR;
use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct Template {
    pub labels: BTreeMap<String, String>,
    /// Those that Pod Security reads.
    pub annotations: Map<String, Value>,
    pub spec: Arc<Value>,
}

/// The specs that are known already.
pub type Specs = HashSet<Arc<Value>>;

impl Template {
    /// `None` where no template is known.
    pub fn of(mut template: Value, specs: &mut Specs) -> Option<Self> {
        if template.is_null() {
            return None;
        }
        let spec = template.get_mut("spec").map(Value::take).unwrap_or_default();
        let spec = specs.get(&spec).cloned().unwrap_or_else(|| Arc::new(spec));
        specs.insert(spec.clone());
        let annotations = template.map("/metadata/annotations").into_iter().flatten();
        let annotations = annotations.filter(|(key, _)| key.starts_with(APP_ARMOR));
        Some(Template {
            labels: labels_of(&template),
            annotations: annotations.map(|(key, value)| (key.clone(), value.clone())).collect(),
            spec,
        })
    }

    /// All of these labels, as a Service selects them.
    pub fn has(&self, wanted: &Map<String, Value>) -> bool {
        wanted.iter().all(|(key, value)| self.labels.get(key).is_some_and(|own| value == own))
    }
}

pub fn labels_of(template: &Value) -> BTreeMap<String, String> {
    let labels = template.map("/metadata/labels").into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{deployment, healthy};
    use std::sync::Arc;

    #[test]
    fn workloads_of_one_spec_share_it() {
        let snapshot = healthy().with(deployment("api", 1)).snapshot();
        let specs: Vec<_> = snapshot.workloads.iter().map(|it| &it.template.as_ref().unwrap().spec).collect();
        assert!(specs.len() == 2 && Arc::ptr_eq(specs[0], specs[1]));
        assert_ne!(snapshot.workloads[0].labels(), snapshot.workloads[1].labels());
    }
}
