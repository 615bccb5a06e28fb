//! The matrix of small clusters: what is expected, and the one edit that changes it.

mod lost_nodes;
mod next_pod;
mod outage;
mod pinned;

use super::*;
use crate::checks::testing::{World, container, deployment, healthy, not_ready, owner, pod, stateful_set};
use crate::snapshot::Read;
use serde_json::{Value, json};

/// The five cells of a workload, as `heals heals slow slow heals`.
#[track_caller]
fn verdicts(world: &World, name: &str) -> String {
    matrix_of(world, name).cells().iter().map(|(_, cell)| word(cell)).collect::<Vec<_>>().join(" ")
}

fn word(cell: &Cell) -> &'static str {
    match cell.verdict {
        Verdict::None => "none",
        Verdict::Heals => "heals",
        Verdict::Slow => "slow",
        Verdict::Unknown => "unknown",
        Verdict::Wont => "wont",
    }
}

#[track_caller]
fn matrix_of(world: &World, name: &str) -> Matrix {
    let snapshot = world.snapshot();
    let found = matrices(&snapshot).into_iter().find(|(workload, _)| workload.subject.to_string() == name);
    found.unwrap_or_else(|| panic!("no row of {name}")).1
}

fn with_cpu(world: World, cpu: &str) -> World {
    world.edit_all(
        "Pod",
        json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]}}),
    )
}

