//! What keeps the next pod away although the pod that runs is well placed.

use super::*;
use crate::checks::testing::{budget, not_ready_since, template};
use cluster_model::limit_range;

/// Of a StatefulSet of two pods, each of a revision; the newest is `new`.
fn of_revisions(revisions: [&str; 2], strategy: Value) -> World {
    let world = healthy().with_all(stateful_set("db", 2)).edit(
        "StatefulSet/db",
        json!({"spec": {"updateStrategy": strategy}, "status": {"updateRevision": "new"}}),
    );
    revisions.iter().enumerate().fold(world, |world, (ordinal, revision)| {
        let labels = json!({"metadata": {"labels": {"controller-revision-hash": revision}}});
        world.edit(&format!("Pod/db-{ordinal}"), labels)
    })
}

#[test]
fn a_pod_of_an_earlier_template_says_nothing_of_the_next_one() {
    let pod_loss = |world: &World, name: &str| matrix_of(world, name).pod_loss.verdict;
    let on_delete = || json!({"type": "OnDelete"});
    let partition = |at: i64| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": at}});
    for (revisions, strategy, expected) in [
        (["new", "new"], on_delete(), Verdict::Heals),
        (["new", "old"], on_delete(), Verdict::Unknown),
        (["old", "old"], partition(2), Verdict::Heals),
        (["old", "old"], partition(1), Verdict::Unknown),
    ] {
        let world = of_revisions(revisions, strategy.clone());
        assert_eq!(pod_loss(&world, "statefulset/db"), expected, "{revisions:?} {strategy}");
    }

    let bare = bare_set();
    assert_eq!(pod_loss(&bare, "replicaset/bare"), Verdict::Heals);
    let elsewhere = json!({"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}});
    let matrix = matrix_of(&bare.edit("ReplicaSet/bare", elsewhere), "replicaset/bare");
    assert_eq!(
        [matrix.pod_loss.verdict, matrix.node_loss.verdict, matrix.drain.verdict],
        [Verdict::Unknown; 3]
    );
}

fn bare_set() -> World {
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "shop", "name": "bare", "uid": "ReplicaSet-bare"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "bare"}}, "template": template("bare")}});
    let mut own = pod("bare-1", "bare", "n1");
    own["metadata"]["ownerReferences"] = json!([owner("apps/v1", "ReplicaSet", "bare")]);
    healthy().with(set).with(own)
}

/// Its image, its environment or its probes: all that is known is that something was written.
#[test]
fn a_replica_set_may_have_another_template_by_now() {
    const BEFORE: &str = "2025-12-31T00:00:00Z";
    const SINCE: &str = "2026-01-01T12:00:00Z";
    let written = |generation: i64, subresource: &str, at: &str| {
        let entry =
            json!({"manager": "kubectl", "operation": "Update", "subresource": subresource, "time": at});
        let edit = json!({"metadata": {"generation": generation, "creationTimestamp": BEFORE, "managedFields": [entry]}});
        bare_set().edit("ReplicaSet/bare", edit)
    };
    let no_record = bare_set()
        .edit("ReplicaSet/bare", json!({"metadata": {"generation": 2, "creationTimestamp": BEFORE}}));
    for (name, world, expected) in [
        ("never changed", written(1, "", BEFORE), Verdict::Heals),
        ("written since", written(2, "", SINCE), Verdict::Unknown),
        ("written when it was made, and scaled", written(2, "", BEFORE), Verdict::Heals),
        ("not recorded", no_record, Verdict::Unknown),
    ] {
        let world =
            world.edit("Pod/bare-1", json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}));
        let cell = matrix_of(&world, "replicaset/bare").pod_loss;
        assert_eq!(cell.verdict, expected, "{name}: {}", cell.reason);
    }
    let scaled = written(2, "scale", SINCE);
    assert_eq!(
        matrix_of(&scaled, "replicaset/bare").pod_loss.verdict,
        Verdict::Unknown,
        "nothing else is recorded"
    );
}

