//! The Pod Security Standards, as admission checks a pod's template against the level of its namespace
//! (`k8s.io/pod-security-admission/policy`, one file a check). What only newer servers forbid, as hosts in probes, is left out.

use serde_json::{Map, Value};

use crate::Raw;
use crate::rollout::containers_of;

/// Of a namespace: the level that is enforced in it.
pub const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
const SELINUX_TYPES: [&str; 5] =
    ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const RESTRICTED_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// How the annotations of a template that are read here begin.
pub const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What the level forbids of this template, each as in `privileged (container web)`; nothing for a level without rules.
pub fn violations(spec: &Value, annotations: &Map<String, Value>, level: &str) -> Vec<String> {
    let mut found = Vec::new();
    if matches!(level, "baseline" | "restricted") {
        baseline(spec, annotations, &mut found);
    }
    if level == "restricted" {
        restricted(spec, &mut found);
    }
    found
}

fn of(what: &str, container: &Value) -> String {
    format!("{what} (container {})", container.text("/name"))
}

fn baseline(spec: &Value, annotations: &Map<String, Value>, found: &mut Vec<String>) {
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|field| spec[*field] == true);
    found.extend(host.map(str::to_owned));
    let paths = spec.list("/volumes").iter().filter(|it| !it["hostPath"].is_null());
    found.extend(paths.map(|it| format!("hostPath (volume {})", it.text("/name"))));
    let sysctls = spec.list("/securityContext/sysctls").iter().map(|it| it.text("/name"));
    found.extend(sysctls.filter(|it| !SYSCTLS.contains(it)).map(|it| format!("sysctl {it}")));
    profiles(&spec["securityContext"], |what| found.push(what.to_owned()));
    for (key, value) in annotations {
        let profile = value.as_str().unwrap_or_default();
        let is_known = matches!(profile, "" | "runtime/default") || profile.starts_with("localhost/");
        if key.starts_with(APP_ARMOR) && !is_known {
            found.push(format!("AppArmor profile {profile}"));
        }
    }
    for container in containers_of(spec) {
        let context = &container["securityContext"];
        if context["privileged"] == true {
            found.push(of("privileged", container));
        }
        let added = context.list("/capabilities/add").iter().filter_map(Value::as_str);
        let more = added.filter(|it| !BASELINE_CAPABILITIES.contains(it));
        found.extend(more.map(|it| of(&format!("capability {it}"), container)));
        let ports = container.list("/ports").iter().filter_map(|it| it.number("/hostPort"));
        found.extend(ports.filter(|it| *it != 0).map(|it| of(&format!("hostPort {it}"), container)));
        if !matches!(context.text("/procMount"), "" | "Default") {
            found.push(of("procMount", container));
        }
        profiles(context, |what| found.push(of(what, container)));
    }
}

/// Rules of both security contexts, of the pod and of a container.
fn profiles(context: &Value, mut report: impl FnMut(&str)) {
    if context.text("/seccompProfile/type") == "Unconfined" {
        report("seccompProfile Unconfined");
    }
    if context.text("/appArmorProfile/type") == "Unconfined" {
        report("appArmorProfile Unconfined");
    }
    if context["windowsOptions"]["hostProcess"] == true {
        report("hostProcess");
    }
    let selinux = &context["seLinuxOptions"];
    if !SELINUX_TYPES.contains(&selinux.text("/type"))
        || !selinux.text("/user").is_empty()
        || !selinux.text("/role").is_empty()
    {
        report("seLinuxOptions");
    }
}

