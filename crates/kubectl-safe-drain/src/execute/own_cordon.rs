//! Undoes the cordon of this run, and no other. The node shows who cordoned it; if that is not certain, it stays cordoned.

use cluster_model::NodeExt;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use plugin_client::{Cluster, Failure};
use serde_json::json;

use super::cause::OtherCordon;
use super::requests::{FIELD_MANAGER, Next, Tries, not_kept, params, patch};

/// Somebody writes to a node every few seconds at most; each try reads it anew.
const CONFLICTS: u32 = 10;

/// What became of the cordon.
#[derive(Debug, PartialEq, Eq)]
pub enum Undone {
    Uncordoned,
    /// There was no cordon any more.
    NoCordon,
    /// The node is gone, or another one has its name.
    NoNode,
    /// It stays, and why.
    Kept(OtherCordon),
}

/// `version`: the node's resourceVersion with this run's cordon, if the answer arrived.
pub async fn undo(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    version: Option<&str>,
) -> Result<Undone, Failure> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let (mut tries, mut conflicts) = (Tries::default(), 0);
    loop {
        let answer = match api.get_opt(name).await {
            Ok(node) => {
                let Some(node) = node.filter(|node| node.uid() == uid) else { return Ok(Undone::NoNode) };
                if !node.is_cordoned() {
                    return Ok(Undone::NoCordon);
                }
                if let Some(other) = other_owner(&node, version) {
                    return Ok(Undone::Kept(other));
                }
                // Only the node that was just read: whoever writes to it meanwhile may have cordoned it anew.
                let read = json!({"uid": uid, "resourceVersion": node.metadata.resource_version});
                api.patch(name, &params(false), &patch(false, read)).await
            }
            Err(error) => Err(error),
        };
        let error = match answer {
            Ok(now) if now.is_cordoned() => return Err(not_kept("uncordon", name)),
            Ok(_) => return Ok(Undone::Uncordoned),
            Err(error) => error,
        };
        if matches!(&error, kube::Error::Api(status) if status.code == 409) && conflicts < CONFLICTS {
            conflicts += 1;
            continue;
        }
        match tries.after(&error) {
            Next::Repeat(wait) | Next::ReadAgain(wait) => tokio::time::sleep(wait).await,
            Next::Fail => {
                return Err(Failure::from_kube("uncordon", &error).object(format!("node/{name}")));
            }
        }
    }
}

/// Whether this run's write is on record for the cordon, or nobody's where the server keeps no record.
pub fn is_by_others(node: &Node) -> bool {
    let owners = node.cordon_owners();
    !owners.is_empty() && owners.iter().all(|owner| owner.manager != *FIELD_MANAGER)
}

/// Why the cordon is not this run's to undo.
fn other_owner(node: &Node, version: Option<&str>) -> Option<OtherCordon> {
    let owners = node.cordon_owners();
    if let Some(other) = owners.iter().find(|owner| owner.manager != *FIELD_MANAGER) {
        return Some(OtherCordon::By { manager: other.manager.clone(), at: other.at });
    }
    let unchanged = version.is_some() && node.metadata.resource_version.as_deref() == version;
    (owners.is_empty() && !unchanged).then_some(OtherCordon::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build;

    fn cordoned(owners: &[&str]) -> Node {
        let entry = |manager: &&str| {
            json!({"manager": manager, "operation": "Update", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:unschedulable": {}}}})
        };
        let managed: Vec<_> = owners.iter().map(entry).collect();
        let metadata = json!({"resourceVersion": "7", "managedFields": managed});
        build::node("n1", json!({"spec": {"unschedulable": true}, "metadata": metadata}))
    }

    #[test]
    fn only_a_cordon_that_is_certain_to_be_this_runs_is() {
        let own = FIELD_MANAGER.as_str();
        let cases: [(&[&str], Option<&str>, bool); 8] = [
            (&[own], Some("5"), true),
            (&[own], None, true),
            (&["kubectl-cordon"], Some("5"), false),
            (&["kubectl-safe-drain-another"], Some("5"), false),
            (&[own, "gitops"], Some("5"), false),
            (&[], Some("7"), true),
            (&[], Some("5"), false),
            (&[], None, false),
        ];
        for (owners, version, by_this_run) in cases {
            assert_eq!(
                other_owner(&cordoned(owners), version).is_none(),
                by_this_run,
                "{owners:?} {version:?}"
            );
        }
        assert!(is_by_others(&cordoned(&["kubectl-cordon"])));
        assert!(!is_by_others(&cordoned(&[own])) && !is_by_others(&cordoned(&[])));
    }
}