#[test]
fn verdicts_of_the_five_cases() {
    let db = |n| healthy().with_all(stateful_set("db", n));
    let bare = || healthy().with(pod("tool", "tool", "n1"));
    let owned = |api_version: &str, kind: &str| {
        bare().edit("Pod/tool", json!({"metadata": {"ownerReferences": [owner(api_version, kind, "x")]}}))
    };
    let cordon = |world: World, node: &str| {
        world.edit(&format!("Node/{node}"), json!({"spec": {"unschedulable": true}}))
    };
    let zone_of = |world: World, node: &str, zone: Value| {
        world.edit(
            &format!("Node/{node}"),
            json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}),
        )
    };
    let budget = |status: Value| {
        healthy().edit("PodDisruptionBudget/web", json!({"spec": {"maxUnavailable": 0}, "status": status}))
    };
    let second = crate::checks::testing::budget("all", json!({"maxUnavailable": 1}));
    let never =
        json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}]);
    let claim =
        json!({"spec": {"volumes": [{"name": "d", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]}});
    let apart = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "topology.kubernetes.io/region", "labelSelector": {"matchLabels": {"app": "other"}}}]}}}});
    let rollout = || {
        let rollout = json!([owner("argoproj.io/v1alpha1", "Rollout", "web")]);
        let spec = deployment("web", 3)["spec"].clone();
        healthy()
            .without("Deployment/web")
            .edit("ReplicaSet/web-1", json!({"metadata": {"ownerReferences": rollout}, "spec": spec}))
    };
    let no_budgets = "heals heals slow slow unknown";
    let cases: [(&str, World, &str, &str); 34] = [
        ("healthy", healthy(), "deployment/web", "heals heals slow slow heals"),
        ("no room elsewhere", with_cpu(healthy(), "5"), "deployment/web", "heals heals wont wont wont"),
        ("room for one more", with_cpu(healthy(), "4"), "deployment/web", "heals heals slow slow heals"),
        ("the others are cordoned", cordon(cordon(healthy(), "n2"), "n3"), "deployment/web", "heals heals wont wont wont"),
        ("no other node", healthy().without("Node/n2").without("Node/n3").without("Pod/web-b").without("Pod/web-c"), "deployment/web", "heals heals wont none wont"),
        ("one zone", zone_of(zone_of(healthy(), "n2", json!("a")), "n3", json!("a")), "deployment/web", "heals heals slow none heals"),
        ("a node without a zone", zone_of(healthy(), "n2", json!(null)), "deployment/web", "heals heals slow unknown heals"),
        ("a node without a zone that is not for it", zone_of(healthy(), "n2", json!(null)).edit("Node/n2", json!({"spec": {"taints": [{"key": "gpu", "effect": "NoExecute"}]}})).without("Pod/web-b"), "deployment/web", "heals heals slow slow heals"),
        ("a ReplicaSet of an Argo Rollout", rollout(), "replicaset/web-1", "heals heals slow slow heals"),
        ("a budget that is none", healthy().edit("PodDisruptionBudget/web", json!({"spec": {"selector": "app=web"}})), "deployment/web", no_budgets),
        ("a StatefulSet", db(2), "statefulset/db", "heals heals wont wont heals"),
        ("a bare pod", bare(), "pod/tool", "heals wont wont wont wont"),
        ("an operator's pod", owned("example.com/v1", "Db"), "db/x", "heals unknown unknown unknown unknown"),
        ("an owner that is gone", owned("apps/v1", "ReplicaSet"), "replicaset/x", "unknown wont wont wont wont"),
        ("scaled to zero", healthy().edit("Deployment/web", json!({"spec": {"replicas": 0}})), "deployment/web", "none none none none none"),
        ("no pod", healthy().without("Pod/web-a").without("Pod/web-b").without("Pod/web-c"), "deployment/web", "unknown unknown unknown unknown unknown"),
        ("a budget that blocks", budget(json!({"disruptionsAllowed": 0, "desiredHealthy": 3})), "deployment/web", "heals heals slow slow wont"),
        ("a budget that is exhausted", healthy().edit("PodDisruptionBudget/web", json!({"status": {"disruptionsAllowed": 0, "currentHealthy": 2}})), "deployment/web", "heals heals slow slow wont"),
        ("a budget that is stale", healthy().edit("PodDisruptionBudget/web", json!({"metadata": {"generation": 2}})), "deployment/web", no_budgets),
        ("two budgets", healthy().with(second), "deployment/web", "heals heals slow slow wont"),
        ("two budgets, and pods that are Pending", healthy().with(crate::checks::testing::budget("all", json!({"maxUnavailable": 1}))).edit_all("Pod", json!({"status": {"phase": "Pending"}})), "deployment/web", "heals heals slow slow heals"),
        ("budgets are unknown", healthy().unknown(Read::Budgets), "deployment/web", no_budgets),
        ("tolerates the loss for ever", healthy().edit_all("Pod", json!({"spec": {"tolerations": never}})), "deployment/web", "heals heals wont wont heals"),
        ("volumes", healthy().edit("Pod/web-a", claim), "deployment/web", "heals unknown unknown unknown unknown"),
        ("anti-affinity to pods that are not there", healthy().edit("Pod/web-a", apart), "deployment/web", "heals heals slow slow heals"),
        ("the scheduler is dead", healthy().edit("Lease/kube-scheduler", json!({"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}})), "deployment/web", "heals wont wont wont wont"),
        ("an image that cannot be pulled", healthy().edit("Pod/web-a", not_ready()).edit("Pod/web-a", container(json!({"state": {"running": null, "waiting": {"reason": "ImagePullBackOff"}}}))), "deployment/web", "unknown unknown unknown unknown unknown"),
        ("a pod that is not Ready for long", healthy().edit("Pod/web-a", not_ready()), "deployment/web", "heals unknown unknown unknown unknown"),
        ("on a node that is down", healthy().edit("Pod/web-a", not_ready()).edit("Node/n1", json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})), "deployment/web", "heals heals slow slow heals"),
        ("a probe that cannot succeed", healthy().edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "livenessProbe": {"tcpSocket": {"port": "htp"}}}]}}}})), "deployment/web", "heals unknown unknown unknown unknown"),
        ("a pod of a StatefulSet that does not go", db(2).edit("Pod/db-0", json!({"metadata": {"deletionTimestamp": "2026-01-01T23:00:00Z"}})), "statefulset/db", "heals unknown wont wont unknown"),
        ("no pod has a node yet", healthy().edit_all("Pod", json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": null, "containerStatuses": null}})), "deployment/web", "unknown unknown unknown unknown unknown"),
        ("a crash loop", healthy().edit("Pod/web-a", container(json!({"state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}}))), "deployment/web", "wont unknown unknown unknown unknown"),
        ("a container that stays dead", healthy().edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "restartPolicy": "Never"}, {"name": "b"}]}}}})), "deployment/web", "wont heals slow slow heals"),
    ];
    all_of(&cases);
}

