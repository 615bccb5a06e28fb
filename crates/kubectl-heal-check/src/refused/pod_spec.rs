//! What every server refuses in the spec of a pod or of a template: ports, volumes, numbers of probes and quantities. Pure.
//!
//! The rules are those of `pkg/apis/core/validation/validation.go`, each named after its function there. Only kubelets refuse an image whose
//! repository has upper case or spaces in it: servers take that, also with spaces around it in a template.

use std::collections::BTreeSet;

use cluster_model::Raw;
use cluster_model::raw::escaped;
use serde_json::Value;

use super::label_selector;
use super::refusal::{Refused, dotted};
use super::values::{is_dns_label, is_port, is_port_name, is_quantity, port_or_name};
use crate::snapshot::Read;

const CONTAINERS: [&str; 2] = ["initContainers", "containers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
const PROBE_NUMBERS: [&str; 5] =
    ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];

/// The first of it. `template`: where the pods are described.
pub fn refused(read: Read, object: &Value, template: &str) -> Option<Refused> {
    let at = format!("{template}/spec");
    let spec = object.pointer(&at)?;
    quantities(spec)
        .or_else(|| {
            // Of a StatefulSet, servers took any template for long, and its volumes are not all in it.
            let all =
                || volumes(spec).or_else(|| containers(read, spec)).or_else(|| label_selector::of_pods(spec));
            if read == Read::StatefulSets { None } else { all() }
        })
        .map(|it| Refused::new(format!("{at}{}", it.at), format!("{}.{}", dotted(&at), it.why)))
}

/// Those that cannot be read at all (apimachinery/pkg/api/resource/quantity.go, UnmarshalJSON).
fn quantities(spec: &Value) -> Option<Refused> {
    let of_volumes = spec.list("/volumes").iter().enumerate().find_map(|(number, volume)| {
        let size = &volume["emptyDir"]["sizeLimit"];
        (!is_quantity(size)).then(|| {
            let why = format!("volumes {:?} has the size {size}, which is no quantity", volume.text("/name"));
            Refused::new(format!("/volumes/{number}/emptyDir/sizeLimit"), why)
        })
    });
    of_volumes.or_else(|| each_container(spec, |container| resources(&container["resources"], "/resources")))
}

/// Also of a claim. `at`: where they are.
pub fn resources(resources: &Value, at: &str) -> Option<Refused> {
    ["requests", "limits"].into_iter().find_map(|kind| {
        let (name, amount) = resources[kind].as_object()?.iter().find(|(_, amount)| !is_quantity(amount))?;
        let why = format!("resources.{kind} {name:?} {amount}, which is no quantity");
        Some(Refused::new(format!("{at}/{kind}/{}", escaped(name)), why))
    })
}

/// ValidateVolumes
fn volumes(spec: &Value) -> Option<Refused> {
    let mut known = BTreeSet::new();
    spec.list("/volumes").iter().enumerate().find_map(|(number, volume)| {
        let name = volume.text("/name");
        let refused = |why: String| Some(Refused::new(format!("/volumes/{number}/name"), why));
        match () {
            () if !is_dns_label(name) => {
                refused(format!("volumes has the name {name:?}, which is no DNS label"))
            }
            () if !known.insert(name) => refused(format!("volumes has the name {name} twice")),
            () => None,
        }
    })
}

fn containers(read: Read, spec: &Value) -> Option<Refused> {
    let volumes: BTreeSet<&str> = spec.list("/volumes").iter().map(|it| it.text("/name")).collect();
    each_container(spec, |container| {
        ports(container)
            .or_else(|| probes(container))
            .or_else(|| restart_policy(container))
            .or_else(|| mounts(read, container, &volumes))
    })
}

/// What a rule says of the first container that it refuses.
fn each_container(spec: &Value, rule: impl Fn(&Value) -> Option<Refused>) -> Option<Refused> {
    CONTAINERS.into_iter().find_map(|at| {
        let mut containers = spec[at].as_array().into_iter().flatten().enumerate();
        containers.find_map(|(number, container)| {
            let Refused { at: field, why } = rule(container)?;
            let why = format!("{at} {:?} has {why}", container.text("/name"));
            Some(Refused::new(format!("/{at}/{number}{field}"), why))
        })
    })
}

