//! Who manages which field, and since when: metadata.managedFields, read. Pure.
//!
//! An entry's time is that of its last write, not of the write of one field. Entries can be stripped: what is not in them is unknown.

pub mod paths;
pub mod template_writer;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::Raw;
use crate::rollout::{CHANGE_CAUSE, Revision, Rollout};

/// One manager's entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub manager: &'a str,
    /// `Apply` or `Update`. Only an apply conflicts with changes of its fields by others.
    pub operation: &'a str,
    pub api_version: &'a str,
    /// Empty: the object itself.
    pub subresource: &'a str,
    pub time: Option<Timestamp>,
    /// As fieldsV1.
    pub fields: &'a Value,
}

impl<'a> Entry<'a> {
    pub fn of(entry: &'a Value) -> Self {
        Entry {
            manager: entry.text("/manager"),
            operation: entry.text("/operation"),
            api_version: entry.text("/apiVersion"),
            subresource: entry.text("/subresource"),
            time: entry.time("/time"),
            fields: &entry["fieldsV1"],
        }
    }

    /// Entries are distinguished by these.
    pub fn id(&self) -> [&'a str; 4] {
        [self.manager, self.operation, self.api_version, self.subresource]
    }

    pub fn is_apply(&self) -> bool {
        self.operation == "Apply"
    }

    /// Does it manage this, or something in it? A pointer, as in `/f:spec/f:template`.
    pub fn has(&self, pointer: &str) -> bool {
        self.fields.pointer(pointer).is_some()
    }

    /// The managed fields of the pod template, as in `spec.containers[web].image`.
    pub fn of_template(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Some(fields) = self.fields.pointer(TEMPLATE) {
            leaves("", fields, &mut found);
        }
        found
    }
}

impl<'a> From<&'a ManagedFieldsEntry> for Entry<'a> {
    fn from(entry: &'a ManagedFieldsEntry) -> Self {
        fn text(value: &Option<String>) -> &str {
            value.as_deref().unwrap_or_default()
        }
        Entry {
            manager: text(&entry.manager),
            operation: text(&entry.operation),
            api_version: text(&entry.api_version),
            subresource: text(&entry.subresource),
            time: entry.time.as_ref().map(|time| time.0),
            fields: entry.fields_v1.as_ref().map_or(&Value::Null, |fields| &fields.0),
        }
    }
}

const TEMPLATE: &str = "/f:spec/f:template";

pub fn entries(object: &Value) -> impl Iterator<Item = Entry<'_>> {
    object.list("/metadata/managedFields").iter().map(Entry::of)
}

/// Is anything recorded at all?
pub fn recorded(object: &Value) -> bool {
    !object.list("/metadata/managedFields").is_empty()
}

/// structured-merge-diff's fieldpath/serialize-pe.go: `f:` a field, `k:` an item by its keys, `v:` by its value, `i:` by its place;
/// `.` is the item itself.
fn leaves(path: &str, fields: &Value, found: &mut BTreeSet<String>) {
    let Some(map) = fields.as_object() else { return };
    let mut below = map.iter().filter(|(step, _)| *step != ".").peekable();
    if below.peek().is_none() && !path.is_empty() {
        found.insert(path.to_owned());
    }
    for (step, fields) in below {
        leaves(&joined(path, step), fields, found);
    }
}

fn joined(path: &str, step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) if path.is_empty() => name.to_owned(),
        Some(("f", name)) => format!("{path}.{name}"),
        Some(("k", keys)) => format!("{path}[{}]", values(keys)),
        Some((_, value)) => format!("{path}[{}]", value.trim_matches('"')),
        None => format!("{path}.{step}"),
    }
}

/// `{"containerPort":80,"protocol":"TCP"}` → `80/TCP`
fn values(keys: &str) -> String {
    match serde_json::from_str::<BTreeMap<String, Value>>(keys) {
        Ok(keys) => {
            let values = keys.into_values().map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            });
            values.collect::<Vec<_>>().join("/")
        }
        Err(_) => keys.to_owned(),
    }
}

/// Fields of the template that an apply managed and that this program's write takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub manager: String,
    pub fields: Vec<String>,
}

/// From the object as it is to the object as it would be after a write by `writer`. A field that goes away with the write is nobody's
/// afterwards and no conflict; a manager that updates never has one.
pub fn taken(before: &Value, after: &Value, writer: &str) -> Vec<Taken> {
    let is_writer = |entry: &Entry<'_>| entry.manager == writer && !entry.is_apply();
    let of = |object| entries(object).filter(is_writer).flat_map(|entry| entry.of_template());
    let (had, has): (BTreeSet<String>, BTreeSet<String>) = (of(before).collect(), of(after).collect());
    let gained: BTreeSet<String> = has.difference(&had).cloned().collect();
    let kept: BTreeMap<_, _> = entries(after).map(|entry| (entry.id(), entry.of_template())).collect();
    entries(before)
        .filter(Entry::is_apply)
        .map(|entry| {
            let lost = entry.of_template().into_iter().filter(|field| {
                gained.contains(field) && !kept.get(&entry.id()).is_some_and(|kept| kept.contains(field))
            });
            Taken { manager: entry.manager.to_owned(), fields: lost.collect() }
        })
        .filter(|taken| !taken.fields.is_empty())
        .collect()
}

/// Where a ConfigMap or Secret keeps its data. `stringData` is only ever written, but an apply is recorded with it.
const DATA: [&str; 3] = ["f:data", "f:binaryData", "f:stringData"];

