//! The three kinds that have revisions, and what each calls things.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::raw::Raw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
        }
    }

    /// As kubectl writes it before the slash.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Kind::Deployment => "deployments",
            Kind::StatefulSet => "statefulsets",
            Kind::DaemonSet => "daemonsets",
        }
    }

    fn short(self) -> &'static str {
        match self {
            Kind::Deployment => "deploy",
            Kind::StatefulSet => "sts",
            Kind::DaemonSet => "ds",
        }
    }

    /// Whatever kubectl takes for it: `deploy`, `deployments`, `deployment.apps`, `Deployment.v1.apps`.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.to_ascii_lowercase();
        let (name, group) = word.split_once('.').unwrap_or((&word, "apps"));
        if !matches!(group, "apps" | "v1.apps") {
            return None;
        }
        Kind::ALL.into_iter().find(|k| [k.short(), k.word(), k.plural()].contains(&name))
    }

    /// The label that tells which revision a pod was made from.
    pub fn hash_label(self) -> &'static str {
        match self {
            Kind::Deployment => "pod-template-hash",
            Kind::StatefulSet | Kind::DaemonSet => "controller-revision-hash",
        }
    }

    /// What its controller keeps a revision in.
    pub fn history_plural(self) -> &'static str {
        match self {
            Kind::Deployment => "replicasets",
            Kind::StatefulSet | Kind::DaemonSet => "controllerrevisions",
        }
    }
}

/// Which workload; the UID tells it from a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl Id {
    pub fn of(kind: Kind, object: &Value) -> Self {
        Id {
            kind,
            namespace: object.text("/metadata/namespace").to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
        }
    }

    /// `deployment/web -n shop`: ready to be typed.
    pub fn typed(&self) -> String {
        format!("{self} -n {}", self.namespace)
    }
}

/// `deployment/web`
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectls_words_for_each_kind() {
        for (word, kind) in [
            ("deploy", Some(Kind::Deployment)),
            ("deployments", Some(Kind::Deployment)),
            ("Deployment.v1.apps", Some(Kind::Deployment)),
            ("deployment.apps", Some(Kind::Deployment)),
            ("sts", Some(Kind::StatefulSet)),
            ("statefulset.apps", Some(Kind::StatefulSet)),
            ("ds", Some(Kind::DaemonSet)),
            ("rs", None),
            ("deployment.extensions", None),
            ("", None),
        ] {
            assert_eq!(Kind::parse(word), kind, "{word}");
        }
    }
}
