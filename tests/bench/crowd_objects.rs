//! Objects as a cluster in use has them, by their number: Deployments of ten pods, spread over nodes in three zones. A pod is as large as those
//! of charts usually are, some 14 KB, of which a third is managedFields.

use std::sync::LazyLock;

use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub struct Size {
    pub pods: usize,
    pub nodes: usize,
}

const PODS_OF_A_DEPLOYMENT: usize = 10;
const IN_A_NAMESPACE: usize = 25;
/// Where the number of the object goes.
const NUMBER: &str = "%number%";
const OWNER: &str = "%owner%";
const NAMESPACE: &str = "%namespace%";
const NODE: &str = "%node%";

impl Size {
    pub fn deployments(self) -> usize {
        self.pods / PODS_OF_A_DEPLOYMENT
    }
}

pub fn pod(number: usize, size: Size) -> String {
    let deployment = number / PODS_OF_A_DEPLOYMENT;
    // Those of one Deployment are on nodes of all zones.
    filled(&POD, number, deployment).replace(NODE, &format!("node-{}", number % size.nodes))
}

pub fn node(number: usize, _: Size) -> String {
    let zone = ["a", "b", "c"][number % 3];
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{number}"), "uid": format!("node-{number}"),
        "labels": {"kubernetes.io/hostname": format!("node-{number}"), "topology.kubernetes.io/zone": zone}},
        "spec": {}, "status": {"allocatable": {"cpu": "64", "memory": "256Gi", "pods": "250"},
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    .to_string()
}

pub fn deployment(number: usize, _: Size) -> String {
    filled(&DEPLOYMENT, number, number)
}

pub fn replica_set(number: usize, _: Size) -> String {
    filled(&REPLICA_SET, number, number)
}

pub fn budget(number: usize, _: Size) -> String {
    filled(&BUDGET, number, number)
}

pub fn service(number: usize, _: Size) -> String {
    filled(&SERVICE, number, number)
}

pub fn endpoint_slice(number: usize, _: Size) -> String {
    filled(&ENDPOINT_SLICE, number, number)
}

fn filled(template: &str, number: usize, deployment: usize) -> String {
    template
        .replace(NUMBER, &number.to_string())
        .replace(OWNER, &deployment.to_string())
        .replace(NAMESPACE, &format!("team-{}", deployment / IN_A_NAMESPACE))
}

static POD: LazyLock<String> = LazyLock::new(|| {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata("pod", "replicaset"), "spec": spec(), "status": {
        "phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.1.0.1", "qosClass": "Burstable", "startTime": "2026-01-01T00:00:00Z",
        "conditions": [condition("PodReadyToStartContainers"), condition("Initialized"), condition("Ready"), condition("ContainersReady"), condition("PodScheduled")],
        "containerStatuses": [status("main"), status("proxy")]}});
    pod["spec"]["nodeName"] = json!(NODE);
    pod.to_string()
});

static DEPLOYMENT: LazyLock<String> = LazyLock::new(|| {
    let replicas = PODS_OF_A_DEPLOYMENT;
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("deployment", ""), "spec": {"replicas": replicas,
        "selector": {"matchLabels": labels()}, "template": {"metadata": {"labels": labels()}, "spec": spec()}},
        "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas, "updatedReplicas": replicas,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}});
    object["metadata"]["generation"] = json!(1);
    object.to_string()
});

static REPLICA_SET: LazyLock<String> = LazyLock::new(|| {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata("replicaset", "deployment"),
        "spec": {"replicas": PODS_OF_A_DEPLOYMENT, "selector": {"matchLabels": labels()}, "template": {"metadata": {"labels": labels()}, "spec": spec()}}})
    .to_string()
});

static BUDGET: LazyLock<String> = LazyLock::new(|| {
    let pods = PODS_OF_A_DEPLOYMENT;
    let mut object = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata("budget", ""),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels()}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": pods, "desiredHealthy": pods - 1, "expectedPods": pods}});
    object["metadata"]["generation"] = json!(1);
    object.to_string()
});

