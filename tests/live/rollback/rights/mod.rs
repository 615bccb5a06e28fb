//! The published roles: enough, and not too much; and what is reported when one of their verbs is missing.

mod modes;
mod scene;

use ::testbed::shared;
use serde_json::{Value, json};

use crate::plugin::{Outcome, rollback, text};
use crate::rbac::{User, Verb, verbs, without};
use scene::{
    KINDS, app, furnished, is_apart, is_for_volumes, is_of_owner, only_writes, published, reported_by,
    required, somebody,
};

/// All three, and one without pods whose template needs one of everything.
const ALL: [&str; 5] =
    ["deployment/web", "statefulset/db", "daemonset/agent", "deployment/needy", "--previous"];

#[test]
fn the_published_roles_are_enough_and_leave_nothing_unknown() {
    let room = furnished();
    let (here, everywhere) = published();
    let user = somebody(&room, "whole", &here, &everywhere);
    // There and back again, and with all that it can record.
    for more in [&[][..], &["--reason=too slow", "--unstick"]] {
        let outcome = user.run(rollback, &[&ALL[..], more].concat()).run();
        outcome.expect("done", 0);
        let report = outcome.report();
        let findings = report["findings"].as_array().into_iter().flatten();
        let findings =
            findings.filter(|it| it["severity"] == "unknown" || text(it, "id").starts_with("rights-"));
        assert_eq!(findings.count(), 0, "{outcome}");
    }
    user.run(rollback, &["--last"]).run().expect("done", 0);
    let refused = user.refused_since_start();
    assert_eq!(refused.len(), 0, "{refused:?}");
}

#[test]
fn with_the_required_part_of_the_role_it_works_and_reports_what_was_not_checked() {
    let room = furnished();
    let user = somebody(&room, "bare", &required(), &[]);
    let outcome = user.run(rollback, &ALL).run();
    outcome.expect("done", 0);
    let found = outcome.findings();
    for id in
        ["admission-not-checked", "capacity-not-checked", "reference-not-checked", "surroundings-not-checked"]
    {
        assert!(found.iter().any(|it| it == id), "{id}\n{outcome}");
    }
    assert!(found.iter().any(|it| it == "rights-limited"), "{outcome}");
    for (kind, name) in KINDS {
        assert_eq!(room.image(kind, name), app(1), "{outcome}");
    }
}

/// Every verb of the required part in turn.
#[test]
fn each_missing_right_is_named_with_its_rule_and_nothing_is_changed() {
    let room = furnished();
    let (here, everywhere) = published();
    let cases = verbs(&required());
    assert_eq!(cases.len(), 18, "the required part changed: {cases:?}");
    let runs: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(index, case)| {
            let fewer = case.taken_from(&here);
            // Who may list all pods may list those of one namespace.
            let everywhere = if case.resource == "pods" { &[] } else { &everywhere[..] };
            let user = somebody(&room, &format!("lacks{index}"), &fewer, everywhere);
            let running = user.run(rollback, &ALL).spawn();
            (case, user, running)
        })
        .collect();
    for (case, user, running) in runs {
        let outcome = running.finish();
        outcome.expect("refused", 3);
        let flat = outcome.err.replace('\n', " ");
        assert!(flat.contains(&format!("{} {}", case.verb, case.resource)), "{case:?}\n{outcome}");
        for part in [
            format!("apiGroups: [\"{}\"]", case.group),
            format!("resources: [\"{}\"]", case.resource),
            format!("verbs: [\"{}\"]", case.verb),
        ] {
            assert!(flat.contains(&part), "{case:?}: no {part}\n{outcome}");
        }
        let changed: Vec<String> =
            user.writes_since_start().into_iter().filter(|line| !line.contains("dry run")).collect();
        assert_eq!(changed.len(), 0, "{case:?}: {changed:?}");
    }
    for (kind, name) in KINDS {
        assert_eq!(room.image(kind, name), app(2));
    }
}

/// Every verb that is needed only to show or predict more: without it, the report names what was not checked, and the missing right.
#[test]
fn each_missing_read_permission_is_reported_as_what_could_not_be_checked() {
    let room = furnished();
    let (here, everywhere) = published();
    let needed = verbs(&required());
    let optional: Vec<Verb> =
        verbs(&here).into_iter().filter(|it| !needed.contains(it) && !is_apart(it)).collect();
    let around: Vec<Verb> =
        verbs(&everywhere).into_iter().filter(|it| !is_of_owner(it) && !is_for_volumes(it)).collect();
    assert_eq!((optional.len(), around.len()), (13, 5), "{optional:?} {around:?}");
    let runs: Vec<_> = optional
        .iter()
        .map(|case| (case, case.taken_from(&here), everywhere.clone()))
        .chain(around.iter().map(|case| (case, here.clone(), case.taken_from(&everywhere))))
        .enumerate()
        .map(|(index, (case, here, everywhere))| {
            let user = somebody(&room, &format!("blind{index}"), &here, &everywhere);
            let running = user.run(rollback, &[&ALL[..], &["--dry-run=server"]].concat()).spawn();
            (case, user, running)
        })
        .collect();
    for (case, _user, running) in runs {
        let outcome = running.finish();
        outcome.expect("planned", 0);
        let (id, severity) = reported_by(case);
        let report = outcome.report();
        let is_reported = report["findings"].as_array().into_iter().flatten().any(|it| {
            it["id"] == id && it["severity"] == severity && format!("{it}").contains(&case.resource)
        });
        assert!(is_reported, "{case:?}: no {id} that names it\n{outcome}");
    }
}

