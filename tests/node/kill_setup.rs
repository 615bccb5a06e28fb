//! What the tests of `--prove=kill` share: workloads, the command, its report and the role it needs.

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use crate::plugin::{Outcome, Run, heal_check, text};

pub const IMAGE: &str = "example.invalid/app:1";

/// A Deployment of that many pods, with a Service.
pub fn workload(room: &Room<'_>, app: &str, replicas: u64, edit: impl Fn(&mut Value)) -> Vec<Value> {
    room.deployment_with(app, replicas as _, |object| {
        let spec = &mut object["spec"]["template"]["spec"];
        spec["topologySpreadConstraints"] = Value::Null;
        spec["terminationGracePeriodSeconds"] = json!(1);
        edit(spec);
    });
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": app},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]}}));
    let pods = room.ready(app, replicas as _);
    serves(room, app, replicas as usize);
    pods
}

pub fn main_runs(command: Value) -> impl Fn(&mut Value) {
    move |spec| {
        spec["containers"][0]["command"] = command.clone();
        // So that HC302, an error, is not in the way.
        spec["containers"][0]["readinessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 1});
    }
}

fn serves(room: &Room<'_>, service: &str, pods: usize) {
    let path = room.path("", "").replace("/api/v1/", "/apis/discovery.k8s.io/v1/");
    let path = format!("{path}endpointslices?labelSelector=kubernetes.io/service-name={service}");
    wait("the Service to have its pods", PATIENCE, || {
        let slices = room.cluster().list(&path);
        let all = slices.iter().flat_map(|it| it["endpoints"].as_array().into_iter().flatten());
        (all.filter(|it| it["conditions"]["ready"] == true).count() == pods).then_some(())
    });
}

pub fn prove<'r>(room: &'r Room<'r>, app: &str, more: &[&str]) -> Run<'r> {
    let target = format!("deploy/{app}");
    heal_check(room, &[&[&target, "--prove=kill", "--interval=0s", "-o", "json"], more].concat())
}

#[track_caller]
pub fn expect_proof(outcome: &Outcome, result: &str, rounds: usize, code: i32) -> Value {
    let proof = outcome.report()["proof"].clone();
    let count = proof["rounds"].as_array().map_or(0, Vec::len);
    assert_eq!((text(&proof, "result"), count, outcome.code), (result, rounds, code), "{outcome}");
    proof
}

/// What `--print-rbac` prints.
pub fn printed_rules(room: &Room<'_>, flags: &[&str]) -> Vec<Value> {
    let printed = heal_check(room, &[flags, &["--print-rbac", "-o", "json"]].concat()).run();
    let printed: Value = serde_json::from_str(&printed.out).unwrap();
    let roles = printed["items"].as_array().into_iter().flatten();
    roles.flat_map(|it| it["rules"].as_array().cloned()).flatten().collect()
}

/// The kubeconfig of a user with these rights, who has them by now.
pub fn sees_its_role(room: &Room<'_>, name: &str, rules: &[Value]) -> std::path::PathBuf {
    let cluster = room.cluster();
    let name = format!("{}-{name}", room.namespace());
    let kubeconfig = cluster.user(&name, &[], rules);
    // The authoriser sees a role a moment after it was made, and of all its rules at once.
    let attributes = json!({"verb": "watch", "resource": "pods", "namespace": room.namespace()});
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": name, "resourceAttributes": attributes}});
    wait("the role to be known", PATIENCE, || {
        let answer = cluster.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review);
        (answer["status"]["allowed"] == true).then_some(())
    });
    kubeconfig
}
