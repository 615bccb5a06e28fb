//! Probes of a container, as the kubelet reads them (`pkg/kubelet/prober/prober.go`; defaults in `pkg/apis/core/v1/defaults.go`).

use cluster_model::{Json, Raw};
use serde_json::{Value, json};

use crate::snapshot::Workload;

/// Nothing is asked: its pods are Ready as soon as their containers run. A probe of a sidecar counts, and so do readiness gates.
pub fn is_ready_when_running(workload: &Workload) -> bool {
    workload.running_containers().all(|it| it["readinessProbe"].is_null())
        && workload.spec().list("/readinessGates").is_empty()
}

/// What is called, with named ports resolved (`pkg/probe/util.go`, ResolveContainerPort); equal for probes that ask the same.
pub fn endpoint(container: &Json, probe: &Json) -> Option<Value> {
    let port = |at: &str| probe.pointer(at).map(|port| resolved(container, port));
    if !probe["httpGet"].is_null() {
        let scheme = Some(probe.text("/httpGet/scheme")).filter(|it| !it.is_empty()).unwrap_or("HTTP");
        let path = Some(probe.text("/httpGet/path")).filter(|it| !it.is_empty()).unwrap_or("/");
        let http = &probe["httpGet"];
        return Some(json!(["http", scheme, http["host"], port("/httpGet/port"), path, http["httpHeaders"]]));
    }
    if !probe["tcpSocket"].is_null() {
        return Some(json!(["tcp", probe["tcpSocket"]["host"], port("/tcpSocket/port")]));
    }
    if !probe["grpc"].is_null() {
        return Some(json!(["grpc", probe["grpc"]["port"], probe.text("/grpc/service")]));
    }
    (!probe["exec"].is_null()).then(|| json!(["exec", probe["exec"]["command"]]))
}

/// Seconds of failures until the kubelet acts.
pub fn seconds_of_failures(probe: &Json) -> i64 {
    let period = probe.number("/periodSeconds").unwrap_or(10);
    period.saturating_mul(probe.number("/failureThreshold").unwrap_or(3))
}

/// The same from the start of the container.
pub fn seconds_of_patience(probe: &Json) -> i64 {
    probe.number("/initialDelaySeconds").unwrap_or(0).saturating_add(seconds_of_failures(probe))
}

/// The name of a port that the container does not declare.
pub fn undeclared_port(container: &Json, probe: &Json) -> Option<String> {
    let ports = ["/httpGet/port", "/tcpSocket/port"];
    let name = ports.iter().find_map(|at| probe.pointer(at)?.as_str())?;
    // The API server also takes a number as text.
    let is_known = name.parse::<i64>().is_ok() || declared(container, name).is_some();
    (!is_known).then(|| name.to_owned())
}

fn resolved(container: &Json, port: &Json) -> Value {
    let by_name = port.as_str().and_then(|name| declared(container, name));
    by_name.unwrap_or(port).to_value()
}

fn declared<'a>(container: &'a Json, name: &str) -> Option<&'a Json> {
    let port = container.list("/ports").iter().find(|port| port["name"] == name)?;
    Some(&port["containerPort"])
}
