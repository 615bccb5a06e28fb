//! Fields that others apply: who has them afterwards, and what their next apply does.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{KINDS, app, back, expect_finding, expect_no_finding, two_templates};
use crate::plugin::{rollback, rollback_to};

fn applied(room: &Room<'_>, name: &str, version: usize) -> Value {
    room.manifest("Deployment", name, |object| {
        object["spec"]["replicas"] = json!(1);
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(app(version));
    })
}

/// As Helm 4 does: its next upgrade conflicts with whoever took a field over in between.
#[test]
fn fields_of_a_server_side_apply_move_unless_ownership_is_kept() {
    let room = shared().room(1);
    for name in ["moved", "kept"] {
        for version in [1, 2] {
            room.apply_as("helm", &applied(&room, name, version), false).unwrap();
            room.observed("Deployment", name);
        }
    }
    let outcome = back(&room, "moved", &[]);
    outcome.expect("done", 0);
    let found =
        expect_finding(&outcome, "ownership-moves", "warning", "takes ownership of fields applied by helm: ");
    let message = found["message"].as_str().unwrap_or_default();
    assert!(message.contains("image") && message.contains("the next helm upgrade conflicts"), "{message}");
    let conflict = room.apply_as("helm", &applied(&room, "moved", 3), false).unwrap_err();
    assert_eq!(conflict.code, 409, "{conflict}");
    assert!(conflict.to_string().contains("kubectl-rollback-to"), "{conflict}");

    let outcome = back(&room, "kept", &["--keep-ownership"]);
    outcome.expect("done", 0);
    expect_finding(&outcome, "ownership-moves", "info", "--keep-ownership returns them");
    assert_eq!(room.image("Deployment", "kept"), app(1));
    room.apply_as("helm", &applied(&room, "kept", 3), false).unwrap();
    assert_eq!(room.image("Deployment", "kept"), app(3));

    // Whoever writes under Helm's name meets no conflict either, and takes nothing over.
    room.observed("Deployment", "kept");
    let outcome = back(&room, "kept", &["--field-manager=helm", "--dry-run=server"]);
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn without_managed_fields_it_is_not_known_what_is_taken_over() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    let stripped = json!({"metadata": {"managedFields": [{}]}});
    room.rolled_out("Deployment", "web");
    room.cluster().merge(&room.path_of("Deployment", "web"), &stripped);
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    expect_finding(&outcome, "ownership-not-checked", "unknown", "has no managedFields");
    expect_no_finding(&outcome, &["ownership-moves"]);
}

/// kubernetes/kubernetes#112911: apply v1, apply v2 without a variable, roll back, apply v2 again.
#[test]
fn what_comes_back_stays_at_the_next_apply_unless_last_applied_is_rolled_back_too() {
    let room = shared().room(1);
    for kind in KINDS {
        for (name, more) in [("stale", &[][..]), ("synced", &["--sync-last-applied"][..])] {
            let manifest = |version: usize, env: &[&str]| {
                let env: Vec<Value> = env.iter().map(|it| json!({"name": it, "value": "1"})).collect();
                room.manifest(kind, name, |object| {
                    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
                    container["image"] = json!(app(version));
                    container["env"] = json!(env);
                })
            };
            let second = manifest(2, &["KEPT"]);
            room.kubectl_apply(&manifest(1, &["KEPT", "DEBUG"]));
            room.observed(kind, name);
            room.kubectl_apply(&second);
            room.observed(kind, name);
            let word = format!("{}/{name}", kind.to_lowercase());
            let args = [&[word.as_str(), "--previous"], more].concat();
            let outcome = rollback(&room, &args).run();
            outcome.expect("done", 0);
            let env = || {
                let env = room.template(kind, name)["spec"]["containers"][0]["env"].take();
                env.as_array().map(Vec::len).unwrap_or_default()
            };
            assert_eq!(env(), 2, "{outcome}");
            if more.is_empty() {
                let found = expect_finding(&outcome, "last-applied-stale", "warning", "env[DEBUG]");
                assert!(found["remedy"].as_str().is_some_and(|it| it.contains("--sync-last-applied")));
            } else {
                expect_no_finding(&outcome, &["last-applied-stale"]);
            }
            room.kubectl_apply(&second);
            assert_eq!(room.image(kind, name), app(2), "{kind}");
            // The very thing: with a stale memory the variable survives every apply.
            assert_eq!(env(), if more.is_empty() { 2 } else { 1 }, "{kind} {name}");
        }
    }
    // Where nothing was ever applied there is nothing to roll back with it.
    two_templates(&room, "edited", |_| ());
    let outcome =
        rollback_to(&room, &["deployment/edited", "--previous", "--sync-last-applied", "--yes"]).run();
    assert_eq!(outcome.code, 0, "{outcome}");
    let annotations = room.workload("Deployment", "edited")["metadata"]["annotations"].take();
    assert!(annotations["kubectl.kubernetes.io/last-applied-configuration"].is_null(), "{annotations:#}");
}