fn restricted(spec: &Value, found: &mut Vec<String>) {
    let pod = &spec["securityContext"];
    for volume in spec.list("/volumes") {
        let types = volume.as_object().into_iter().flat_map(|it| it.keys()).filter(|key| *key != "name");
        // A hostPath is reported by the baseline already.
        let other = types.filter(|it| *it != "hostPath" && !RESTRICTED_VOLUMES.contains(&it.as_str()));
        found.extend(other.map(|it| format!("{it} (volume {})", volume.text("/name"))));
    }
    // With a user namespace of its own, root of the pod is not root of the node.
    let may_be_root = spec["hostUsers"] == false;
    let is_windows = spec.text("/os/name") == "windows";
    if !may_be_root && pod.number("/runAsUser") == Some(0) {
        found.push("runAsUser 0".to_owned());
    }
    for container in containers_of(spec) {
        let context = &container["securityContext"];
        let either = |field: &str| if context[field].is_null() { &pod[field] } else { &context[field] };
        if !may_be_root && *either("runAsNonRoot") != true {
            found.push(of("runAsNonRoot is not true", container));
        }
        if !may_be_root && context.number("/runAsUser") == Some(0) {
            found.push(of("runAsUser 0", container));
        }
        if is_windows {
            continue;
        }
        if context["allowPrivilegeEscalation"] != false {
            found.push(of("allowPrivilegeEscalation is not false", container));
        }
        // What is set and wrong is reported by the baseline already.
        if either("seccompProfile").text("/type").is_empty() {
            found.push(of("no seccompProfile", container));
        }
        if !context.list("/capabilities/drop").iter().any(|it| it == "ALL") {
            found.push(of("capabilities are not dropped (ALL)", container));
        }
        let added = context.list("/capabilities/add").iter().filter_map(Value::as_str);
        let known = added.filter(|it| *it != "NET_BIND_SERVICE" && BASELINE_CAPABILITIES.contains(it));
        found.extend(known.map(|it| of(&format!("capability {it}"), container)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::merge;
    use serde_json::json;

    fn found(template: &Value, level: &str) -> Vec<String> {
        let annotations = template.map("/metadata/annotations").cloned().unwrap_or_default();
        violations(&template["spec"], &annotations, level)
    }

    fn template(container: Value, spec: Value) -> Value {
        let mut web = json!({"name": "web"});
        merge(&mut web, container);
        let mut all = json!({"spec": {"containers": [web]}});
        merge(&mut all["spec"], spec);
        all
    }

    fn context(context: Value) -> Value {
        json!({"securityContext": context})
    }

    fn strict() -> Value {
        json!({"runAsNonRoot": true, "allowPrivilegeEscalation": false, "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}})
    }

    #[test]
    fn what_the_baseline_forbids() {
        for (container, spec, expected) in [
            (json!({}), json!({"hostNetwork": true}), "hostNetwork"),
            (json!({}), json!({"hostPID": true}), "hostPID"),
            (
                json!({}),
                json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
                "hostPath (volume v)",
            ),
            (context(json!({"privileged": true})), json!({}), "privileged (container web)"),
            (
                context(json!({"capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}})),
                json!({}),
                "capability SYS_ADMIN (container web)",
            ),
            (json!({"ports": [{"hostPort": 80}, {"hostPort": 0}]}), json!({}), "hostPort 80 (container web)"),
            (context(json!({"procMount": "Unmasked"})), json!({}), "procMount (container web)"),
            (
                context(json!({"seccompProfile": {"type": "Unconfined"}})),
                json!({}),
                "seccompProfile Unconfined (container web)",
            ),
            (
                json!({}),
                context(json!({"appArmorProfile": {"type": "Unconfined"}})),
                "appArmorProfile Unconfined",
            ),
            (json!({}), context(json!({"seLinuxOptions": {"user": "x"}})), "seLinuxOptions"),
            (
                json!({}),
                context(json!({"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_syncookies"}]})),
                "sysctl kernel.msgmax",
            ),
            (
                json!({}),
                json!({"initContainers": [{"name": "i", "securityContext": {"privileged": true}}]}),
                "privileged (container i)",
            ),
        ] {
            let template = template(container, spec);
            assert_eq!(found(&template, "baseline"), [expected], "{template}");
            assert_eq!(found(&template, "privileged"), [""; 0], "{template}");
        }
        assert_eq!(found(&template(json!({}), json!({})), "baseline"), [""; 0]);
    }

    #[test]
    fn what_only_the_restricted_level_forbids() {
        let without = |field: &str| {
            let mut all = strict();
            all.as_object_mut().unwrap().remove(field);
            context(all)
        };
        let strictly = || context(strict());
        let mut adds = strict();
        adds["capabilities"]["add"] = json!(["NET_BIND_SERVICE", "CHOWN"]);
        for (container, spec, expected) in [
            (strictly(), json!({}), None),
            (without("runAsNonRoot"), json!({}), Some("runAsNonRoot is not true (container web)")),
            (without("runAsNonRoot"), context(json!({"runAsNonRoot": true})), None),
            (without("runAsNonRoot"), json!({"hostUsers": false}), None),
            (
                without("allowPrivilegeEscalation"),
                json!({}),
                Some("allowPrivilegeEscalation is not false (container web)"),
            ),
            (without("seccompProfile"), json!({}), Some("no seccompProfile (container web)")),
            (without("seccompProfile"), context(json!({"seccompProfile": {"type": "Localhost"}})), None),
            (without("capabilities"), json!({}), Some("capabilities are not dropped (ALL) (container web)")),
            (context(adds), json!({}), Some("capability CHOWN (container web)")),
            (strictly(), context(json!({"runAsUser": 0})), Some("runAsUser 0")),
            (strictly(), json!({"volumes": [{"name": "v", "nfs": {}}]}), Some("nfs (volume v)")),
            (strictly(), json!({"volumes": [{"name": "v", "emptyDir": {}}]}), None),
            (context(json!({"runAsNonRoot": true})), json!({"os": {"name": "windows"}}), None),
        ] {
            let template = template(container, spec);
            assert_eq!(found(&template, "restricted"), Vec::from_iter(expected), "{template}");
            assert_eq!(found(&template, "baseline"), [""; 0], "{template}");
        }
    }
}
