//! Ready-made workloads, and where each kind lives in the API.

use serde_json::{Value, json};

use crate::room::Room;

/// Kind, API group and plural of what a room can hold.
const KINDS: [(&str, &str, &str); 17] = [
    ("ConfigMap", "", "configmaps"),
    ("CronJob", "batch", "cronjobs"),
    ("DaemonSet", "apps", "daemonsets"),
    ("Deployment", "apps", "deployments"),
    ("Job", "batch", "jobs"),
    ("Lease", "coordination.k8s.io", "leases"),
    ("PersistentVolumeClaim", "", "persistentvolumeclaims"),
    ("Pod", "", "pods"),
    ("PodDisruptionBudget", "policy", "poddisruptionbudgets"),
    ("ReplicaSet", "apps", "replicasets"),
    ("ReplicationController", "", "replicationcontrollers"),
    ("Role", "rbac.authorization.k8s.io", "roles"),
    ("RoleBinding", "rbac.authorization.k8s.io", "rolebindings"),
    ("Secret", "", "secrets"),
    ("Service", "", "services"),
    ("ServiceAccount", "", "serviceaccounts"),
    ("StatefulSet", "apps", "statefulsets"),
];

#[track_caller]
pub(crate) fn apply_path(object: &Value, namespace: &str) -> String {
    let known = KINDS.iter().find(|(kind, _, _)| object["kind"] == *kind);
    match known {
        Some((_, "", plural)) => format!("/api/v1/namespaces/{namespace}/{plural}"),
        Some((_, group, plural)) => format!("/apis/{group}/v1/namespaces/{namespace}/{plural}"),
        None => panic!("a room cannot hold a {}; use Cluster::create with its path", object["kind"]),
    }
}

/// The pod spec in an object, if it is a pod or makes pods.
pub(crate) fn pod_spec_of(object: &mut Value) -> Option<&mut Value> {
    let at = match object["kind"].as_str()? {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            "/spec/template/spec"
        }
        _ => return None,
    };
    object.pointer_mut(at)
}

/// An annotation for the pods of a workload, or for a pod: what `stages.yaml` listens to.
pub fn annotate(object: &mut Value, key: &str, value: &str) {
    let pod = match object["kind"].as_str() {
        Some("Pod") => object,
        _ => &mut object["spec"]["template"],
    };
    pod["metadata"]["annotations"][key] = json!(value);
}

/// All pods are labelled `app=NAME`. The `_with` ones let a test change the object before it is made.
impl Room<'_> {
    #[track_caller]
    pub fn deployment(&self, name: &str, replicas: usize) -> Value {
        self.deployment_with(name, replicas, |_| ())
    }

    #[track_caller]
    pub fn deployment_with(&self, name: &str, replicas: usize, edit: impl FnOnce(&mut Value)) -> Value {
        let mut object = workload("apps/v1", "Deployment", name);
        object["spec"]["replicas"] = json!(replicas);
        self.edited(object, edit)
    }

    #[track_caller]
    pub fn statefulset(&self, name: &str, replicas: usize) -> Value {
        self.statefulset_with(name, replicas, |_| ())
    }

    #[track_caller]
    pub fn statefulset_with(&self, name: &str, replicas: usize, edit: impl FnOnce(&mut Value)) -> Value {
        let mut object = workload("apps/v1", "StatefulSet", name);
        object["spec"]["replicas"] = json!(replicas);
        object["spec"]["serviceName"] = json!(name);
        object["spec"]["podManagementPolicy"] = json!("Parallel");
        self.edited(object, edit)
    }

    #[track_caller]
    pub fn daemonset(&self, name: &str) -> Value {
        self.daemonset_with(name, |_| ())
    }

    #[track_caller]
    pub fn daemonset_with(&self, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        self.edited(workload("apps/v1", "DaemonSet", name), edit)
    }

    #[track_caller]
    pub fn job(&self, name: &str) -> Value {
        self.job_with(name, |_| ())
    }

    #[track_caller]
    pub fn job_with(&self, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let mut object = workload("batch/v1", "Job", name);
        // A Job makes its own selector.
        object["spec"]["selector"] = Value::Null;
        object["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
        self.edited(object, edit)
    }

    /// A pod without an owner.
    #[track_caller]
    pub fn pod(&self, name: &str) -> Value {
        self.pod_with(name, |_| ())
    }

    #[track_caller]
    pub fn pod_with(&self, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": pod_spec(),
        });
        self.edited(object, edit)
    }

    /// A budget over the pods of `app`: `room.budget("web", "web", json!({"minAvailable": 2}))`.
    #[track_caller]
    pub fn budget(&self, name: &str, app: &str, spec: Value) -> Value {
        let mut object = json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name},
            "spec": spec,
        });
        object["spec"]["selector"] = json!({"matchLabels": {"app": app}});
        self.apply(object)
    }

    #[track_caller]
    fn edited(&self, mut object: Value, edit: impl FnOnce(&mut Value)) -> Value {
        edit(&mut object);
        self.apply(object)
    }
}

/// Pods are spread evenly, so that a test knows how many a node has; a cordoned node does not count.
fn workload(api_version: &str, kind: &str, name: &str) -> Value {
    let mut spec = pod_spec();
    if kind != "DaemonSet" {
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "nodeTaintsPolicy": "Honor",
            "labelSelector": {"matchLabels": {"app": name}},
        }]);
    }
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    })
}

fn pod_spec() -> Value {
    json!({"containers": [{"name": "main", "image": "example.invalid/app:1"}]})
}
