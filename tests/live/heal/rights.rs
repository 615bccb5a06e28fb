//! The printed role is enough, without a part of it nothing is green, and nothing is ever written.

use ::testbed::{Room, shared};
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

/// The Role that is printed for a namespace is enough to check it, and with the others nothing is unchecked.
#[test]
fn the_printed_role_of_a_namespace_checks_it() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let printed = Printed::of("heal-check", &["-n", room.namespace()]);
    let user = User::new(&room, "tenant", &[marker()]);
    bind(&room, &user, &printed.here());
    let outcome = user.run(heal_check, &["-o", "json"]).run();
    outcome.expect("incomplete", 5);
    assert_eq!(verdicts(&outcome, "Deployment", "web"), "heals unknown unknown unknown unknown", "{outcome}");
    let left = unchecked(&outcome);
    assert!(!left.iter().any(|it| it == "HC201" || it == "HC301" || it == "HC601"), "{outcome}");
    assert!(!user.refused_since_start().iter().any(|it| it.contains("/pods/")), "{outcome}");
    let both = [&[marker()], &printed.here()[..], &printed.everywhere()[..]].concat();
    let user = User::new(&room, "both", &both);
    let outcome = user.run(heal_check, &["-o", "json"]).run();
    assert_eq!(unchecked(&outcome), [""; 0], "{outcome}");
    assert_eq!(user.refused_since_start(), [""; 0]);
}

/// What is printed for a run that asks less is enough for it.
#[test]
fn the_role_of_a_run_that_asks_less_is_enough_for_it() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    for (name, flags) in
        [("now", &["--now"][..]), ("posture", &["--posture"]), ("less", &["--ignore", "HC804,HC501"])]
    {
        let printed = Printed::of("heal-check", &[flags, &["-A"]].concat()).all();
        assert!(
            printed.len() < Printed::of("heal-check", &["-A"]).all().len() || name == "posture",
            "{flags:?}"
        );
        let user = User::new(&room, name, &[&[marker()], &printed[..]].concat());
        let outcome = user.run(heal_check, &[flags, &["-o", "json"]].concat()).run();
        assert_eq!(unchecked(&outcome), [""; 0], "{flags:?}: {outcome}");
        assert_eq!(user.refused_since_start(), [""; 0], "{flags:?}");
    }
}

fn bind(room: &Room<'static>, user: &User<'_>, rules: &[serde_json::Value]) {
    let at =
        |kind: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{kind}", room.namespace());
    shared().create(&at("roles"), &json!({"metadata": {"name": "tenant"}, "rules": rules}));
    shared().create(
        &at("rolebindings"),
        &json!({"metadata": {"name": "tenant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.name}]}),
    );
    user.may("list", "pods", Some(room.namespace()));
}

/// With rights to one namespace the workloads are checked, and where their pods can go is unknown.
#[test]
fn rights_to_one_namespace_leave_placement_unknown() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let user = User::new(&room, "tenant", &[marker()]);
    let resources: Vec<_> = Printed::of("heal-check", &["-A"])
        .all()
        .into_iter()
        .filter(|rule| rule["resources"] != json!(["nodes"]))
        .collect();
    bind(&room, &user, &resources);
    let outcome = user.run(heal_check, &["-o", "json"]).run();
    assert_eq!(outcome.code, 5, "{outcome}");
    assert_eq!(verdicts(&outcome, "Deployment", "web"), "heals unknown unknown unknown unknown", "{outcome}");
    let unchecked = unchecked(&outcome);
    assert!(
        unchecked.iter().any(|it| it == "placement") && !unchecked.iter().any(|it| it == "HC201"),
        "{outcome}"
    );
}