#[test]
fn what_is_being_deleted_makes_no_more_pods() {
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T23:59:59Z", "finalizers": ["example.com/hold"]}});
    let db = healthy().with_all(stateful_set("db", 2));
    for (world, object, of, expected) in [
        (bare_set(), "ReplicaSet/bare", "replicaset/bare", "heals wont wont wont wont"),
        (db, "StatefulSet/db", "statefulset/db", "heals wont wont wont wont"),
        // Its ReplicaSet goes on.
        (healthy(), "Deployment/web", "deployment/web", "heals heals slow slow heals"),
    ] {
        assert_eq!(verdicts(&world.edit(object, going.clone()), of), expected, "{of}");
    }
}

/// From the first second: its pods are all there still.
#[test]
fn in_a_namespace_that_is_being_deleted_nothing_is_recreated() {
    let namespace = json!({"kind": "Namespace", "metadata": {"name": "shop", "deletionTimestamp": "2026-01-01T23:59:59Z"},
        "status": {"phase": "Terminating"}});
    let world = healthy().with(namespace);
    assert_eq!(verdicts(&world, "deployment/web"), "heals unknown unknown unknown unknown");
    let reason = matrix_of(&world, "deployment/web").pod_loss.reason;
    assert!(reason.contains("namespace/shop is being deleted, with 1 workload"), "{reason}");
    assert!(reason.ends_with("(HC505)"), "{reason}");
}

/// The gates of pods that run were removed.
#[test]
fn the_next_pod_of_a_template_with_scheduling_gates_waits_for_somebody() {
    let gates = json!({"spec": {"template": {"spec": {"schedulingGates": [{"name": "example.com/gate"}]}}}});
    let world = healthy().edit("Deployment/web", gates);
    assert_eq!(verdicts(&world, "deployment/web"), "heals unknown unknown unknown unknown");
    let reason = matrix_of(&world, "deployment/web").pod_loss.reason;
    assert!(reason.ends_with("its template has the scheduling gate example.com/gate"), "{reason}");
}

#[test]
fn what_admission_adds_by_now_makes_another_pod() {
    let range = |written: &str| {
        let mut range =
            limit_range::build("shop", json!({"type": "Container", "defaultRequest": {"cpu": "500"}}));
        range["metadata"]["managedFields"] =
            json!([{"manager": "kubectl", "operation": "Update", "time": written}]);
        range
    };
    let class = |spec: Value| {
        let mut class = spec;
        class["kind"] = json!("RuntimeClass");
        class["metadata"] = json!({"name": "vm", "managedFields": [{"manager": "kubectl", "operation": "Update", "time": "2026-01-01T23:00:00Z"}]});
        let uses = json!({"spec": {"template": {"spec": {"runtimeClassName": "vm"}}}});
        healthy().with(class).edit("Deployment/web", uses)
    };
    let older = |world: World| {
        world.edit_all("Pod", json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}))
    };
    for (name, world, expected) in [
        ("requests of a LimitRange since", healthy().with(range("2026-01-01T12:00:00Z")), Verdict::Unknown),
        ("of before", healthy().with(range("2025-12-31T00:00:00Z")), Verdict::Heals),
        ("a class with nothing", class(json!({"handler": "vm"})), Verdict::Heals),
        (
            "nodes of a class",
            class(json!({"scheduling": {"nodeSelector": {"no": "such"}}})),
            Verdict::Unknown,
        ),
        ("overhead of a class", class(json!({"overhead": {"podFixed": {"cpu": "500"}}})), Verdict::Unknown),
    ] {
        let cell = matrix_of(&older(world), "deployment/web").pod_loss;
        assert_eq!(cell.verdict, expected, "{name}: {}", cell.reason);
    }
}

