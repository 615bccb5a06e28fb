//! Data that leaves with a pod, or stays behind on a node the replacement will not be on.

use std::collections::BTreeMap;

use cluster_model::{Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec, Pod, Volume};

use crate::options::Options;
use crate::pod_filter::pods_to_evict;

/// One finding per pod and kind of data, naming the volumes: kubectl keeps only the last warning of a pod (as a comment in its filters.go notes).
pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in pods_to_evict(inventory, options).filter(|p| !p.is_finished()) {
        let mut by_kind: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for volume in pod.volumes() {
            if let Some((id, text)) = kind_of(pod, volume, inventory) {
                by_kind.entry(id).or_default().push(text);
            }
        }
        let is_recreated = inventory.is_recreated(pod);
        let of_kind = |(id, volumes): (_, Vec<String>)| finding(id, pod, &volumes.join(", "), is_recreated);
        findings.extend(by_kind.into_iter().map(of_kind));
    }
    findings
}

fn kind_of(pod: &Pod, volume: &Volume, inventory: &Inventory) -> Option<(&'static str, String)> {
    let name = &volume.name;
    if let Some(dir) = &volume.empty_dir {
        let kind = if dir.medium.as_deref() == Some("Memory") { "memory" } else { "disk" };
        let limit = dir.size_limit.as_ref().map(|q| format!(", up to {}", q.0)).unwrap_or_default();
        return Some(("emptydir-data", format!("{name} ({kind}{limit})")));
    }
    if volume.ephemeral.is_some() {
        return Some(("ephemeral-volume-data", format!("{name} (claim {}-{name})", pod.name())));
    }
    if let Some(path) = &volume.host_path {
        return Some(("host-path-data", format!("{name} ({})", path.path)));
    }
    if let Some(csi) = &volume.csi {
        return Some(("inline-volume", format!("{name} ({})", csi.driver)));
    }
    let claim = &volume.persistent_volume_claim.as_ref()?.claim_name;
    match inventory.volumes.get(&format!("{}/{claim}", pod.namespace()))? {
        Known::Seen(pv) if is_bound_to_node(pv) => Some(("local-volume", format!("{name} (claim {claim})"))),
        // Nothing keeps its replacement from another node, where this path has other data.
        Known::Seen(pv) if is_host_path(pv) => Some(("host-path-data", format!("{name} (claim {claim})"))),
        Known::Seen(_) => None,
        Known::Unknown(why) => Some(("volume-not-checked", format!("{name} (claim {claim}: {why})"))),
    }
}

fn is_bound_to_node(pv: &PersistentVolume) -> bool {
    let is_bound = |spec: &PersistentVolumeSpec| {
        spec.local.is_some() || spec.host_path.is_some() && spec.node_affinity.is_some()
    };
    pv.spec.as_ref().is_some_and(is_bound)
}

fn is_host_path(pv: &PersistentVolume) -> bool {
    pv.spec.as_ref().is_some_and(|spec| spec.host_path.is_some())
}