/// The keys of a ConfigMap or Secret, without its values; `None` if it is not recorded which it has.
pub fn keys(object: &Value) -> Option<BTreeSet<String>> {
    let data = |entry: Entry<'_>| DATA.map(|data| entry.fields.get(data).cloned());
    let maps: Vec<Value> = entries(object).flat_map(data).flatten().collect();
    let steps = maps.iter().filter_map(Value::as_object).flat_map(|map| map.keys());
    let keys = steps.filter_map(|step| step.strip_prefix("f:")).map(str::to_owned).collect();
    (!maps.is_empty()).then_some(keys)
}

/// When the data of a ConfigMap or Secret was last written, and by whom.
pub fn data_written(object: &Value) -> Option<(Timestamp, &str)> {
    let writers = entries(object).filter(|entry| DATA.iter().any(|data| entry.fields.get(data).is_some()));
    writers.filter_map(|entry| Some((entry.time?, entry.manager))).max()
}

/// When the controller last wrote the ReplicaSet or ControllerRevision: the managedFields entry that holds what only it sets,
/// whatever the controller is called (kube-controller-manager; in k3s it is k3s).
pub fn written_by_controller(rollout: &Rollout, revision: &Revision) -> Option<Timestamp> {
    let field = rollout.id.kind.rules().controller_field();
    let controller_entries = entries(&revision.object).filter(|e| e.subresource.is_empty() && e.has(field));
    controller_entries.filter_map(|entry| entry.time).max()
}

/// When somebody other than the controller last wrote the change cause of a ControllerRevision. The controller itself does so once, when
/// it creates it; the time of its entry is that of the last new number.
pub fn cause_written(revision: &Revision) -> Option<Timestamp> {
    let cause = format!("f:{CHANGE_CAUSE}");
    let others = entries(&revision.object).filter(|entry| entry.fields.get("f:revision").is_none());
    let writers = others.filter(|entry| entry.fields["f:metadata"]["f:annotations"].get(&cause).is_some());
    writers.filter_map(|entry| entry.time).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn entry(manager: &str, operation: &str, time: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "time": time, "fieldsV1": fields})
    }

    fn managed(entries: Vec<Value>) -> Value {
        json!({"metadata": {"managedFields": entries}})
    }

    fn template(container: Value) -> Value {
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": container}}}}})
    }

    #[test]
    fn paths_read_like_paths() {
        let fields = json!({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}},
                "f:hostAliases": {"v:\"a\"": {}}}}}});
        let object = managed(vec![entry("helm", "Apply", "2026-01-01T00:00:00Z", fields)]);
        let found: Vec<String> = entries(&object).next().unwrap().of_template().into_iter().collect();
        assert_eq!(
            found,
            [
                "metadata.labels.app",
                "spec.containers[web].image",
                "spec.containers[web].ports[80/TCP].name",
                "spec.hostAliases[a]"
            ]
        );
    }

    #[test]
    fn only_what_an_apply_loses_to_us_is_taken() {
        let at = "2026-01-01T00:00:00Z";
        let image = || template(json!({".": {}, "f:image": {}}));
        let both = || template(json!({".": {}, "f:image": {}, "f:env": {}}));
        let name = || template(json!({".": {}, "f:name": {}}));
        let before = |operation| managed(vec![entry("helm", operation, at, both())]);
        let after = managed(vec![entry("helm", "Apply", at, name()), entry("us", "Update", at, image())]);
        let expected = Taken { manager: "helm".into(), fields: vec!["spec.containers[web].image".into()] };
        assert_eq!(
            taken(&before("Apply"), &after, "us"),
            [expected],
            "env went away, the writer has the image"
        );
        assert_eq!(taken(&before("Update"), &after, "us"), [], "an update never conflicts");
        let kept = managed(vec![entry("helm", "Apply", at, both()), entry("us", "Update", at, image())]);
        assert_eq!(taken(&before("Apply"), &kept, "us"), [], "shared, not taken");
        let another = managed(vec![entry("helm", "Apply", at, name()), entry("x", "Update", at, image())]);
        assert_eq!(taken(&before("Apply"), &another, "us"), []);
    }

    #[test]
    fn keys_and_times_without_values() {
        let data = json!({"f:data": {".": {}, "f:user": {}}});
        let object = managed(vec![
            entry("a", "Update", "2026-01-01T00:00:00Z", data),
            entry("b", "Apply", "2026-01-02T00:00:00Z", json!({"f:stringData": {"f:password": {}}})),
            entry("c", "Update", "2026-01-03T00:00:00Z", json!({"f:metadata": {"f:labels": {}}})),
        ]);
        assert_eq!(keys(&object), Some(BTreeSet::from(["password".into(), "user".into()])));
        assert_eq!(data_written(&object), Some(("2026-01-02T00:00:00Z".parse().unwrap(), "b")));
        for unknown in [managed(vec![]), managed(vec![json!({})]), json!({})] {
            assert_eq!((keys(&unknown), data_written(&unknown)), (None, None));
        }
    }

    proptest! {
        #[test]
        fn steps_of_any_kind_are_read(step in any::<String>()) {
            let object = managed(vec![entry("x", "Apply", "soon", json!({"f:spec": {"f:template": {step: {}}}}))]);
            prop_assert!(entries(&object).next().unwrap().of_template().len() <= 1);
        }
    }
}
