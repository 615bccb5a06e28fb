//! What every server refuses in the spec of a pod or of a template: ports, volumes, numbers of probes and quantities. Pure.
//!
//! The rules are those of `pkg/apis/core/validation/validation.go`, each named after its function there. Only kubelets refuse an image whose
//! repository has upper case or spaces in it: servers take that, also with spaces around it in a template.

use std::collections::BTreeSet;

use cluster_model::Raw;
use serde_json::Value;

use super::is_dns_label;
use super::values::{is_port_name, is_quantity, port_or_name};
use crate::snapshot::Read;

const CONTAINERS: [&str; 2] = ["initContainers", "containers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
const PROBE_NUMBERS: [&str; 5] =
    ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];

/// The first of it. `template`: where the pods are described.
pub fn refused(read: Read, object: &Value, template: &str) -> Option<String> {
    let spec = object.pointer(&format!("{template}/spec"))?;
    let field = format!("{template}/spec").trim_start_matches('/').replace('/', ".");
    quantities(spec)
        .or_else(|| {
            // Of a StatefulSet, servers took any template for long, and its volumes are not all in it.
            if read == Read::StatefulSets { None } else { volumes(spec).or_else(|| containers(read, spec)) }
        })
        .map(|why| format!("{field}.{why}"))
}

/// Those that cannot be read at all (apimachinery/pkg/api/resource/quantity.go, UnmarshalJSON).
fn quantities(spec: &Value) -> Option<String> {
    let of_volumes = spec.list("/volumes").iter().find_map(|volume| {
        let size = &volume["emptyDir"]["sizeLimit"];
        (!is_quantity(size))
            .then(|| format!("volumes {:?} has the size {size}, which is no quantity", volume.text("/name")))
    });
    of_volumes.or_else(|| {
        each_container(spec, |at, name, container| {
            let why = resources(&container["resources"])?;
            Some(format!("{at} {name:?} has {why}"))
        })
    })
}

/// Also of a claim.
pub fn resources(resources: &Value) -> Option<String> {
    ["requests", "limits"].into_iter().find_map(|kind| {
        let (name, amount) = resources[kind].as_object()?.iter().find(|(_, amount)| !is_quantity(amount))?;
        Some(format!("resources.{kind} {name:?} {amount}, which is no quantity"))
    })
}

/// ValidateVolumes
fn volumes(spec: &Value) -> Option<String> {
    let mut known = BTreeSet::new();
    spec.list("/volumes").iter().find_map(|volume| {
        let name = volume.text("/name");
        if !is_dns_label(name) {
            return Some(format!("volumes has the name {name:?}, which is no DNS label"));
        }
        (!known.insert(name)).then(|| format!("volumes has the name {name} twice"))
    })
}

fn containers(read: Read, spec: &Value) -> Option<String> {
    let volumes: BTreeSet<&str> = spec.list("/volumes").iter().map(|it| it.text("/name")).collect();
    each_container(spec, |at, name, container| {
        let why =
            ports(container).or_else(|| probes(container)).or_else(|| mounts(read, container, &volumes))?;
        Some(format!("{at} {name:?} has {why}"))
    })
}

fn each_container(spec: &Value, rule: impl Fn(&str, &str, &Value) -> Option<String>) -> Option<String> {
    CONTAINERS.into_iter().find_map(|at| {
        let containers = spec[at].as_array().into_iter().flatten();
        containers.into_iter().find_map(|container| rule(at, container.text("/name"), container))
    })
}

/// validateContainerPorts
fn ports(container: &Value) -> Option<String> {
    let mut known = BTreeSet::new();
    container.list("/ports").iter().find_map(|port| {
        let number = port.number("/containerPort").unwrap_or_default();
        let host = port.number("/hostPort").filter(|host| *host != 0);
        if let Some(number) = [Some(number), host].into_iter().flatten().find(|it| !is_port(*it)) {
            return Some(format!("the port {number}, and they are from 1 to 65535"));
        }
        let name = port.text("/name");
        if name.is_empty() {
            return None;
        }
        if !is_port_name(name) {
            return Some(format!("a port {name:?}, which is no name of a port"));
        }
        (!known.insert(name)).then(|| format!("two ports of the name {name}"))
    })
}

/// validateProbe, validateLivenessProbe, validateStartupProbe
fn probes(container: &Value) -> Option<String> {
    PROBES.into_iter().find_map(|kind| {
        let probe = container.get(kind).filter(|it| it.is_object())?;
        let number = |field: &str| probe[field].as_i64();
        if let Some(field) = PROBE_NUMBERS.into_iter().find(|field| number(field).is_some_and(|it| it < 0)) {
            return Some(format!("a {kind} whose {field} is less than 0"));
        }
        // 0 is 1 (pkg/apis/core/v1/defaults.go, SetDefaults_Probe).
        if kind != "readinessProbe" && number("successThreshold").is_some_and(|it| it > 1) {
            return Some(format!("a {kind} whose successThreshold is not 1"));
        }
        let asked = ["httpGet", "tcpSocket", "grpc"].into_iter().filter_map(|how| probe[how].get("port"));
        let bad = asked.into_iter().find(|port| !port_or_name(port))?;
        Some(format!("a {kind} of port {bad}, which is neither from 1 to 65535 nor a name"))
    })
}

/// ValidateVolumeMounts
fn mounts(read: Read, container: &Value, volumes: &BTreeSet<&str>) -> Option<String> {
    let mut known = BTreeSet::new();
    container.list("/volumeMounts").iter().find_map(|mount| {
        let (name, path) = (mount.text("/name"), mount.text("/mountPath"));
        // Into pods, and not into templates, webhooks add volumes.
        if read != Read::Pods && !volumes.contains(name) {
            return Some(format!("a volumeMount {name:?}, and there is no such volume"));
        }
        (!known.insert(path)).then(|| format!("two volumeMounts at {path:?}"))
    })
}

pub fn is_port(number: i64) -> bool {
    (1..=65535).contains(&number)
}
