//! The kinds of objects that are read. Each is known, or it is known why not.

use std::fmt;

use plugin_client::Right;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    Pods,
    Nodes,
    Deployments,
    ReplicaSets,
    StatefulSets,
    DaemonSets,
    Jobs,
    CronJobs,
    Budgets,
    Autoscalers,
    Services,
    /// Those of kube-controller-manager and kube-scheduler.
    Leases,
    /// Those of the workloads, for their annotation.
    Namespaces,
}

impl Read {
    pub const ALL: [Read; 13] = [
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Budgets,
        Read::Autoscalers,
        Read::Services,
        Read::Leases,
        Read::Namespaces,
    ];

    /// Kind, API group, version and plural.
    pub fn api(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Read::Pods => ("Pod", "", "v1", "pods"),
            Read::Nodes => ("Node", "", "v1", "nodes"),
            Read::Deployments => ("Deployment", "apps", "v1", "deployments"),
            Read::ReplicaSets => ("ReplicaSet", "apps", "v1", "replicasets"),
            Read::StatefulSets => ("StatefulSet", "apps", "v1", "statefulsets"),
            Read::DaemonSets => ("DaemonSet", "apps", "v1", "daemonsets"),
            Read::Jobs => ("Job", "batch", "v1", "jobs"),
            Read::CronJobs => ("CronJob", "batch", "v1", "cronjobs"),
            Read::Budgets => ("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
            Read::Autoscalers => ("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
            Read::Services => ("Service", "", "v1", "services"),
            Read::Leases => ("Lease", "coordination.k8s.io", "v1", "leases"),
            Read::Namespaces => ("Namespace", "", "v1", "namespaces"),
        }
    }

    pub fn of_kind(kind: &str) -> Option<Read> {
        Read::ALL.into_iter().find(|read| read.api().0 == kind)
    }

    /// What has to be granted to list it.
    pub fn right(self) -> Right {
        let (_, group, _, plural) = self.api();
        Right::new("list", group, plural)
    }
}

/// `poddisruptionbudgets`
impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.api().3)
    }
}
