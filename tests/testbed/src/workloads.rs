//! Ready-made workloads, and where each kind lives in the API.

use serde_json::{Value, json};

use crate::room::Room;

/// Kind, API version and plural of what a room can contain. The last three are there once `Cluster::install_gitops_crds` was called.
const KINDS: [(&str, &str, &str); 27] = [
    ("ConfigMap", "v1", "configmaps"),
    ("ControllerRevision", "apps/v1", "controllerrevisions"),
    ("CronJob", "batch/v1", "cronjobs"),
    ("DaemonSet", "apps/v1", "daemonsets"),
    ("Deployment", "apps/v1", "deployments"),
    ("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
    ("Event", "v1", "events"),
    ("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
    ("Job", "batch/v1", "jobs"),
    ("Lease", "coordination.k8s.io/v1", "leases"),
    ("LimitRange", "v1", "limitranges"),
    ("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
    ("PersistentVolumeClaim", "v1", "persistentvolumeclaims"),
    ("Pod", "v1", "pods"),
    ("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
    ("ReplicaSet", "apps/v1", "replicasets"),
    ("ReplicationController", "v1", "replicationcontrollers"),
    ("ResourceQuota", "v1", "resourcequotas"),
    ("Role", "rbac.authorization.k8s.io/v1", "roles"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings"),
    ("Secret", "v1", "secrets"),
    ("Service", "v1", "services"),
    ("ServiceAccount", "v1", "serviceaccounts"),
    ("StatefulSet", "apps/v1", "statefulsets"),
    ("Application", "argoproj.io/v1alpha1", "applications"),
    ("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    ("HelmRelease", "helm.toolkit.fluxcd.io/v2", "helmreleases"),
];

/// Where the objects of a kind are in a namespace.
#[track_caller]
pub(crate) fn path_of(kind: &str, namespace: &str) -> String {
    match KINDS.iter().find(|(known, _, _)| *known == kind) {
        Some((_, version, plural)) => {
            let root = if version.contains('/') { "apis" } else { "api" };
            format!("/{root}/{version}/namespaces/{namespace}/{plural}")
        }
        None => panic!("a room cannot hold a {kind}; use Cluster::create with its path"),
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
    /// What a user would keep in a file, and apply: a workload of any kind, ready for this room.
    #[track_caller]
    pub fn manifest(&self, kind: &str, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let mut object = match kind {
            "Deployment" | "DaemonSet" => workload("apps/v1", kind, name),
            "StatefulSet" => statefulset(name),
            _ => panic!("there is no ready-made {kind}"),
        };
        edit(&mut object);
        self.furnished(object)
    }

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
        let mut object = statefulset(name);
        object["spec"]["replicas"] = json!(replicas);
        object["spec"]["podManagementPolicy"] = json!("Parallel");
        self.edited(object, edit)
    }

    /// One pod after the other, as StatefulSets are by default: an update waits at the first pod that is not Ready.
    #[track_caller]
    pub fn ordered_statefulset(&self, name: &str, replicas: usize) -> Value {
        self.statefulset_with(name, replicas, |object| {
            object["spec"]["podManagementPolicy"] = json!("OrderedReady");
        })
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

fn statefulset(name: &str) -> Value {
    let mut object = workload("apps/v1", "StatefulSet", name);
    object["spec"]["serviceName"] = json!(name);
    object
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
