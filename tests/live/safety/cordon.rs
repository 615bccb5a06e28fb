//! What is reported of a node's cordon is what the node's own object shows.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

use ::testbed::fake::{Answer, Fake};
use ::testbed::{PATIENCE, shared};
use rustix::process::Signal;
use serde_json::json;

use crate::faults::fake::{kubeconfig, node, shop};
use crate::plugin::{drain, safe_drain, text};

fn evictions(fake: &Fake) -> usize {
    fake.requests().iter().filter(|request| request.path.ends_with("/eviction")).count()
}

/// A mutating webhook or policy may change the write: the server takes it, and the node is as it was.
#[test]
fn a_cordon_that_admission_undoes_is_no_cordon() {
    let room = shared().room(0);
    for (flags, stored) in [(&[][..], false), (&["--cordon-only"], false), (&["--uncordon"], true)] {
        let fake = shop(|fake, _| {
            fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::json(node(stored)));
            fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(node(stored)));
        });
        let outcome = drain(&room, &[&["n1"], flags].concat()).kubeconfig(&kubeconfig(&room, &fake)).run();
        assert_ne!(outcome.code, 0, "{outcome}");
        let error = text(&outcome.report(), "error").to_owned();
        assert!(error.contains("node/n1") && error.contains("admission"), "{outcome}");
        assert!(!outcome.err.contains("node/n1 cordoned"), "{outcome}");
        assert_eq!(evictions(&fake), 0, "{outcome}");
    }
}

/// n1 can be cordoned, and n2 cannot.
#[test]
fn a_node_that_was_cordoned_is_not_called_unchanged() {
    let room = shared().room(0);
    for on_failure in ["keep", "uncordon"] {
        let fake = shop(|fake, _| {
            let mut second = node(false);
            second["metadata"] = json!({"name": "n2", "uid": "n2", "resourceVersion": "5"});
            fake.on("GET", "/api/v1/nodes/n2").answer(Answer::json(second));
            fake.on("PATCH", "/api/v1/nodes/n2").answer(Answer::status(403, "Forbidden", "not n2"));
            fake.on("PATCH", "/api/v1/nodes/n1").once().answer(Answer::json(node(true)));
            fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::json(node(false)));
        });
        let args = ["n1", "n2", "--yes", &format!("--on-failure={on_failure}")];
        let words = safe_drain(&room, &args).kubeconfig(&kubeconfig(&room, &fake)).run();
        let (first, second) = (
            format!("node/n1 {}", if on_failure == "keep" { "cordoned" } else { "uncordoned" }),
            "node/n2 refused; nothing was changed",
        );
        assert!(words.out.contains(&first) && words.out.contains(second), "{words}");
        assert!(!words.out.contains("node/n1 refused"), "{words}");
        assert_eq!(words.out.contains("to uncordon:"), on_failure == "keep", "{words}");
        assert_eq!((words.code, evictions(&fake)), (if on_failure == "keep" { 4 } else { 3 }, 0), "{words}");
    }
}

#[test]
fn a_cordon_without_an_answer_has_an_unknown_outcome_with_cordon_only_too() {
    let room = shared().room(0);
    for flag in ["--cordon-only", "--uncordon"] {
        let fake = shop(|fake, _| {
            fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(node(flag == "--uncordon")));
            fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::silence());
        });
        let run = drain(&room, &["n1", flag]).kubeconfig(&kubeconfig(&room, &fake)).spawn();
        fake.wait_for(1, |request| request.method == "PATCH");
        run.signal(Signal::TERM);
        let outcome = run.finish();
        outcome.expect("interrupted", 130);
        let report = outcome.report();
        assert_eq!(text(&report["nodes"][0], "result"), "interrupted", "{outcome}");
        assert!(report["nodes"][0]["cordoned"].is_null(), "{outcome}");
    }
}

