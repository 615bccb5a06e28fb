//! The kinds of objects that are read. Each is known, or it is known why not.

use std::fmt;

use plugin_client::Right;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    Pods,
    Nodes,
    Deployments,
    ReplicaSets,
    ReplicationControllers,
    StatefulSets,
    DaemonSets,
    Jobs,
    CronJobs,
    Budgets,
    Autoscalers,
    Services,
    /// Those of kube-controller-manager and kube-scheduler.
    Leases,
    /// PersistentVolumeClaims.
    Claims,
    /// PersistentVolumes.
    Volumes,
    PriorityClasses,
    /// Their metadata.
    ConfigMaps,
    /// Their metadata, and only with `--secrets`.
    Secrets,
    /// Their metadata.
    ServiceAccounts,
    RuntimeClasses,
    Quotas,
    LimitRanges,
    Namespaces,
    ValidatingWebhooks,
    MutatingWebhooks,
    EndpointSlices,
    /// Of the reasons that a check reads; the server keeps them for an hour.
    Events,
}

impl Read {
    /// Kinds that can be named, in any form that kubectl takes.
    pub const NAMED: [Read; 8] = [
        Read::Deployments,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::Jobs,
        Read::CronJobs,
        Read::Pods,
    ];

    pub const ALL: [Read; 27] = [
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Budgets,
        Read::Autoscalers,
        Read::Services,
        Read::Leases,
        Read::Claims,
        Read::Volumes,
        Read::PriorityClasses,
        Read::ConfigMaps,
        Read::Secrets,
        Read::ServiceAccounts,
        Read::RuntimeClasses,
        Read::Quotas,
        Read::LimitRanges,
        Read::Namespaces,
        Read::ValidatingWebhooks,
        Read::MutatingWebhooks,
        Read::EndpointSlices,
        Read::Events,
    ];

