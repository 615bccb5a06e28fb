//! What `--print-rbac` prints: the roles with the rights that a command line needs, each rule with its reason. Only `publish_roles` does I/O.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::fnv::Fnv;
use serde::Serialize;
use serde_json::json;

use super::requirement::{Need, Requirement};
use super::right::Right;
use super::rule::Rule;
use crate::cli::output::quoted;
use crate::{Output, Ui, to_json};

const API_VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The roles of one command line.
pub struct Roles {
    /// Lines of a comment above them.
    pub title: Vec<String>,
    /// What their names begin with.
    pub name: String,
    pub scope: Scope,
    pub requirements: Vec<Requirement>,
}

/// What makes the rights of a command line other than those of the published role: `kubectl apply` of a role with another name leaves
/// that one, and everybody who is bound to it, as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: the published role.
    All,
    /// This one object, as in `deployment-web`.
    One(String),
    /// Several objects, or flags that need other rights.
    Other,
}

/// Longer names are no help to a reader; names of roles may be longer (a path segment).
const LONGEST_SCOPE: usize = 63;

/// A Role or ClusterRole.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    rules: Vec<Rule>,
    /// Of each rule.
    #[serde(skip)]
    comments: Vec<String>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

pub fn publish_roles(ui: &Ui, output: Output, roles: &Roles) {
    ui.document(&match output {
        Output::Json => roles.json(),
        Output::Text | Output::Wide | Output::Yaml => roles.yaml(),
    });
}

impl Roles {
    /// Rights of a namespace are a Role's, all others a ClusterRole's. In the order of the requirements.
    fn roles<'a>(&'a self) -> Vec<Role<'a>> {
        let mut places: Vec<(Option<&str>, Option<&str>)> = Vec::new();
        let mut of_place: BTreeMap<(Option<&str>, Option<&str>), Vec<&Requirement>> = BTreeMap::new();
        for requirement in &self.requirements {
            let place = (requirement.right.namespace.as_deref(), requirement.apart);
            if !places.contains(&place) {
                places.push(place);
            }
            of_place.entry(place).or_default().push(requirement);
        }
        let scope = self.scope_of_name();
        let role = |(namespace, apart): (Option<&'a str>, Option<&'a str>)| {
            let (rules, comments) =
                rules(&of_place[&(namespace, apart)]).into_iter().map(|it| (it.rule, it.comment)).unzip();
            let parts = [Some(self.name.as_str()), apart, scope.as_deref()];
            let name = parts.into_iter().flatten().collect::<Vec<_>>().join("-");
            let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
            Role { api_version: API_VERSION, kind, metadata: Metadata { name, namespace }, rules, comments }
        };
        places.into_iter().map(role).collect()
    }

    /// The end of the names. Names of objects are those that a cluster takes, which the command line need not contain.
    fn scope_of_name(&self) -> Option<String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        match &self.scope {
            Scope::All => None,
            Scope::One(object) if object.len() <= LONGEST_SCOPE && object.chars().all(is_plain) => {
                Some(object.clone())
            }
            Scope::One(_) | Scope::Other => {
                let mut hash = Fnv::default();
                for Requirement { right, .. } in &self.requirements {
                    hash.add(Rule::of(right).block().as_bytes());
                }
                Some(format!("{:08x}", hash.value() >> 32))
            }
        }
    }

    /// Ready for `kubectl apply -f -`, with the reasons as comments.
    pub fn yaml(&self) -> String {
        let mut yaml: String = self.title.iter().map(|line| format!("# {line}\n")).collect();
        for (index, role) in self.roles().into_iter().enumerate() {
            if index > 0 {
                yaml.push_str("---\n");
            }
            yaml.push_str(&format!("apiVersion: {API_VERSION}\nkind: {}\nmetadata:\n", role.kind));
            yaml.push_str(&format!("  name: {}\n", role.metadata.name));
            if let Some(namespace) = role.metadata.namespace {
                yaml.push_str(&format!("  namespace: {}\n", quoted(namespace)));
            }
            yaml.push_str("rules:\n");
            let mut last = "";
            for (rule, comment) in role.rules.iter().zip(&role.comments) {
                if comment != last {
                    yaml.push_str(&format!("# {comment}\n"));
                }
                last = comment;
                yaml.push_str(&rule.block());
            }
        }
        yaml
    }

    /// The same for programs: a List, as `kubectl get -o json` prints several objects. JSON has no comments.
    pub fn json(&self) -> String {
        to_json(&json!({"apiVersion": "v1", "kind": "List", "items": self.roles()}))
    }
}

/// A rule and why it is there.
struct Explained {
    comment: String,
    rule: Rule,
}

/// One rule for what has the same reason and the same verbs: verbs of a resource first, then names, then resources are put together.
fn rules(requirements: &[&Requirement]) -> Vec<Explained> {
    let mut all: Vec<Explained> = Vec::new();
    for Requirement { right, purpose, need, .. } in requirements {
        let comment = comment(purpose, *need);
        let one = Rule::of(right);
        let same = |it: &&mut Explained| {
            it.comment == comment && Rule { verbs: one.verbs.clone(), ..it.rule.clone() } == one
        };
        match all.iter_mut().find(same) {
            Some(it) if it.rule.verbs.contains(&right.verb) => {}
            Some(it) => it.rule.verbs.extend(one.verbs),
            None => all.push(Explained { comment, rule: one }),
        }
    }
    let all = merged(all, |rule| !rule.resource_names.is_empty(), |rule| &mut rule.resource_names);
    merged(all, |_| true, |rule| &mut rule.resources)
}

