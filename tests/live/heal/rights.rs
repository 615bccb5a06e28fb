//! The printed role is enough, without a part of it nothing is green, and nothing is ever written.

use ::testbed::shared;
use serde_json::json;

use super::{leases, unchecked, verdicts};
use crate::plugin::heal_check;
use crate::rbac::{Printed, User, marker, without};

#[test]
fn the_printed_role_is_enough_and_nothing_is_written() {
    leases();
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let user =
        User::new(&room, "reader", &[&[marker()], &Printed::of("heal-check", &["-A"]).all()[..]].concat());
    let outcome = user.run(heal_check, &["-o", "json"]).run();
    assert_eq!(unchecked(&outcome), [""; 0], "{outcome}");
    assert_eq!(user.refused_since_start(), [""; 0]);
    assert_eq!(user.writes_since_start(), [""; 0]);
}

/// The default role has no right to Secrets, and needs none.
#[test]
fn secrets_are_listed_only_on_demand() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let of = |args: &[&str]| Printed::of("heal-check", args).all();
    let lists = |rules: &[serde_json::Value]| {
        rules.iter().any(|rule| rule["resources"].to_string().contains("secrets"))
    };
    assert!(!lists(&of(&["-A"])));
    let rules = of(&["-A", "--secrets"]);
    assert!(lists(&rules));
    let user = User::new(&room, "keeper", &[&[marker()], &rules[..]].concat());
    let outcome = user.run(heal_check, &["--secrets", "-o", "json"]).run();
    assert_eq!(unchecked(&outcome), [""; 0], "{outcome}");
    assert_eq!(user.refused_since_start(), [""; 0]);
    assert_eq!(user.writes_since_start(), [""; 0]);
}

#[test]
fn without_a_right_the_checks_that_need_it_are_unchecked() {
    leases();
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let all = Printed::of("heal-check", &["-A"]).all();
    for (group, resource, id, cells) in [
        ("policy", "poddisruptionbudgets", "HC203", "unknown"),
        ("", "nodes", "placement", "unknown"),
        ("autoscaling", "horizontalpodautoscalers", "HC201", ""),
    ] {
        let less = without(&all, group, resource, "list");
        let user = User::new(&room, resource, &[&[marker()], &less[..]].concat());
        let outcome = user.run(heal_check, &["deploy/web", "-o", "json"]).run();
        outcome.expect("incomplete", 5);
        assert!(unchecked(&outcome).iter().any(|it| it == id), "{resource}: {outcome}");
        assert!(outcome.out.contains(&format!("list {resource}")), "{resource}: {outcome}");
        assert!(verdicts(&outcome, "Deployment", "web").ends_with(cells), "{resource}: {outcome}");
    }
}

/// With rights to one namespace the workloads are checked, and where their pods can go is unknown.
#[test]
fn rights_to_one_namespace_leave_placement_unknown() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let user = User::new(&room, "tenant", &[marker()]);
    let binding =
        |kind: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{kind}", room.namespace());
    let resources: Vec<_> = Printed::of("heal-check", &["-A"])
        .all()
        .into_iter()
        .filter(|rule| rule["resources"] != json!(["nodes"]))
        .collect();
    shared().create(&binding("roles"), &json!({"metadata": {"name": "tenant"}, "rules": resources}));
    shared().create(
        &binding("rolebindings"),
        &json!({"metadata": {"name": "tenant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.name}]}),
    );
    user.may("list", "pods", Some(room.namespace()));
    let outcome = user.run(heal_check, &["-o", "json"]).run();
    assert_eq!(outcome.code, 5, "{outcome}");
    assert_eq!(verdicts(&outcome, "Deployment", "web"), "heals unknown unknown unknown unknown", "{outcome}");
    let unchecked = unchecked(&outcome);
    assert!(
        unchecked.iter().any(|it| it == "placement") && !unchecked.iter().any(|it| it == "HC201"),
        "{outcome}"
    );
}
