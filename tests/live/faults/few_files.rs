//! Many nodes and few file descriptors: requests are bounded by `--concurrency` also where every node is read.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ::testbed::fake::{Answer, Fake};
use ::testbed::shared;
use serde_json::json;

use super::fake::{kubeconfig, list, node, shop};
use crate::plugin::{Run, drain};

const NODES: usize = 65;

/// Empty nodes `n1` to `n65`.
fn many_nodes() -> Fake {
    shop(|fake, _| {
        let cordoned = Arc::new(Mutex::new(BTreeSet::new()));
        for method in ["PATCH", "GET"] {
            let cordoned = Arc::clone(&cordoned);
            fake.on(method, "/api/v1/nodes/*").answer(Answer::compute(move |request| {
                let name = request.path.rsplit('/').next().unwrap_or_default().to_owned();
                let mut cordoned = cordoned.lock().unwrap_or_else(PoisonError::into_inner);
                if request.method == "PATCH" {
                    cordoned.insert(name.clone());
                }
                let mut node = node(cordoned.contains(&name));
                (node["metadata"]["name"], node["metadata"]["uid"]) = (json!(name), json!(name));
                Answer::json(node)
            }));
        }
        fake.on("GET", "/api/v1/pods").watches().answer(Answer::silence());
        fake.on("GET", "/api/v1/pods").answer(list("v1", "PodList", Vec::new()));
    })
}

fn names() -> Vec<String> {
    (1..=NODES).map(|number| format!("n{number}")).collect()
}

/// The same command with so many file descriptors.
pub fn limited(run: &Run<'_>, files: usize) -> Command {
    let command = run.command();
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {files} && exec \"$@\""), "sh"]);
    limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[test]
fn many_nodes_are_read_with_few_file_descriptors() {
    let room = shared().room(0);
    let fake = many_nodes();
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = drain(&room, &names).kubeconfig(&kubeconfig(&room, &fake));
    let output = limited(&run, 52).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(!err.contains("waiting for the API server") && !err.contains("open files"), "{err}");
    let unbound = fake
        .requests()
        .into_iter()
        .filter(|request| request.path == "/api/v1/pods" && request.query.contains("spec.nodeName%3D&"));
    let unbound = unbound.count();
    assert!(unbound <= NODES + 5, "pods without a node were listed {unbound} times");
}

/// Fewer than the last reading of all nodes opens at once: what cannot be sent is sent later.
#[test]
fn a_limit_of_open_files_is_not_blamed_on_the_server() {
    let room = shared().room(0);
    let fake = many_nodes();
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = drain(&room, &names).kubeconfig(&kubeconfig(&room, &fake));
    let output = limited(&run, 26).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("ulimit -n"), "{err}");
    assert!(!err.contains("waiting for the API server") && !err.contains("the server is up"), "{err}");
}
