//! The kinds of objects that a plan reads.

use plugin_client::dump::Object;

macro_rules! kinds {
    ($($kind:ident $group:literal $plural:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($kind,)* }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind),)* }
            }

            pub fn api_version(self) -> &'static str {
                match self { $(Kind::$kind => $group,)* }
            }

            /// As kubectl and the API name it.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$kind => $plural,)* }
            }
        }
    };
}

kinds! {
    Node "v1" "nodes",
    Pod "v1" "pods",
    PodDisruptionBudget "policy/v1" "poddisruptionbudgets",
    ReplicaSet "apps/v1" "replicasets",
    StatefulSet "apps/v1" "statefulsets",
    DaemonSet "apps/v1" "daemonsets",
    Job "batch/v1" "jobs",
    ReplicationController "v1" "replicationcontrollers",
    PersistentVolumeClaim "v1" "persistentvolumeclaims",
    PersistentVolume "v1" "persistentvolumes",
    StorageClass "storage.k8s.io/v1" "storageclasses",
    CSINode "storage.k8s.io/v1" "csinodes",
    CSIDriver "storage.k8s.io/v1" "csidrivers",
    VolumeAttachment "storage.k8s.io/v1" "volumeattachments",
    Namespace "v1" "namespaces",
    ValidatingWebhookConfiguration "admissionregistration.k8s.io/v1" "validatingwebhookconfigurations",
    MutatingWebhookConfiguration "admissionregistration.k8s.io/v1" "mutatingwebhookconfigurations",
    Service "v1" "services",
}

impl Kind {
    /// Controllers of pods.
    pub const OWNERS: [Kind; 5] =
        [Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet, Kind::Job, Kind::ReplicationController];

    pub fn of(object: &Object<'_>) -> Option<Kind> {
        let known = Kind::named(&object.kind)?;
        (known.api_version() == object.api_version).then_some(known)
    }

    pub fn named(kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|known| known.name() == kind)
    }
}