    /// Kind, API group, version and plural.
    pub fn api(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Read::Pods => ("Pod", "", "v1", "pods"),
            Read::Nodes => ("Node", "", "v1", "nodes"),
            Read::Deployments => ("Deployment", "apps", "v1", "deployments"),
            Read::ReplicaSets => ("ReplicaSet", "apps", "v1", "replicasets"),
            Read::ReplicationControllers => ("ReplicationController", "", "v1", "replicationcontrollers"),
            Read::StatefulSets => ("StatefulSet", "apps", "v1", "statefulsets"),
            Read::DaemonSets => ("DaemonSet", "apps", "v1", "daemonsets"),
            Read::Jobs => ("Job", "batch", "v1", "jobs"),
            Read::CronJobs => ("CronJob", "batch", "v1", "cronjobs"),
            Read::Budgets => ("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
            Read::Autoscalers => ("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
            Read::Services => ("Service", "", "v1", "services"),
            Read::Claims => ("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
            Read::Volumes => ("PersistentVolume", "", "v1", "persistentvolumes"),
            Read::PriorityClasses => ("PriorityClass", "scheduling.k8s.io", "v1", "priorityclasses"),
            Read::Leases => ("Lease", "coordination.k8s.io", "v1", "leases"),
            Read::ConfigMaps => ("ConfigMap", "", "v1", "configmaps"),
            Read::Secrets => ("Secret", "", "v1", "secrets"),
            Read::ServiceAccounts => ("ServiceAccount", "", "v1", "serviceaccounts"),
            Read::RuntimeClasses => ("RuntimeClass", "node.k8s.io", "v1", "runtimeclasses"),
            Read::Quotas => ("ResourceQuota", "", "v1", "resourcequotas"),
            Read::LimitRanges => ("LimitRange", "", "v1", "limitranges"),
            Read::Namespaces => ("Namespace", "", "v1", "namespaces"),
            Read::ValidatingWebhooks => (
                "ValidatingWebhookConfiguration",
                "admissionregistration.k8s.io",
                "v1",
                "validatingwebhookconfigurations",
            ),
            Read::MutatingWebhooks => (
                "MutatingWebhookConfiguration",
                "admissionregistration.k8s.io",
                "v1",
                "mutatingwebhookconfigurations",
            ),
            Read::EndpointSlices => ("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
            Read::Events => ("Event", "", "v1", "events"),
        }
    }

    /// What the snapshot and the matrix are made of. Any other kind is read only if a check that runs needs it.
    pub fn is_always_read(self) -> bool {
        self <= Read::Leases
    }

    /// Manifests of workloads come with these. Others may be in the cluster already.
    pub fn is_in_manifests(self) -> bool {
        self.is_always_read() && !matches!(self, Read::Nodes | Read::Leases)
            || matches!(self, Read::Claims | Read::Namespaces)
    }

    /// Its objects are in no namespace.
    pub fn is_cluster_wide(self) -> bool {
        use Read::{
            MutatingWebhooks, Namespaces, Nodes, PriorityClasses, RuntimeClasses, ValidatingWebhooks, Volumes,
        };
        matches!(
            self,
            Nodes
                | Namespaces
                | Volumes
                | PriorityClasses
                | RuntimeClasses
                | ValidatingWebhooks
                | MutatingWebhooks
        )
    }

    /// Of these only metadata is requested: what they hold is none of our business.
    pub fn is_metadata(self) -> bool {
        matches!(self, Read::ConfigMaps | Read::Secrets | Read::ServiceAccounts)
    }

    /// By `--watch`. Leases and Events change all the time, and ConfigMaps may as well; a namespace alone cannot be watched without a
    /// right to all.
    pub fn is_watched(self) -> bool {
        !self.is_metadata() && !matches!(self, Read::Leases | Read::Events | Read::Namespaces)
    }

    pub fn of_kind(kind: &str) -> Option<Read> {
        Read::ALL.into_iter().find(|read| read.api().0 == kind)
    }

    /// In any form that kubectl takes: `deployment`, `deployments`, `deploy`, `deployments.apps`, `deployments.v1.apps`; case does not matter.
    pub fn of_word(word: &str) -> Option<Read> {
        let word = word.to_ascii_lowercase();
        let (name, of) = word.split_once('.').unwrap_or((&word, ""));
        Read::ALL.into_iter().find(|read| {
            let (kind, group, version, plural) = read.api();
            let is_of =
                of.is_empty() || of == group || of.strip_prefix(version) == Some(&format!(".{group}"));
            is_of && (kind.eq_ignore_ascii_case(name) || plural == name || read.short_names().contains(&name))
        })
    }

    /// As `kubectl api-resources` lists them.
    fn short_names(self) -> &'static [&'static str] {
        match self {
            Read::Pods => &["po"],
            Read::Nodes => &["no"],
            Read::Deployments => &["deploy"],
            Read::ReplicaSets => &["rs"],
            Read::ReplicationControllers => &["rc"],
            Read::StatefulSets => &["sts"],
            Read::DaemonSets => &["ds"],
            Read::CronJobs => &["cj"],
            Read::Budgets => &["pdb"],
            Read::Autoscalers => &["hpa"],
            Read::Services => &["svc"],
            Read::Claims => &["pvc"],
            Read::Volumes => &["pv"],
            Read::PriorityClasses => &["pc"],
            Read::ConfigMaps => &["cm"],
            Read::ServiceAccounts => &["sa"],
            Read::Quotas => &["quota"],
            Read::LimitRanges => &["limits"],
            Read::Namespaces => &["ns"],
            Read::Events => &["ev"],
            Read::Jobs
            | Read::Leases
            | Read::Secrets
            | Read::RuntimeClasses
            | Read::ValidatingWebhooks
            | Read::MutatingWebhooks
            | Read::EndpointSlices => &[],
        }
    }

    /// Where its objects describe pods.
    pub fn template(self) -> Option<&'static str> {
        match self {
            Read::Pods => Some(""),
            Read::CronJobs => Some("/spec/jobTemplate/spec/template"),
            Read::Deployments
            | Read::ReplicaSets
            | Read::ReplicationControllers
            | Read::StatefulSets
            | Read::DaemonSets
            | Read::Jobs => Some("/spec/template"),
            _ => None,
        }
    }

    /// What has to be granted to list it in a namespace, or in all.
    pub fn right(self, namespace: Option<&str>) -> Right {
        let (_, group, _, plural) = self.api();
        let everywhere = Right::new("list", group, plural);
        match namespace.filter(|_| !self.is_cluster_wide()) {
            Some(namespace) => everywhere.namespace(namespace),
            None => everywhere,
        }
    }
}

/// `poddisruptionbudgets`
impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.api().3)
    }
}
