//! The printed roles, and users who have them.

use std::path::PathBuf;
use std::process::Command;

use ::testbed::{Audit, Mark, PATIENCE, Room, plugins_dir, shared, wait};
use serde_json::{Value, json};

use crate::plugin::Run;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Somebody with these rights in every namespace, and no others.
pub struct User<'r> {
    room: &'r Room<'static>,
    pub name: String,
    kubeconfig: PathBuf,
    since: Mark,
}

impl<'r> User<'r> {
    pub fn new(room: &'r Room<'static>, name: &str, rules: &[Value]) -> Self {
        let name = format!("{}-{name}", room.namespace());
        let since = shared().audit_mark();
        let kubeconfig = shared().user(&name, &[], rules);
        let user = User { room, name, kubeconfig, since };
        // The authoriser sees a role a moment after it was made, and of all its rules at once.
        let rule = &rules[0];
        user.may(&words(&rule["verbs"])[0], &words(&rule["resources"])[0], None);
        user
    }

    /// Waits until the server allows it.
    pub fn may(&self, verb: &str, resource: &str, namespace: Option<&str>) {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes =
            json!({"verb": verb, "resource": resource, "subresource": subresource, "namespace": namespace});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": self.name, "resourceAttributes": attributes}});
        wait(&format!("{} to be allowed to {verb} {resource}", self.name), PATIENCE, || {
            let answer = shared().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review);
            (answer["status"]["allowed"] == true).then_some(())
        });
    }

    /// From now on these rights and no others.
    pub fn change(&self, rules: &[Value]) {
        shared().merge(&format!("{RBAC}/clusterroles/testbed-user:{}", self.name), &json!({"rules": rules}));
    }

    /// What `plugin` runs, as this user: `user.run(drain, &["n1"])`.
    pub fn run(&self, plugin: fn(&'r Room<'r>, &[&str]) -> Run<'r>, args: &[&str]) -> Run<'r> {
        plugin(self.room, args).kubeconfig(&self.kubeconfig)
    }

    fn requests(&self) -> Audit {
        shared().audit_since(self.since).filter(|entry| entry.user == self.name)
    }

    /// Asking about rights is a create that changes nothing.
    pub fn writes_since_start(&self) -> Vec<String> {
        lines(&self.requests().writes().filter(|entry| entry.resource != "selfsubjectaccessreviews"))
    }

    pub fn refused_since_start(&self) -> Vec<String> {
        lines(&self.requests().filter(|entry| entry.code == 403))
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        for kind in ["clusterrolebindings", "clusterroles"] {
            let _ = shared().try_delete(&format!("{RBAC}/{kind}/testbed-user:{}", self.name));
        }
    }
}

/// The roles that `--print-rbac` prints for a command line.
pub struct Printed {
    rules: Vec<PrintedRule>,
}

struct PrintedRule {
    rule: Value,
    is_required: bool,
    /// In a Role, not in a ClusterRole.
    is_here: bool,
}

impl Printed {
    /// Without a kubeconfig: no cluster can be contacted.
    pub fn of(plugin: &str, args: &[&str]) -> Self {
        Self::parse(&print(plugin, &[args, &["--print-rbac"]].concat()))
    }

    pub fn parse(yaml: &str) -> Self {
        let rules = yaml.split("\n---\n").flat_map(|document| {
            let role: Value = serde_saphyr::from_str(document)
                .unwrap_or_else(|error| panic!("no YAML: {error}\n{document}"));
            let comments = document.lines().scan(false, |is_required, line| {
                if line.starts_with("# Required") || line.starts_with("# Optional") {
                    *is_required = line.starts_with("# Required");
                }
                Some(line.starts_with("- apiGroups:").then_some(*is_required))
            });
            let rules = role["rules"].as_array().cloned().unwrap_or_default();
            let required: Vec<bool> = comments.flatten().collect();
            assert_eq!(required.len(), rules.len(), "{document}");
            let is_here = role["kind"] == "Role";
            rules
                .into_iter()
                .zip(required)
                .map(move |(rule, is_required)| PrintedRule { rule, is_required, is_here })
                .collect::<Vec<_>>()
        });
        Printed { rules: rules.collect() }
    }

    fn some(&self, which: impl Fn(&PrintedRule) -> bool) -> Vec<Value> {
        self.rules.iter().filter(|rule| which(rule)).map(|rule| rule.rule.clone()).collect()
    }

    pub fn all(&self) -> Vec<Value> {
        self.some(|_| true)
    }

    pub fn required(&self) -> Vec<Value> {
        self.some(|rule| rule.is_required)
    }

    pub fn optional(&self) -> Vec<Value> {
        self.some(|rule| !rule.is_required)
    }

    pub fn here(&self) -> Vec<Value> {
        self.some(|rule| rule.is_here)
    }

    pub fn everywhere(&self) -> Vec<Value> {
        self.some(|rule| !rule.is_here)
    }
}

/// What a plugin prints, without a kubeconfig or a journal. It has to end well.
pub fn print(plugin: &str, args: &[&str]) -> String {
    let program = plugins_dir().join(format!("kubectl-{}", plugin.replace('-', "_")));
    let nowhere = ["KUBECONFIG", "XDG_STATE_HOME"].map(|name| (name, "/nonexistent"));
    let output = Command::new(program).args(args).envs(nowhere).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {plugin}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verb {
    pub group: String,
    pub resource: String,
    pub verb: String,
}

impl Verb {
    pub fn taken_from(&self, rules: &[Value]) -> Vec<Value> {
        without(rules, &self.group, &self.resource, &self.verb)
    }
}

/// Each once.
pub fn verbs(rules: &[Value]) -> Vec<Verb> {
    let mut all: Vec<Verb> = Vec::new();
    for rule in rules {
        let group = words(&rule["apiGroups"]).remove(0);
        for resource in words(&rule["resources"]) {
            for verb in words(&rule["verbs"]) {
                let one = Verb { group: group.clone(), resource: resource.clone(), verb };
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
    }
    all
}

/// The first rule of a user whose other rules may be limited to names, so that the server can be asked whether it knows them.
pub fn marker() -> Value {
    json!({"apiGroups": [""], "resources": ["markers"], "verbs": ["get"]})
}

/// The rules but for one verb on one resource.
pub fn without(rules: &[Value], group: &str, resource: &str, verb: &str) -> Vec<Value> {
    let mut fewer = Vec::new();
    for rule in rules {
        let (groups, verbs) = (words(&rule["apiGroups"]), words(&rule["verbs"]));
        for each in words(&rule["resources"]) {
            let hit = each == resource && groups.iter().any(|it| it == group);
            let left: Vec<&String> = verbs.iter().filter(|it| !(hit && *it == verb)).collect();
            let mut less = rule.clone();
            (less["resources"], less["verbs"]) = (json!([each]), json!(left));
            fewer.push(less);
        }
    }
    fewer.retain(|rule| !words(&rule["verbs"]).is_empty());
    fewer
}

pub fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn lines(audit: &Audit) -> Vec<String> {
    audit.to_string().lines().map(str::to_owned).collect()
}