/// validateContainerPorts
fn ports(container: &Value) -> Option<Refused> {
    let mut known = BTreeSet::new();
    container.list("/ports").iter().enumerate().find_map(|(number, port)| {
        let refused = |field: &str, why: String| Some(Refused::new(format!("/ports/{number}/{field}"), why));
        let of_host = port.number("/hostPort").filter(|host| *host != 0);
        let of_container = port.number("/containerPort").unwrap_or_default();
        for (field, value) in [("containerPort", Some(of_container)), ("hostPort", of_host)] {
            if let Some(value) = value.filter(|it| !is_port(*it)) {
                return refused(field, format!("the port {value}, and they are from 1 to 65535"));
            }
        }
        let name = port.text("/name");
        match () {
            () if name.is_empty() => None,
            () if !is_port_name(name) => {
                refused("name", format!("a port {name:?}, which is no name of a port"))
            }
            () if !known.insert(name) => refused("name", format!("two ports of the name {name}")),
            () => None,
        }
    })
}

/// validateProbe, validateLivenessProbe, validateStartupProbe
fn probes(container: &Value) -> Option<Refused> {
    PROBES.into_iter().find_map(|kind| {
        let probe = container.get(kind).filter(|it| it.is_object())?;
        let refused = |field: &str, why: String| Some(Refused::new(format!("/{kind}/{field}"), why));
        let number = |field: &str| probe[field].as_i64();
        if let Some(field) = PROBE_NUMBERS.into_iter().find(|field| number(field).is_some_and(|it| it < 0)) {
            return refused(field, format!("a {kind} whose {field} is less than 0"));
        }
        // 0 is 1 (pkg/apis/core/v1/defaults.go, SetDefaults_Probe).
        if kind != "readinessProbe" && number("successThreshold").is_some_and(|it| it > 1) {
            return refused("successThreshold", format!("a {kind} whose successThreshold is not 1"));
        }
        // validateHandler
        let mut asked = HANDLERS.into_iter().filter(|how| !probe[how].is_null());
        let how = asked.next()?;
        if let Some(other) = asked.next() {
            return refused(other, format!("a {kind} with {how} and {other}"));
        }
        if how == "exec" {
            let is_empty = probe.list("/exec/command").is_empty();
            return is_empty.then(|| refused(how, format!("a {kind} that runs no command")))?;
        }
        // Without one it is 0.
        let none = Value::from(0);
        let port = probe[how].get("port").unwrap_or(&none);
        if port_or_name(port) {
            return None;
        }
        let why = format!("a {kind} of port {port}, which is neither from 1 to 65535 nor a name");
        refused(&format!("{how}/port"), why)
    })
}

/// validateContainerRestartPolicy, and of init containers validateInitContainerRestartPolicy: servers that do not know the field in other
/// containers refuse it there.
fn restart_policy(container: &Value) -> Option<Refused> {
    let policy = container.get("restartPolicy")?.as_str()?;
    let is_known = matches!(policy, "Always" | "OnFailure" | "Never");
    (!is_known).then(|| {
        Refused::new(
            "/restartPolicy",
            format!("the restartPolicy {policy:?}, which is none of Always, OnFailure and Never"),
        )
    })
}

/// ValidateVolumeMounts
fn mounts(read: Read, container: &Value, volumes: &BTreeSet<&str>) -> Option<Refused> {
    let mut known = BTreeSet::new();
    container.list("/volumeMounts").iter().enumerate().find_map(|(number, mount)| {
        let refused =
            |field: &str, why: String| Some(Refused::new(format!("/volumeMounts/{number}/{field}"), why));
        let (name, path) = (mount.text("/name"), mount.text("/mountPath"));
        match () {
            // Into pods, and not into templates, webhooks add volumes.
            () if read != Read::Pods && !volumes.contains(name) => {
                refused("name", format!("a volumeMount {name:?}, and there is no such volume"))
            }
            () if !known.insert(path) => refused("mountPath", format!("two volumeMounts at {path:?}")),
            () => None,
        }
    })
}
