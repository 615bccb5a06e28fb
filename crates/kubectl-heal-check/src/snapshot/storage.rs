//! Claims and the volumes that they are bound to.

use std::collections::BTreeMap;

use cluster_model::{Json, Raw};

#[derive(Default)]
pub struct Storage {
    /// By namespace and name.
    claims: BTreeMap<(String, String), Claim>,
    volumes: BTreeMap<String, Json>,
}

struct Claim {
    access: Access,
    volume: String,
}

/// A claim or a volume can be used by pods of one node, or by one pod only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    OnePod,
    OneNode,
    Several,
}

impl Access {
    fn of(claim: &Json) -> Self {
        let has = |mode: &str| claim.list("/spec/accessModes").iter().any(|it| *it == *mode);
        match () {
            () if has("ReadWriteOncePod") => Access::OnePod,
            () if has("ReadWriteMany") || has("ReadOnlyMany") => Access::Several,
            () => Access::OneNode,
        }
    }
}

impl Storage {
    pub fn of(claims: &[Json], volumes: Vec<Json>) -> Self {
        let key = |it: &Json| (it.text("/metadata/namespace").to_owned(), it.name().to_owned());
        let claim =
            |it: &Json| Claim { access: Access::of(it), volume: it.text("/spec/volumeName").to_owned() };
        Storage {
            claims: claims.iter().map(|it| (key(it), claim(it))).collect(),
            volumes: volumes.into_iter().map(|it| (it.name().to_owned(), it)).collect(),
        }
    }

    /// Of a claim that exists.
    pub fn access(&self, namespace: &str, claim: &str) -> Option<Access> {
        Some(self.claim(namespace, claim)?.access)
    }

    /// The PersistentVolume that the claim is bound to.
    pub fn volume(&self, namespace: &str, claim: &str) -> Option<&Json> {
        self.volumes.get(&self.claim(namespace, claim)?.volume)
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&Claim> {
        self.claims.get(&(namespace.to_owned(), name.to_owned()))
    }
}