/// Rules that differ in this list only become one.
fn merged(
    rules: Vec<Explained>,
    may: impl Fn(&Rule) -> bool,
    list: impl Fn(&mut Rule) -> &mut Vec<String>,
) -> Vec<Explained> {
    let mut all: Vec<Explained> = Vec::new();
    for mut next in rules {
        let values = list(&mut next.rule).clone();
        let same = |it: &&mut Explained| {
            let mut like = it.rule.clone();
            list(&mut like).clone_from(&values);
            it.comment == next.comment && like == next.rule && may(&it.rule) && may(&next.rule)
        };
        match all.iter_mut().find(same) {
            Some(it) => {
                let into = list(&mut it.rule);
                into.extend(values.into_iter().filter(|value| !into.contains(value)).collect::<Vec<_>>());
            }
            None => all.push(next),
        }
    }
    all
}

fn comment(purpose: &str, need: Need) -> String {
    match need {
        Need::Required => format!("Required to {purpose}."),
        Need::Optional(lost) | Need::Reported(lost) => format!("Optional, to {purpose}; without it, {lost}."),
    }
}

/// Those that differ, in their order.
pub fn distinct(requirements: impl IntoIterator<Item = Requirement>) -> Vec<Requirement> {
    let mut seen: BTreeSet<Right> = BTreeSet::new();
    requirements.into_iter().filter(|it| seen.insert(it.right.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        let here = |verb: &str, resource: &str| Right::new(verb, "apps", resource).namespace("shop");
        let lost = "it is unknown";
        let secret = Right::new("get", "", "secrets").namespace("shop");
        let requirements = vec![
            Requirement::required(here("get", "deployments").name("a"), "read it"),
            Requirement::required(here("patch", "deployments").name("a"), "read it"),
            Requirement::required(here("get", "deployments").name("b"), "read it"),
            Requirement::required(here("patch", "deployments").name("b"), "read it"),
            Requirement::required(here("list", "replicasets"), "read it"),
            Requirement::reported(Right::new("list", "", "nodes"), "count", lost),
            Requirement::optional(Right::new("list", "", "pods"), "count", lost),
            Requirement::reported(secret, "look", lost).apart("secrets"),
        ];
        Roles { title: vec!["Rights.".into()], name: "x".into(), scope: Scope::All, requirements }
    }

    #[test]
    fn rights_become_roles_by_namespace_and_rules_by_reason() {
        assert_eq!(
            roles().yaml(),
            r#"# Rights.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: x
  namespace: "shop"
rules:
# Required to read it.
- apiGroups: ["apps"]
  resources: ["deployments"]
  resourceNames: ["a", "b"]
  verbs: ["get", "patch"]
- apiGroups: ["apps"]
  resources: ["replicasets"]
  verbs: ["list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: x
rules:
# Optional, to count; without it, it is unknown.
- apiGroups: [""]
  resources: ["nodes", "pods"]
  verbs: ["list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: x-secrets
  namespace: "shop"
rules:
# Optional, to look; without it, it is unknown.
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get"]
"#
        );
    }

    #[test]
    fn json_is_a_list_of_the_same_roles() {
        let list: serde_json::Value = serde_json::from_str(&roles().json()).unwrap();
        assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("List"), Some(3)));
        let role = &list["items"][0];
        assert_eq!(role["metadata"], json!({"name": "x", "namespace": "shop"}));
        assert_eq!(role["rules"][0]["resourceNames"], json!(["a", "b"]));
        assert_eq!(role["rules"][1].get("resourceNames"), None);
    }

    /// `kubectl apply` of one must not change what another one allows.
    #[test]
    fn roles_of_different_rights_have_different_names() {
        let names = |scope: Scope, requirements: Vec<Requirement>| -> Vec<String> {
            let roles = Roles { scope, requirements, ..roles() };
            roles.roles().into_iter().map(|role| role.metadata.name).collect()
        };
        let all = || roles().requirements;
        assert_eq!(names(Scope::All, all()), ["x", "x", "x-secrets"]);
        let one = |name: &str| names(Scope::One(name.into()), all());
        assert_eq!(
            one("deployment-web"),
            ["x-deployment-web", "x-deployment-web", "x-secrets-deployment-web"]
        );
        let several = names(Scope::Other, all());
        assert_eq!(several, names(Scope::Other, all()), "the same command line has the same name");
        assert_ne!(several, names(Scope::Other, all().split_off(1)));
        assert!(several[0].len() == "x-01234567".len(), "{several:?}");
        assert_eq!(one(&"a".repeat(64)), several);
        assert_eq!(one("system:node/../x"), several);
    }

    /// What the command line names may be anything.
    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let name = "a\"]\n- apiGroups: [\"*\u{202e}";
        let right = Right::new("get", "", "nodes").name(name);
        let requirements = vec![Requirement::required(right, "read it")];
        let yaml =
            Roles { title: Vec::new(), name: "x".into(), scope: Scope::One(name.into()), requirements }
                .yaml();
        let role: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(role["rules"][0]["resourceNames"], json!([name]));
        assert_eq!(role["rules"].as_array().map(Vec::len), Some(1));
        assert!(!yaml.contains('\u{202e}'));
        let name = role["metadata"]["name"].as_str().unwrap();
        assert!(name.len() == "x-01234567".len() && name.is_ascii(), "{name}");
    }

    #[test]
    fn a_right_is_listed_once() {
        let one = || Requirement::required(Right::new("get", "", "pods"), "read");
        assert_eq!(distinct([one(), one()]).len(), 1);
    }
}
