//! Whether anything serves while a workload heals.

use super::*;

/// Of one replica nothing serves until another one is ready; of three two do.
#[test]
fn an_outage_is_a_loss_after_which_nothing_serves() {
    let one = healthy().without("Pod/web-b").without("Pod/web-c").edit("Deployment/web", json!({"spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1}}));
    let outages = |world: &World| matrix_of(world, "deployment/web").cells().map(|(_, cell)| cell.outage);
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(outages(&one), [yes; 5]);
    assert_eq!(outages(&healthy()), [no; 5]);
    let two_on_a_node = healthy().without("Pod/web-c").edit("Pod/web-b", json!({"spec": {"nodeName": "n1"}}));
    assert_eq!(outages(&two_on_a_node), [no, no, yes, yes, no], "its budget lets one go at a time");
    let unlimited = two_on_a_node.without("PodDisruptionBudget/web");
    assert_eq!(outages(&unlimited), [no, no, yes, yes, yes]);
    let blocked = one.edit(
        "PodDisruptionBudget/web",
        json!({"spec": {"maxUnavailable": 0}, "status": {"disruptionsAllowed": 0, "desiredHealthy": 1}}),
    );
    assert_eq!(outages(&blocked), [yes, yes, yes, yes, None], "what does not heal is no outage that ends");
}

/// Three ready pods of one node: a drain waits for the replacement of what a budget does not let go.
#[test]
fn a_budget_keeps_some_serving_while_a_drain_goes_on() {
    let on_one_node = || healthy().edit_all("Pod", json!({"spec": {"nodeName": "n1"}}));
    let status = |status: Value| on_one_node().edit("PodDisruptionBudget/web", json!({"status": status}));
    let allows = |allowed: i64| status(json!({"disruptionsAllowed": allowed, "desiredHealthy": 3 - allowed}));
    let of_two_pods = json!({"spec": {"selector": {"matchLabels": {"tier": "b"}}}});
    let tier = json!({"metadata": {"labels": {"tier": "b"}}});
    let of_some = || {
        let world = on_one_node().edit("PodDisruptionBudget/web", of_two_pods.clone());
        world.edit("Pod/web-a", tier.clone()).edit("Pod/web-b", tier.clone())
    };
    let db =
        on_one_node().with_all(stateful_set("db", 2)).edit("Pod/db-1", json!({"spec": {"nodeName": "n1"}}));
    let of_db = crate::checks::testing::budget(
        "db",
        json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}),
    );
    for (name, world, of, expected, part) in [
        (
            "one at a time",
            allows(1),
            "deployment/web",
            Some(false),
            "at least 2 of 3 ready pods serve meanwhile",
        ),
        ("two", allows(2), "deployment/web", Some(false), "at least 1 of 3 ready pods serves meanwhile"),
        ("all", allows(3), "deployment/web", Some(true), "an outage"),
        (
            "no budget",
            on_one_node().without("PodDisruptionBudget/web"),
            "deployment/web",
            Some(true),
            "an outage",
        ),
        (
            "two of them",
            of_some(),
            "deployment/web",
            Some(false),
            "at least 1 of 3 ready pods serves meanwhile",
        ),
        (
            "one of two",
            db.clone().with(of_db),
            "statefulset/db",
            Some(false),
            "at least 1 of 2 ready pods serves meanwhile",
        ),
        ("two of two", db, "statefulset/db", Some(true), "an outage"),
    ] {
        let cell = matrix_of(&world, of).drain;
        assert_eq!(cell.outage, expected, "{name}: {}", cell.reason);
        assert!(cell.reason.contains(part), "{name}: {}", cell.reason);
    }
}
