//! What is printed for each mode of rollback-to is enough for it, and without any part of it nothing is changed.

use serde_json::Value;

use super::scene::{Furnished, KINDS, app, furnished, somebody};
use crate::plugin::{Outcome, rollback, rollback_to};
use crate::rbac::{Printed, User, verbs};

/// Only reads.
const READING: [&[&str]; 7] = [
    &["deployment/web", "statefulset/db", "--history"],
    &["--all", "--history"],
    &["deployment", "-l", "app=web", "--history"],
    &["daemonset/agent", "--status"],
    &["--all", "--status"],
    &["deployment/needy", "daemonset/agent", "--previous", "--dry-run"],
    &["deployment", "-l", "app=web", "--previous", "--dry-run"],
];
/// Writes, one after another.
const WRITING: [&[&str]; 6] = [
    &["deployment/web", "--previous", "--dry-run=server"],
    &["deployment/web", "statefulset/db", "--previous", "--on-failure=restore"],
    &["--last"],
    &["daemonset/agent", "--previous", "--no-wait", "--reason=too slow"],
    &["statefulset", "-l", "app=db", "--previous", "--unstick"],
    &["statefulset/db", "--last"],
];

fn printed(room: &Furnished, args: &[&str]) -> Printed {
    // With the room's journal, which knows what --last without names means.
    let outcome = rollback_to(room, &[args, &["--print-rbac"]].concat()).run();
    assert_eq!(outcome.code, 0, "{outcome}");
    Printed::parse(&outcome.out)
}

fn is_well(outcome: &Outcome, user: &User<'_>, args: &[&str]) {
    assert_eq!(outcome.code, 0, "{args:?}\n{outcome}");
    // `--dry-run=client` asks the server for nothing.
    let by_client = |id: &Value| args.contains(&"--dry-run") && id == "template-not-checked";
    let report = outcome.report();
    let findings = report["findings"].as_array().into_iter().flatten();
    let unknown = findings
        .filter(|it| it["severity"] == "unknown" || it["id"] == "rights-limited")
        .filter(|it| !by_client(&it["id"]));
    assert_eq!(unknown.count(), 0, "{args:?}\n{outcome}");
    assert!(!outcome.err.contains("forbidden"), "{args:?}\n{outcome}");
    let refused = user.refused_since_start();
    assert_eq!(refused.len(), 0, "{args:?}: {refused:?}");
}

#[test]
fn the_roles_of_each_mode_are_enough() {
    let room = furnished();
    for (index, args) in READING.iter().chain(&WRITING).enumerate() {
        let printed = printed(&room, args);
        let user = somebody(&room, &format!("mode{index}"), &printed.here(), &printed.everywhere());
        is_well(&user.run(rollback, args).run(), &user, args);
    }
}

#[test]
fn without_one_of_its_rights_each_mode_names_it_and_changes_nothing() {
    let room = furnished();
    let mut runs = Vec::new();
    for args in READING.iter().chain(&WRITING).filter(|args| !args.contains(&"--last")) {
        let printed = printed(&room, args);
        for case in verbs(&printed.required()) {
            // Who may list all pods may list those of one namespace.
            let everywhere = if case.resource == "pods" { Vec::new() } else { printed.everywhere() };
            let user = somebody(
                &room,
                &format!("less{}", runs.len()),
                &case.taken_from(&printed.here()),
                &everywhere,
            );
            let running = user.run(rollback, args).spawn();
            runs.push((args, case, user, running));
        }
    }
    assert_eq!(runs.len(), 67, "the modes need other rights than they did");
    for (args, case, user, running) in runs {
        let outcome = running.finish();
        assert_eq!(outcome.code, 3, "{args:?} without {case:?}\n{outcome}");
        let group = if case.group.is_empty() { String::new() } else { format!(".{}", case.group) };
        let named = format!("{} {}{group}", case.verb, case.resource);
        assert!(outcome.err.contains(&named), "{args:?}: {named} is not named\n{outcome}");
        let flat = outcome.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(&format!("in namespace {}", room.namespace())),
            "{args:?} without {named}: no namespace\n{outcome}"
        );
        let changed: Vec<String> =
            user.writes_since_start().into_iter().filter(|line| !line.contains("dry run")).collect();
        assert_eq!(changed.len(), 0, "{args:?} without {named}: {changed:?}");
    }
    for (kind, name) in KINDS {
        assert_eq!(room.image(kind, name), app(2));
    }
}

/// The reports of these two have no findings.
#[test]
fn history_and_status_warn_of_events_that_may_not_be_read() {
    let room = furnished();
    let printed = printed(&room, READING[0]);
    let user = somebody(&room, "no-events", &printed.required(), &[]);
    for mode in ["--history", "--status"] {
        let outcome = user.run(rollback, &["deployment/web", mode]).run();
        assert_eq!(outcome.code, 0, "{outcome}");
        let err = outcome.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["cannot list resource \"events\"", room.namespace(), "known less exactly"] {
            assert!(err.contains(part), "{mode}: no {part}\n{outcome}");
        }
    }
}
