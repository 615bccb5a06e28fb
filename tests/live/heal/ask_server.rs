//! `--ask-server`: the server's own answers, by dry runs only.

use ::testbed::{Audit, Room, shared};
use serde_json::{Value, json};

use super::{leases, matrix_of, severity, unchecked};
use crate::plugin::{Outcome, heal_check, text};
use crate::rbac::{Printed, User, marker, without};

const ASK: [&str; 4] = ["deploy/web", "--ask-server", "-o", "json"];
const VALUE: &str = "value-of-the-environment";

/// Two pods of `web`, with a value in their environment, under a budget that allows one eviction.
fn shop() -> Room<'static> {
    leases();
    let room = shared().room(2);
    room.deployment_with("web", 2, |web| {
        web["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": VALUE}]);
    });
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 2);
    room.budget_allows("web", 1);
    room
}

/// What it wrote: nothing but dry runs.
fn asked(room: &Room<'static>, args: &[&str]) -> (Outcome, Audit) {
    let mark = shared().audit_mark();
    let outcome = heal_check(room, args).run();
    let writes = room.writes(mark, "kubectl-heal-check");
    let changes = writes.changes();
    assert!(changes.is_empty(), "{changes}{outcome}");
    (outcome, writes)
}

fn drain(outcome: &Outcome) -> Value {
    matrix_of(outcome, "Deployment", "web")["drain"].clone()
}

#[test]
fn one_eviction_and_one_pod_are_tried_and_nothing_is_changed() {
    let room = shop();
    let uids = |room: &Room<'_>| {
        room.pods().iter().map(|pod| pod["metadata"]["uid"].to_string()).collect::<Vec<_>>()
    };
    let before = uids(&room);
    let (outcome, writes) = asked(&room, &ASK);
    assert_eq!(unchecked(&outcome), [""; 0], "{outcome}");
    assert_eq!(text(&drain(&outcome), "evidence"), "observed", "{outcome}");
    assert!(text(&drain(&outcome), "reason").contains("accepts a dry-run eviction of web-"), "{outcome}");
    assert!(!outcome.out.contains(VALUE) && !outcome.err.contains(VALUE), "{outcome}");
    assert_eq!((writes.evictions().len(), writes.len()), (1, 2), "{writes}");
    let eviction = &writes.evictions()[0].request_object;
    assert!(before.contains(&eviction["deleteOptions"]["preconditions"]["uid"].to_string()), "{eviction}");
    assert_eq!(uids(&room), before);
    // Not asked for: nothing is sent.
    let (plain, writes) = asked(&room, &["deploy/web", "-o", "json"]);
    assert_eq!((text(&drain(&plain), "evidence"), writes.len()), ("predicted", 0), "{writes}{plain}");
}

#[test]
fn the_server_says_why_a_drain_is_refused() {
    let room = shop();
    room.budget("other", "web", json!({"maxUnavailable": 1}));
    room.budget_allows("other", 1);
    let (outcome, _) = asked(&room, &ASK);
    assert_eq!(
        (text(&drain(&outcome), "verdict"), text(&drain(&outcome), "evidence")),
        ("wont", "observed"),
        "{outcome}"
    );
    assert!(text(&drain(&outcome), "reason").contains("HC206"), "{outcome}");
    let blocked = shop();
    let _webhook = blocked.deny_evictions(403, "not on a Sunday");
    let (outcome, _) = asked(&blocked, &ASK);
    let reason = text(&drain(&outcome), "reason").to_owned();
    assert!(reason.contains("not on a Sunday") && reason.contains("although the budgets"), "{outcome}");
}

#[test]
fn a_full_quota_and_admission_refuse_the_replacement() {
    let room = shop();
    let refused = |words: &str| {
        let (outcome, _) = asked(&room, &ASK);
        assert_eq!((severity(&outcome, "HC508").as_str(), outcome.code), ("error", 1), "{outcome}");
        assert!(text(&outcome.finding("HC508"), "message").contains(words), "{outcome}");
    };
    room.quota("pods", json!({"pods": "2"}));
    refused("exceeded quota: pods");
    shared().delete(&room.path_of("ResourceQuota", "pods"));
    let policy = room.refuse_pods("no pods before lunch");
    refused("no pods before lunch");
    policy.lift();
    let webhook = room.deny_pods(403, "no pods after lunch");
    refused("no pods after lunch");
    drop(webhook);
    room.enforce_pod_security("restricted");
    refused("violates PodSecurity \"restricted:latest\"");
}

/// Dry runs take the same rights, and without them nothing is known.
#[test]
fn the_printed_role_is_enough_and_without_it_the_answers_are_unchecked() {
    let room = shop();
    let all = Printed::of("heal-check", &["-A", "--ask-server"]).all();
    let user = User::new(&room, "asker", &[&[marker()], &all[..]].concat());
    let outcome = user.run(heal_check, &ASK).run();
    assert_eq!(unchecked(&outcome), [""; 0], "{outcome}");
    assert_eq!(user.refused_since_start(), [""; 0]);
    for (resource, id) in [("pods", "HC508"), ("pods/eviction", "ask-server")] {
        let less = without(&all, "", resource, "create");
        let name = resource.replace('/', "-");
        let user = User::new(&room, &name, &[&[marker()], &less[..]].concat());
        let outcome = user.run(heal_check, &ASK).run();
        outcome.expect("incomplete", 5);
        assert_eq!(unchecked(&outcome), [id], "{outcome}");
        assert!(outcome.out.contains(&format!("create {resource}")), "{outcome}");
    }
}
