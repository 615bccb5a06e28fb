//! A platform's label selector, over the labels `os` and `arch`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::violation::Findings;

/// The platforms that validate-krew-manifest knows.
pub const VALIDATED: [(&str, &str); 11] = [
    ("windows", "386"),
    ("windows", "amd64"),
    ("windows", "arm64"),
    ("linux", "386"),
    ("linux", "amd64"),
    ("linux", "arm"),
    ("linux", "arm64"),
    ("linux", "ppc64le"),
    ("darwin", "386"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selector {
    pub fn check(&self, field: &str, findings: &mut Findings) {
        let labels = self.match_labels.as_ref();
        let expressions = self.match_expressions.as_ref();
        findings.require(
            labels.is_none_or(|labels| !labels.is_empty()),
            format!("{field}.matchLabels"),
            "is empty",
        );
        findings.require(
            expressions.is_none_or(|it| !it.is_empty()),
            format!("{field}.matchExpressions"),
            "is empty",
        );
        let keys = labels.into_iter().flat_map(BTreeMap::keys);
        let keys = keys.chain(expressions.into_iter().flatten().map(|it| &it.key));
        for key in keys.filter(|key| !["os", "arch"].contains(&key.as_str())) {
            findings.add(field, format!("{key} is neither os nor arch"));
        }
        for expression in expressions.into_iter().flatten() {
            let known = ["In", "NotIn", "Exists", "DoesNotExist"].contains(&expression.operator.as_str());
            let message = format!("{:?} is no operator", expression.operator);
            findings.require(known, format!("{field}.matchExpressions"), message);
        }
    }

    pub fn matches(&self, os: &str, arch: &str) -> bool {
        let value = |key: &str| match key {
            "os" => Some(os),
            "arch" => Some(arch),
            _ => None,
        };
        let labels = self.match_labels.iter().flatten();
        let expressions = self.match_expressions.iter().flatten();
        labels.into_iter().all(|(key, wanted)| value(key) == Some(wanted))
            && expressions.into_iter().all(|it| it.matches(value(&it.key)))
    }

    pub fn matched(&self) -> Vec<(&'static str, &'static str)> {
        VALIDATED.into_iter().filter(|(os, arch)| self.matches(os, arch)).collect()
    }
}

impl Expression {
    fn matches(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|it| it == value));
        match self.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}