#[track_caller]
fn all_of(cases: &[(&str, World, &str, &str)]) {
    let wrong = |(name, world, of, expected): &(&str, World, &str, &str)| {
        let found = verdicts(world, of);
        (found != *expected).then(|| format!("{name}: {found}, expected {expected}"))
    };
    let wrong: Vec<String> = cases.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A required term of affinity or anti-affinity of all pods of web.
fn bound_to(world: World, kind: &str, key: &str, app: &str) -> World {
    let terms = json!([{"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}]);
    world.edit_all(
        "Pod",
        json!({"spec": {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}}),
    )
}

#[test]
fn what_serves_meanwhile_is_compared_with_the_budget() {
    let strict = json!({"spec": {"maxUnavailable": 0}, "status": {"desiredHealthy": 3}});
    let cell = matrix_of(&healthy().edit("PodDisruptionBudget/web", strict), "deployment/web").node_loss;
    assert!(
        cell.reason.ends_with("2 of 3 ready pods still serve, below the 3 that budget shop/web wants"),
        "{}",
        cell.reason
    );
}

#[test]
fn a_daemon_set_has_nothing_to_heal_elsewhere() {
    let agent = json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "DaemonSet-agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": crate::checks::testing::template("agent")}});
    let mut one = pod("agent-1", "agent", "n1");
    one["metadata"]["ownerReferences"] = json!([owner("apps/v1", "DaemonSet", "agent")]);
    let world = healthy().with(agent).with(one);
    assert_eq!(verdicts(&world, "daemonset/agent"), "heals heals none none none");
}

#[test]
fn times_are_detection_toleration_and_observed_start_up() {
    let matrix = matrix_of(&healthy(), "deployment/web");
    // 50 + 30 + 5 seconds.
    assert_eq!((matrix.node_loss.eta_seconds, matrix.pod_loss.eta_seconds), (Some(85), Some(5)));
    assert!(
        matrix.node_loss.reason.ends_with("2 of 3 ready pods still serve"),
        "{}",
        matrix.node_loss.reason
    );
    let earlier = healthy().edit_all("Node", json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.9", "architecture": "", "bootID": "",
        "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "", "systemUUID": ""}}}));
    assert_eq!(matrix_of(&earlier, "deployment/web").node_loss.eta_seconds, Some(75));
    // They were not Ready for a while, long after their start.
    let ready = json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T20:00:00Z"}]}});
    let flapped = healthy().edit("Pod/web-a", ready.clone()).edit("Pod/web-b", ready);
    assert_eq!(matrix_of(&flapped, "deployment/web").pod_loss.eta_seconds, Some(5));
    let restarted = container(json!({"ready": true, "restartCount": 1}));
    let unseen = healthy()
        .edit("Pod/web-a", restarted.clone())
        .edit("Pod/web-b", restarted.clone())
        .edit("Pod/web-c", restarted);
    let matrix = matrix_of(&unseen, "deployment/web");
    assert_eq!((matrix.pod_loss.eta_seconds, matrix.node_loss.eta_seconds), (None, None));
    assert_eq!((word(&matrix.pod_loss), word(&matrix.node_loss)), ("heals", "slow"));
}

#[test]
fn a_container_that_came_back_is_observed() {
    let came_back = container(
        json!({"ready": true, "restartCount": 1, "state": {"running": {"startedAt": "2026-01-01T10:00:04Z"}},
        "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T10:00:00Z"}}}),
    );
    let crash = matrix_of(&healthy().edit("Pod/web-a", came_back), "deployment/web").crash;
    assert_eq!((crash.evidence, crash.eta_seconds), (Evidence::Observed, Some(4)));
    assert_eq!(matrix_of(&healthy(), "deployment/web").crash.evidence, Evidence::Predicted);
}

