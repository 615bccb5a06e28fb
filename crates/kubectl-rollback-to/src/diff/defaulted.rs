//! A template as its pods would get it: the server's defaults filled in, so that spelling one out is no difference.
//!
//! The rules are `SetDefaults_*` of `pkg/apis/core/v1/{defaults,zz_generated.defaults}.go` (1.37): those for pod templates, and
//! of those for Pods alone the ones that hold for every pod of a template (enableServiceLinks, host ports of the host network).

use cluster_model::image_ref::default_pull_policy;
use cluster_model::rollout::without_nulls;
use serde_json::{Map, Value, json};

/// Where an empty map means something else than none: an empty selector selects everything.
pub const MEANT: &[&str] = &["labelSelector", "namespaceSelector"];

pub fn settled(template: &Value) -> Value {
    let mut template = without_empties(without_nulls(template));
    if let Some(template) = template.as_object_mut()
        && let Value::Object(spec) = template.entry("spec").or_insert_with(|| json!({}))
    {
        pod(spec);
    }
    template
}

/// As `rollout::canonical`, but for what is meant.
fn without_empties(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_empties(value)))
            .filter(|(key, value)| !is_empty(value) || MEANT.contains(&key.as_str()))
            .collect(),
        Value::Array(list) => list.into_iter().map(without_empties).collect(),
        other => other,
    }
}

pub const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

fn pod(spec: &mut Map<String, Value>) {
    // `serviceAccount` is the older name of `serviceAccountName`; the server keeps both in step, the newer one wins.
    let account = spec.remove("serviceAccount");
    fill(spec, "serviceAccountName", account.unwrap_or_default());
    fill(spec, "dnsPolicy", "ClusterFirst".into());
    fill(spec, "restartPolicy", "Always".into());
    fill(spec, "schedulerName", "default-scheduler".into());
    // A pointer in Go: 0 is a value here, as false is for the next.
    spec.entry("terminationGracePeriodSeconds").or_insert(json!(30));
    spec.entry("enableServiceLinks").or_insert(json!(true));
    for flag in ["hostNetwork", "hostPID", "hostIPC"] {
        fill(spec, flag, json!(false));
    }
    unset(spec, &["hostname", "subdomain", "nodeName", "priorityClassName", "serviceAccountName"]);
    let host_network = spec.get("hostNetwork") == Some(&json!(true));
    for list in CONTAINER_LISTS {
        each(spec, list, |c| container(c, host_network));
    }
    each(spec, "volumes", volume);
    each(spec, "tolerations", |t| {
        // `Toleration.ToleratesTaint`: an empty operator is Equal, an empty effect or key is any.
        unset(t, &["key", "value", "effect"]);
        if t.get("operator") == Some(&json!("Equal")) {
            t.remove("operator");
        }
    });
}

fn container(container: &mut Map<String, Value>, host_network: bool) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = default_pull_policy(image);
    fill(container, "imagePullPolicy", policy.into());
    fill(container, "terminationMessagePath", "/dev/termination-log".into());
    fill(container, "terminationMessagePolicy", "File".into());
    for flag in ["stdin", "stdinOnce", "tty"] {
        fill(container, flag, json!(false));
    }
    unset(container, &["workingDir"]);
    each(container, "ports", |port| {
        fill(port, "protocol", "TCP".into());
        if let Some(number) = port.get("containerPort").cloned().filter(|_| host_network) {
            fill(port, "hostPort", number);
        }
        unset(port, &["hostPort", "hostIP", "name"]);
    });
    each(container, "env", |env| {
        unset(env, &["value"]);
        within(env, "valueFrom", |from| {
            within(from, "fieldRef", api_version);
            within(from, "resourceFieldRef", divisor);
            for source in ["configMapKeyRef", "secretKeyRef", "fileKeyRef"] {
                within(from, source, |s| unset(s, &["optional"]));
            }
        });
    });
    each(container, "envFrom", |from| {
        unset(from, &["prefix"]);
        within(from, "configMapRef", |s| unset(s, &["optional"]));
        within(from, "secretRef", |s| unset(s, &["optional"]));
    });
    each(container, "volumeMounts", |mount| unset(mount, &["readOnly", "subPath", "subPathExpr"]));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        within(container, probe, |probe| {
            fill(probe, "timeoutSeconds", json!(1));
            fill(probe, "periodSeconds", json!(10));
            fill(probe, "successThreshold", json!(1));
            fill(probe, "failureThreshold", json!(3));
            unset(probe, &["initialDelaySeconds"]);
            within(probe, "httpGet", http_get);
            within(probe, "grpc", |grpc| unset(grpc, &["service"]));
            within(probe, "tcpSocket", |tcp| unset(tcp, &["host"]));
        });
    }
    within(container, "lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            within(lifecycle, hook, |hook| within(hook, "httpGet", http_get));
        }
    });
    within(container, "securityContext", |context| {
        if context.get("procMount") == Some(&json!("Default")) {
            context.remove("procMount");
        }
    });
}

