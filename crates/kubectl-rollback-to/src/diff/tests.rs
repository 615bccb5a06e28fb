//! Tables over whole templates.

mod any_two;
mod equal;
mod shown;

use cluster_model::build::merge;
use serde_json::{Value, json};

use super::{Change, Diff, diff};

fn base() -> Value {
    json!({
        "metadata": {"labels": {"app": "web", "version": "1.5"}, "annotations": {"team": "shop"}},
        "spec": {
            "containers": [{
                "name": "web", "image": "r.io/shop:1.5", "imagePullPolicy": "IfNotPresent",
                "command": ["serve"], "args": ["--level", "debug"],
                "env": [{"name": "HOST", "value": "db"}, {"name": "URL", "value": "pg://$(HOST)/"}, {"name": "MODE", "value": "a"}],
                "envFrom": [{"configMapRef": {"name": "app"}}, {"secretRef": {"name": "app"}}],
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "conf", "mountPath": "/etc/app", "readOnly": true}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "securityContext": {"capabilities": {"drop": ["ALL", "SYS_TIME"]}, "runAsUser": 1000},
            }, {"name": "log", "image": "log:1"}],
            "initContainers": [{"name": "setup", "image": "setup:1"}, {"name": "migrate", "image": "migrate:1"}],
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}},
                {"name": "conf", "configMap": {"name": "app", "defaultMode": 420}}],
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}]}}},
            "securityContext": {}, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30, "serviceAccountName": "web", "serviceAccount": "web",
        },
    })
}

/// Base with the value at a pointer set; `null` removes it; at a map the value is merged in.
fn with(pointer: &str, value: Value) -> Value {
    let mut template = base();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    match template.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => {
            map.remove(&key);
        }
        Value::Object(map) => merge(map.entry(key).or_insert(Value::Null), value),
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) if value.is_null() => {
            list.remove(key.parse().unwrap());
        }
        Value::Array(list) => merge(&mut list[key.parse::<usize>().unwrap()], value),
        other => panic!("{pointer} is in {other}"),
    }
    template
}

/// `place | + field | from → to`, one a line.
fn lines_of(diff: &Diff) -> Vec<String> {
    let line = |d: &super::Difference| {
        let sign = match d.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
        };
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "∅".to_owned());
        let hidden = if d.hidden { " (hidden)" } else { "" };
        format!("{} | {sign} {} | {} → {}{hidden}", d.place, d.field, side(&d.from), side(&d.to))
    };
    diff.differences.iter().map(line).collect()
}

const WEB: &str = "/spec/containers/0";