/// The node as it is after this run's cordon, and then somebody's uncordon and cordon that no watch reported. Only the cordon of the run is
/// its own to undo.
#[test]
fn a_cordon_that_somebody_made_later_is_not_undone() {
    let room = shared().room(0);
    let by = |manager: &str| {
        let mut node = node(true);
        node["metadata"]["resourceVersion"] = json!("7");
        node["metadata"]["managedFields"] = json!([{"manager": manager, "operation": "Update",
            "apiVersion": "v1", "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]);
        node
    };
    // Its author is unknown if the server keeps no record of it and the node has changed.
    let mut nobody = by("");
    nobody["metadata"]["managedFields"] = json!([]);
    for (later, why) in [(by("kubectl-cordon"), "kubectl-cordon"), (nobody, "not known")] {
        let fake = shop(|fake, _| {
            fake.on("POST", "*/eviction").answer(Answer::status(403, "Forbidden", "you may not"));
            fake.on("GET", "/api/v1/nodes/n1").once().answer(Answer::json(node(false)));
            fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(later));
        });
        let args = ["n1", "--yes", "--on-failure=uncordon"];
        let outcome = safe_drain(&room, &args).kubeconfig(&kubeconfig(&room, &fake)).run();
        assert_eq!(outcome.code, 4, "{outcome}");
        let patches = fake.requests().into_iter().filter(|request| request.method == "PATCH").count();
        assert_eq!(patches, 1, "the cordon, and no uncordon\n{outcome}");
        assert!(outcome.err.contains(why), "{outcome}");
        assert!(outcome.err.contains("kubectl safe-drain n1 --uncordon"), "{outcome}");
        assert!(!outcome.out.contains("to uncordon:"), "{outcome}");
    }
}

/// Somebody writes to the node while its cordon is being undone: it is read again, and whatever it is then decides.
#[test]
fn a_cordon_is_undone_only_on_the_node_that_was_read() {
    let room = shared().room(0);
    let fake = shop(|fake, _| {
        fake.on("POST", "*/eviction").answer(Answer::status(403, "Forbidden", "you may not"));
        fake.on("PATCH", "/api/v1/nodes/n1").once().answer(Answer::json(node(true)));
        fake.on("GET", "/api/v1/nodes/n1").once().answer(Answer::json(node(false)));
        fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(node(true)));
        fake.on("PATCH", "/api/v1/nodes/n1").once().answer(Answer::status(409, "Conflict", "modified"));
        fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::json(node(false)));
    });
    let outcome = drain(&room, &["n1", "--on-failure=uncordon"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("partial", 4);
    assert_eq!(outcome.report()["nodes"][0]["cordoned"], false, "{outcome}");
    let patches: Vec<_> = fake.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert_eq!(patches.len(), 3, "{outcome}");
    for undo in &patches[1..] {
        assert_eq!(undo.json()["metadata"]["resourceVersion"], "5", "{outcome}");
    }
}

/// The answer about n1 comes only after n2 was requested.
#[test]
fn a_node_that_does_not_answer_keeps_no_other_cordoned() {
    let room = shared().room(0);
    let others = Arc::new((Mutex::new(false), Condvar::new()));
    let fake = shop(|fake, _| {
        let forbidden = "pods is forbidden: User \"a\" cannot create resource \"pods/eviction\"";
        fake.on("POST", "*/eviction").answer(Answer::status(403, "Forbidden", forbidden));
        let cordoned = Arc::new(Mutex::new(BTreeSet::new()));
        for method in ["PATCH", "GET"] {
            let (cordoned, others) = (Arc::clone(&cordoned), Arc::clone(&others));
            fake.on(method, "/api/v1/nodes/*").answer(Answer::compute(move |request| {
                let name = request.path.rsplit('/').next().unwrap_or_default().to_owned();
                let uncordons =
                    request.method == "PATCH" && request.json()["spec"]["unschedulable"].is_null();
                if uncordons && name == "n2" {
                    *others.0.lock().unwrap() = true;
                    others.1.notify_all();
                } else if uncordons {
                    let asked = others.0.lock().unwrap();
                    drop(others.1.wait_timeout_while(asked, PATIENCE, |asked| !*asked).unwrap());
                }
                let mut cordoned = cordoned.lock().unwrap();
                match (request.method.as_str(), uncordons) {
                    ("PATCH", false) => drop(cordoned.insert(name.clone())),
                    ("PATCH", true) => drop(cordoned.remove(&name)),
                    _ => {}
                }
                let mut node = node(cordoned.contains(&name));
                (node["metadata"]["name"], node["metadata"]["uid"]) = (json!(name), json!(name));
                Answer::json(node)
            }));
        }
    });
    let args = ["n1", "n2", "--on-failure=uncordon"];
    let outcome = drain(&room, &args).kubeconfig(&kubeconfig(&room, &fake)).run();
    let report = outcome.report();
    let cordoned: Vec<_> = report["nodes"].as_array().unwrap().iter().map(|node| &node["cordoned"]).collect();
    assert_eq!(cordoned, [false, false], "{outcome}");
}
