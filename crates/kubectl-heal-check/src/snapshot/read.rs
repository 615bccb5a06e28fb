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
    /// PersistentVolumeClaims.
    Claims,
    /// PersistentVolumes.
    Volumes,
    PriorityClasses,
    /// Those of kube-controller-manager and kube-scheduler.
    Leases,
}

impl Read {
    pub const ALL: [Read; 16] = [
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
        Read::Claims,
        Read::Volumes,
        Read::PriorityClasses,
        Read::Leases,
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
        }
    }

    pub fn of_kind(kind: &str) -> Option<Read> {
        Read::ALL.into_iter().find(|read| read.api().0 == kind)
    }

    /// Its objects are in no namespace.
    pub fn is_cluster_wide(self) -> bool {
        matches!(self, Read::Nodes | Read::Volumes | Read::PriorityClasses)
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