/// The node that is worst counts: here the pods of n3 fit nowhere else.
/// What finds no place may be the pod of the other one.
#[test]
fn room_for_some_pods_of_several_workloads_is_not_a_refusal_of_each() {
    // Two pods are on n1, and of the other nodes only n2 has room, for one of them.
    let two_on_n1 = |world: World| {
        let world = world.without("Pod/web-b").without("Pod/web-c").without("Node/n3");
        with_cpu(world.edit("Node/n1", json!({"status": {"allocatable": {"cpu": "16"}}})), "5")
    };
    let of = |app: &str, name: &str| {
        let owner = json!([owner("apps/v1", "Deployment", app)]);
        let mut pod = pod(name, app, "n1");
        pod["metadata"]["ownerReferences"] = owner;
        pod
    };
    let other = two_on_n1(healthy().with(deployment("api", 1)).with(of("api", "api-a")));
    let own = two_on_n1(healthy().with(of("web", "web-d")));
    for (world, name, expected) in [
        (&other, "deployment/web", "heals heals unknown unknown unknown"),
        (&other, "deployment/api", "heals heals unknown unknown unknown"),
        (&own, "deployment/web", "heals heals wont wont wont"),
    ] {
        assert_eq!(verdicts(world, name), expected, "{name}");
    }
    let reason = matrix_of(&other, "deployment/api").drain.reason;
    assert!(reason.contains("only 1 of 2 such pods find a place"), "{reason}");
}

#[test]
fn the_worst_node_counts() {
    let wide = json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "7"}}}]}});
    let cell = matrix_of(
        &healthy().edit("Pod/web-c", wide.clone()).edit("Pod/web-a", wide.clone()).edit("Pod/web-b", wide),
        "deployment/web",
    )
    .node_loss;
    assert_eq!((cell.verdict, cell.worst.as_deref()), (Verdict::Wont, Some("n1")));
    assert!(cell.reason.contains("2 nodes: cpu short by"), "{}", cell.reason);
}

#[test]
fn of_equal_times_the_loss_that_leaves_the_fewest_is_the_worst() {
    let moved = healthy().edit("Pod/web-b", json!({"spec": {"nodeName": "n3"}}));
    let matrix = matrix_of(&moved, "deployment/web");
    for cell in [&matrix.node_loss, &matrix.zone_loss] {
        assert!(cell.reason.contains("1 of 3 ready pods still serve"), "{}", cell.reason);
    }
    assert_eq!(matrix.node_loss.worst.as_deref(), Some("n3"));
    assert_eq!(matrix.zone_loss.worst.as_deref(), Some("c"));
}

#[test]
fn without_the_cluster_placement_is_unknown() {
    let mut snapshot = healthy().snapshot();
    snapshot.scheduling = cluster_model::Known::Unknown("forbidden".into());
    let (_, matrix) = matrices(&snapshot).into_iter().next().unwrap();
    let words: Vec<&str> = matrix.cells().iter().map(|(_, cell)| word(cell)).collect();
    assert_eq!(words, ["heals", "unknown", "unknown", "unknown", "unknown"]);
}