fn finding(id: &'static str, pod: &Pod, volumes: &str, is_recreated: bool) -> Finding {
    let (severity, message, remedy) = match id {
        "emptydir-data" => (
            Severity::Error,
            format!("loses the data in emptyDir {volumes}"),
            "--delete-emptydir-data if the data is not needed",
        ),
        "ephemeral-volume-data" => (
            Severity::Error,
            format!("loses the data in ephemeral volume {volumes}: its claim is deleted with the pod"),
            "--allow ephemeral-volume-data if the data is not needed",
        ),
        "host-path-data" => (
            Severity::Warning,
            format!("has hostPath data that remains on this node: {volumes}"),
            if is_recreated {
                "make sure its replacement can start without it"
            } else {
                "copy it first if it is needed elsewhere"
            },
        ),
        // Without a replacement, nothing waits for the data.
        "local-volume" if !is_recreated => (
            Severity::Warning,
            format!("its data remains on this node, in local volume {volumes}"),
            "copy it first if it is needed elsewhere",
        ),
        "local-volume" => (
            Severity::Warning,
            format!(
                "is bound to this node by local volume {volumes}: its replacement stays Pending until the node is uncordoned"
            ),
            "uncordon the node when the work is done, or move the data first",
        ),
        "inline-volume" => (Severity::Info, format!("loses inline CSI volume {volumes}"), ""),
        _ => (Severity::Unknown, format!("unknown whether its data is local: {volumes}"), ""),
    };
    Finding::new(id, severity, pod.key(), message).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::options::Options;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::{Inventory, Known, Severity};
    use serde_json::{Value, json};

    fn with(volume: Value) -> Inventory {
        inventory_of(vec![pod("a/p", "n1").volume(volume)])
    }

    fn claimed(volume: Known<Value>) -> Inventory {
        let mut inventory = with(json!({"name": "v", "persistentVolumeClaim": {"claimName": "c"}}));
        let pv = match volume {
            Known::Seen(spec) => Known::Seen(serde_json::from_value(json!({"spec": spec})).unwrap()),
            Known::Unknown(why) => Known::Unknown(why),
        };
        inventory.volumes.insert("a/c".into(), pv);
        inventory
    }

    #[test]
    fn every_kind_of_local_data_has_its_finding() {
        let harmless = with(json!({"name": "v", "configMap": {"name": "c"}}));
        let cases = [
            ("emptydir-data", Severity::Error, json!({"name": "v", "emptyDir": {}})),
            (
                "emptydir-data",
                Severity::Error,
                json!({"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}),
            ),
            (
                "ephemeral-volume-data",
                Severity::Error,
                json!({"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}),
            ),
            ("host-path-data", Severity::Warning, json!({"name": "v", "hostPath": {"path": "/var/data"}})),
            ("inline-volume", Severity::Info, json!({"name": "v", "csi": {"driver": "secrets.example"}})),
        ];
        for (id, severity, volume) in cases {
            fires(id, severity, &with(volume), &harmless);
        }
        let network = claimed(Known::Seen(json!({"nfs": {"path": "/", "server": "s"}})));
        fires(
            "local-volume",
            Severity::Warning,
            &claimed(Known::Seen(json!({"local": {"path": "/d"}}))),
            &network,
        );
        let host_path = |affinity: Value| {
            claimed(Known::Seen(json!({"hostPath": {"path": "/d"}, "nodeAffinity": affinity})))
        };
        fires("host-path-data", Severity::Warning, &host_path(Value::Null), &network);
        let here = json!({"required": {"nodeSelectorTerms": []}});
        fires("local-volume", Severity::Warning, &host_path(here), &host_path(Value::Null));
        fires(
            "volume-not-checked",
            Severity::Unknown,
            &claimed(Known::Unknown("forbidden".into())),
            &network,
        );
    }

    #[test]
    fn without_a_controller_that_makes_one_nothing_is_said_of_a_replacement() {
        let local = claimed(Known::Seen(json!({"local": {"path": "/d"}})));
        let on_host = with(json!({"name": "v", "hostPath": {"path": "/var/data"}}));
        for (recreated, id) in [(local, "local-volume"), (on_host, "host-path-data")] {
            let gone = being_deleted(recreated.clone());
            fires(id, Severity::Warning, &gone, &with(json!({"name": "v", "configMap": {"name": "c"}})));
            let speaks_of_one = |inventory| {
                let found = super::check(inventory, &Options::default());
                found.iter().any(|f| format!("{} {}", f.message, f.remedy).contains("replacement"))
            };
            assert!(speaks_of_one(&recreated) && !speaks_of_one(&gone), "{id}");
        }
    }

    #[test]
    fn a_finished_pod_has_nothing_left_to_lose() {
        let volume = json!({"name": "v", "emptyDir": {}});
        let finished = inventory_of(vec![pod("a/p", "n1").volume(volume.clone()).phase("Succeeded")]);
        fires("emptydir-data", Severity::Error, &with(volume), &finished);
    }

    #[test]
    fn several_findings_of_one_pod_are_all_kept() {
        let both =
            inventory_of(vec![pod("a/p", "n1").unmanaged().volume(json!({"name": "v", "emptyDir": {}}))]);
        let ids: Vec<_> = found(&both, &Options::default()).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["bare-pod", "emptydir-data"]);
    }
}
