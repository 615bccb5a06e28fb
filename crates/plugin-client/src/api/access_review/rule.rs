//! A rule of a Role or ClusterRole, as every message and every printed role writes it. No I/O.

use std::collections::BTreeMap;

use serde::Serialize;

use super::right::Right;
use crate::cli::output::quoted;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub api_groups: Vec<String>,
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    pub verbs: Vec<String>,
}

impl Rule {
    pub fn of(right: &Right) -> Self {
        Rule {
            api_groups: vec![right.group.clone()],
            resources: vec![right.rule_resource()],
            resource_names: right.name.clone().into_iter().collect(),
            verbs: vec![right.verb.clone()],
        }
    }

    fn fields(&self) -> impl Iterator<Item = String> {
        let all = [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("verbs", &self.verbs),
        ];
        all.into_iter().filter(|(_, values)| !values.is_empty()).map(|(key, values)| {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{key}: [{}]", values.join(", "))
        })
    }

    /// An item of a list.
    pub fn block(&self) -> String {
        format!("- {}\n", self.fields().collect::<Vec<_>>().join("\n  "))
    }

    /// The same in one line.
    pub fn inline(&self) -> String {
        format!("{{{}}}", self.fields().collect::<Vec<_>>().join(", "))
    }
}

/// The rights as ready `rules:` of a Role or ClusterRole: one entry a resource, its verbs merged.
pub fn rbac_rule(rights: &[Right]) -> String {
    let mut rules: BTreeMap<(&str, String, Option<&str>), Rule> = BTreeMap::new();
    for right in rights {
        let key = (right.group.as_str(), right.rule_resource(), right.name.as_deref());
        let rule = rules.entry(key).or_insert_with(|| Rule::of(right));
        if !rule.verbs.contains(&right.verb) {
            rule.verbs.push(right.verb.clone());
        }
    }
    let rules: String = rules.values().map(Rule::block).collect();
    format!("rules:\n{rules}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_grouped_and_merged() {
        let rights = [
            Right::new("list", "", "pods"),
            Right::new("watch", "", "pods").namespace("shop"),
            Right::new("list", "", "pods").namespace("other"),
            Right::new("create", "", "pods").subresource("eviction"),
            Right::new("patch", "", "nodes").name("a"),
            Right::new("list", "apps", "daemonsets"),
        ];
        assert_eq!(
            rbac_rule(&rights),
            r#"rules:
- apiGroups: [""]
  resources: ["nodes"]
  resourceNames: ["a"]
  verbs: ["patch"]
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list", "watch"]
- apiGroups: [""]
  resources: ["pods/eviction"]
  verbs: ["create"]
- apiGroups: ["apps"]
  resources: ["daemonsets"]
  verbs: ["list"]
"#
        );
        assert_eq!(rights[3].to_string(), "create pods/eviction");
        assert_eq!(rights[1].to_string(), "watch pods in namespace shop");
        assert_eq!(rights[5].to_string(), "list daemonsets.apps");
    }
}
