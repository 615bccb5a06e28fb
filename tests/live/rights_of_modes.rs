//! What is printed for each mode of safe-drain is enough for it, and without any part of it nothing is changed.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use crate::plugin::{Run, drain};
use crate::rbac::{Printed, User, marker, verbs};

/// Somebody with these rights, which may be limited to names.
fn somebody<'r>(room: &'r Room<'static>, name: &str, rules: &[Value]) -> User<'r> {
    User::new(room, name, &[&[marker()], rules].concat())
}

fn modes(room: &Room<'_>) -> Vec<(Vec<String>, &'static str)> {
    let [one, other] = room.nodes() else { panic!("two nodes") };
    let selector = room.node_selector();
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        (of(&[one, other, "--cordon-only"]), "cordoned"),
        (of(&[one, other, "--uncordon"]), "uncordoned"),
        (of(&["-l", &selector, "--cordon-only"]), "cordoned"),
        (of(&["-l", &selector, "--uncordon"]), "uncordoned"),
        (of(&["-l", &selector, "--cordon-only", "--dry-run"]), "planned"),
        (of(&[one, "--dry-run"]), "planned"),
        (of(&[one, "--dry-run=server"]), "planned"),
        (of(&["-l", &selector, "--disable-eviction", "--dry-run", "--allow=no-room"]), "planned"),
        (of(&[one, "--disable-eviction", "--allow=no-room"]), "drained"),
        (of(&[other, "--timeout=10m", "--allow=no-room"]), "drained"),
    ]
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn the_role_of_each_mode_is_enough() {
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    for (index, (args, result)) in modes(&room).into_iter().enumerate() {
        let args = words(&args);
        let user = somebody(&room, &format!("mode{index}"), &Printed::of("safe-drain", &args).all());
        let outcome = user.run(drain, &args).run();
        outcome.expect(result, 0);
        let report = outcome.report();
        let findings = report["findings"].as_array().into_iter().flatten();
        assert_eq!(findings.filter(|it| it["severity"] == "unknown").count(), 0, "{args:?}\n{outcome}");
        let refused = user.refused_since_start();
        assert_eq!(refused.len(), 0, "{args:?}: {refused:?}");
    }
}

#[test]
fn without_one_of_its_rights_each_mode_names_it_and_changes_nothing() {
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let mut runs = Vec::new();
    for (args, _) in modes(&room) {
        let printed = Printed::of("safe-drain", &words(&args));
        for case in verbs(&printed.required()) {
            let left = [case.taken_from(&printed.required()), printed.optional()].concat();
            let user = somebody(&room, &format!("less{}", runs.len()), &left);
            let running = user.run(drain, &words(&args)).spawn();
            runs.push((args.clone(), case, user, running));
        }
    }
    assert_eq!(runs.len(), 42, "the modes need other rights than they did");
    for (args, case, user, running) in runs {
        let outcome = running.finish();
        outcome.expect("refused", 3);
        let named = format!("{} {}", case.verb, case.resource);
        assert!(outcome.err.contains(&named), "{args:?} without {named}\n{outcome}");
        if case.resource == "pods/eviction" || case.verb == "delete" {
            let here = format!("in namespace {}", room.namespace());
            assert!(outcome.err.contains(&here), "{args:?} without {named}: no namespace\n{outcome}");
        }
        let changed: Vec<String> = user.writes_since_start();
        assert_eq!(changed.len(), 0, "{args:?} without {named}: {changed:?}");
    }
}

/// kubectl cordons the first node and then fails at the second one.
#[test]
fn a_role_for_one_of_two_nodes_cordons_none() {
    let room = shared().room(2);
    let [one, other] = room.nodes() else { panic!("two nodes") };
    let node = |name: &str| room.node(name)["spec"]["unschedulable"] == true;
    for flag in ["--cordon-only", "--uncordon"] {
        let rules = |verb: &str, names: Value| json!({"apiGroups": [""], "resources": ["nodes"], "resourceNames": names, "verbs": [verb]});
        let rules = [rules("get", json!([one, other])), rules("patch", json!([one]))];
        let user = somebody(&room, &format!("half{flag}"), &rules);
        let run: Run<'_> = user.run(drain, &[one, other, flag]);
        let before = (node(one), node(other));
        let outcome = run.run();
        outcome.expect("refused", 3);
        assert!(outcome.err.contains(&format!("you have no right to patch nodes {other}")), "{outcome}");
        assert_eq!((node(one), node(other)), before, "{outcome}");
        drain(&room, &[one, other, "--cordon-only"]).run().expect("cordoned", 0);
    }
}

/// A drain by names needs rights to those nodes only, also to watch them.
#[test]
fn a_role_for_single_nodes_is_enough_to_watch_them() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let user = somebody(&room, "named", &Printed::of("safe-drain", &[node]).all());
    let outcome = user.run(drain, &[node]).run();
    outcome.expect("drained", 0);
    assert!(!outcome.findings().iter().any(|id| id == "nodes-not-watched"), "{outcome}");
}