#[test]
fn each_edit_is_one_line() {
    for (at, value, line) in [
        ("image", json!("r.io/shop:1.4"), "container web | ~ image | r.io/shop:1.5 → r.io/shop:1.4"),
        ("imagePullPolicy", json!("Always"), "container web | ~ imagePullPolicy | IfNotPresent → Always"),
        ("command", json!(null), "container web | - command | serve → ∅"),
        ("args/1", json!("two words"), "container web | ~ args | --level debug → --level \"two words\""),
        ("workingDir", json!("/app"), "container web | + workingDir | ∅ → /app"),
        ("env/2", json!({"value": "b"}), "container web | ~ env MODE | a → b"),
        ("env/2", json!({"value": ""}), "container web | ~ env MODE | a → \"\""),
        ("env/2", json!(null), "container web | - env MODE | a → ∅"),
        (
            "env/2",
            json!({"value": null, "valueFrom": {"secretKeyRef": {"name": "db", "key": "mode", "optional": true}}}),
            "container web | ~ env MODE | a → from secret db key mode optional",
        ),
        (
            "env/-",
            json!({"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}}),
            "container web | + env CPU | ∅ → from resource limits.cpu",
        ),
        (
            "env/-",
            json!({"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
            "container web | + env IP | ∅ → from field status.podIP",
        ),
        (
            "env/-",
            json!({"name": "X", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "x"}}}),
            "container web | + env X | ∅ → from configmap app key x",
        ),
        ("env/-", json!({"name": "HOST", "value": "other"}), "container web | + env HOST | ∅ → other"),
        ("envFrom/0", json!(null), "container web | - envFrom | configmap app → ∅"),
        ("ports/0/containerPort", json!(8081), "container web | ~ port http | 8080 → 8081"),
        (
            "ports/1/protocol",
            json!("UDP"),
            "container web | - port 9090 | 9090 → ∅\ncontainer web | + port 9090/UDP | ∅ → 9090/UDP",
        ),
        ("resources/requests/cpu", json!("0.6"), "container web | ~ requests.cpu | 500m → 0.6"),
        ("resources/limits/memory", json!(null), "container web | - limits.memory | 1Gi → ∅"),
        (
            "livenessProbe/periodSeconds",
            json!(5),
            "container web | ~ livenessProbe | httpGet /healthz:8080 every 10s → httpGet /healthz:8080 every 5s",
        ),
        (
            "livenessProbe/httpGet/httpHeaders",
            json!([{"name": "Host", "value": "x"}]),
            "container web | ~ livenessProbe | httpGet /healthz:8080 every 10s → \
             httpGet /healthz:8080 httpHeaders: [{name: Host, value: x}] every 10s",
        ),
        (
            "readinessProbe",
            json!({"tcpSocket": {"port": "http"}}),
            "container web | + readinessProbe | ∅ → tcpSocket :http every 10s",
        ),
        (
            "lifecycle",
            json!({"preStop": {"sleep": {"seconds": 5}}}),
            "container web | + preStop | ∅ → sleep 5s",
        ),
        ("volumeMounts/0/name", json!("conf"), "container web | ~ volume mount /data | data → conf"),
        (
            "volumeMounts/1/readOnly",
            json!(null),
            "container web | ~ volume mount /etc/app | conf read-only → conf",
        ),
        ("securityContext/runAsUser", json!(0), "container web | ~ securityContext.runAsUser | 1000 → 0"),
        ("unknownField", json!({"deep": [{"x": 1}]}), "container web | + unknownField.deep[0].x | ∅ → 1"),
    ] {
        let edited = with(&format!("{WEB}/{at}"), value);
        assert_eq!(lines_of(&diff(&base(), &edited, false)).join("\n"), line, "{at}");
    }
}

#[test]
fn each_edit_of_the_pod_is_one_line() {
    for (at, value, line) in [
        ("/metadata/labels/version", json!("1.4"), "pod | ~ label version | 1.5 → 1.4"),
        ("/metadata/annotations/team", json!(null), "pod | - annotation team | shop → ∅"),
        ("/metadata/finalizers", json!(["a"]), "pod | + metadata.finalizers | ∅ → [a]"),
        (
            "/spec/volumes/0/emptyDir/sizeLimit",
            json!("2Gi"),
            "pod | ~ volume data | emptyDir at most 1Gi → emptyDir at most 2Gi",
        ),
        (
            "/spec/volumes/1/configMap/name",
            json!("app2"),
            "pod | ~ volume conf | from configmap app → from configmap app2",
        ),
        (
            "/spec/volumes/1/configMap/defaultMode",
            json!(256),
            "pod | ~ volume conf | from configmap app → from configmap app mode 0400",
        ),
        (
            "/spec/volumes/-",
            json!({"name": "pv", "persistentVolumeClaim": {"claimName": "pv", "readOnly": true}}),
            "pod | + volume pv | ∅ → claim pv read-only",
        ),
        (
            "/spec/volumes/-",
            json!({"name": "h", "hostPath": {"path": "/x", "type": "File"}}),
            "pod | + volume h | ∅ → hostPath /x type File",
        ),
        (
            "/spec/volumes/-",
            json!({"name": "s", "secret": {"secretName": "tls"}}),
            "pod | + volume s | ∅ → from secret tls",
        ),
        (
            "/spec/volumes/-",
            json!({"name": "p", "projected": {"sources": [{"configMap": {"name": "a"}}, {"serviceAccountToken": {"path": "t"}}]}}),
            "pod | + volume p | ∅ → projected from configmap a and service account token at t",
        ),
        (
            "/spec/volumes/-",
            json!({"name": "n", "nfs": {"server": "s", "path": "/p"}}),
            "pod | + volume n | ∅ → nfs: {path: /p, server: s}",
        ),
        ("/spec/nodeSelector/disk", json!("hdd"), "pod | ~ nodeSelector disk | ssd → hdd"),
        ("/spec/tolerations/1", json!(null), "pod | - toleration | {key: b, operator: Exists} → ∅"),
        (
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/-",
            json!({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}),
            "pod | + nodeAffinity required | ∅ → {matchExpressions: [{key: gpu, operator: Exists}]}",
        ),
        (
            "/spec/topologySpreadConstraints",
            json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}]),
            "pod | + topologySpreadConstraint | ∅ → {labelSelector: {}, maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}",
        ),
        ("/spec/securityContext/fsGroup", json!(1), "pod | + securityContext.fsGroup | ∅ → 1"),
        ("/spec/terminationGracePeriodSeconds", json!(0), "pod | ~ terminationGracePeriodSeconds | 30 → 0"),
        ("/spec/serviceAccountName", json!("other"), "pod | ~ serviceAccountName | web → other"),
        ("/spec/priorityClassName", json!("high"), "pod | + priorityClassName | ∅ → high"),
        ("/spec/runtimeClassName", json!("gvisor"), "pod | + runtimeClassName | ∅ → gvisor"),
        ("/spec/hostNetwork", json!(true), HOST_NETWORK),
        ("/spec/dnsPolicy", json!("Default"), "pod | ~ dnsPolicy | ClusterFirst → Default"),
        ("/spec/schedulerName", json!("mine"), "pod | ~ schedulerName | default-scheduler → mine"),
        ("/spec/restartPolicy", json!("Never"), "pod | ~ restartPolicy | Always → Never"),
        (
            "/spec/imagePullSecrets",
            json!([{"name": "b"}, {"name": "a"}]),
            "pod | + imagePullSecrets | ∅ → [a, b]",
        ),
        (
            "/spec/hostAliases",
            json!([{"ip": "1.2.3.4", "hostnames": ["a"]}]),
            "pod | + hostAlias 1.2.3.4 | ∅ → {hostnames: [a]}",
        ),
        ("/spec/overhead", json!({"cpu": "1"}), "pod | + overhead.cpu | ∅ → 1"),
        ("/spec/newField", json!({"a": {"b/c": true}}), "pod | + newField.a[b/c] | ∅ → true"),
        (
            "/spec/ephemeralContainers",
            json!([{"name": "dbg", "image": "sh"}]),
            "ephemeral container dbg | + image | ∅ → sh",
        ),
        (
            "/spec/initContainers/1/image",
            json!("migrate:2"),
            "init container migrate | ~ image | migrate:1 → migrate:2",
        ),
        ("/spec/containers/1", json!(null), "container log | - image | log:1 → ∅"),
        (
            "/spec/containers/-",
            json!({"name": "x", "image": "x:1", "tty": true}),
            "container x | + image | ∅ → x:1\ncontainer x | + tty | ∅ → true",
        ),
    ] {
        let edited = with(at, value);
        assert_eq!(lines_of(&diff(&base(), &edited, false)).join("\n"), line, "{at}");
    }
}