/// Room on another node, or only the room of the pod that goes: 30 s of grace.
#[test]
fn a_replacement_may_have_to_wait_until_the_pod_is_gone() {
    let eta = |world: World| matrix_of(&world, "deployment/web").pod_loss.eta_seconds;
    assert_eq!(eta(with_cpu(healthy(), "4")), Some(5));
    assert_eq!(eta(with_cpu(healthy(), "5")), Some(35));
    let apart = || bound_to(healthy(), "podAntiAffinity", "kubernetes.io/hostname", "web");
    assert_eq!(eta(apart()), Some(35));
    let mut another = healthy().objects[0].clone();
    cluster_model::build::merge(
        &mut another,
        json!({"metadata": {"name": "n4", "uid": "n4", "labels": {"kubernetes.io/hostname": "n4"}}}),
    );
    assert_eq!(eta(apart().with(another)), Some(5));
}

/// One after the other where a budget or the order of a StatefulSet demands it.
#[test]
fn a_drain_of_several_pods_takes_as_long_as_all_of_them() {
    let on_one_node = |world: World| world.edit_all("Pod", json!({"spec": {"nodeName": "n1"}}));
    let drain = |world: World, name: &str| matrix_of(&world, name).drain.eta_seconds;
    let web = || on_one_node(healthy());
    // Start-up is 5 s, and grace periods are 30 s.
    assert_eq!(drain(web(), "deployment/web"), Some(15));
    let two = json!({"status": {"disruptionsAllowed": 2}});
    assert_eq!(drain(web().edit("PodDisruptionBudget/web", two), "deployment/web"), Some(10));
    assert_eq!(drain(web().without("PodDisruptionBudget/web"), "deployment/web"), Some(5));
    let db = || on_one_node(healthy().with_all(stateful_set("db", 2)));
    assert_eq!(drain(db(), "statefulset/db"), Some(40));
    let parallel = json!({"spec": {"podManagementPolicy": "Parallel"}});
    assert_eq!(drain(db().edit("StatefulSet/db", parallel), "statefulset/db"), Some(35));
}

/// A pod that tolerates the loss of its node without an end is not deleted, so that a spread constraint counts it: if it selects it.
#[test]
fn a_spread_constraint_counts_only_the_pods_that_it_selects() {
    let constraint = json!([{"maxSkew": 3, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let stays = |app: &str| {
        let mut agent = pod("agent", app, "n1");
        agent["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        healthy().edit_all("Pod", json!({"spec": {"topologySpreadConstraints": constraint}})).with(agent)
    };
    let node_loss = |app: &str| matrix_of(&stays(app), "deployment/web").node_loss;
    assert!(node_loss("web").reason.contains("may count pods that stay"), "{:?}", node_loss("web"));
    assert!(!node_loss("agent").reason.contains("may count pods that stay"), "{:?}", node_loss("agent"));
}

#[test]
fn without_the_pods_every_cell_is_unknown() {
    let matrix = matrix_of(&healthy().unknown(Read::Pods), "deployment/web");
    for (name, cell) in matrix.cells() {
        assert_eq!((cell.verdict, cell.reason.as_str()), (Verdict::Unknown, "pods: forbidden"), "{name}");
    }
}

/// During an update: the new pod finds no place, a pod of the earlier template that is deleted does.
#[test]
fn a_pod_that_waits_for_a_node_is_not_one_that_is_lost() {
    let large = json!([{"name": "main", "resources": {"requests": {"cpu": "500"}}}]);
    let waits = |world: World, key: &str| {
        world.edit(key, json!({"spec": {"nodeName": null, "containers": large}, "status": {"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}], "containerStatuses": []}}))
    };
    let pod_loss = |world: &World| matrix_of(world, "deployment/web").pod_loss.verdict;
    let one = waits(healthy(), "Pod/web-c");
    assert_eq!(pod_loss(&one), Verdict::Unknown, "whether the new pod starts is not known");
    let all = ["Pod/web-a", "Pod/web-b", "Pod/web-c"].into_iter().fold(healthy(), waits);
    assert_eq!(pod_loss(&all), Verdict::Wont);
}