/// Where a pod like the one that runs finds no place, one of the newer template may; what else keeps it away does so with any template.
#[test]
fn only_for_want_of_a_place_it_is_unknown_whether_a_newer_pod_comes() {
    let unplaceable = json!({"spec": {"nodeSelector": {"no": "such"}}});
    let blocks = budget("db", json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "db"}}}));
    for (revisions, expected) in [
        (["new", "new"], Verdict::Wont),
        (["old", "old"], Verdict::Unknown),
        (["new", "old"], Verdict::Unknown),
    ] {
        let world = of_revisions(revisions, json!({"type": "OnDelete"}));
        let world = world.edit("Pod/db-0", unplaceable.clone()).edit("Pod/db-1", unplaceable.clone());
        let matrix = matrix_of(&world, "statefulset/db");
        assert_eq!([matrix.pod_loss.verdict, matrix.drain.verdict], [expected; 2], "{revisions:?}");
        let blocked = world.with(blocks.clone());
        let blocked = blocked.edit("PodDisruptionBudget/db", json!({"status": {"disruptionsAllowed": 0}}));
        let drain = matrix_of(&blocked, "statefulset/db").drain;
        assert_eq!(drain.verdict, Verdict::Wont, "{revisions:?}: {}", drain.reason);
    }
}

#[test]
fn a_daemon_set_that_is_not_updated_everywhere() {
    let agent_on = |selector: Value, updated: i64| {
        let mut own = pod("agent-1", "agent", "n1");
        own["metadata"]["ownerReferences"] = json!([owner("apps/v1", "DaemonSet", "agent")]);
        own["spec"]["nodeSelector"] = selector;
        healthy().with(own).with(json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "DaemonSet-agent"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent")},
            "status": {"currentNumberScheduled": 1, "updatedNumberScheduled": updated}}))
    };
    let pod_loss = |world: World| matrix_of(&world, "daemonset/agent").pod_loss.verdict;
    let agent = |updated| agent_on(json!({}), updated);
    assert_eq!([pod_loss(agent(1)), pod_loss(agent(0))], [Verdict::Heals, Verdict::Unknown]);
    let nowhere = |updated| agent_on(json!({"no": "such"}), updated);
    assert_eq!([pod_loss(nowhere(1)), pod_loss(nowhere(0))], [Verdict::Wont, Verdict::Unknown]);
}

#[test]
fn the_next_pod_of_a_stateful_set_waits_for_others() {
    let db = || healthy().with_all(stateful_set("db", 2));
    let pod_loss = |world: World| matrix_of(&world, "statefulset/db").pod_loss;
    assert_eq!(pod_loss(db()).verdict, Verdict::Heals);
    let unready = |world: World| world.edit("Pod/db-0", not_ready_since("2026-01-01T23:59:50Z"));
    assert_eq!(pod_loss(unready(db())).verdict, Verdict::Unknown, "one of a lower ordinal");
    let parallel = json!({"spec": {"podManagementPolicy": "Parallel"}});
    assert_eq!(pod_loss(unready(db().edit("StatefulSet/db", parallel))).verdict, Verdict::Heals);
    let held = json!({"metadata": {"finalizers": ["example.com/wait"]}});
    let held = pod_loss(db().edit("Pod/db-1", held));
    assert!(held.verdict == Verdict::Unknown && held.reason.contains("finalizer"), "{}", held.reason);
}

/// One pod is ready, another one is not; both are replaced at once.
#[test]
fn of_equal_times_the_loss_after_which_nothing_serves_counts() {
    let starts_at_once = json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    let world = healthy()
        .without("Pod/web-c")
        .edit("Pod/web-b", starts_at_once)
        .edit("Pod/web-a", not_ready_since("2026-01-01T23:59:50Z"));
    let loss = matrix_of(&world, "deployment/web").pod_loss;
    assert_eq!((loss.eta_seconds, loss.outage), (Some(0), Some(true)), "{}", loss.reason);
}