fn http_get(get: &mut Map<String, Value>) {
    fill(get, "path", "/".into());
    fill(get, "scheme", "HTTP".into());
    unset(get, &["host"]);
}

fn volume(volume: &mut Map<String, Value>) {
    // AllPtrFieldsNil: no source at all is an emptyDir.
    if volume.keys().all(|key| key == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        within(volume, source, |source| {
            source.entry("defaultMode").or_insert(json!(0o644));
            unset(source, &["optional"]);
        });
    }
    let downward = |source: &mut Map<String, Value>| {
        each(source, "items", |item| {
            within(item, "fieldRef", api_version);
            within(item, "resourceFieldRef", divisor);
        });
    };
    within(volume, "downwardAPI", downward);
    within(volume, "projected", |projected| {
        each(projected, "sources", |source| {
            within(source, "downwardAPI", downward);
            within(source, "serviceAccountToken", |token| {
                token.entry("expirationSeconds").or_insert(json!(3600));
            });
            for kind in ["configMap", "secret"] {
                within(source, kind, |s| unset(s, &["optional"]));
            }
        });
    });
    within(volume, "emptyDir", |dir| unset(dir, &["medium"]));
    within(volume, "hostPath", |path| unset(path, &["type"]));
    within(volume, "persistentVolumeClaim", |claim| unset(claim, &["readOnly"]));
    within(volume, "image", |image| {
        let reference = image.get("reference").and_then(Value::as_str).unwrap_or_default();
        let policy = default_pull_policy(reference);
        fill(image, "pullPolicy", policy.into());
    });
    within(volume, "ephemeral", |ephemeral| {
        within(ephemeral, "volumeClaimTemplate", |template| {
            within(template, "spec", |spec| fill(spec, "volumeMode", "Filesystem".into()));
        });
    });
    within(volume, "iscsi", |iscsi| fill(iscsi, "iscsiInterface", "default".into()));
    within(volume, "rbd", |rbd| {
        fill(rbd, "pool", "rbd".into());
        fill(rbd, "user", "admin".into());
        fill(rbd, "keyring", "/etc/ceph/keyring".into());
    });
    within(volume, "azureDisk", |disk| {
        fill(disk, "cachingMode", "ReadWrite".into());
        fill(disk, "fsType", "ext4".into());
        fill(disk, "kind", "Shared".into());
        unset(disk, &["readOnly"]);
    });
    within(volume, "scaleIO", |io| {
        fill(io, "storageMode", "ThinProvisioned".into());
        fill(io, "fsType", "xfs".into());
    });
}

fn api_version(field: &mut Map<String, Value>) {
    fill(field, "apiVersion", "v1".into());
}

/// A Quantity has no "not set": the server writes "0", which means 1 (`resource.ExtractContainerResourceValue`).
fn divisor(field: &mut Map<String, Value>) {
    if field.get("divisor").is_some_and(|d| *d == json!("0") || *d == json!("1") || *d == json!(1)) {
        field.remove("divisor");
    }
}

/// What Go's `omitempty` leaves out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A field that is no pointer in Go: its zero value is the same as none.
fn fill(map: &mut Map<String, Value>, key: &str, default: Value) {
    if map.get(key).is_none_or(is_zero) {
        map.insert(key.to_owned(), default);
    }
}

/// As `fill`, for fields without a default.
fn unset(map: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        if map.get(*key).is_some_and(is_zero) {
            map.remove(*key);
        }
    }
}

fn within(map: &mut Map<String, Value>, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    if let Some(Value::Object(inner)) = map.get_mut(key) {
        change(inner);
    }
}

fn each(map: &mut Map<String, Value>, key: &str, change: impl Fn(&mut Map<String, Value>)) {
    if let Some(Value::Array(list)) = map.get_mut(key) {
        list.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
}
