//! Fixes of which not all is proven.

use serde_json::json;

use super::*;

#[test]
fn what_is_not_proven_is_partial_and_says_why() {
    let cramped =
        small_nodes(on(["n1", "n1", "n1"])).edit("Node/n3", json!({"spec": {"unschedulable": true}}));
    let mut blind = on(["n1", "n1", "n1"]).gathered();
    blind.scheduling = Known::Unknown("forbidden".to_owned());
    let snapshot = on(["n1", "n1", "n1"]).snapshot();
    let (now, _) = checks::run(&snapshot, |_| true);
    let finding = now.iter().find(|it| it.id == "HC401").unwrap();
    let options = fail_on(Severity::Error);
    let fix = Workbench::new(blind, Selection::All, false, &options).fix(finding, &snapshot).unwrap();
    assert!(!fix.proof.fits && fix.partial.unwrap().contains("not known: forbidden"));
    let fix = offered(&cramped, "HC401").unwrap();
    assert!(!fix.proof.fits && fix.proof.resolved, "{fix:?}");
    assert!(fix.partial.unwrap().contains("find a place"));
    // Two further nodes that are full: the constraint alone is no harm, but it does not help either.
    let worse = on(["n1", "n1", "n1"]).with(budget("again", json!({"maxUnavailable": 1})));
    assert!(offered(&worse, "HC401").unwrap().partial.is_none(), "what was wrong before is not worse");
}

/// The model of the scheduler places the pods, and still it would not come about, or do harm.
#[test]
fn what_stands_in_the_way_makes_a_fix_partial() {
    let forever = |world: World| {
        let spec = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
        let world = world.edit("Deployment/web", json!({"spec": {"template": spec}}));
        ["a", "b", "c"].iter().fold(world, |world, pod| world.edit(&format!("Pod/web-{pod}"), spec.clone()))
    };
    let missing = container(json!({"envFrom": [{"configMapRef": {"name": "none"}}]}));
    let of_job = json!({"metadata": {"ownerReferences": [owner("batch/v1", "Job", "hook")]}});
    let going =
        json!({"kind": "Namespace", "metadata": {"name": "shop"}, "status": {"phase": "Terminating"}});
    let no_budget = || healthy().without("PodDisruptionBudget/web");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "shop", "name": "q"},
        "spec": {"hard": {"pods": "9"}}, "status": {"hard": {"pods": "9"}, "used": {"pods": "3"}}});
    let alone = healthy()
        .without("Pod/web-b")
        .without("Pod/web-c")
        .edit("Deployment/web", json!({"spec": {"replicas": 1}}));
    let other = deployment("api", 0);
    let other = no_budget()
        .with(other)
        .edit("Deployment/api", json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}}}}));
    let cases = [
        ("HC409", forever(missing), "may not be admitted or not start (HC501)"),
        (
            "HC409",
            forever(healthy()).edit("Pod/web-a", not_ready()),
            "deployment/web is not ready now: its update may not go on",
        ),
        (
            "HC409",
            forever(healthy()).edit("Pod/web-a", not_ready()),
            "it would bring about HC704 of deployment/web (error)",
        ),
        (
            "HC409",
            forever(healthy()).unknown(Read::Quotas),
            "whether its new pods are admitted is not known (HC502)",
        ),
        (
            "HC409",
            forever(healthy()).edit(
                "Deployment/web",
                json!({"metadata": {"ownerReferences": [owner("example.io/v1", "Thing", "x")]}}),
            ),
            "deployment/web belongs to Thing x, which may change it back",
        ),
        ("HC409", forever(healthy()).with(going), "may not be admitted or not start (HC505)"),
        ("HC203", no_budget().edit("Pod/web-a", not_ready()), "until it is, the budget allows no eviction"),
        (
            "HC203",
            no_budget().with(pod("hook", "web", "n1")).edit("Pod/hook", of_job),
            "cannot count maxUnavailable",
        ),
        ("HC203", other, "with a budget of its own"),
        ("HC201", alone.with(quota), "whether quota q has room"),
    ];
    for (id, world, part) in cases {
        let fix = offered(&world, id).unwrap_or_else(|why| panic!("{id}: nothing is offered: {why}"));
        let why = fix.partial.unwrap_or_else(|| panic!("{id}, {part}: it is proven"));
        assert!(why.contains(part), "{id}, {part}: {why}");
    }
}

/// A template is no more than what the next pods are made from.
#[test]
fn pods_that_stay_as_they_are_or_cannot_be_replaced_are_told() {
    let hook = || json!({"lifecycle": {"preStop": {"sleep": {"seconds": 40}}}});
    let mut orphan = deployment("old", 2);
    cluster_model::build::merge(&mut orphan, json!({"kind": "ReplicaSet", "metadata": {"uid": "rs-old"}}));
    orphan["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = hook()["lifecycle"].clone();
    let by_hand = healthy().with_all(stateful_set("db", 2)).edit(
        "StatefulSet/db",
        json!({"spec": {
        "updateStrategy": {"type": "OnDelete"}, "template": {"spec": {"terminationGracePeriodSeconds": 0}}}}),
    );
    let with_partition = healthy().with_all(stateful_set("db", 3)).edit(
        "StatefulSet/db",
        json!({"spec": {
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "template": {"spec": {"terminationGracePeriodSeconds": 0}}}}),
    );
    let small = json!({"status": {"allocatable": {"cpu": "500m"}}});
    let wide = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 10, "containers": [{"name": "main", "image": "shop:1",
        "resources": {"requests": {"cpu": "600m", "memory": "1Mi"}}, "lifecycle": hook()["lifecycle"], "livenessProbe": {"exec": {"command": ["a"]}}, "readinessProbe": {"exec": {"command": ["b"]}}}]}}}});
    for (id, world, part) in [
        ("HC308", healthy().with(orphan), "a ReplicaSet does not update its pods"),
        (
            "HC308",
            container(hook()).edit("Deployment/web", json!({"spec": {"paused": true}})),
            "it is paused",
        ),
        ("HC309", by_hand, "OnDelete"),
        ("HC309", with_partition, "its update strategy has a partition"),
        ("HC308", healthy().edit("Deployment/web", wide).edit_all("Node", small), "before it stops one"),
    ] {
        let fix = offered(&world, id).unwrap();
        assert!(fix.partial.as_ref().is_some_and(|it| it.contains(part)), "{part}: {fix:?}");
        assert!(!fix.proof.resolved || !fix.proof.fits, "{fix:?}");
    }
}
