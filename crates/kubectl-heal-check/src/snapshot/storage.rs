//! Claims and the volumes that they are bound to.

use std::collections::BTreeMap;

use cluster_model::Raw;
use serde_json::Value;

#[derive(Default)]
pub struct Storage {
    /// By namespace and name.
    claims: BTreeMap<(String, String), Value>,
    volumes: BTreeMap<String, Value>,
}

/// A claim or a volume can be used by pods of one node, or by one pod only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    OnePod,
    OneNode,
    Several,
}

impl Storage {
    pub fn of(claims: &[Value], volumes: &[Value]) -> Self {
        let key = |it: &Value| (it.text("/metadata/namespace").to_owned(), it.name().to_owned());
        Storage {
            claims: claims.iter().map(|it| (key(it), it.clone())).collect(),
            volumes: volumes.iter().map(|it| (it.name().to_owned(), it.clone())).collect(),
        }
    }

    /// Of a claim that exists.
    pub fn access(&self, namespace: &str, claim: &str) -> Option<Access> {
        let modes = self.claim(namespace, claim)?.list("/spec/accessModes");
        let has = |mode: &str| modes.iter().any(|it| it == mode);
        Some(match () {
            () if has("ReadWriteOncePod") => Access::OnePod,
            () if has("ReadWriteMany") || has("ReadOnlyMany") => Access::Several,
            () => Access::OneNode,
        })
    }

    /// The PersistentVolume that the claim is bound to.
    pub fn volume(&self, namespace: &str, claim: &str) -> Option<&Value> {
        self.volumes.get(self.claim(namespace, claim)?.text("/spec/volumeName"))
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.claims.get(&(namespace.to_owned(), name.to_owned()))
    }
}
