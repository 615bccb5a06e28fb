//! The pod's own facts: metadata, volumes, placement, and everything else in its spec.

use cluster_model::quantity;
use serde_json::{Map, Value};

use super::rest::{compact, leaf};
use super::{At, Facts, Place, by_name, volume};
use crate::diff::defaulted::CONTAINER_LISTS;

/// Lists of the spec in which order means nothing, by pointer.
const SETS: &[&str] = &[
    "/securityContext/sysctls",
    "/securityContext/supplementalGroups",
    "/readinessGates",
    "/schedulingGates",
];

mod rank {
    pub const LABELS: u8 = 0;
    pub const VOLUMES: u8 = 2;
    pub const PLACEMENT: u8 = 3;
    pub const OTHER: u8 = 4;
    pub const ANNOTATIONS: u8 = 1;
}

pub fn template(facts: &mut Facts, template: &Value) {
    let root = At { place: Place::Pod, rank: rank::OTHER, path: String::new() };
    let Some(map) = template.as_object() else {
        return facts.rest(&root, "template", template);
    };
    for (key, value) in map {
        match (key.as_str(), value) {
            ("metadata", Value::Object(metadata)) => self::metadata(facts, &root.to(key), metadata),
            ("spec", Value::Object(spec)) => self::spec(facts, &root.to(key), spec),
            _ => facts.rest(&root.to(key), key, value),
        }
    }
}

fn metadata(facts: &mut Facts, at: &At, metadata: &Map<String, Value>) {
    for (key, value) in metadata {
        let at = at.to(key);
        match (key.as_str(), value) {
            ("labels", Value::Object(labels)) => facts.named(&at.rank(rank::LABELS), "label", labels),
            ("annotations", Value::Object(all)) => {
                facts.named(&at.rank(rank::ANNOTATIONS), "annotation", all)
            }
            _ => facts.rest(&at, &format!("metadata.{key}"), value),
        }
    }
}

fn spec(facts: &mut Facts, at: &At, spec: &Map<String, Value>) {
    let mut whole = Value::Object(spec.clone());
    for pointer in SETS {
        sort(&mut whole, pointer);
    }
    let Value::Object(spec) = whole else { return };
    for (key, value) in &spec {
        let at = at.to(key);
        let placed = at.rank(rank::PLACEMENT);
        match (key.as_str(), value) {
            (list, _) if CONTAINER_LISTS.contains(&list) => facts.containers(&at, list, value),
            ("volumes", _) => facts.volumes(&at.rank(rank::VOLUMES), value),
            ("nodeSelector", Value::Object(labels)) => facts.named(&placed, "nodeSelector", labels),
            ("tolerations", _) => facts.set(&placed, "toleration", value.clone()),
            ("topologySpreadConstraints", _) => {
                facts.set(&placed, "topologySpreadConstraint", sorted_selectors(value.clone()));
            }
            ("affinity", Value::Object(kinds)) => facts.affinity(&placed, kinds),
            ("imagePullSecrets", _) => facts.names(&at, "imagePullSecrets", value),
            ("hostAliases", _) => facts.keyed(&at, "hostAlias", "ip", value),
            ("resourceClaims", _) => facts.keyed(&at, "resourceClaim", "name", value),
            ("resources", Value::Object(resources)) => facts.resources(&at, resources),
            ("overhead", Value::Object(amounts)) => facts.amounts(&at, "overhead", amounts),
            _ => facts.rest(&at, key, value),
        }
    }
}

fn sort(value: &mut Value, pointer: &str) {
    if let Some(Value::Array(list)) = value.pointer_mut(pointer) {
        list.sort_by_cached_key(Value::to_string);
    }
}