static SERVICE: LazyLock<String> = LazyLock::new(|| {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("service", ""), "spec": {"type": "ClusterIP", "clusterIP": "10.2.0.1",
        "clusterIPs": ["10.2.0.1"], "ipFamilies": ["IPv4"], "selector": labels(), "sessionAffinity": "None",
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]}, "status": {"loadBalancer": {}}})
    .to_string()
});

static ENDPOINT_SLICE: LazyLock<String> = LazyLock::new(|| {
    let endpoint = json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false}, "nodeName": "node-1",
        "targetRef": {"kind": "Pod", "name": "pod", "namespace": NAMESPACE, "uid": "pod"}, "zone": "a"});
    let mut slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata("endpointslice", ""),
        "addressType": "IPv4", "endpoints": vec![endpoint; PODS_OF_A_DEPLOYMENT], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]});
    slice["metadata"]["labels"]["kubernetes.io/service-name"] = json!(format!("service-{NUMBER}"));
    slice.to_string()
});

fn labels() -> Value {
    json!({"app.kubernetes.io/name": format!("app-{OWNER}"), "app.kubernetes.io/part-of": "shop"})
}

/// `owner`: the kind of its controller, in lower case.
fn metadata(kind: &str, owner: &str) -> Value {
    let mut metadata = json!({"name": format!("{kind}-{NUMBER}"), "namespace": NAMESPACE, "uid": format!("{kind}-{NUMBER}"), "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels(),
        "annotations": {"checksum/config": "0123456789abcdef".repeat(4), "notes": "An annotation as charts write them. ".repeat(8)},
        "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields()}}]});
    let kind_of_owner = match owner {
        "replicaset" => Some("ReplicaSet"),
        "deployment" => Some("Deployment"),
        _ => None,
    };
    if let Some(kind) = kind_of_owner {
        metadata["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": kind, "name": format!("{owner}-{OWNER}"),
            "uid": format!("{owner}-{OWNER}"), "controller": true, "blockOwnerDeletion": true}]);
    }
    metadata
}

/// As large as the fields of a pod of two containers.
fn fields() -> Value {
    (0..70)
        .map(|number| {
            (format!("f:field-of-a-container-{number}"), json!({".": {}, "f:name": {}, "f:value": {}}))
        })
        .collect()
}

fn spec() -> Value {
    let toleration =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60});
    json!({"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
        "serviceAccountName": "app", "containers": [container("main"), container("proxy")],
        "volumes": [{"name": "config", "configMap": {"name": "config"}}, {"name": "tmp", "emptyDir": {}}],
        "tolerations": [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")]})
}

fn container(name: &str) -> Value {
    let probe = |path: &str| {
        json!({"httpGet": {"path": path, "port": "http", "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1,
        "failureThreshold": 3, "successThreshold": 1})
    };
    let variable = |number: usize| json!({"name": format!("VARIABLE_{number}"), "value": format!("a value of some length, number {number}")});
    json!({"name": name, "image": format!("registry.example/{name}-{OWNER}:1.0"), "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}], "env": (0..16).map(variable).collect::<Value>(),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "livenessProbe": probe("/live"), "readinessProbe": probe("/ready"),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}, {"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true, "readOnlyRootFilesystem": true},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:05Z"})
}

fn status(name: &str) -> Value {
    json!({"name": name, "ready": true, "started": true, "restartCount": 0, "image": format!("registry.example/{name}-{OWNER}:1.0"),
        "imageID": format!("registry.example/{name}-{OWNER}@sha256:{}", "0123456789abcdef".repeat(4)), "containerID": format!("containerd://{}", "0123456789abcdef".repeat(4)),
        "state": {"running": {"startedAt": "2026-01-01T00:00:02Z"}}, "lastState": {}})
}
