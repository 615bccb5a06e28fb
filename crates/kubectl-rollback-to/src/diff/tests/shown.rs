//! No field is lost in the one-line description of a probe, volume or port.

use cluster_model::build::merge;
use serde_json::{Value, json};

use super::super::diff;
use super::{base, lines_of};

/// The pointers of all leaves.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn whatever_is_written_somewhere_is_shown() {
    let mut rich = base();
    merge(
        &mut rich["spec"],
        json!({
            "newField": {"list": [{"a": 1}, ["b"]], "empty": {}},
            "ephemeralContainers": [{"name": "dbg", "image": "sh", "targetContainerName": "web"}],
            "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}],
            "imagePullSecrets": [{"name": "registry"}],
            "resources": {"limits": {"cpu": "1"}}, "overhead": {"cpu": "1"},
            "resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}],
            "readinessGates": [{"conditionType": "x"}],
            "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}],
            "securityContext": {"sysctls": [{"name": "s", "value": "1"}], "fsGroup": 1},
            "volumes": [
                {"name": "a", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi", "new": 1}},
                {"name": "b", "configMap": {"name": "x", "defaultMode": 1, "optional": true, "items": [{"key": "k", "path": "p", "mode": 1}]}},
                {"name": "c", "secret": {"secretName": "x", "defaultMode": 1, "items": [{"key": "k", "path": "p"}]}},
                {"name": "d", "persistentVolumeClaim": {"claimName": "c", "readOnly": true}},
                {"name": "e", "hostPath": {"path": "/x", "type": "File"}},
                {"name": "f", "image": {"reference": "r:1", "pullPolicy": "Never"}},
                {"name": "g", "csi": {"driver": "d", "volumeAttributes": {"x": "y"}, "nodePublishSecretRef": {"name": "n"}}},
                {"name": "h", "projected": {"defaultMode": 1, "sources": [
                    {"configMap": {"name": "x", "items": [{"key": "k", "path": "p"}]}},
                    {"serviceAccountToken": {"path": "t", "audience": "a", "expirationSeconds": 9}},
                    {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                    {"clusterTrustBundle": {"name": "n", "path": "p"}}]}},
                {"name": "i", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "s",
                    "resources": {"requests": {"storage": "1Gi"}}}}}},
            ],
            "affinity": {
                "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "preference": {"matchFields": [{"key": "k", "operator": "In", "values": ["v"]}]}}]},
                "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "t", "labelSelector": {"matchExpressions": [{"key": "k", "operator": "Exists"}]}}]},
                "newAffinity": {"x": 1},
            },
        }),
    );
    merge(
        &mut rich["spec"]["containers"][0],
        json!({
            "workingDir": "/", "tty": true, "restartPolicy": "Always", "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
            "env": [
                {"name": "A", "value": "1", "new": "x"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "s", "key": "k"}}},
                {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "p", "apiVersion": "v2"}}},
                {"name": "E", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "containerName": "web", "divisor": "1m"}}},
                {"name": "F", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}},
                {"name": "G", "valueFrom": {"newRef": {"x": 1}}},
            ],
            "envFrom": [{"configMapRef": {"name": "c", "optional": true}, "prefix": "P_"}, {"newRef": {"x": 1}}],
            "ports": [{"name": "http", "containerPort": 80, "hostPort": 80, "hostIP": "1.1.1.1", "protocol": "UDP", "new": 1}],
            "resources": {"claims": [{"name": "gpu", "request": "r"}]},
            "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "h", "value": "v"}], "host": "h", "new": 1},
                "initialDelaySeconds": 2, "periodSeconds": 3, "timeoutSeconds": 4, "failureThreshold": 5, "successThreshold": 6,
                "terminationGracePeriodSeconds": 7, "new": 1},
            "readinessProbe": {"exec": {"command": ["a", "b c"], "new": 1}},
            "startupProbe": {"grpc": {"port": 1, "service": "s"}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "postStart": {"tcpSocket": {"host": "h", "port": 2}}, "stopSignal": "SIGUSR1"},
            "volumeMounts": [{"name": "n", "mountPath": "/m", "subPath": "s", "readOnly": true, "mountPropagation": "None"}],
            "volumeDevices": [{"name": "n", "devicePath": "/dev/x"}],
        }),
    );
    let mut pointers = Vec::new();
    leaves(&rich, "", &mut pointers);
    assert!(pointers.len() > 150, "{}", pointers.len());
    for pointer in pointers {
        for fresh in [json!("Fresh9"), json!(987_654), json!({"x": "Fresh9"})] {
            let mut edited = rich.clone();
            *edited.pointer_mut(&pointer).unwrap() = fresh.clone();
            // The older name of serviceAccountName, which wins.
            if pointer == "/spec/serviceAccount" {
                continue;
            }
            let lines = lines_of(&diff(&rich, &edited, true)).join("\n");
            // Modes of files are octal.
            let (word, octal) = if fresh.is_number() {
                ("987654", format!("{:o}", 987_654))
            } else {
                ("Fresh9", "Fresh9".into())
            };
            assert!(lines.contains(word) || lines.contains(&octal), "{pointer} = {fresh}: {lines}");
        }
    }
}