/// What only shows or records more while it runs does not keep it from running.
#[test]
fn each_missing_right_to_record_and_to_watch_is_reported_and_does_not_stop_it() {
    let room = furnished();
    let (here, everywhere) = published();
    let cases: Vec<Verb> = verbs(&here).into_iter().filter(only_writes).collect();
    assert_eq!(cases.len(), 5, "{cases:?}");
    for (index, case) in cases.iter().enumerate() {
        let user = somebody(&room, &format!("mute{index}"), &case.taken_from(&here), &everywhere);
        let outcome = user.run(rollback, &[&ALL[..], &["--reason=because"]].concat()).run();
        outcome.expect("done", 0);
        let report = outcome.report();
        let subject = format!("{} {}", case.verb, case.resource);
        let finding = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|it| it["id"] == "rights-limited" && text(it, "subject").starts_with(&subject));
        let finding = finding.unwrap_or_else(|| panic!("{case:?}\n{outcome}"));
        assert!(text(finding, "remedy").contains(&format!("verbs: [\"{}\"]", case.verb)), "{finding:#}");
    }
}

/// Rights that only a flag needs are checked only with that flag.
#[test]
fn the_rights_for_unstick_are_checked_only_with_the_flag() {
    let room = furnished();
    let (mut here, everywhere) = published();
    for verb in ["get", "delete"] {
        here = without(&here, "", "pods", verb);
    }
    let user = somebody(&room, "gentle", &here, &everywhere);
    let args = ["statefulset/db", "--previous"];
    let outcome = user.run(rollback, &[&args[..], &["--unstick"]].concat()).run();
    outcome.expect("refused", 3);
    assert!(text(&outcome.finding("rights-missing"), "subject").starts_with("delete pods"), "{outcome}");
    let changed = user.writes_since_start();
    assert!(changed.iter().all(|line| line.contains("dry run")), "{changed:?}");
    user.run(rollback, &args).run().expect("done", 0);
}

/// If owners cannot be read, it is unknown whether they revert the rollback, and that is reported.
#[test]
fn owners_that_may_not_be_read_are_named_as_such() {
    let room = furnished();
    shared().install_gitops_crds();
    let id = room.namespace();
    let tracked =
        json!({"annotations": {"argocd.argoproj.io/tracking-id": format!("shop:apps/Deployment:{id}/web")}});
    let flux = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}});
    let helm = json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}});
    // Charts write this label as well, so only Argo CD's own objects are proof.
    // By a name that no other test has.
    let perhaps = json!({"labels": {"app.kubernetes.io/instance": id}});
    for (kind, name, metadata) in [
        ("Deployment", "web", tracked),
        ("StatefulSet", "db", flux),
        ("DaemonSet", "agent", helm),
        ("Deployment", "needy", perhaps),
    ] {
        room.cluster().merge(&room.path_of(kind, name), &json!({"metadata": metadata}));
    }
    let ask = |user: &User<'_>| {
        let outcome = user.run(rollback, &[&ALL[..], &["--dry-run=server"]].concat()).run();
        outcome.expect("planned", 0);
        let all = outcome.report()["findings"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|it| text(it, "id").starts_with("owner-")).collect::<Vec<Value>>()
    };
    let (here, everywhere) = published();
    let without_owners = |rules: &[Value]| {
        verbs(rules).iter().filter(|it| is_of_owner(it)).fold(rules.to_vec(), |left, it| it.taken_from(&left))
    };
    let outsider = somebody(&room, "outsider", &without_owners(&here), &without_owners(&everywhere));
    let findings = ask(&outsider);
    let unread = findings.iter().filter(|it| text(it, "message").contains("forbidden"));
    let mut unread: Vec<(&str, &str)> = unread.map(|it| (text(it, "subject"), text(it, "id"))).collect();
    unread.sort_unstable();
    let expected = [
        ("daemonset/agent", "owner-may-revert"),
        ("deployment/needy", "owner-not-checked"),
        ("deployment/web", "owner-may-revert"),
        ("statefulset/db", "owner-may-revert"),
    ];
    assert_eq!(unread, expected, "{findings:#?}");
    let findings = ask(&somebody(&room, "insider", &here, &everywhere));
    assert!(findings.iter().all(|it| !text(it, "message").contains("forbidden")), "{findings:#?}");
    assert_eq!(findings.len(), 3, "{findings:#?}");
}

#[test]
fn a_helm_release_is_named_without_the_right_to_read_it_but_not_its_revision() {
    let room = furnished();
    let helm = json!({"annotations": {"meta.helm.sh/release-name": "shop"}});
    room.cluster().merge(&room.path_of("Deployment", "web"), &json!({"metadata": helm}));
    let (here, everywhere) = published();
    let user = somebody(&room, "no-secrets", &without(&here, "", "secrets", "list"), &everywhere);
    let plan: Outcome = user.run(rollback, &["deployment/web", "--previous", "--dry-run=server"]).run();
    plan.expect("planned", 0);
    let found = plan.finding("owner-out-of-date");
    assert!(
        text(&found, "remedy").starts_with(&format!("helm history shop -n {}", room.namespace())),
        "{found:#}"
    );
}