/// Requirements are all met or not (`labels.Requirements`), values are one of: no order in either.
fn sorted_selectors(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(sorted_selectors).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let mut value = sorted_selectors(value);
                if matches!(
                    key.as_str(),
                    "matchExpressions"
                        | "matchFields"
                        | "values"
                        | "namespaces"
                        | "matchLabelKeys"
                        | "mismatchLabelKeys"
                ) {
                    sort(&mut value, "");
                }
                (key, value)
            })
            .collect(),
        other => other,
    }
}

impl Facts {
    /// A map whose keys users choose.
    pub(super) fn named(&mut self, at: &At, word: &str, map: &Map<String, Value>) {
        for (name, value) in map {
            self.put_named(&at.to(name), format!("{word} {name}"), name, value);
        }
    }

    /// A list by the field that names its members.
    pub(super) fn keyed(&mut self, at: &At, word: &str, key: &str, list: &Value) {
        let Some(members) = by_name(list, key) else {
            return self.rest(at, word, list);
        };
        for (name, member) in members {
            let mut member = member.clone();
            member.remove(key);
            self.put(&at.to(name), format!("{word} {name}"), &Value::Object(member), compact);
        }
    }

    /// A list of nothing but names, in one line.
    fn names(&mut self, at: &At, field: &str, list: &Value) {
        let names = by_name(list, "name").filter(|all| all.iter().all(|(_, member)| member.len() == 1));
        let Some(mut names) = names.map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        else {
            return self.rest(at, field, list);
        };
        if !names.is_empty() {
            names.sort_unstable();
            let names: Value = names.into_iter().map(Value::from).collect();
            self.put(at, field, &names, compact);
        }
    }

    fn volumes(&mut self, at: &At, list: &Value) {
        let Some(volumes) = by_name(list, "name") else {
            return self.rest(at, "volumes", list);
        };
        for (name, volume) in volumes {
            let mut source = volume.clone();
            source.remove("name");
            let source = Value::Object(source);
            self.put_as(
                &at.to(name),
                format!("volume {name}"),
                &source,
                volume::comparable(&source),
                volume::volume,
            );
        }
    }

    /// Terms of an affinity have no names; each is shown whole.
    fn affinity(&mut self, at: &At, kinds: &Map<String, Value>) {
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
        for (kind, rules) in kinds {
            let at = at.to(kind);
            let Some(rules) = rules.as_object() else {
                self.rest(&at, &format!("affinity.{kind}"), rules);
                continue;
            };
            for (rule, terms) in rules {
                let at = at.to(rule);
                let terms = sorted_selectors(terms.clone());
                let word = match rule.as_str() {
                    REQUIRED => "required",
                    PREFERRED => "preferred",
                    _ => {
                        self.rest(&at, &format!("{kind}.{rule}"), &terms);
                        continue;
                    }
                };
                let field = format!("{kind} {word}");
                // Node affinity has one more level: any of its terms will do.
                match terms {
                    Value::Object(mut map)
                        if map.len() == 1 && map.get("nodeSelectorTerms").is_some_and(Value::is_array) =>
                    {
                        let terms = map.remove("nodeSelectorTerms").unwrap_or_default();
                        self.set(&at.to("nodeSelectorTerms"), &field, terms);
                    }
                    terms => self.set(&at, &field, terms),
                }
            }
        }
    }

    /// `requests.cpu 500m`
    pub(super) fn resources(&mut self, at: &At, resources: &Map<String, Value>) {
        for (key, value) in resources {
            match (key.as_str(), value) {
                ("requests" | "limits", Value::Object(amounts)) => self.amounts(&at.to(key), key, amounts),
                _ => self.rest(&at.to(key), &format!("resources.{key}"), value),
            }
        }
    }

    fn amounts(&mut self, at: &At, word: &str, amounts: &Map<String, Value>) {
        for (resource, amount) in amounts {
            let at = at.to(resource);
            if amount.is_string() || amount.is_number() {
                self.put_as(&at, format!("{word}.{resource}"), amount, quantity::canonical(amount), leaf);
            } else {
                self.rest(&at, &format!("{word}.{resource}"), amount);
            }
        }
    }
}
