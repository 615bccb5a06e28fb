//! Controllers of pods, reduced to what their kinds have in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// Names one owner. The UID tells an owner from a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerKey {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl OwnerKey {
    pub fn new(namespace: &str, owner: &OwnerReference) -> Self {
        OwnerKey {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: namespace.to_owned(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        }
    }

    /// `ReplicaSet shop/web-5c9f`.
    pub fn label(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// An owner that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Pods it wants; `None` for kinds that do not count (Job).
    pub desired: Option<i32>,
    pub ready: i32,
    /// What made it, as in `Deployment web`.
    pub parent: Option<String>,
    /// Its template's `spec.nodeName`: its pods start there without a scheduler, cordon or not.
    pub pinned_to: Option<String>,
}
