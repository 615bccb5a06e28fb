//! `--watch`: what changes is reported once, and nothing is written.

use ::testbed::{PATIENCE, shared, wait};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::leases;
use crate::plugin::{Running, heal_check};
use crate::rbac::{Printed, User, marker};
use crate::schema;

/// Ends it as a user does. Its documents, one a line.
fn reports(run: Running) -> Vec<Value> {
    run.signal(Signal::INT);
    let outcome = run.finish();
    assert_eq!(outcome.code, 130, "{outcome}");
    // It is how a watch ends.
    assert!(!outcome.err.contains("interrupted"), "{outcome}");
    let reports: Vec<Value> = outcome.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for report in &reports {
        assert_eq!(schema::faults(report), [""; 0], "{outcome}");
    }
    reports
}

fn has(report: &Value, id: &str) -> bool {
    report["findings"].as_array().into_iter().flatten().any(|it| it["id"] == id)
}

#[test]
fn what_changes_is_reported_and_nothing_else() {
    leases();
    let room = shared().room(2);
    room.deployment("web", 2);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 2);
    room.budget_allows("web", 1);
    let rules = Printed::of("heal-check", &["-A", "--watch"]).all();
    let user = User::new(&room, "watcher", &[&[marker()], &rules[..]].concat());
    let run = user.run(heal_check, &["deploy/web", "--watch", "-o", "json"]).spawn();
    run.wait_for_output("watching for changes");
    room.budget("other", "web", json!({"maxUnavailable": 1}));
    run.wait_for_output("error HC206 deployment/web");
    shared().delete(&room.path_of("PodDisruptionBudget", "other"));
    run.wait_for_output("gone      error HC206");
    let reports = reports(run);
    assert_eq!(user.refused_since_start(), [""; 0]);
    assert_eq!(user.writes_since_start(), [""; 0]);
    let found: Vec<bool> = reports.iter().map(|it| has(it, "HC206")).collect();
    assert!(!found[0] && found.contains(&true) && found.last() == Some(&false), "{found:?}");
}

/// Nothing about the workload has changed.
#[test]
fn without_the_right_to_read_a_workload_it_is_unknown_and_not_gone() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 1);
    room.budget_allows("web", 1);
    let of_deployments = |rule: &Value| {
        rule["resources"].as_array().into_iter().flatten().any(|resource| resource == "deployments")
    };
    let rules = [vec![marker()], Printed::of("heal-check", &["-A", "--watch"]).all()].concat();
    let without = |rule: &Value| match of_deployments(rule) {
        false => rule.clone(),
        true => {
            let resources = rule["resources"].as_array().into_iter().flatten();
            let rest: Vec<&Value> = resources.filter(|it| **it != "deployments").collect();
            json!({"apiGroups": rule["apiGroups"], "verbs": rule["verbs"], "resources": rest})
        }
    };
    let fewer: Vec<Value> = rules.iter().map(without).filter(|it| it["resources"] != json!([])).collect();
    assert_ne!(fewer, rules);
    // A change after which it looks again.
    let touch = |word: &str| {
        let budget = room.path_of("PodDisruptionBudget", "web");
        room.cluster().merge(&budget, &json!({"metadata": {"annotations": {"touched": word}}}));
    };
    let user = User::new(&room, "watcher", &rules);
    let run = user.run(heal_check, &["--watch", "-o", "json"]).spawn();
    run.wait_for_output("watching for changes");
    user.change(&fewer);
    touch("without");
    run.wait_for_output("is unknown: it cannot be read any more");
    user.change(&rules);
    touch("with");
    run.wait_for_output(": was unknown, is ");
    run.wait_for_output("  checked ");
    let said = run.stderr();
    // Other tests change nodes meanwhile: what its template alone says stays as it is.
    let is_own = |line: &&str| line.contains("deployment/web") || line.contains("replicaset/");
    let is_of_template = |line: &str| line.contains(" HC2") || line.contains(" HC3");
    let is_wrong = |line: &&str| {
        line.contains("no longer there")
            || (line.contains("  new  ") || line.contains("  gone  ")) && is_of_template(line)
    };
    let wrong: Vec<&str> = said.lines().filter(is_own).filter(is_wrong).collect();
    assert_eq!(wrong, [""; 0], "{said}");
    reports(run);
}

#[test]
fn a_node_that_comes_and_goes_is_noticed() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let node = room.nodes()[0].as_str();
    let run = heal_check(&room, &["--watch", "-o", "json"]).spawn();
    run.wait_for_output("watching for changes");
    // Each seen before the next comes: a look later the finding about the node is there, or gone.
    room.node_not_ready(node);
    run.wait_for_output(&format!("new       error HC801 node/{node}"));
    room.node_ready(node);
    run.wait_for_output(&format!("gone      error HC801 node/{node}"));
    room.node_not_ready(node);
    run.wait_for_output(&format!("warning HC805 node/{node}"));
    room.node_ready(node);
    assert!(reports(run).iter().any(|it| has(it, "HC805")));
}

/// Again and again, while its node says Ready: here the test plays the kubelet, and its clock runs fast.
#[test]
fn a_kubelet_that_renews_its_lease_too_late_is_noticed() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let node = room.nodes()[0].as_str();
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}");
    let run = heal_check(&room, &["--watch", "-o", "json"]).spawn();
    run.wait_for_output("watching for changes");
    let mut renewed = Timestamp::now();
    wait("the gaps to be seen", PATIENCE, || {
        renewed += SignedDuration::from_mins(1);
        let spec =
            json!({"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": format!("{renewed:.6}")});
        room.cluster().merge(&lease, &json!({"spec": spec}));
        run.stderr()
            .contains(&format!("warning HC805 node/{node} is Ready, but did not renew its Lease"))
            .then_some(())
    });
    room.node_ready(node);
    assert!(reports(run).iter().any(|it| has(it, "HC805")));
}

#[test]
fn leases_that_may_not_be_watched_are_unchecked() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let of_leases = |rule: &Value| rule["resources"] == json!(["leases"]) && rule["verbs"] != json!(["get"]);
    let (left_out, rules): (Vec<Value>, Vec<Value>) =
        Printed::of("heal-check", &["-A", "--watch"]).all().into_iter().partition(of_leases);
    assert!(!left_out.is_empty(), "{rules:?}");
    let user = User::new(&room, "watcher", &[&[marker()], &rules[..]].concat());
    let run = user.run(heal_check, &["deploy/web", "--watch", "-o", "json"]).spawn();
    run.wait_for_output("unchecked HC805: whether nodes renew their Leases: ");
    reports(run);
}

#[test]
fn it_ends_with_its_time() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let outcome = heal_check(&room, &["--watch", "--timeout=3s"]).run();
    assert_eq!(outcome.code, 124, "{outcome}");
    assert!(
        outcome.out.contains("deployment/web") && outcome.err.contains("while the cluster was watched"),
        "{outcome}"
    );
    for args in [
        &["--watch", "-o", "junit"][..],
        &["--watch", "-o", "yaml"],
        &["deploy/web", "--watch", "--prove=evict"],
    ] {
        assert_eq!(heal_check(&room, args).run().code, 2, "{args:?}");
    }
}
