//! The three kinds that have revisions, and what each calls things.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::daemon_set::DaemonSet;
use super::deployment::Deployment;
use super::resource_type::ResourceType;
use super::stateful_set::StatefulSet;
use super::workload_kind::WorkloadKind;
use crate::raw::Raw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];

    /// What is different from one kind to the next: the kind's own file.
    pub fn rules(self) -> &'static dyn WorkloadKind {
        match self {
            Kind::Deployment => &Deployment,
            Kind::StatefulSet => &StatefulSet,
            Kind::DaemonSet => &DaemonSet,
        }
    }

    pub fn resource(self) -> ResourceType {
        self.rules().resource()
    }

    /// What its controller keeps a revision in.
    pub fn revision_type(self) -> ResourceType {
        self.rules().revision_type()
    }

    pub fn name(self) -> &'static str {
        self.resource().kind
    }

    pub fn word(self) -> &'static str {
        self.rules().word()
    }

    pub fn plural(self) -> &'static str {
        self.resource().plural
    }

    pub fn hash_label(self) -> &'static str {
        self.rules().hash_label()
    }

    pub fn revision_plural(self) -> &'static str {
        self.revision_type().plural
    }

    /// Whatever kubectl takes for it: `deploy`, `deployments`, `deployment.apps`, `Deployment.v1.apps`.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.to_ascii_lowercase();
        let (name, group) = match word.split_once('.') {
            Some((name, group)) => (name, Some(group)),
            None => (word.as_str(), None),
        };
        Kind::ALL.into_iter().find(|kind| {
            let ResourceType { group: own, version, plural, .. } = kind.resource();
            let is_group = |group| group == own || group == format!("{version}.{own}");
            [kind.rules().short(), kind.word(), plural].contains(&name) && group.is_none_or(is_group)
        })
    }
}

/// Which workload; the UID distinguishes it from a later one of the same name.
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
    use serde_json::json;

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

    #[test]
    fn what_each_kind_is() {
        use crate::rollout::CompletionRecord::{CurrentRevision, None as Unrecorded, ProgressingCondition};
        use crate::rollout::Counts;

        fn row<T>(of: impl Fn(&dyn WorkloadKind) -> T) -> [T; 3] {
            Kind::ALL.map(|kind| of(kind.rules()))
        }
        assert_eq!(row(|kind| kind.resource().kind), ["Deployment", "StatefulSet", "DaemonSet"]);
        assert_eq!(row(|kind| kind.resource().plural), ["deployments", "statefulsets", "daemonsets"]);
        assert_eq!(row(|kind| kind.resource().api_version()), ["apps/v1", "apps/v1", "apps/v1"]);
        let path = "/apis/apps/v1/namespaces/shop/controllerrevisions";
        assert_eq!(
            row(|kind| kind.revision_type().path("shop")),
            ["/apis/apps/v1/namespaces/shop/replicasets", path, path]
        );
        assert_eq!(row(|kind| kind.word()), ["deployment", "statefulset", "daemonset"]);
        assert_eq!(row(|kind| kind.short()), ["deploy", "sts", "ds"]);
        assert_eq!(
            row(|kind| kind.revision_type().kind),
            ["ReplicaSet", "ControllerRevision", "ControllerRevision"]
        );
        let hash = "controller-revision-hash";
        assert_eq!(row(|kind| kind.hash_label()), ["pod-template-hash", hash, hash]);
        assert_eq!(row(|kind| kind.controller_field()), ["/f:spec/f:replicas", "/f:revision", "/f:revision"]);
        assert_eq!(row(|kind| kind.keeps_numbers()), [true, false, false]);
        assert_eq!(row(|kind| kind.copies_change_cause()), [true, false, false]);
        assert_eq!(row(|kind| kind.copies_last_applied()), [false, true, true]);
        assert_eq!(row(|kind| kind.revisions_own_pods()), [true, false, false]);
        assert_eq!(row(|kind| kind.update_revision()), [None, Some("/status/updateRevision"), None]);
        assert_eq!(row(|kind| kind.completion_record()), [ProgressingCondition, CurrentRevision, Unrecorded]);
        assert_eq!(row(|kind| kind.is_per_node()), [false, false, true]);
        assert_eq!(row(|kind| kind.has_progress_deadline()), [true, false, false]);
        assert_eq!(row(|kind| kind.replaces_in_place()), [false, true, true]);
        assert_eq!(row(|kind| kind.pod_can_block()), [false, true, false]);
        assert_eq!(row(|kind| kind.added_tolerations().len()), [0, 0, 7]);
        assert_eq!(row(|kind| kind.has_ordinals()), [false, true, false]);
        let replicas = Counts {
            all: "/status/replicas",
            updated: "/status/updatedReplicas",
            available: "/status/availableReplicas",
        };
        let nodes = Counts {
            all: "/status/currentNumberScheduled",
            updated: "/status/updatedNumberScheduled",
            available: "/status/numberAvailable",
        };
        assert_eq!(row(|kind| kind.counts()), [replicas, replicas, nodes]);
    }

    /// What each reads of the same objects: every field is there, so that each kind shows which it takes.
    #[test]
    fn what_each_kind_reads() {
        let object = json!({"metadata": {"name": "web", "annotations": {}},
            "spec": {"paused": true, "replicas": 2},
            "status": {"desiredNumberScheduled": 5, "updateRevision": "web-5c9f"}});
        let history = json!({"metadata": {"name": "web-5c9f", "generation": 1,
                "annotations": {"deployment.kubernetes.io/revision": "3"},
                "labels": {"pod-template-hash": "of a ReplicaSet", "controller-revision-hash": "of a ControllerRevision"}},
            "revision": 4, "spec": {"replicas": 0, "template": "spec"}, "data": {"spec": {"template": "data"}},
            "status": {"availableReplicas": 1}});
        let rules = Kind::ALL.map(Kind::rules);
        assert_eq!(rules.map(|kind| kind.desired(&object)), [2, 2, 5]);
        assert_eq!(rules.map(|kind| kind.is_paused(&object)), [true, false, false]);
        assert_eq!(rules.map(|kind| kind.has_revision(&object)), [false, true, true]);
        assert_eq!(rules.map(|kind| kind.number(&history)), [Some(3), Some(4), Some(4)]);
        assert_eq!(rules.map(|kind| kind.template(&history).as_str().unwrap()), ["spec", "data", "data"]);
        assert_eq!(
            rules.map(|kind| kind.hash(&history)),
            ["of a ReplicaSet", "web-5c9f", "of a ControllerRevision"]
        );
        assert_eq!(rules.map(|kind| kind.available(&history)), [Some(1), None, None]);
        assert_eq!(rules.map(|kind| kind.never_had_pods(&history)), [true, false, false]);
        for (pod, named) in [
            ("web-5c9f-x2b4q", [true, false, false]),
            ("web-0", [false, true, false]),
            ("web-x2b4q", [false, false, true]),
            ("web-api-x2b4q", [false, false, false]),
        ] {
            assert_eq!(rules.map(|kind| kind.names_pod(pod, "web", &["web-5c9f"])), named, "{pod}");
        }
        let completed = rules.map(|kind| {
            let mut pod = json!({"metadata": {}, "spec": {}});
            kind.complete_pod(&mut pod, &object, 4);
            pod["spec"]["hostname"].as_str().map(str::to_owned)
        });
        assert_eq!(completed, [None, Some("web-4".to_owned()), None]);
    }
}
