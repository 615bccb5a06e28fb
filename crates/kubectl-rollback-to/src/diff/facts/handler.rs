//! Probes and lifecycle hooks in one line each.

use serde_json::Value;

use super::reader::Reader;
use super::rest::{compact, words};

/// `httpGet /healthz:8080 every 10s`
pub fn probe(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut probe = Reader::new(map);
    action(&mut probe);
    let seconds = |probe: &mut Reader, key: &str| probe.number(key);
    if let Some(period) = seconds(&mut probe, "periodSeconds") {
        probe.add(format!("every {period}s"));
    }
    if let Some(delay) = seconds(&mut probe, "initialDelaySeconds") {
        probe.add(format!("after {delay}s"));
    }
    // Defaults are not shown.
    if let Some(timeout) = seconds(&mut probe, "timeoutSeconds").filter(|n| *n != 1) {
        probe.add(format!("within {timeout}s"));
    }
    if let Some(failures) = seconds(&mut probe, "failureThreshold").filter(|n| *n != 3) {
        probe.add(format!("fails at {failures}"));
    }
    if let Some(successes) = seconds(&mut probe, "successThreshold").filter(|n| *n != 1) {
        probe.add(format!("succeeds at {successes}"));
    }
    if let Some(grace) = seconds(&mut probe, "terminationGracePeriodSeconds") {
        probe.add(format!("grace {grace}s"));
    }
    probe.done()
}

/// `exec nginx -s quit`, `sleep 5s`
pub fn hook(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut hook = Reader::new(map);
    action(&mut hook);
    hook.done()
}

fn action(of: &mut Reader) {
    if let Some(get) = of.object("httpGet") {
        let mut get = Reader::new(&get);
        let scheme = get.text("scheme").filter(|s| s != "HTTP").map(|s| format!(" {s}"));
        let host = get.text("host").unwrap_or_default();
        let path = get.text("path").unwrap_or_default();
        let port = get.scalar("port").unwrap_or_default();
        get.add(format!("httpGet {host}{path}:{port}{}", scheme.unwrap_or_default()));
        of.add(get.done());
    }
    if let Some(exec) = of.object("exec") {
        let mut exec = Reader::new(&exec);
        let command = exec.list("command").unwrap_or_default();
        exec.add(format!("exec {}", words(&Value::Array(command))));
        of.add(exec.done());
    }
    if let Some(tcp) = of.object("tcpSocket") {
        let mut tcp = Reader::new(&tcp);
        let host = tcp.text("host").unwrap_or_default();
        let port = tcp.scalar("port").unwrap_or_default();
        tcp.add(format!("tcpSocket {host}:{port}"));
        of.add(tcp.done());
    }
    if let Some(grpc) = of.object("grpc") {
        let mut grpc = Reader::new(&grpc);
        let port = grpc.scalar("port").unwrap_or_default();
        grpc.add(format!("grpc :{port}"));
        grpc.add_scalar("service", "service");
        of.add(grpc.done());
    }
    if let Some(sleep) = of.object("sleep") {
        let mut sleep = Reader::new(&sleep);
        let seconds = sleep.scalar("seconds").unwrap_or_default();
        sleep.add(format!("sleep {seconds}s"));
        of.add(sleep.done());
    }
}