/// On the host's network every port is the host's.
const HOST_NETWORK: &str = "container web | - port 9090 | 9090 → ∅\n\
    container web | + port 9090 hostPort 9090 | ∅ → 9090 hostPort 9090\n\
    container web | ~ port http | 8080 → 8080 hostPort 8080\n\
    pod | ~ hostNetwork | false → true";

#[test]
fn what_may_be_secret_is_shown_without_its_value() {
    let env = |value: Value| with(&format!("{WEB}/env/-"), value);
    let password = |value: &str| env(json!({"name": "DB_PASSWORD", "value": value}));
    let added = diff(&base(), &password("hunter2"), false);
    assert_eq!(lines_of(&added), ["container web | + env DB_PASSWORD | ∅ → ∅ (hidden)"]);
    let changed = diff(&password("hunter2"), &password("hunter3"), false);
    assert_eq!(lines_of(&changed), ["container web | ~ env DB_PASSWORD | ∅ → ∅ (hidden)"]);
    let shown = diff(&password("hunter2"), &password("hunter3"), true);
    assert_eq!(lines_of(&shown), ["container web | ~ env DB_PASSWORD | hunter2 → hunter3"]);
    let moved =
        env(json!({"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}));
    assert_eq!(
        lines_of(&diff(&password("hunter2"), &moved, false)),
        ["container web | ~ env DB_PASSWORD | ∅ → from secret db key password (hidden)"]
    );
    let args = |words: Value| with(&format!("{WEB}/args"), words);
    for (from, to, line) in [
        (json!(["--token=a"]), json!(["--token=b"]), "container web | ~ args | ∅ → ∅ (hidden)"),
        (
            json!(["--token", "a", "-v"]),
            json!(["--token", "b", "-q"]),
            "container web | ~ args | --token <hidden> -v → --token <hidden> -q (hidden)",
        ),
    ] {
        assert_eq!(lines_of(&diff(&args(from), &args(to), false)), [line]);
    }
    let annotated = |value: &str| with("/metadata/annotations/vault~1token", json!(value));
    assert_eq!(
        lines_of(&diff(&annotated("a"), &annotated("b"), false)),
        ["pod | ~ annotation vault/token | ∅ → ∅ (hidden)"]
    );
}

#[test]
fn a_restart_is_recognised() {
    let restarted = |at: &str| with("/metadata/annotations/kubectl.kubernetes.io~1restartedAt", json!(at));
    assert!(diff(&base(), &restarted("a"), false).is_restart_only());
    assert!(diff(&restarted("a"), &restarted("b"), false).is_restart_only());
    assert!(!diff(&base(), &base(), false).is_restart_only());
    let mut more = restarted("a");
    more["spec"]["containers"][0]["image"] = json!("x");
    assert!(!diff(&base(), &more, false).is_restart_only());
}
