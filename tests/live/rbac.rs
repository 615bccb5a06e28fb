//! The published roles, and users who have them.

use std::path::PathBuf;

use ::testbed::{Audit, Mark, PATIENCE, Room, shared, wait};
use serde_json::{Value, json};

use crate::plugin::Run;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
/// The comment in a file of roles behind which everything is optional.
const OPTIONAL: &str = "# From here on";

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

/// A file of docs/rbac.
pub struct Roles(pub &'static str);

impl Roles {
    /// The rules of a role in it.
    pub fn role(&self, name: &str) -> Vec<Value> {
        for document in self.0.split("\n---\n") {
            match serde_saphyr::from_str::<Value>(document) {
                Ok(role) if role["metadata"]["name"] == name => {
                    return role["rules"].as_array().cloned().unwrap_or_default();
                }
                Ok(_) => {}
                Err(error) => panic!("no YAML: {error}\n{document}"),
            }
        }
        panic!("no role {name} in\n{}", self.0)
    }

    /// What stands in the file's first role before the comment that calls the rest optional.
    pub fn required(&self, name: &str) -> Vec<Value> {
        let Some((before, _)) = self.0.split_once(OPTIONAL) else { panic!("no {OPTIONAL:?} in\n{}", self.0) };
        self.role(name)[..before.matches("- apiGroups:").count()].to_vec()
    }
}

/// The rules but for one verb on one resource.
pub fn without(rules: &[Value], group: &str, resource: &str, verb: &str) -> Vec<Value> {
    let mut fewer = Vec::new();
    for rule in rules {
        let (groups, verbs) = (words(&rule["apiGroups"]), words(&rule["verbs"]));
        for each in words(&rule["resources"]) {
            let hit = each == resource && groups.iter().any(|it| it == group);
            let left: Vec<&String> = verbs.iter().filter(|it| !(hit && *it == verb)).collect();
            fewer.push(json!({"apiGroups": groups, "resources": [each], "verbs": left}));
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
