//! Volumes that all pods of a workload share, though only one node or one pod can use them.

use crate::snapshot::storage::Access;
use crate::snapshot::{Snapshot, Workload};

/// The first claim of the template that pods of one node, or one pod, can use.
pub fn one_node_claim<'w>(snapshot: &Snapshot, workload: &'w Workload) -> Option<&'w str> {
    with_access(snapshot, workload, Access::OneNode)
        .or_else(|| with_access(snapshot, workload, Access::OnePod))
}

pub fn with_access<'w>(snapshot: &Snapshot, workload: &'w Workload, access: Access) -> Option<&'w str> {
    let namespace = &workload.subject.namespace;
    workload.shared_claims().find(|claim| snapshot.storage.access(namespace, claim) == Some(access))
}

/// An update makes a pod and stops none before that one is ready.
pub fn waits_for_the_new_pod(workload: &Workload) -> bool {
    workload.update_steps().is_some_and(|(surge, unavailable)| surge > 0 && unavailable == 0)
}
