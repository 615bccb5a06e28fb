//! What is said of a node's cordon is what the node says.

use ::testbed::fake::{Answer, Fake};
use ::testbed::shared;
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
        assert_eq!(words.out.contains("to undo:"), on_failure == "keep", "{words}");
        assert_eq!((words.code, evictions(&fake)), (if on_failure == "keep" { 4 } else { 3 }, 0), "{words}");
    }
}

#[test]
fn a_cordon_that_was_not_answered_is_unclear_also_when_it_is_all_that_was_asked_for() {
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
