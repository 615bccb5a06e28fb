//! The kinds of objects in files that are read, and where the API server lists them.

use crate::snapshot::Read;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Read(Read),
    StorageClass,
    CSINode,
    CSIDriver,
    VolumeAttachment,
}

impl Kind {
    fn all() -> impl Iterator<Item = Kind> {
        Read::ALL.into_iter().map(Kind::Read).chain([
            Kind::StorageClass,
            Kind::CSINode,
            Kind::CSIDriver,
            Kind::VolumeAttachment,
        ])
    }

    /// Kind, API group, version and plural.
    fn api(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Kind::Read(read) => read.api(),
            Kind::StorageClass => ("StorageClass", "storage.k8s.io", "v1", "storageclasses"),
            Kind::CSINode => ("CSINode", "storage.k8s.io", "v1", "csinodes"),
            Kind::CSIDriver => ("CSIDriver", "storage.k8s.io", "v1", "csidrivers"),
            Kind::VolumeAttachment => ("VolumeAttachment", "storage.k8s.io", "v1", "volumeattachments"),
        }
    }

    pub fn plural(self) -> &'static str {
        self.api().3
    }

    /// As objects and their lists say it. Of autoscalers, autoscaling/v1 has what is read at the same place.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::all().find(|it| {
            let (own, group, version, _) = it.api();
            let is_version = match api_version.split_once('/') {
                Some((a, b)) => a == group && b == version,
                None => group.is_empty() && api_version == version,
            };
            let is_older = *it == Kind::Read(Read::Autoscalers) && api_version == "autoscaling/v1";
            own == kind && (is_version || is_older)
        })
    }

    /// What prints the list also where it is empty: of an empty list `kubectl get -o json` does not say of what it is.
    pub fn command(self) -> String {
        let (_, group, version, plural) = self.api();
        let base =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match self {
            Kind::Read(Read::Leases) => format!("kubectl get --raw {base}/namespaces/kube-system/{plural}"),
            _ => format!("kubectl get --raw {base}/{plural}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_that_of_its_group_and_version() {
        for (api_version, kind, expected) in [
            ("v1", "Pod", Some(Kind::Read(Read::Pods))),
            ("apps/v1", "Deployment", Some(Kind::Read(Read::Deployments))),
            ("autoscaling/v1", "HorizontalPodAutoscaler", Some(Kind::Read(Read::Autoscalers))),
            ("autoscaling/v2", "HorizontalPodAutoscaler", Some(Kind::Read(Read::Autoscalers))),
            ("apps/v1beta1", "Deployment", None),
            ("policy/v1beta1", "PodDisruptionBudget", None),
            ("serving.knative.dev/v1", "Service", None),
            ("storage.k8s.io/v1", "CSINode", Some(Kind::CSINode)),
        ] {
            assert_eq!(Kind::of(api_version, kind), expected, "{api_version} {kind}");
        }
        assert_eq!(Kind::Read(Read::Pods).command(), "kubectl get --raw /api/v1/pods");
        let budgets = "kubectl get --raw /apis/policy/v1/poddisruptionbudgets";
        assert_eq!(Kind::Read(Read::Budgets).command(), budgets);
    }
}
